"""Reads the little of Markdown that is sent to be seen as it is: code, bold or in blocks, links, and nothing else."""

import re
from collections.abc import Iterator

from tests.notify.fakes import Seen

_FENCE = re.compile(r"(?P<fence>`{3,})\w*")
_INLINE = re.compile(r"\*\*(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)\*\*")
_LINK = re.compile(r"\[(?P<said>[\w .,…-]+)\]\(<(?P<url>https?://[^<>\s]+)>\)")


def read(given: str) -> Seen:
    """A fence is ended by a line of at least as many backticks; what is in code, is seen. Raises where it is open."""
    shown: list[str] = []
    links: list[str] = []
    acting: list[str] = []
    lines = iter(given.split("\n"))
    for line in lines:
        opened = _FENCE.fullmatch(line)
        if opened:
            shown += _until(lines, opened["fence"])
        else:
            shown.append(_line(line, links, acting))
    return Seen("\n".join(shown), tuple(links), tuple(acting))


def _until(lines: Iterator[str], fence: str) -> list[str]:
    found: list[str] = []
    for line in lines:
        if re.fullmatch(f" {{0,3}}{fence}`*\\s*", line):
            return found
        found.append(line)
    raise AssertionError("a fence is open")


def _line(line: str, links: list[str], acting: list[str]) -> str:
    def code(found: re.Match[str]) -> str:
        inside = found["code"]
        padded = inside.startswith(" ") and inside.endswith(" ") and inside.strip()
        return inside[1:-1] if padded else inside

    def link(found: re.Match[str]) -> str:
        links.append(found["url"])
        return found["said"]

    rest = _INLINE.sub("", line)
    acting += re.findall(r"\S+", _LINK.sub("", rest))
    return _INLINE.sub(code, _LINK.sub(link, line) if _LINK.fullmatch(line) else line)
