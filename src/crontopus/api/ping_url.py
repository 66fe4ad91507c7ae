"""Ping URLs, read: which job, what is said of it, and what the query adds. The specification is docs/pings.md."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from msgspec import Struct

from crontopus.domain import duration, ids, schedule
from crontopus.domain.errors import Invalid
from crontopus.domain.instants import parse
from crontopus.domain.schedule import Clock, Cron, Every, OnCalendar, Schedule
from crontopus.domain.text import is_plain
from crontopus.engine.report import Creation
from crontopus.storage.ledger import Address, BySlug, ByUuid

_WORDS = frozenset({"start", "fail", "log"})
_UUID_LENGTH = 36


class Said(Struct, frozen=True):
    """`word` is success, start, fail, log or exit; with exit comes its status."""

    address: Address
    word: str
    exit_code: int | None = None


class NotThere(Exception):
    """The URL can name no job, whoever asks: answered like an unknown key."""


def said(path: str) -> Said:
    """What the path below `/ping/` says. Raises Invalid for a malformed URL, NotThere for one that names nothing."""
    match path.split("/"):
        case [key] | [key, ""]:
            return Said(ByUuid(_uuid(key)), "success")
        case [key, last] if len(key) == _UUID_LENGTH:
            return _with_suffix(ByUuid(_uuid(key)), last)
        case [key, slug]:
            return Said(_by_slug(key, slug), "success")
        case [key, slug, last]:
            return _with_suffix(_by_slug(key, slug), last)
        case _:
            raise NotThere


def _with_suffix(address: Address, last: str) -> Said:
    if last in _WORDS:
        return Said(address, last)
    if not (last.isascii() and last.isdecimal()):
        raise NotThere
    if len(last) > 10 or int(last) > 255:
        raise Invalid("invalid url format")
    return Said(address, "exit", int(last))


def _uuid(text: str) -> UUID:
    found = run_id_of(text)
    if found is None:
        raise NotThere
    return found


def run_id_of(text: str) -> UUID | None:
    """A UUID in its usual form, five groups, upper or lower case; None for anything else."""
    if len(text) != _UUID_LENGTH:
        return None
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return None


def _by_slug(key: str, slug: str) -> BySlug:
    if not ids.is_ping_key(key):
        raise NotThere
    if not slug or slug.lower() in _WORDS or (slug.isascii() and slug.isdecimal()):
        raise NotThere
    if not ids.is_slug(slug):
        raise Invalid("invalid url format")
    return BySlug(sha256(key.encode()).digest(), slug)


class Asked(Struct, frozen=True, kw_only=True):
    """What the query adds about the run."""

    rid: UUID | None = None
    at: datetime | None = None
    env: str | None = None
    host: str | None = None
    metrics: dict[str, float] | None = None


NOTHING_ASKED = Asked()


def parameters(query: bytes) -> dict[str, str]:
    """The query's parameters, the last of each name. Raises Invalid where there are too many."""
    try:
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=200))
    except ValueError as error:
        raise Invalid("too many query parameters: at most 200") from error


def asked(given: Mapping[str, str]) -> Asked:
    """Raises Invalid with a sentence on what is wrong."""
    return Asked(
        rid=_rid(given["rid"]) if "rid" in given else None,
        at=_at(given["at"]) if "at" in given else None,
        env=_word(given, "env"),
        host=_word(given, "host"),
        metrics=_metrics(given) or None,
    )


def creation(given: Mapping[str, str]) -> Creation:
    """The job that `create=1` makes. Raises Invalid; a job that exists is never asked for this."""
    schedules = _schedules(given)
    timezone = given.get("tz") or None
    if schedules or timezone:
        schedule.check(schedules or (), timezone or "UTC", Clock.CRON)
    return Creation(
        schedules=schedules,
        timezone=timezone,
        grace=_span(given["grace"], "grace", timedelta(days=30)) if given.get("grace") else None,
        tags=tuple(_tags(given.get("tags", ""))),
    )


def _schedules(given: Mapping[str, str]) -> tuple[Schedule, ...] | None:
    """`every` or `schedule`, which is a cron line, or else a calendar event of systemd."""
    every, line = given.get("every"), given.get("schedule")
    if every and line:
        raise Invalid("give `every` or `schedule`, not both")
    if every:
        return (Every(_span(every, "every", timedelta(days=400))),)
    if not line:
        return None
    try:
        schedule.check((Cron(line),), "UTC", Clock.CRON)
    except Invalid as error:
        try:
            schedule.check((OnCalendar(line),), "UTC", Clock.SYSTEMD)
        except Invalid:
            raise error from None
        return (OnCalendar(line),)
    return (Cron(line),)


def _rid(text: str) -> UUID:
    found = run_id_of(text)
    if found is None:
        raise Invalid("invalid uuid format")
    return found


def _at(text: str) -> datetime:
    # A plus sign that nobody escaped arrives as a space; no instant contains one otherwise but between date and time.
    return parse(text[:-6] + "+" + text[-5:] if len(text) > 20 and text[-6] == " " else text)


def _word(given: Mapping[str, str], name: str) -> str | None:
    text = given.get(name, "").strip()
    if "\x00" in text or len(text) > 200:
        raise Invalid(f"`{name}` has at most 200 characters and no NUL")
    return text or None


def _metrics(given: Mapping[str, str]) -> dict[str, float]:
    metrics = {name[7:]: _number(name, text) for name, text in given.items() if name.startswith("metric.")}
    if len(metrics) > 100 or any(not name or len(name) > 100 or "\x00" in name for name in metrics):
        raise Invalid("at most 100 metrics, each with a name of 1 to 100 characters")
    return metrics


def _number(name: str, text: str) -> float:
    try:
        value = (
            float(text) if text.isascii() and "_" not in text else math.nan
        )  # Python takes more than the world does.
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid(f"`{name[:50]}` must be a number")
    return value


def _span(text: str, name: str, most: timedelta) -> timedelta:
    least = timedelta(seconds=1 if name == "every" else 0)
    return duration.parse(text, least=least, most=most, pointer=f"/{name}")


def _tags(text: str) -> list[str]:
    tags = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(tags) > 50 or any(len(tag) > 100 or not is_plain(tag) for tag in tags):
        raise Invalid("at most 50 tags of at most 100 characters, none of which controls or cannot be seen")
    return tags
