"""What msgspec refuses, as sentences that say what to write instead."""

import re
from collections.abc import Callable

from crontopus.domain.errors import Fault
from crontopus.domain.text import NAME, PLAIN, SEEN
from crontopus.wire.accounts import EMAIL, KINDS
from crontopus.wire.alerts import CLOCK, GROUP
from crontopus.wire.common import SLUG
from crontopus.wire.providers import SCOPE

_AT = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_PATTERNS = {
    EMAIL: "write an e-mail address, such as ada@example.org",
    NAME: "write more than blanks, and no characters that control, turn the direction of text, or cannot be seen",
    SEEN: "write more than blanks",
    PLAIN: "write it without characters that control, turn the direction of text, or cannot be seen",
    SCOPE: "write one scope, such as `openid`: printable letters without blanks, quotes or backslashes",
    KINDS: "write one of s (service token), c (check-in token), m (metrics token)",
    CLOCK: "write a time of day, such as 09:00, or 24:00 for the end of it",
    GROUP: "write one of ns, job, class, severity, or label: and the name of a label",
    SLUG: "write up to 100 lower-case letters, digits, `-` and `_`",
}
_ALTERNATIVES = re.compile(r"\^\((?P<words>[\w|]+)\)\$")
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "an instant such as 2026-03-01T08:00:00Z",
    "uuid": "a UUID",
}
_GIVEN = {**_KINDS, "int": "a number", "float": "a decimal number"}
_BOUNDS = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}
_AMOUNTS = {">=": "at least", "<=": "at most"}


def fault_of(message: str) -> Fault:
    """msgspec's message, its place as a pointer (RFC 6901); of what has a name of the sender's own, what holds it."""
    found = _AT.search(message)
    if found is None:
        return Fault("", in_words(message))
    path = re.sub(r"\[(\d+)\]", r".\1", found["path"].partition("[...]")[0])
    return Fault(path.replace(".", "/"), in_words(message[: found.start()]))


def in_words(message: str) -> str:
    """A message without its place; one that is not known stays as it is."""
    for form, say in _FORMS:
        if found := form.fullmatch(message):
            return say(found)
    return message


def _kind(found: re.Match[str]) -> str:
    wanted = [_KINDS.get(kind, kind) for kind in found["wanted"].split(" | ") if kind != "null"]
    return f"write {' or '.join(wanted) or 'null'}, not {_GIVEN.get(found['given'], found['given'])}"


def _bound(found: re.Match[str]) -> str:
    return "write " + _BOUNDS[found["sign"]].format(found["bound"].removesuffix(".0"))


def _length(found: re.Match[str]) -> str:
    one, many = ("character", "characters") if found["kind"] == "str" else ("entry", "entries")
    return f"write {_AMOUNTS[found['sign']]} {found['bound']} {one if found['bound'] == '1' else many}"


def _pattern(found: re.Match[str]) -> str:
    pattern = found["pattern"].replace(r"\\", "\\")  # it is quoted as Python does
    words = _ALTERNATIVES.fullmatch(pattern)
    if pattern in _PATTERNS or words is None:
        return _PATTERNS.get(pattern, found[0])
    return f"write one of {words['words'].replace('|', ', ')}"


_INSTANT = f"write {_KINDS['datetime']}, with its offset or Z"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)`"), _kind),
    (re.compile(r"Expected `[^`]+` (?P<sign>[<>]=?) (?P<bound>\S+)"), _bound),
    (re.compile(r"Expected `(?P<kind>[^`]+)` of length (?P<sign>[<>]=) (?P<bound>\d+)"), _length),
    (re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'"), _pattern),
    (re.compile(r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component"), lambda _: _INSTANT),
    (re.compile(r"Invalid UUID"), lambda _: f"write {_KINDS['uuid']}"),
    (
        re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL),
        lambda found: f"{found['value']} is none of its values",
    ),
    (
        re.compile(r"Object missing required field `(?P<name>.*)`"),
        lambda found: f"the field {found['name']} is missing",
    ),
    (re.compile(r"Object contains unknown field `(?P<name>.*)`"), lambda found: f"there is no field {found['name']!r}"),
)
