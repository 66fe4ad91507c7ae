"""Set-up, signing in, tokens: who may come in, and what for."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crontopus.appliance import Appliance
from crontopus.client import Client
from crontopus.config import Config
from crontopus.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Throttled, Unauthenticated
from crontopus.wire.accounts import NewNamespace, NewToken, SetUp, SignIn
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import BASE, Hands, World, appliance_of

PASSWORD = "a long sentence"
EMAIL = "you@example.com"
OPERATOR = SignIn(email=EMAIL, password=PASSWORD)
Connect = Callable[..., Client]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def appliance(tmp_path: Path, database_url: str, hands: Hands) -> AsyncIterator[Appliance]:
    """One that nobody has set up."""
    config = Config(data=tmp_path, database_url=database_url, public_url=BASE)
    async with appliance_of(config, hands) as appliance:
        yield appliance


@pytest.fixture
async def connect(appliance: Appliance) -> AsyncIterator[Connect]:
    """Makes clients; without a credential it is anybody's."""
    clients: list[Client] = []

    def client(token: str = "", session: str = "") -> Client:
        clients.append(Client(BASE, token=token, session=session, transport=httpx.ASGITransport(appliance.app)))
        return clients[-1]

    yield client
    for one in clients:
        await one.close()


async def _code(appliance: Appliance) -> str:
    link = await appliance.set_up_link()
    assert link is not None
    return parse_qs(urlsplit(link).query)["code"][0]


async def _operator(appliance: Appliance, connect: Connect) -> Client:
    form = SetUp(code=await _code(appliance), email=EMAIL, password=PASSWORD, tenant="Acme")
    return connect(session=(await connect().set_up(form)).session)


async def test_the_link_sets_up_once(appliance: Appliance, connect: Connect) -> None:
    stale, code = await _code(appliance), await _code(appliance)
    anybody = connect()
    assert (await anybody.set_up_state(code)).valid
    assert not (await anybody.set_up_state(stale)).valid
    with pytest.raises(NotAllowed, match="wrong or no longer valid"):
        await anybody.set_up(SetUp(code=stale, email=EMAIL, password=PASSWORD))
    session = await anybody.set_up(SetUp(code=code, email="You@Example.com", password=PASSWORD, tenant="Acme"))
    me = await connect(session=session.session).me()
    assert (me.email, me.tenant, me.token) == (EMAIL, "Acme", None)
    assert [one.slug for one in (await connect(session=session.session).namespaces()).items] == ["default"]
    with pytest.raises(Conflict):
        await anybody.set_up(SetUp(code=code, email=EMAIL, password=PASSWORD))
    assert not (await anybody.set_up_state(code)).needed
    assert await appliance.set_up_link() is None


async def test_whoever_guesses_the_code_has_to_wait(appliance: Appliance, connect: Connect) -> None:
    for _ in range(10):
        with pytest.raises(NotAllowed):
            await connect().set_up(SetUp(code="guess", email=EMAIL, password=PASSWORD))
    with pytest.raises(Throttled):
        await connect().set_up(SetUp(code=await _code(appliance), email=EMAIL, password=PASSWORD))


async def test_a_session_begins_and_ends(appliance: Appliance, connect: Connect) -> None:
    await _operator(appliance, connect)
    session = await connect().sign_in(SignIn(email=EMAIL.upper(), password=PASSWORD))
    mine = connect(session=session.session)
    assert (await mine.me()).email == EMAIL
    await mine.sign_out()
    with pytest.raises(Unauthenticated):
        await mine.me()


async def test_a_session_in_use_stays_and_an_unused_one_ends(
    appliance: Appliance, connect: Connect, hands: Hands
) -> None:
    await _operator(appliance, connect)
    mine = connect(session=(await connect().sign_in(OPERATOR)).session)
    for _ in range(3):
        hands.turn_to(hands.now + timedelta(days=20))
        await mine.me()
    hands.turn_to(hands.now + timedelta(days=30))
    with pytest.raises(Unauthenticated):
        await mine.me()


