"""Text that somebody else wrote: which characters a name may not have, and how they are shown where they came anyway.

A name stands beside others', in sentences and on terminals. What moves the cursor, turns the direction of what follows,
or cannot be seen would make it look like another, or like none.
"""

import re

CONTROL = r"\u0000-\u001f\u007f-\u009f"
TURNING = r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Directions and their isolation, and what ends a line or a paragraph."""
JOINING = r"\u200c\u200d"
"""Seen in what stands around them: some scripts and pictures are made with them."""
UNSEEN = r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"

PLAIN = rf"^[^{CONTROL}{TURNING}{JOINING}{UNSEEN}]*$(?!\n)"
"""What a name is made of, as Python and JavaScript read it: to the former `$` stands before a last newline too."""
NAME = rf"^[^{CONTROL}{TURNING}{JOINING}{UNSEEN}]*[^\s{CONTROL}{TURNING}{JOINING}{UNSEEN}]" + PLAIN.removeprefix("^")
"""Likewise, and not of blanks alone."""
SEEN = r"\S"
"""Somewhere in a text that must say something."""

_PLAIN = re.compile(PLAIN)
_STEERING = re.compile(f"[{CONTROL}{TURNING}{UNSEEN}]")
_LINES = {blank: blank for blank in "\t\n\r"}
_BLANKS = dict.fromkeys("\t\n", " ")


def is_plain(name: str) -> bool:
    return _PLAIN.search(name) is not None


def shown(text: str) -> str:
    """`text` with what cannot be seen, or would steer, in sight: `␛`, `[U+202E]`. Lines and tabs stay what they are."""
    return text if text.isprintable() else _STEERING.sub(lambda found: _LINES.get(found[0]) or _picture(found[0]), text)


def on_one_line(text: str) -> str:
    """Likewise, with blanks for newlines and tabs."""
    return (
        text if text.isprintable() else _STEERING.sub(lambda found: _BLANKS.get(found[0]) or _picture(found[0]), text)
    )


def escaped(json: str) -> str:
    """The same JSON, in which nothing steers; where it was laid out in lines, it still is."""
    return json if json.isprintable() else _STEERING.sub(lambda found: _LINES.get(found[0]) or _escape(found[0]), json)


def _picture(character: str) -> str:
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    return "␡" if number == 0x7F else f"[U+{number:04X}]"


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}"
