"""What messages say, and how what is too long is cut. Whatever is of others is shown, never acted on."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import islice
from urllib.parse import quote

from msgspec.structs import replace

from crontopus.domain import text
from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify.contract import Link, Notice, Parcel

CUT = "…"
LISTED = 20
"""Alerts of a summary that are named where each takes a block of its own; the others are counted."""
NAME, LINE, BLOCK, OWN, THINGS = 200, 1000, 4000, 32_768, 100
"""Characters of a name, of what stands on a line, of what has several, and of words of one's own; and how many things
of a kind are told: more than anybody reads, and so little that a text of any length is cut before it is made more of.
"""
_LONGEST_ADDRESS = 2000
_JOINER = "\u200d"
_LONGEST_CLUSTER = 16


class Tone(StrEnum):
    """How bad it is, the worst last."""

    GOOD = "good"
    QUIET = "quiet"
    INFO = "info"
    WARNING = "warning"
    BAD = "bad"


COLOURS = {Tone.GOOD: 0x079455, Tone.QUIET: 0x667085, Tone.INFO: 0x1570EF, Tone.WARNING: 0xDC6803, Tone.BAD: 0xD92D20}


# ---- lengths


def utf16(given: str) -> int:
    """Its length as JavaScript, Java and .NET count it."""
    return len(given) + sum(ord(each) > 0xFFFF for each in given)


def utf8(given: str) -> int:
    return len(given.encode("utf-8", "replace"))


def cut(given: str, most: int, measure: Callable[[str], int] = len) -> str:
    """`given`, or as many of its first characters as `most` has room for, and `…`."""
    if measure(given) <= most:
        return given
    room = most - measure(CUT)
    low, high = 0, len(given)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(given[:middle]) <= room else (low, middle - 1)
    return given[: _between_characters(given, low)].rstrip() + CUT if room >= 0 else ""


def _between_characters(given: str, at: int) -> int:
    """The last place up to `at` where no accent and no part of a picture is torn off."""
    for place in range(at, max(at - _LONGEST_CLUSTER, 0), -1):
        if not _continues(given[place]) and given[place - 1] != _JOINER:
            return place
    return at


def _continues(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me") or character == _JOINER


def cut_escaped(given: str, most: int, escape: Callable[[str], str]) -> str:
    """`given` with each character escaped, at most `most` characters long, and never cut within an escape."""
    return escape(cut(given, most, lambda part: len(escape(part))))


def clipped(pairs: Iterable[tuple[str, str]], most: int, longest: int) -> dict[str, str]:
    """Pairs for a provider that takes at most `most` characters of names and values together, and of one value at most
    `longest`. Of two with the same name the first counts.
    """
    kept: dict[str, str] = {}
    for name, value in pairs:
        room = min(longest, most - len(name))
        if name and name not in kept and room > 0:
            kept[name] = cut(value, room)
            most -= len(name) + len(kept[name])
    return kept


# ---- text of others


def line(given: str, most: int = LINE) -> str:
    """What somebody else wrote, as text on one line."""
    return cut(text.on_one_line(_whole(given[: most + 1])), most)


def block(given: str, most: int = BLOCK) -> str:
    """What somebody else wrote, as text with its lines."""
    return cut(text.shown(_whole(given[: most + 1])), most)


def tail(lines: Sequence[str], most: int) -> str:
    """The last of `lines` that fit into `most` characters, shown as text; the first says how many are missing."""
    kept: list[str] = []
    room = most - len(_missing(len(lines))) - 1
    for each in reversed(lines):
        told = text.shown(_whole(each[: most + 1]))
        if len(told) + 1 > room:
            break
        kept.append(told)
        room -= len(told) + 1
    missing = len(lines) - len(kept)
    if lines and not kept:
        last = block(lines[-1], most)
        return cut(f"{_missing(missing - 1)}\n{last}" if missing > 1 else last, most)
    return "\n".join(([_missing(missing)] if missing else []) + kept[::-1])


def harmless(url: str) -> str:
    """`url` as a link that ends where it should, in HTML, Markdown and text; empty if it is no web address."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or len(url) > _LONGEST_ADDRESS:
        return ""
    host = re.match(r"[^/?#]*", rest)
    length = host.end() if host else 0
    return f"{scheme}://{quote(rest[:length], safe=':[]%')}{quote(rest[length:], safe='/?#:@!$&+,;=%-._~')}"