async def test_whoever_guesses_a_password_has_to_wait(appliance: Appliance, connect: Connect, hands: Hands) -> None:
    await _operator(appliance, connect)
    refused = set()
    for email in [EMAIL, "nobody@example.com"] * 5:
        with pytest.raises(Unauthenticated) as raised:
            await connect().sign_in(SignIn(email=email, password="wrong"))
        refused.add(str(raised.value))
    assert len(refused) == 1, "the answer must not tell whether there is such a person"
    with pytest.raises(Throttled):
        await connect().sign_in(OPERATOR)
    hands.turn_to(hands.now + timedelta(minutes=5))
    await connect().sign_in(OPERATOR)


async def test_another_site_cannot_use_a_cookie(appliance: Appliance, connect: Connect) -> None:
    mine = await _operator(appliance, connect)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = await mine.http.post("/jobs", json={"name": "x"}, headers=headers)
        assert answer.status_code == 403
        assert (await connect().http.post("/sessions", json={}, headers=headers)).status_code == 403
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": BASE}):
        assert (await mine.http.post("/namespaces/x/rotate-ping-key", headers=headers)).status_code == 404
    assert (await mine.http.get("/jobs", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_a_token_is_shown_once_and_stops_when_revoked(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await world.passes(seconds=1)
        made = await acme.add_token(NewToken(name="one"))
        assert made.token.startswith(made.hint)
        listed = (await acme.tokens()).items
        assert [one.name for one in listed] == ["one", "tests"]
        assert made.token not in str(listed)
        answer = await world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {made.token}"})
        assert answer.json()["token"] == str(made.id)
        assert (await acme.tokens()).items[0].last_used_at == world.now
        await acme.revoke_token(made.id)
        answer = await world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {made.token}"})
        assert answer.status_code == 401
        with pytest.raises(NotFound):
            await acme.revoke_token(made.id)


async def test_a_token_expires(world: World) -> None:
    async with world.signed_in("acme") as acme:
        made = await acme.add_token(NewToken(name="one", expires_at=world.now + timedelta(hours=1)))
        async with _with(world, made.token) as client:
            await client.me()
            await world.passes(hours=1)
            with pytest.raises(Unauthenticated):
                await client.me()
        assert made.id not in {one.id for one in (await acme.tokens()).items}
        with pytest.raises(Invalid, match="expired already"):
            await acme.add_token(NewToken(name="late", expires_at=world.now))


async def test_a_token_gives_no_more_than_its_maker_may(world: World) -> None:
    async with world.signed_in("acme") as acme:
        weak = await acme.add_token(NewToken(name="weak", scopes=["tokens:write", "jobs:read"]))
        with pytest.raises(Invalid, match="no scope"):
            await acme.add_token(NewToken(name="x", scopes=["everything"]))
        with pytest.raises(Invalid, match=r"a metrics token .kind m. cannot have"):
            await acme.add_token(NewToken(name="x", kind="m", scopes=["jobs:read"]))
    async with _with(world, weak.token) as client:
        assert (await client.add_token(NewToken(name="same"))).scopes == ["jobs:read", "tokens:write"]
        with pytest.raises(NotAllowed):
            await client.add_token(NewToken(name="more", scopes=["jobs:write"]))
        with pytest.raises(NotAllowed):
            await client.add_token(NewToken(name="pings", kind="m"))


async def test_a_token_of_a_namespace_sees_nothing_else(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="prod"))
        inside = await acme.add_job(NewJob(slug="in", namespace="prod"))
        outside = await acme.add_job(NewJob(slug="out"))
        run = (await acme.check_in(CheckIn(kind="success", job="default/out"))).run
        narrow = await acme.add_token(NewToken(name="narrow", namespaces=["prod"]))
        assert narrow.namespaces == ["prod"]
    async with _with(world, narrow.token) as client:
        assert [job.id for job in (await client.jobs()).items] == [inside.id]
        assert (await client.job_counts())["total"] == 1
        assert [one.slug for one in (await client.namespaces()).items] == ["prod"]
        assert (await client.runs()).items == []
        for refused in (
            client.job(outside.id),
            client.delete_job(outside.id),
            client.namespace("default"),
            client.edit_namespace("default", {"name": "x"}),
            client.rotate_ping_key("default"),
            client.add_job(NewJob(slug="x")),
            client.run(str(run)),
            client.job_runs(outside.id),
        ):
            with pytest.raises(NotFound):
                await refused
        for denied in (client.tokens(), client.add_namespace(NewNamespace(slug="more"))):
            with pytest.raises(NotAllowed):
                await denied
        with pytest.raises(NotAllowed):
            await client.add_token(NewToken(name="wider"))
        with pytest.raises(NotFound, match="no namespace"):
            await client.add_token(NewToken(name="other", namespaces=["default"]))
        assert (await client.add_token(NewToken(name="same", namespaces=["prod"]))).namespaces == ["prod"]


async def test_a_token_for_check_ins_reports_and_nothing_else(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        await acme.add_job(NewJob(slug="other"))
        of_job = await acme.add_token(NewToken(name="one", kind="c", job="default/backup"))
        of_namespace = await acme.add_token(NewToken(name="all", kind="c", namespaces=["default"]))
        assert (of_job.job, of_job.scopes) == ("default/backup", ["check-ins:write"])
        with pytest.raises(Invalid, match=r"a check-in token .kind c. is of one job"):
            await acme.add_token(NewToken(name="x", kind="c"))
    async with _with(world, of_job.token) as client:
        assert (await client.check_in(CheckIn(kind="success"))).status == 200
        with pytest.raises(NotFound):
            await client.check_in(CheckIn(kind="success", job="default/other"))
        with pytest.raises(NotAllowed):
            await client.job(job.id)
    async with _with(world, of_namespace.token) as client:
        await client.check_in(CheckIn(kind="success", job="default/other"))
        with pytest.raises(Invalid, match="names its job"):
            await client.check_in(CheckIn(kind="success"))


async def test_ping_urls_are_shown_to_those_who_may_report(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="backup"))
        reader = await acme.add_token(NewToken(name="reader", scopes=["jobs:read", "namespaces:read"]))
    async with _with(world, reader.token) as client:
        seen = await client.job(job.id)
        assert (seen.ping_url, seen.ping_url_by_slug) == ("", "")
        namespace = await client.namespace("default")
        assert (namespace.ping_key, namespace.ping_url) == (None, None)


async def test_a_new_ping_key_stops_the_old_one(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="backup"))
        old = (await acme.job("default/backup")).ping_url_by_slug
        assert (await world.ping(old)).status_code == 200
        await acme.rotate_ping_key("default")
        assert (await world.ping(old)).status_code == 404
        assert (await world.ping((await acme.job("default/backup")).ping_url_by_slug)).status_code == 200


async def test_a_namespace_is_made_changed_and_deleted_when_empty(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="prod", timezone="Europe/Berlin", default_grace="15m"))
        with pytest.raises(Conflict):
            await acme.add_namespace(NewNamespace(slug="prod"))
        with pytest.raises(Conflict):
            await acme.edit_namespace("prod", {"slug": "default"})
        changed = await acme.edit_namespace("prod", {"slug": "live", "default_schedule": {"every": 60}})
        assert (changed.timezone, changed.default_grace, changed.version) == ("Europe/Berlin", 900, 2)
        job = await acme.add_job(NewJob(slug="backup", namespace="live"))
        assert (job.timezone, (await acme.namespace("live")).jobs) == ("Europe/Berlin", 1)
        with pytest.raises(Conflict, match="holds jobs"):
            await acme.delete_namespace("live")
        await acme.delete_job(job.id)
        await acme.delete_namespace("live")
        with pytest.raises(NotFound):
            await acme.namespace("live")
        with pytest.raises(Invalid):
            await acme.add_namespace(NewNamespace(slug="start", timezone="Mars/Olympus"))


def _with(world: World, token: str) -> Client:
    return Client(BASE, token=token, transport=httpx.ASGITransport(world.appliance.app))
