"""Every route as every role, as the published table of permissions has it; and what limits a membership."""

import re
from pathlib import Path

import pytest
from litestar import Litestar
from msgspec import Struct
from msgspec.structs import replace

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import NotAllowed, NotFound
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.jobs import Bulk, BulkAction, NewJob
from tests.scale import LONG
from tests.things import Things, body_of, things
from tests.world import World

pytestmark = pytest.mark.both_databases

TABLE = Path(__file__).parents[2] / "docs/api/permissions.md"
LAST = [
    "end_silence",
    "remove_maintenance_window",
    "remove_route",
    "remove_channel",
    "remove_provider",
    "delete_job",
    "remove_member",
    "uninvite",
    "end_session",
]
"""Nothing works after these, so they are called last; signing out is ending one's own session."""
ENDLESS = {"events", "sign_out"}
BY_BODY = {
    "set_up",
    "sign_in",
    "check_in",
    "switch_tenant",
    "impersonate",
    "raise_impersonation",
    "dismiss_announcement",
    "confirm",
    "fetch_device_token",
    "open_device",
    "decide_device",
    "change_password",
    "open_invitation",
    "accept_invitation",
    "open_password_reset",
    "use_password_reset",
    "revoke_own_token",
    "sign_in_with_passkey",
    "passkey_options",
    "finish_sign_in",
    "confirm_authenticator",
    "remove_authenticator",
    "edit_passkey",
    "remove_passkey",
    "sign_in_by_proxy",
    "offered_provider",
    "visit_provider",
    "finish_provider_sign_in",
    "explain_routes",
    "open_unsubscribe",
    "unsubscribe",
    "open_alert_link",
    "acknowledge_by_link",
    "silence_by_link",
    "unacknowledge_alert",
}
"""What these name is not there, or opens nothing."""
ON_BOTH = {Role.OWNER, Role.VIEWER, SystemRole.SUPERADMIN}
"""Who is tried on PostgreSQL in the short run too: what a role may do, no database decides."""
CALLERS = [
    (database, role)
    for database in ("sqlite", "postgresql")
    for role in (*Role, *SystemRole)
    if LONG or database == "sqlite" or role in ON_BOTH
]
MEMBERS = [(database, role) for database, role in CALLERS if isinstance(role, Role)]
NOT_ALLOWED, GONE = 403, {401, 404}


class Row(Struct, frozen=True):
    """One of the table: the operation, and the roles that may call it."""

    operation: str
    method: str
    path: str
    roles: frozenset[Role | SystemRole]


def _table() -> list[Row]:
    """The routes, each with what the published table says of it."""
    told = {}
    for line in TABLE.read_text().splitlines():
        if found := re.match(r"\| `(\w+) (\S+)` \| [^|]+ \| ([✓–| ]+) \| ", line):
            marks = [mark.strip() for mark in found[3].split("|")]
            roles = zip([*Role, *SystemRole], marks, strict=True)
            told[found[1], found[2]] = frozenset(role for role, mark in roles if mark == "✓")
    routes = document.operations(Litestar([api_router()], openapi_config=None))
    rows = [Row(str(one.operation_id), method, path, told[method, path]) for path, method, one in routes]
    assert len(rows) == len(told)
    return sorted(rows, key=lambda row: LAST.index(row.operation) + 1 if row.operation in LAST else 0)


async def _status(client: Client, row: Row, there: Things) -> int:
    address = there.fill(row.path).removeprefix("/api/v1")
    return (await client.http.request(row.method, address, content=body_of(row.operation))).status_code


@pytest.mark.parametrize(("world_data", "role"), CALLERS, indirect=["world_data"])
async def test_a_role_may_call_what_the_table_says_and_nothing_else(world: World, role: Role | SystemRole) -> None:
    there = await things(world, slug=f"of-{role}")
    async with world.person("acme", role) if isinstance(role, Role) else world.operator(role) as person:
        there = replace(there, session=(await person.sessions()).items[0].id)
        for row in _table():
            if row.operation in ENDLESS:
                continue
            status = await _status(person, row, there)
            assert status < 500, row.operation
            if role in row.roles:
                if row.operation not in BY_BODY:
                    assert status not in {NOT_ALLOWED, *GONE}, f"{row.operation} answers {status}"
            else:
                assert status == NOT_ALLOWED, f"{row.operation} answers {status}"


@pytest.mark.parametrize(("world_data", "role"), MEMBERS, indirect=["world_data"])
async def test_what_a_role_may_do_it_may_not_do_in_another_tenant(world: World, role: Role) -> None:
    there = await things(world)
    async with world.person("globex", role) as person:
        for row in _table():
            if "{" in row.path:
                status = await _status(person, row, there)
                assert status == (404 if role in row.roles else NOT_ALLOWED), row.operation
    async with world.signed_in("acme") as acme:
        assert (await acme.job(there.job)).version == 1


async def test_a_membership_of_one_namespace_sees_and_does_nothing_outside(world: World) -> None:
    async with world.signed_in("acme") as acme:
        mine = await acme.add_namespace(NewNamespace(slug="mine"))
        await acme.add_namespace(NewNamespace(slug="theirs"))
        job = await acme.add_job(NewJob(slug="a", namespace="mine"))
        other = await acme.add_job(NewJob(slug="b", namespace="theirs"))
    async with world.person("acme", Role.ADMIN, mine.id) as person:
        assert [one.id for one in (await person.jobs()).items] == [job.id]
        assert [one.slug for one in (await person.namespaces()).items] == ["mine"]
        assert (await person.me()).namespaces == ["mine"]
        for attempt in (
            person.job(other.id),
            person.namespace("theirs"),
            person.add_job(NewJob(slug="c", namespace="theirs")),
            person.rotate_ping_key("theirs"),
        ):
            with pytest.raises(NotFound):
                await attempt
        for refused in (person.add_namespace(NewNamespace(slug="new")), person.tokens()):
            with pytest.raises(NotAllowed, match="whole tenant"):
                await refused


async def test_a_responder_pauses_many_but_deletes_and_tags_none(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="a"))
    async with world.person("acme", Role.RESPONDER) as person:
        assert (await person.change_jobs(Bulk(action=BulkAction.PAUSE, q=""))).items[0].changed
        for action, tags in ((BulkAction.DELETE, []), (BulkAction.TAG, ["x"]), (BulkAction.UNTAG, ["x"])):
            with pytest.raises(NotAllowed, match="jobs:write"):
                await person.change_jobs(Bulk(action=action, q="", tags=tags))
        assert (await person.job(job.id)).tags == []
