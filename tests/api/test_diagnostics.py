"""Diagnostics: they tell how the installation is, and nothing that names or opens something."""

import io
import json
import logging
import re
import sys
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog

from crontopus.client import Client
from crontopus.domain.access import CONFIRMED_FOR, Role, SystemRole
from crontopus.domain.errors import NotAllowed, Unconfirmed
from crontopus.engine.diagnostics import redacted
from crontopus.engine.loops import Loop
from crontopus.logs import Recent
from crontopus.wire.announcements import NewAnnouncement
from crontopus.wire.installation import Setting
from crontopus.wire.people import MePatch, TenantPatch
from tests.things import things
from tests.world import World

MARKER = "marker-of-something-secret"


async def _taken(client: Client) -> dict[str, Any]:
    """Each file by its name."""
    async with client.diagnostics() as response:
        assert response.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(await response.aread())) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}


def _read(files: dict[str, Any], name: str) -> Any:
    return json.loads(files[f"{name}.json"])


async def test_they_tell_how_the_installation_is(world: World) -> None:
    parts = world.appliance.parts
    parts.settings = [Setting("port", 8000, "flag"), Setting("log_level", "info", "default")]
    parts.recent = Recent()
    _logger(parts.recent).warning("loop waits", loop="sweep", count=3)
    parts.look.loops.known["sweep"] = Loop(timedelta(seconds=1), world.now, failures=2, why="Unavailable")
    async with world.operator(SystemRole.SUPPORT) as support:
        files = await _taken(support)
    assert _read(files, "settings")[0] == {"name": "port", "origin": "flag", "value": 8000}
    assert _read(files, "settings")[1]["value"] == "info"
    assert _read(files, "loops")["sweep"]["failures"] == 2
    tables = {one["name"]: one["rows"] for one in _read(files, "tables")}
    assert tables.keys() >= {"jobs", "audit", "users"}
    versions = _read(files, "versions")
    assert versions["schema"] == versions["schema_of_program"]
    assert re.match("SQLite|PostgreSQL", versions["database"])
    assert {one["area"] for one in _read(files, "health")["items"]} >= {"ready", "database", "loops", "versions"}
    (line,) = _read(files, "log")
    assert (line["event"], line["loop"], line["count"]) == ("loop waits", "sweep", 3)


def _logger(recent: Recent) -> Any:
    processors: list[Any] = [structlog.processors.add_log_level, recent, lambda *_: ""]
    return structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=processors)


async def test_markers_that_stand_everywhere_are_nowhere_in_them(world: World) -> None:
    """Names, texts, secrets, settings, errors and what is logged."""
    parts, there = world.appliance.parts, await things(world, marker=MARKER)
    parts.recent = Recent()
    _say_it_everywhere(parts.recent)
    parts.settings = [
        Setting("public_url", f"https://{MARKER}.example", "file"),
        Setting("database_url", MARKER, "environment"),
        Setting("allowed_hosts", [MARKER], "file"),
        Setting("sender", f"{MARKER}@example.com", "file"),
    ]
    parts.look.loops.known["mail"] = Loop(None, world.now, failed_at=world.now, failures=1, why=f"to {MARKER} it says")
    async with world.person("acme", Role.OWNER) as owner, world.operator(SystemRole.SUPERADMIN) as operator:
        await owner.edit_tenant(TenantPatch(name=MARKER))
        await owner.edit_me(MePatch(name=MARKER))
        await operator.announce(NewAnnouncement(text=MARKER))
        await operator.suspend_tenant(there.tenant, MARKER)
        files = await _taken(operator)
        own = [(await operator.me()).email, (await owner.me()).email]
    text = "".join(files.values())
    tenants = world.tenants.values()
    for secret in [MARKER, *own, "acme", "globex", *(one.ping_key for one in tenants), *(one.token for one in tenants)]:
        assert secret is not None
        assert secret not in text
    assert "@" not in text
    assert "ctp_" not in text
    assert "/ping/" not in text
    assert not any(str(one) in text for one in (there.job, there.member, there.tenant))


def _say_it_everywhere(recent: Recent) -> None:
    log = _logger(recent)
    log.error("a backup failed", reason=MARKER, path=f"/srv/{MARKER}", kind=MARKER, tenant=str(UUID(int=5)))
    try:
        raise ValueError(MARKER)
    except ValueError:
        log.exception("loop failed", loop="mail")
    told = logging.LogRecord("granian", logging.ERROR, MARKER, 1, "said %s", (MARKER,), None)
    recent(None, "error", {"event": told.getMessage(), "_record": told, "level": "error"})
    assert [line["event"] for line in recent.lines] == ["a backup failed", "loop failed", "(a library spoke: granian)"]
    assert recent.lines[1]["error"] == "ValueError"
    assert "test_diagnostics.py" in recent.lines[1]["places"][0]


def test_the_log_in_memory_is_bounded() -> None:
    recent = Recent()
    log = _logger(recent)
    for number in range(Recent.MOST + 5):
        log.info("gap", number=number)
    assert (len(recent.lines), recent.lines[0]["number"]) == (Recent.MOST, 5)


@pytest.mark.parametrize(
    "told",
    [
        "ada@example.org",
        "ctp_s_abcdef",
        "https://user:word@host/x",
        "/ping/6f8d/backup",
        "a" * 43,
    ],
)
def test_what_would_slip_through_is_hidden_at_the_end(told: str) -> None:
    assert redacted(f"before {told} behind") == "before (hidden) behind"


async def test_who_takes_them_shows_their_password_and_is_told(world: World) -> None:
    async with world.operator(SystemRole.SUPPORT) as support:
        await _taken(support)
        told = (await support.admin_audit(action="diagnostics.take")).items
        assert [(one.actor, one.tenant) for one in told] == [((await support.me()).email, None)]
        world.hands.turn_to(world.now + CONFIRMED_FOR + timedelta(seconds=1))
        with pytest.raises(Unconfirmed):
            await _taken(support)
    async with world.person("acme", Role.OWNER) as owner:
        with pytest.raises(NotAllowed):
            await _taken(owner)
