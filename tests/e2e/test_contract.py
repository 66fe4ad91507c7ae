"""The OpenAPI document, held against the server as each role: nothing of 5xx, no answer that is not documented, and
nothing of another tenant."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import asdict

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from tests.e2e import contract_checks
from tests.scale import LONG
from tests.served import Served
from tests.things import Things, things
from tests.world import Hands, World, world_in

EXAMPLES = 100 if LONG else 4
PHASES = "examples,coverage,fuzzing"
PHASES_ON_POSTGRESQL = PHASES if LONG else "examples,fuzzing"
"""What is wrong with each parameter by turns is refused before a database is asked."""
TOKEN = "token"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
OF_MEMBERS = "nothing_of_another_tenant"
"""An operator sees what every tenant is called, and what was done there."""
ENDLESS = "/api/v1/events"
"""Held to the document by tests/api/test_events.py."""
WHO = [TOKEN, *Role, *SystemRole]
RUNS = [(database, who) for database in ("sqlite", "postgresql") for who in WHO]
if not LONG:
    RUNS = [("sqlite", TOKEN), ("postgresql", Role.OWNER)]
TAKEN_AWAY = {
    "delete_job": "job",
    "edit_namespace": "slug",
    "delete_namespace": "slug",
    "revoke_token": "token",
    "rotate_token": "token",
    "edit_member": "member",
    "remove_member": "member",
    "uninvite": "invitation",
}
"""What takes a thing away or renames it gets another than everything else."""
LAST = ("sign_out",)
"""Nothing works after these."""


@pytest.mark.parametrize(("database", "who"), RUNS)
def test_every_answer_is_documented_and_holds_no_error_of_ours_and_nothing_of_another_tenant(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, who: str
) -> None:
    database_url = "" if database == "sqlite" else str(request.getfixturevalue("postgres_url"))
    run = asyncio.run(_prepared(tmp_path, database_url, who))
    checks = CHECKS if who in list(SystemRole) else (*CHECKS, OF_MEMBERS)
    _hold_to_the_document(tmp_path, database_url, run, checks)


@pytest.mark.skipif(not LONG, reason="what is made up is mostly not found")
def test_every_answer_about_what_is_not_there_is_documented(tmp_path: Path, database_url: str) -> None:
    header, _ = asyncio.run(_prepared(tmp_path, database_url, TOKEN))
    _hold_to_the_document(tmp_path, database_url, (header, ""), (*CHECKS, OF_MEMBERS))


def _hold_to_the_document(tmp_path: Path, database_url: str, run: tuple[str, str], checks: Sequence[str]) -> None:
    header, names = run
    (tmp_path / "schemathesis.toml").write_text(names)
    with Served(tmp_path / "data", database_url) as served:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/api/v1/openapi.json"]
        command += ["--checks", ",".join(checks), "--max-examples", str(EXAMPLES)]
        command += ["--request-timeout", "60"]
        command += ["--phases", PHASES_ON_POSTGRESQL if database_url else PHASES, "--exclude-path", ENDLESS]
        command += [word for last in LAST for word in ("--exclude-operation-id", last)]
        command += ["--header", header]
        command += ["--generation-deterministic", "--suppress-health-check", "all", "--no-color", "--workers", "1"]
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        own = {**os.environ, "SCHEMATHESIS_HOOKS": contract_checks.__name__, "PYTHONPATH": path}
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path, env=own)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + served.log()[-2000:]


async def _prepared(tmp_path: Path, database_url: str, who: str) -> tuple[str, str]:
    """The header of `who` comes in acme, and the names of what is there; globex has its own."""
    hands = Hands(datetime.now(UTC).replace(microsecond=0))
    async with world_in(tmp_path / "data", database_url, hands) as world:
        await things(world, "globex", marker=contract_checks.OF_ANOTHER)
        there, spare = await things(world), await things(world, slug="spare")
        names = "".join(_names(there, spare))
        if who == TOKEN:
            return f"Authorization: Bearer {world.tenants['acme'].token}", names
        async with _person(world, who) as person:
            return f"Cookie: {person.http.headers['cookie']}", names


def _person(world: World, role: str) -> AbstractAsyncContextManager[Client]:
    return world.operator(SystemRole(role)) if role in list(SystemRole) else world.person("acme", Role(role))


def _names(there: Things, spare: Things) -> Iterator[str]:
    """So that requests do what they say."""
    yield "[parameters]\n"
    yield from (f'"path.{name}" = "{value}"\n' for name, value in asdict(there).items())
    for operation, name in TAKEN_AWAY.items():
        value: UUID | str = getattr(spare, name)
        yield f'\n[[operations]]\ninclude-operation-id = ["{operation}"]\n'
        yield f'parameters = {{ "path.{name}" = "{value}" }}\n'
