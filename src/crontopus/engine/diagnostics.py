"""What helps somebody else to see what is wrong here, as one zip: without anything that names or opens something.

Nothing goes in because it looks harmless, but because it is a number, an instant, or a word of the program itself.
"""

import io
import os
import platform
import re
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

import msgspec
from msgspec.structs import asdict

from crontopus import __version__
from crontopus.domain import duration
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import CrontopusError, Invalid
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit, vitals
from crontopus.engine.loops import Loop
from crontopus.engine.vitals import Look
from crontopus.storage import backups, gaps, measuring
from crontopus.wire.installation import Setting, Vital

LIBRARIES = ("granian", "litestar", "msgspec", "sqlalchemy", "aiosqlite", "asyncpg", "httpx", "structlog")
NUMBERED = frozenset({"check-ins", "database", "disk", "gaps", "messages", "streams", "versions"})
"""Areas of the vitals whose words are numbers of ours; of others only how they are is told."""
WORDS = frozenset({"auto", "json", "text", "debug", "info", "warning", "error"})
"""Values of settings that say nothing of whoever chose them."""
HIDDEN = "(hidden)"
_TELLING = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*|ctp_\w+|/ping/[^\s\x22]+|\w+://[^\s\x22]+|[A-Za-z0-9_-]{40,}")
"""Addresses, tokens, URLs, long secrets: none is put in, and none would come through."""

ABOUT = """Diagnostics of a Crontopus installation.

There are no names, addresses, tokens, ping URLs, output or secrets in here: of settings only numbers and fixed words,
of errors their kind and where in the program they came from. Look through it before you hand it on all the same.
"""


async def bundle(
    look: Look, settings: Sequence[Setting], lines: Iterable[Mapping[str, Any]], streams: int, most: int
) -> bytes:
    """A zip. What cannot be read says so in its own file, and the rest is there all the same."""
    parts: dict[str, Callable[[], Awaitable[Any]]] = {
        "versions": lambda: _versions(look),
        "health": lambda: _health(look, streams, most),
        "tables": lambda: _tables(look),
        "gaps": lambda: _gaps(look),
        "backups": lambda: _backups(look),
    }
    told: dict[str, Any] = {
        "made": {"at": look.db.clock(), "version": __version__},
        "settings": [_setting(one) for one in settings],
        "loops": {name: _loop(loop) for name, loop in sorted(look.loops.known.items())},
        "log": list(lines),
    }
    for name, read in parts.items():
        try:
            told[name] = await read()
        except CrontopusError as error:
            told[name] = {"could not be read": type(error).__name__}
    return _zipped(told)


async def told(look: Look, caller: Principal) -> None:
    """That somebody has taken them, in the installation's log."""
    async with look.db.write(NOWHERE) as tx:
        await audit.tell(tx, caller, "diagnostics.take", Target(Noun.INSTALLATION, NOWHERE, "diagnostics"))


def _zipped(told: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT)
        for name, content in told.items():
            text = msgspec.json.format(msgspec.json.encode(content)).decode()
            archive.writestr(f"{name}.json", redacted(text))
    return file.getvalue()


def redacted(text: str) -> str:
    return _TELLING.sub(HIDDEN, text)


def _setting(one: Setting) -> dict[str, Any]:
    return {"name": one.name, "origin": one.origin, "value": _value(one.value)}


def _value(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value if not value or value in WORDS or _is_duration(value) else "(set)"
        case list() | tuple():
            return f"({len(value)} set)"
        case _:
            return "(set)"


def _is_duration(text: str) -> bool:
    try:
        duration.parse(text)
    except Invalid:
        return False
    return True


def _loop(loop: Loop) -> dict[str, Any]:
    """Of why it failed only the kind of error: a message may name anything."""
    return {**asdict(loop), "why": loop.why if loop.why.isidentifier() else "(a message)" if loop.why else ""}


async def _versions(look: Look) -> dict[str, Any]:
    async with look.db.read_all() as tx:
        database, schema = await measuring.version(tx), await measuring.revision(tx)
        size = await measuring.size_bytes(tx)
    return {
        "crontopus": __version__,
        "python": platform.python_version(),
        "libraries": {name: _library(name) for name in LIBRARIES},
        "database": database,
        "database_bytes": size,
        "schema": schema,
        "schema_of_program": measuring.head(),
        "system": {"name": platform.system(), "release": platform.release(), "machine": platform.machine()},
        "libc": " ".join(platform.libc_ver()),
        "processors": os.cpu_count(),
    }


def _library(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


async def _health(look: Look, streams: int, most: int) -> dict[str, Any]:
    found = await vitals.taken(look, streams, most)
    async with look.db.read_all() as tx:
        processes = [{"started_at": one.started_at, "beat_at": one.beat_at} for one in await gaps.processes(tx)]
    return {
        "at": found.at,
        "condition": found.condition,
        "items": [_vital(one, look.loops.known) for one in found.items],
        "processes": processes,
    }


def _vital(one: Vital, loops: Mapping[str, Loop]) -> dict[str, Any]:
    bare = {"area": one.area, "condition": one.condition}
    if one.area in NUMBERED and one.name != one.area:
        return {**bare, "name": one.name, "told": one.told}
    return {**bare, "name": one.name} if one.name in loops else bare


async def _tables(look: Look) -> Any:
    async with look.db.read_all() as tx:
        return [asdict(one) for one in await measuring.tables(tx)]


async def _gaps(look: Look) -> Any:
    async with look.db.read_all() as tx:
        return [{"since": gap.since, "until": gap.until} for gap in await gaps.recent(tx)]


async def _backups(look: Look) -> Any:
    async with look.db.read_all() as tx:
        found = await backups.listed(tx, 10)
    told = ("asked_at", "finished_at", "size_bytes")
    return [{**{name: getattr(one, name) for name in told}, "whole": one.sha256 is not None} for one in found]