def _whole(given: str) -> str:
    """Without halves of characters, which no encoding has a place for."""
    return re.sub("[\ud800-\udfff]", "\ufffd", given)


def _missing(count: int) -> str:
    return f"{CUT} {count} earlier line{'' if count == 1 else 's'} left out"


# ---- what is said


def heading(notice: Notice) -> str:
    """One line that begins with the state, `DOWN: nightly backup`, if nobody has chosen another."""
    if notice.own.title:
        return line(notice.own.title)
    return f"{line(notice.state, NAME)}: {line(notice.title)}"


def title(parcel: Parcel) -> str:
    """One line for all: of several, how many are how: `3 alerts: 2 DOWN, 1 RECOVERED`."""
    if parcel.is_single:
        return heading(parcel.first)
    states = Counter(line(notice.state, NAME) for notice in parcel.notices)
    return f"{len(parcel.notices)} alerts: {', '.join(f'{count} {state}' for state, count in states.items())}"


def place(notice: Notice) -> str:
    """Where it is, from the outside in: `acme / prod / backup on db-3`; nothing beside words of one's own."""
    if notice.own.text:
        return ""
    path = " / ".join(line(part, NAME) for part in (notice.tenant, notice.namespace, notice.job) if part)
    return f"{path} on {line(notice.agent, NAME)}" if notice.agent else path


def why(notice: Notice) -> str:
    """What follows the heading, with its lines: why, or whatever is said in words of one's own."""
    return block(notice.own.text, OWN) if notice.own.text else block(notice.summary)


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Names and values, each on one line."""
    return [(line(fact.name, NAME), line(fact.value)) for fact in notice.facts[:THINGS]]


def links(notice: Notice, longest: int = _LONGEST_ADDRESS) -> list[Link]:
    """Those that can be followed. One that is too long is left out: half of it leads nowhere."""
    found = [replace(link, text=line(link.text, NAME), url=harmless(link.url)) for link in notice.links[:THINGS]]
    return [link for link in found if link.url and len(link.url) <= longest]


def links_of_all(parcel: Parcel, longest: int = _LONGEST_ADDRESS) -> list[Link]:
    """Every link of a parcel that tells of one alert; of many, the first of each, under its heading."""
    if parcel.is_single:
        return links(parcel.first, longest)
    return [Link(heading(each), link.url) for each in parcel.notices for link in links(each, longest)[:1]]


def handiest(links: Sequence[Link]) -> list[Link]:
    """The one for a place that has room for one: by which the reader can act on the spot, else the first."""
    return [*(link for link in links if link.act), *links][:1]


def acts(notice: Notice, longest: int = _LONGEST_ADDRESS) -> dict[str, str]:
    """What the reader may do, and where."""
    return {link.act.value: link.url for link in links(notice, longest) if link.act}


def codes(parcel: Parcel) -> list[str]:
    """What in its links is for the reader alone."""
    return sorted({link.code for notice in parcel.notices for link in notice.links if link.code})


def labels(notice: Notice) -> list[tuple[str, str]]:
    """Names and values, each on one line."""
    return [(line(name, NAME), line(value)) for name, value in islice(notice.labels.items(), THINGS)]


def since(notice: Notice) -> tuple[str, str]:
    """Likewise, for whom that is not told in the summary."""
    return "since", f"{notice.since:%Y-%m-%d %H:%M} UTC"


def tone(parcel: Parcel) -> Tone:
    """Of the worst that is told."""
    return max((_tone(each) for each in parcel.notices), key=list(Tone).index)


def colour(parcel: Parcel) -> int:
    """Likewise, as 0xRRGGBB."""
    return COLOURS[tone(parcel)]


def _tone(notice: Notice) -> Tone:
    if notice.is_over:
        return Tone.GOOD
    if notice.kind is Kind.ACKNOWLEDGE:
        return Tone.QUIET
    return {Severity.INFO: Tone.INFO, Severity.WARNING: Tone.WARNING, Severity.CRITICAL: Tone.BAD}[notice.severity]


def is_quiet(parcel: Parcel) -> bool:
    """Whether all of it is over or taken care of, so that nobody need be disturbed."""
    return tone(parcel) in (Tone.GOOD, Tone.QUIET)
