"""Tiers, quotas and usage: what is refused, what is stored all the same, and what is counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import Conflict, Invalid, NotAllowed, NotFound, QuotaReached, Throttled
from crontopus.domain.ids import NOWHERE
from crontopus.domain.tiers import UNLIMITED, Level, Quota
from crontopus.engine.retention import Kept, Retention
from crontopus.wire.accounts import NewOwnToken, NewToken
from crontopus.wire.jobs import JobPatch, NewJob
from crontopus.wire.people import NewInvitation
from crontopus.wire.tiers import NewTier, QuotaUse, TierPatch
from tests.api.test_tenants import told
from tests.engine.test_two_processes import pair  # noqa: F401 - a fixture
from tests.world import World, world_in


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Client]:
    async with world.operator(SystemRole.SUPERADMIN) as client:
        yield client


def tenant(world: World, name: str = "acme") -> UUID:
    return world.tenants[name].principal.tenant


async def limited(world: World, name: str = "acme", **quotas: int) -> UUID:
    """The tenant has these quotas from now on, and this process knows it."""
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        made = await operator.add_tier(NewTier(name=f"tier {uuid4()}", quotas={Quota(q): n for q, n in quotas.items()}))
        await operator.give_tier(tenant(world, name), made.id)
    await world.appliance.usage.step()
    return made.id


async def used(world: World, quota: Quota, name: str = "acme") -> QuotaUse:
    """After what was counted is written."""
    await world.appliance.usage.step()
    async with world.signed_in(name) as client:
        return next(one for one in (await client.usage()).quotas if one.quota is quota)


async def printed(world: World, url: str, text: str = "x" * 10) -> str | None:
    """A ping that printed something: why its output was not kept, None where it was. It is stored and judged anyway."""
    slug = url.rpartition("/")[2]
    async with world.signed_in("acme") as acme:
        before = len((await acme.job_check_ins(f"default/{slug}", limit=200)).items)
        assert (await world.ping(url, "POST", content=text.encode())).status_code == 200
        check_ins = (await acme.job_check_ins(f"default/{slug}", limit=200)).items
        assert len(check_ins) == before + 1
        assert check_ins[0].output_bytes == len(text), "what it printed is told, kept or not"
        run = (await acme.job_runs(f"default/{slug}")).items[0]
        assert run.state == "succeeded"
        log = await acme.run_log(run.id)
    assert (log.head, log.dropped_bytes) == (("", len(text)) if log.over_quota else (text, 0))
    return log.over_quota


async def job_of(world: World, slug: str = "talks") -> str:
    """Its ping URL by slug."""
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug=slug))
    return world.ping_url("acme", slug)


# ---- tiers themselves


async def test_tiers_are_made_changed_given_and_removed_and_each_is_told(world: World, operator: Client) -> None:
    made = await operator.add_tier(NewTier(name="Small", quotas={Quota.JOBS: 10, Quota.TOKENS: 5}))
    assert made.quotas[Quota.JOBS] == 10
    assert made.quotas[Quota.STREAMS] is None
    changed = await operator.edit_tier(made.id, TierPatch(quotas={Quota.JOBS: None, Quota.MEMBERS: 3}))
    assert (changed.quotas[Quota.JOBS], changed.quotas[Quota.TOKENS], changed.quotas[Quota.MEMBERS]) == (None, 5, 3)
    assert (await operator.give_tier(tenant(world), made.id)).tier_name == "Small"
    assert [(one.name, one.tenants) for one in (await operator.admin_tiers()).items] == [("Unlimited", 1), ("Small", 1)]
    with pytest.raises(Conflict, match="1 of the tenants here are in this tier"):
        await operator.delete_tier(made.id)
    await operator.give_tier(tenant(world), UNLIMITED)
    await operator.delete_tier(made.id)
    with pytest.raises(NotFound):
        await operator.admin_tier(made.id)
    me = str((await operator.me()).email)
    for action, times in (("tier.create", 1), ("tier.edit", 1), ("tier.delete", 1), ("tenant.tier", 2)):
        assert await told(world, NOWHERE, action) == [me] * times
    assert await told(world, tenant(world), "tenant.tier") == [me] * 2


async def test_the_tier_without_limits_stays_as_it_is(world: World, operator: Client) -> None:
    for deed in (operator.edit_tier(UNLIMITED, TierPatch(name="x")), operator.delete_tier(UNLIMITED)):
        with pytest.raises(Conflict, match="always there"):
            await deed
    with pytest.raises(Conflict, match="already"):
        await operator.add_tier(NewTier(name="unlimited"))
    assert (await operator.admin_tenant(tenant(world))).tier == UNLIMITED


async def test_two_tiers_have_two_names(world: World, operator: Client) -> None:
    first = await operator.add_tier(NewTier(name="Small"))
    second = await operator.add_tier(NewTier(name="Large"))
    for deed in (operator.add_tier(NewTier(name="Small")), operator.edit_tier(second.id, TierPatch(name="Small"))):
        with pytest.raises(Conflict, match="Small"):
            await deed
    assert (await operator.edit_tier(first.id, TierPatch(name="Small"))).name == "Small"


async def test_a_quota_out_of_bounds_is_named(operator: Client) -> None:
    with pytest.raises(Invalid) as error:
        await operator.add_tier(NewTier(name="x", quotas={Quota.JOBS: -1}))
    assert [fault.pointer for fault in error.value.faults] == ["/quotas/jobs"]
    answer = await operator.http.post("/admin/tiers", json={"name": "x", "quotas": {"bananas": 3}})
    assert answer.status_code == 400


async def test_support_looks_at_tiers_and_changes_none(world: World) -> None:
    tier = await limited(world, jobs=1)
    async with world.operator(SystemRole.SUPPORT) as support:
        assert (await support.admin_tier(tier)).tenants == 1
        for deed in (
            support.add_tier(NewTier(name="x")),
            support.edit_tier(tier, TierPatch(name="x")),
            support.delete_tier(tier),
            support.give_tier(tenant(world), UNLIMITED),
        ):
            with pytest.raises(NotAllowed):
                await deed


async def test_no_member_raises_their_own_tier(world: World) -> None:
    tier = await limited(world, jobs=1)
    async with world.person("acme", Role.OWNER) as owner:
        with pytest.raises(NotAllowed):
            await owner.give_tier(tenant(world), UNLIMITED)
        for field in ("tier", "tier_id", "quotas"):
            answer = await owner.http.patch("/tenants/current", json={field: str(UNLIMITED)})
            assert answer.status_code == 400, field
        assert (await owner.tenant()).tier == tier


@pytest.mark.both_databases
async def test_a_tier_that_is_given_and_removed_at_once_is_one_or_the_other(world: World, operator: Client) -> None:
    made = await operator.add_tier(NewTier(name="Small"))
    done = await asyncio.gather(
        operator.give_tier(tenant(world), made.id), operator.delete_tier(made.id), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done if isinstance(one, Exception)) in (["Conflict"], ["NotFound"])


# ---- hard where something is made


@pytest.mark.parametrize(
    ("made", "level"), [(79, Level.FREE), (80, Level.NEAR), (99, Level.NEAR), (100, Level.REACHED)]
)
async def test_jobs_up_to_the_quota(world: World, made: int, level: Level) -> None:
    await limited(world, jobs=100)
    async with world.signed_in("acme") as acme:
        for number in range(made):
            await acme.add_job(NewJob(slug=f"job-{number}"))
        use = await used(world, Quota.JOBS)
        assert (use.used, use.limit, use.level) == (made, 100, level)
        if made < 100:
            await acme.add_job(NewJob(slug="one-more"))
        else:
            with pytest.raises(QuotaReached, match="has 100 jobs, and its quota is 100: "):
                await acme.add_job(NewJob(slug="one-more"))
    async with world.signed_in("globex") as globex:
        await globex.add_job(NewJob(slug="others-are-not-concerned"))


async def test_a_deleted_job_makes_room(world: World) -> None:
    await limited(world, jobs=1)
    async with world.signed_in("acme") as acme:
        first = await acme.add_job(NewJob(slug="first"))
        await acme.delete_job(first.id)
        await acme.add_job(NewJob(slug="second"))


async def test_what_is_there_stays_over_a_lowered_quota_and_can_be_changed(world: World, operator: Client) -> None:
    async with world.signed_in("acme") as acme:
        jobs = [await acme.add_job(NewJob(slug=f"job-{number}")) for number in range(5)]
        await limited(world, jobs=3)
        use = await used(world, Quota.JOBS)
        assert (use.used, use.level) == (5, Level.REACHED)
        assert (await acme.edit_job(jobs[0].id, JobPatch(name="still mine"))).name == "still mine"
        assert (await world.ping(jobs[4].ping_url)).status_code == 200
        await acme.delete_job(jobs[1].id)
        with pytest.raises(QuotaReached, match="has 4 jobs, and its quota is 3"):
            await acme.add_job(NewJob(slug="one-more"))
        await acme.delete_job(jobs[2].id)
        await acme.delete_job(jobs[3].id)
        await acme.add_job(NewJob(slug="one-more"))


@pytest.mark.both_databases
async def test_many_at_once_do_not_pass_a_quota_together(world: World) -> None:
    await limited(world, jobs=3, tokens=4, members=4)
    before = await used(world, Quota.MEMBERS)
    async with world.signed_in("acme") as acme, world.person("acme", Role.OWNER) as owner:
        jobs = [acme.add_job(NewJob(slug=f"job-{number}")) for number in range(8)]
        pings = [world.ping(world.ping_url("acme", f"ping-{number}") + "?create=1") for number in range(8)]
        tokens = [acme.add_token(NewToken(name=f"token {number}")) for number in range(8)]
        people = [owner.invite(NewInvitation(email=f"{number}@example.com")) for number in range(8)]
        done = await asyncio.gather(*jobs, *pings, *tokens, *people, return_exceptions=True)
        assert len((await acme.jobs(limit=200)).items) == 3
        assert len((await acme.tokens()).items) == 4
        assert len((await owner.invitations()).items) == 4 - (before.used or 0) - 1, "who invites is a member since"
    for one in done:
        if isinstance(one, BaseException):
            assert isinstance(one, QuotaReached), one
        elif isinstance(one, httpx.Response):
            assert one.status_code in (201, 403)


async def test_invitations_count_as_members_until_they_are_over(world: World) -> None:
    async with world.person("acme", Role.OWNER) as owner:
        await limited(world, members=3)
        await owner.invite(NewInvitation(email="new@example.com"))
        with pytest.raises(QuotaReached, match="has 3 members, with those who are invited, and its quota is 3"):
            await owner.invite(NewInvitation(email="another@example.com"))
        await owner.invite(NewInvitation(email="new@example.com", role=Role.EDITOR))
        assert [one.role for one in (await owner.invitations()).items] == [Role.EDITOR], "in place of the older"
    world.hands.turn_to(world.now + timedelta(days=8))
    async with world.person("acme", Role.OWNER) as later:
        with pytest.raises(QuotaReached):
            await later.invite(NewInvitation(email="another@example.com"))
        await limited(world, members=4)
        await later.invite(NewInvitation(email="another@example.com"))


async def test_tokens_of_persons_count_and_a_rotation_is_none_more(world: World) -> None:
    await limited(world, tokens=2)
    async with world.person("acme", Role.OWNER) as owner:
        await owner.add_own_token(NewOwnToken(name="mine"))
        for deed in (owner.add_own_token(NewOwnToken(name="more")), owner.add_token(NewToken(name="more"))):
            with pytest.raises(QuotaReached, match="has 2 tokens, and its quota is 2"):
                await deed
        program = next(one for one in (await owner.tokens()).items if one.kind == "s")
        await owner.rotate_token(program.id)
        assert (await used_by(owner, Quota.TOKENS)).used == 2


async def used_by(client: Client, quota: Quota) -> QuotaUse:
    return next(one for one in (await client.usage()).quotas if one.quota is quota)


async def test_the_problem_has_a_code_of_its_own(world: World) -> None:
    await limited(world, jobs=0)
    async with world.signed_in("acme") as acme:
        answer = await acme.http.post("/jobs", json={"slug": "none"})
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("#quota-reached")


async def test_a_ping_that_would_make_one_job_too_many_says_why(world: World) -> None:
    await limited(world, jobs=1)
    first, second = (world.ping_url("acme", slug) + "?create=1" for slug in ("first", "second"))
    assert (await world.ping(first)).status_code == 201
    for _ in range(3):
        refused = await world.ping(second)
        assert refused.status_code == 403
        assert "has 1 jobs, and its quota is 1" in refused.text
    assert (await world.ping(first)).status_code == 200, "what is there is pinged as always"
    async with world.signed_in("acme") as acme:
        await acme.delete_job("default/first")
    await world.appliance.usage.step()
    assert (await world.ping(second)).status_code == 201


async def test_a_stream_more_than_the_quota_is_told_when_to_come_again(world: World) -> None:
    await limited(world, streams=1)
    parts = world.appliance.parts
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        parts.streams_of[tenant(world)] = 1
        answer = await acme.http.get("/events")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        assert "its quota is 1" in answer.json()["detail"]
        with pytest.raises(Throttled):
            await acme.call("GET", "/events", type(None))
        parts.stop()
        assert (await globex.http.get("/events")).status_code == 200
        del parts.streams_of[tenant(world)]
        assert (await acme.http.get("/events")).status_code == 200
    assert (parts.streams, dict(parts.streams_of)) == (0, {}), "each was counted out again"


async def test_how_many_requests_a_tenant_may_do_is_known_within_a_step(world: World) -> None:
    tier = await limited(world, requests_per_minute=600)
    usage = world.appliance.usage
    assert usage.requests_per_minute(tenant(world)) == 600
    assert usage.requests_per_minute(tenant(world, "globex")) is None
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        await operator.edit_tier(tier, TierPatch(quotas={Quota.REQUESTS: 60}))
    await usage.step()
    assert usage.requests_per_minute(tenant(world)) == 60


# ---- never a check-in


async def test_over_the_output_of_a_day_check_ins_are_stored_and_judged_and_only_output_goes(world: World) -> None:
    await limited(world, output_bytes_per_day=100)
    url = await job_of(world)
    for size, level in ((79, Level.FREE), (1, Level.NEAR), (19, Level.NEAR), (1, Level.REACHED)):
        assert await printed(world, url, "x" * size) is None
        assert (await used(world, Quota.OUTPUT)).level is level
    assert await printed(world, url, "x") == Quota.OUTPUT
    assert (await world.ping(url)).status_code == 200
    use = await used(world, Quota.OUTPUT)
    assert (use.used, use.limit) == (100, 100)
    async with world.signed_in("acme") as acme:
        day = (await acme.usage()).days[0]
    assert (day.pings, day.check_ins, day.output_bytes, day.dropped_bytes) == (6, 6, 100, 1)


async def test_output_is_kept_again_on_the_next_day(world: World) -> None:
    await limited(world, output_bytes_per_day=10)
    url = await job_of(world)
    assert await printed(world, url) is None
    assert await printed(world, url) == Quota.OUTPUT
    world.hands.turn_to(world.now.replace(hour=23, minute=59))
    assert await printed(world, url) == Quota.OUTPUT
    world.hands.turn_to(world.now + timedelta(minutes=1))
    assert await printed(world, url) is None


@pytest.mark.parametrize("written", [True, False], ids=["written between", "in memory"])
async def test_over_the_pings_of_a_minute_output_goes_until_the_next(world: World, written: bool) -> None:
    await limited(world, pings_per_minute=5)
    url = await job_of(world)
    for _ in range(4):
        assert (await world.ping(url)).status_code == 200
    if written:
        await world.appliance.usage.step()
    assert await printed(world, url) is None
    assert await printed(world, url) == Quota.PINGS
    world.hands.turn_to(world.now + timedelta(minutes=1))
    assert await printed(world, url) is None
    assert (await used(world, Quota.PINGS)).used == 6


async def test_a_keyword_is_heard_in_output_that_is_not_kept(world: World) -> None:
    await limited(world, output_bytes_per_day=0)
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="heard", failure_kw="broken"))
        assert (await world.ping(job.ping_url, "POST", content=b"it is broken")).status_code == 200
        run = (await acme.job_runs(job.id)).items[0]
        assert (run.state, run.output_bytes) == ("failed", 12)
        log = await acme.run_log(run.id)
        assert (log.head, log.over_quota, log.dropped_bytes) == ("", Quota.OUTPUT, 12)


@pytest.mark.both_databases
async def test_many_in_one_transaction_do_not_pass_the_quota_together(world: World) -> None:
    await limited(world, output_bytes_per_day=55)
    await job_of(world)
    url = world.ping_url("acme", "talks")
    answers = await asyncio.gather(*(world.ping(url, "POST", content=b"x" * 10) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    await world.appliance.usage.step()
    async with world.signed_in("acme") as acme:
        usage = await acme.usage()
    assert (usage.days[0].check_ins, usage.days[0].output_bytes, usage.days[0].dropped_bytes) == (40, 50, 350)
    assert usage.stored_check_ins == 40


# ---- counted


async def test_usage_is_each_tenants_own(world: World) -> None:
    url = await job_of(world)
    for _ in range(3):
        await printed(world, url)
    await world.ping(url + "/fail")
    await world.appliance.usage.step()
    async with world.signed_in("globex") as globex, world.signed_in("acme") as acme:
        assert (await globex.usage()).days == []
        assert (await globex.usage()).stored_check_ins == 0
        day = (await acme.usage()).days[0]
        assert (day.pings, day.failures, day.output_bytes, day.peak_pings) == (4, 1, 30, 4)


@pytest.mark.parametrize("role", list(Role))
async def test_every_member_who_sees_all_sees_the_usage(world: World, role: Role) -> None:
    async with world.person("acme", role) as person:
        assert (await person.usage()).tier == "Unlimited"
    async with world.signed_in("acme") as acme:
        namespace = (await acme.namespaces()).items[0].id
    if role is not Role.OWNER:
        async with world.person("acme", role, namespace) as narrow:
            with pytest.raises(NotAllowed, match="whole tenant"):
                await narrow.usage()


async def test_a_restart_keeps_what_was_counted(world_data: tuple[Path, str]) -> None:
    async with world_in(*world_data) as world:
        await limited(world, output_bytes_per_day=15)
        assert await printed(world, await job_of(world)) is None
        await world.appliance.usage.step()
        hands = world.hands
    async with world_in(*world_data, hands) as again:
        url = again.ping_url("acme", "talks")
        assert await printed(again, url) == Quota.OUTPUT
        assert (await used(again, Quota.OUTPUT)).used == 10


async def test_what_could_not_be_written_is_written_the_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await job_of(world)
    await printed(world, url)
    usage = world.appliance.usage

    async def broken() -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(usage, "_write", broken)
        with pytest.raises(OSError, match="disk"):
            await usage.step()
    await printed(world, url)
    await usage.step()
    await usage.step()
    async with world.signed_in("acme") as acme:
        assert (await acme.usage()).days[0].pings == 2


async def test_two_processes_add_up(pair: tuple[World, World]) -> None:  # noqa: F811 - the fixture
    first, second = pair
    await limited(first, output_bytes_per_day=25, pings_per_minute=100)
    await second.appliance.usage.step()
    url = await job_of(first)
    assert await printed(first, url) is None
    await first.appliance.usage.step()
    await second.appliance.usage.step()
    assert await printed(second, url) is None
    assert await printed(second, url) == Quota.OUTPUT, "it knows what the first has kept"
    await asyncio.gather(*(world.appliance.usage.step() for world in pair))
    await first.appliance.usage.step()
    assert await printed(first, url) == Quota.OUTPUT
    use = await used(first, Quota.PINGS)
    assert use.used == 4
    async with first.signed_in("acme") as acme:
        usage = await acme.usage()
    assert (usage.days[0].pings, usage.days[0].output_bytes, usage.stored_check_ins) == (4, 20, 4)


async def test_two_processes_make_no_job_more_than_the_quota(pair: tuple[World, World]) -> None:  # noqa: F811
    first, second = pair
    await limited(first, jobs=5)
    await second.appliance.usage.step()
    urls = [first.ping_url("acme", f"fleet-{number}") + "?create=1" for number in range(12)]
    answers = await asyncio.gather(*(world.ping(url) for url in urls for world in pair))
    assert {answer.status_code for answer in answers} <= {200, 201, 403}
    async with first.signed_in("acme") as acme:
        assert len((await acme.jobs(limit=200)).items) == 5


# ---- storage, and how long it is kept


async def test_what_is_stored_is_a_running_sum_that_pruning_corrects(world: World) -> None:
    url = await job_of(world)
    for _ in range(3):
        await printed(world, url, "something to keep")
    await world.appliance.usage.step()
    async with world.signed_in("acme") as acme:
        before = await acme.usage()
        assert before.stored_check_ins == 3
        assert before.stored_bytes > 0
        world.hands.turn_to(world.now + timedelta(days=100))
        await printed(world, url, "something to keep")
        while await world.appliance.retention.prune():
            pass
        await world.appliance.usage.step()
        after = await acme.usage()
        assert after.stored_check_ins == 1
        assert after.stored_bytes * 3 == before.stored_bytes
        await acme.delete_job("default/talks")
        while await world.appliance.retention.prune():
            pass
        assert ((await acme.usage()).stored_check_ins, (await acme.usage()).stored_bytes) == (0, 0)


async def test_a_tier_keeps_runs_for_less_long_and_only_its_tenants(world: World) -> None:
    async with world.signed_in("acme") as acme, world.signed_in("globex") as globex:
        jobs = {client: await client.add_job(NewJob(slug="kept")) for client in (acme, globex)}
        for job in jobs.values():
            await world.ping(job.ping_url, "POST", content=b"said")
        await world.passes(days=8)
        for job in jobs.values():
            await world.ping(job.ping_url, "POST", content=b"said")
        await limited(world, retention_days=7)
        retention = Retention(world.appliance.db, Kept())
        while await retention.prune():
            pass
        for client, left in ((acme, 1), (globex, 2)):
            runs = [run for run in (await client.job_runs(jobs[client].id)).items if run.state == "succeeded"]
            assert len(runs) == left
            assert len((await client.job_check_ins(jobs[client].id)).items) == left


async def test_a_tier_keeps_nothing_longer_than_the_installation(world: World) -> None:
    await limited(world, retention_days=1000)
    url = await job_of(world)
    await printed(world, url)
    await world.passes(days=91)
    while await world.appliance.retention.prune():
        pass
    async with world.signed_in("acme") as acme:
        assert (await acme.job_check_ins("default/talks")).items == []


async def test_what_is_counted_of_a_tenant_that_is_gone_is_dropped(world: World) -> None:
    await printed(world, await job_of(world))
    async with world.person("acme", Role.OWNER) as owner:
        await owner.delete_tenant()
    world.hands.turn_to(world.now + timedelta(days=14))
    assert await world.appliance.purge.step()
    await world.appliance.usage.step()
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        assert [one.name for one in (await operator.admin_usage()).items] == ["globex"]


# ---- all tenants


async def test_the_noisy_the_failing_and_the_large_come_first(world: World, operator: Client) -> None:
    url = await job_of(world)
    await printed(world, url, "a little")
    async with world.signed_in("globex") as globex:
        job = await globex.add_job(NewJob(slug="loud"))
    for _ in range(3):
        await world.ping(job.ping_url)
    await world.ping(f"{world.ping_url('acme', 'talks')}/fail")
    await world.appliance.usage.step()
    for sort, first in (
        ("pings", "globex"),
        ("failures", "acme"),
        ("storage", "acme"),
        ("growth", "acme"),
        ("name", "acme"),
    ):
        answer = await operator.http.get("/admin/usage", params={"sort": sort})
        items = answer.json()["items"]
        assert [one["name"] for one in items] == [first, "globex" if first == "acme" else "acme"], sort
    acme = next(one for one in (await operator.admin_usage()).items if one.name == "acme")
    assert (acme.pings, acme.failures, acme.jobs, acme.tier_name, acme.stored_check_ins) == (2, 1, 1, "Unlimited", 2)
    world.hands.turn_to(world.now + timedelta(days=8))
    async with world.operator(SystemRole.SUPERADMIN) as later:
        acme = next(one for one in (await later.admin_usage()).items if one.name == "acme")
    assert (acme.pings, acme.growth_bytes, acme.stored_check_ins) == (0, 0, 2), "of the last seven days"


@pytest.mark.parametrize("sort", ["name", "pings", "storage"])
async def test_all_tenants_come_in_pages_also_those_with_as_much(world: World, operator: Client, sort: str) -> None:
    found: list[str] = []
    cursor = None
    while True:
        page = await operator.admin_usage(sort=sort, cursor=cursor, limit=1)  # type: ignore[arg-type] # one of them
        found += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(found) == ["acme", "globex"]


async def test_a_cursor_of_another_order_is_refused(operator: Client) -> None:
    by_name = (await operator.admin_usage(sort="name", limit=1)).next_cursor
    with pytest.raises(Invalid):
        await operator.admin_usage(sort="pings", cursor=by_name)
