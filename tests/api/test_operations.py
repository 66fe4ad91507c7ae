"""For those who run the installation: whose credential opens what concerns every tenant."""

import httpx
from sqlalchemy import text

from crontopus.wire.accounts import NewNamespace, NewToken
from tests.world import World


async def _metrics(world: World, token: str) -> httpx.Response:
    return await world.http.get("/metrics", headers={"Authorization": f"Bearer {token}"})


async def _demote(world: World, tenant: str) -> None:
    """Its owner runs the installation no longer."""
    async with world.appliance.db.write_all() as tx:
        demotion = text("UPDATE users SET system_role = NULL WHERE email = :email")
        await tx.sql.execute(demotion, {"email": world.tenants[tenant].principal.email})


async def test_the_metrics_of_the_process_are_for_who_runs_it(world: World) -> None:
    await _demote(world, "globex")
    async with world.signed_in("acme") as superadmin, world.signed_in("globex") as ordinary:
        for client, status in ((superadmin, 200), (ordinary, 403)):
            token = (await client.add_token(NewToken(name="prometheus", kind="m"))).token
            answer = await _metrics(world, token)
            assert answer.status_code == status
            assert (await world.http.get("/api/v1/metrics", headers=answer.request.headers)).status_code == 200
        assert "a token that a superadmin has made" in answer.json()["detail"]
    assert (await world.http.get("/metrics")).status_code == 401


async def test_a_token_of_a_superadmin_for_a_part_or_for_something_else_does_not_open_them(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="prod"))
        for new in (
            NewToken(name="part", namespaces=["prod"]),
            NewToken(name="else", scopes=["jobs:read"]),
            NewToken(name="check-ins", kind="c", namespaces=["prod"]),
        ):
            token = (await acme.add_token(new)).token
            assert (await _metrics(world, token)).status_code == 403


async def test_who_runs_the_installation_no_longer_reads_them_no_longer(world: World) -> None:
    token = world.tenants["acme"].token
    assert (await _metrics(world, token)).status_code == 200
    await _demote(world, "acme")
    assert (await _metrics(world, token)).status_code == 403
