"""Options of `run` and `ping`, read by hand: argparse or click would delay the start of the command they run.

Loads nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import sys

from crontopus.cli.environment import variable

TYPE_CHECKING = False  # as mypy understands it, without loading `typing`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

USAGE = 2
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


class WrongUsage(Exception):
    """What was typed cannot be meant; the text says why."""


class Help(Exception):
    """Help was asked for."""


class Option:
    """`into` is the attribute that gets the value: added to it where it is a list. `metavar` empty: it takes no value;
    in square brackets: it takes one only after `=`, and `bare` is meant without."""

    def __init__(
        self, names: str, into: str, metavar: str, help: str, read: Callable[[str], object] = str, bare: object = True
    ) -> None:
        self.names = tuple(names.split())
        self.into, self.metavar, self.help, self.read, self.bare = into, metavar, help, read, bare

    def set(self, values: object, text: str | None) -> None:
        value = self.bare if text is None else self.read(text)
        before = getattr(values, self.into)
        setattr(values, self.into, [*before, value] if isinstance(before, list) else value)

    @property
    def shown(self) -> str:
        name = ", ".join(self.names)
        return f"{name}{self.metavar}" if self.metavar.startswith("[") else f"{name} {self.metavar}".rstrip()


def parse(words: Sequence[str], options: Sequence[Option], values: object) -> list[str]:
    """Sets what the options among `words` say on `values`; returns what follows them (after `--`, where there is one).

    Raises WrongUsage, or Help.
    """
    known = {name: option for option in options for name in option.names}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word in ("-h", "--help"):
            raise Help
        name, text = _name(word)
        if name not in known:
            raise WrongUsage(f"there is no option {name}{_meant(name, known)}")
        _set(known[name], name, text, rest, values)
    return rest


def _set(option: Option, name: str, text: str | None, rest: list[str], values: object) -> None:
    if not option.metavar and text is not None:
        raise WrongUsage(f"{name} takes no value")
    if option.metavar and not option.metavar.startswith("[") and text is None:
        if not rest:
            raise WrongUsage(f"{name} needs a value: {option.metavar}")
        text = rest.pop(0)
    try:
        option.set(values, text)
    except ValueError as error:
        raise WrongUsage(f"{name}: {error}") from None


def _name(word: str) -> tuple[str, str | None]:
    """`--name=value` and `-nvalue` taken apart."""
    if not word.startswith("--"):
        return word[:2], word[2:] or None
    name, equals, text = word.partition("=")
    return name, text if equals else None


def _meant(name: str, known: dict[str, Option]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f": did you mean {near[0]}?" if near else ""


def seconds(text: str) -> float:
    """Seconds of `90`, `1.5s`, `1h30m`. Raises ValueError."""
    rest, total = text.strip().lower(), 0.0
    while True:
        number, rest = _split(rest, "0123456789.")
        unit, rest = _split(rest.lstrip(), "abcdefghijklmnopqrstuvwxyz")
        try:
            total += float(number) * _UNITS[unit or "s"]
        except (KeyError, ValueError):
            raise ValueError(f"{text!r} is no duration: write 90, 90s, 15m or 1h30m") from None
        if not rest:
            return total
        rest = rest.lstrip()


def _split(text: str, letters: str) -> tuple[str, str]:
    rest = text.lstrip(letters)
    return text[: len(text) - len(rest)], rest


def whole(text: str, least: int = 0, most: int = 1_000_000) -> int:
    """Raises ValueError."""
    if not (text.isascii() and text.lstrip("-").isdecimal() and least <= int(text) <= most):
        raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def metric(text: str) -> tuple[str, float]:
    """`name=number`. Raises ValueError."""
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not 0 < len(name) <= 100 or value - value != 0:
        raise ValueError(f"{text!r} is not NAME=NUMBER")
    return name, value


def job(text: str) -> str:
    """`namespace/slug`, a slug of the namespace `default`, or a job's id. Raises ValueError."""
    namespace, slash, slug = text.rpartition("/")
    for part in (namespace, slug) if slash else (slug,):
        if not part or part.strip("abcdefghijklmnopqrstuvwxyz0123456789_-"):
            raise ValueError(f"{text!r} is not NAMESPACE/SLUG: lower-case letters, digits, - and _")
    is_id = len(text) == 36 and text.count("-") == 4
    return text if slash or is_id else f"default/{text}"


def job_of_environment() -> str:
    """The job that CRONTOPUS_JOB names, as --job would take it; what is none as it stands, for the server to refuse."""
    named = variable("CRONTOPUS_JOB")
    try:
        return job(named) if named else ""
    except ValueError:
        return named


def ping_url(text: str) -> str:
    """Raises ValueError, which does not repeat the URL: it is a secret."""
    scheme, _, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in ("http", "https") or not host or not path.strip("/") or text.strip() != text or " " in text:
        raise ValueError(
            "this is not a ping URL: it begins with https:// or http:// and ends in the key of a job. "
            "The server's own address belongs in CRONTOPUS_URL, beside --job and CRONTOPUS_TOKEN"
        )
    return text


def help_text(usage: str, about: str, options: Sequence[Option], epilog: str) -> str:
    rows = [("-h, --help", "Show this and leave."), *((option.shown, option.help) for option in options)]
    width = max(len(left) for left, _ in rows) + 2
    listed = "\n".join(f"  {left:<{width}}{right}" for left, right in rows)
    return f"Usage: {usage}\n\n{about}\n\nOptions:\n{listed}\n\n{epilog}\n"


def refuse(command: str, error: WrongUsage) -> int:
    """Says on stderr what is wrong with what was typed, and returns the exit code for that."""
    sys.stderr.write(f"crontopus {command}: {error}\nTry `crontopus {command} --help`.\n")
    return USAGE
