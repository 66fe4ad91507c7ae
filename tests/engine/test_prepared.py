"""What the next transaction changes is found out while the last one is written, and nobody can tell by the result."""

import asyncio
import gc
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct, field
from sqlalchemy import text

from crontopus.client import Client
from crontopus.domain.errors import Unavailable
from crontopus.engine.intake import Intake
from crontopus.engine.report import Accepted, Creation, Outcome, Report
from crontopus.storage.ledger import Address, ByJob, BySlug, ByUuid, LedgerTx
from crontopus.storage.ledger.sqlite import SqliteLedger
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import Schedule
from tests.scale import scaled
from tests.world import World, copied, world_in

PLANS = scaled(400)
WORDS = ("success", "success", "success", "start", "fail", "log", "exit")
ACTS = ("", "", "", "pause", "resume", "edit", "sweep")
STEP = timedelta(seconds=20)
QUERIES = (
    "SELECT w.status, w.reasons, w.running, w.next_expected_at, w.due_at, w.changed_at, w.last_number, w.state"
    " FROM watches w JOIN jobs j ON j.id = w.job_id WHERE j.slug = :slug",
    "SELECT r.number, r.rid, r.state, r.expected_at, r.started_at, r.finished_at, r.duration, r.exit_code, r.attempt,"
    " r.marks, r.count, r.start_received_at, r.end_received_at FROM runs r JOIN jobs j ON j.id = r.job_id"
    " WHERE j.slug = :slug ORDER BY r.number",
    "SELECT c.kind, c.rid, c.exit_code, c.attempt, c.occurred_at, c.received_at, c.marks, r.number FROM check_ins c"
    " JOIN jobs j ON j.id = c.job_id LEFT JOIN runs r ON r.id = c.run_id WHERE j.slug = :slug ORDER BY c.id",
    "SELECT f.reason, f.entered, f.at, f.cause FROM flips f JOIN jobs j ON j.id = f.job_id WHERE j.slug = :slug"
    " ORDER BY f.id",
)
"""All that is stored of a job, but for what is drawn by lot, and how many transactions it took."""


class Says(Struct, frozen=True):
    """A check-in. `job` 2 is not there before its first one; `by`: how the job is addressed."""

    job: int
    by: str
    word: str
    rid: int | None
    attempt: int


class Group(Struct, frozen=True):
    """Check-ins of one transaction, and what somebody does to the first job after it."""

    says: list[Says]
    act: str


class Play(Struct):
    """A plan in a world, with an intake whose transactions the test makes.

    `prepared`: how many of these began with something known before.
    """

    world: World
    acme: Client
    queue: Intake
    jobs: list[Job]
    made: str
    since: datetime
    answers: list[asyncio.Task[Outcome]] = field(default_factory=list)
    committed: int = 0
    prepared: int = 0

    async def commit(self, most: int) -> None:
        self.prepared += self.queue._prepared is not None
        assert await self.queue.commit(most) == most
        self.committed += most

    async def hear(self, says: Sequence[Says]) -> None:
        for said in says:
            self.answers.append(asyncio.create_task(self.queue.submit_one(self._report(said))))
        await asyncio.sleep(0)

    async def act(self, act: str) -> None:
        self.world.hands.turn_to(self.since + STEP * self.committed)
        job = self.jobs[0].id
        match act:
            case "pause":
                await self.acme.pause_job(job)
            case "resume":
                await self.acme.resume_job(job)
            case "edit":
                await self.acme.edit_job(job, {"grace": 7 + (await self.acme.job(job)).version})
            case "sweep":
                await self.world.sweep()

    async def result(self) -> list[Any]:
        told: list[Any] = [_plain(await answer) for answer in self.answers]
        async with self.world.appliance.db.read_all() as tx:
            for slug in (*[job.slug for job in self.jobs], self.made):
                rows = [await tx.sql.execute(text(query), {"slug": slug}) for query in QUERIES]
                told.extend([tuple(row) for row in of_one] for of_one in rows)
        return told

    def _report(self, said: Says) -> Report:
        instant = self.since + STEP * len(self.answers)
        return Report(
            address=self._address(said),
            said=said.word,
            received_at=instant,
            occurred_at=instant,
            rid=None if said.rid is None else UUID(int=said.rid),
            exit_code=3 if said.word == "exit" else None,
            attempt=said.attempt,
            create=Creation() if said.job == 2 else None,
        )

    def _address(self, said: Says) -> Address:
        acme = self.world.tenants["acme"]
        if said.by == "slug":
            slug = self.made if said.job == 2 else self.jobs[said.job].slug
            return BySlug(sha256(acme.ping_key.encode()).digest(), slug)
        job = self.jobs[said.job]
        if said.by == "id":
            return ByJob(acme.principal.tenant, job.id)
        return ByUuid(UUID(job.ping_url.rpartition("/")[2]))


def _plain(outcome: Outcome) -> Any:
    if isinstance(outcome, Accepted):
        return (outcome.run is None, outcome.run_id, outcome.stored, outcome.created)
    return str(outcome)


def _plan(chance: random.Random) -> list[Group]:
    def says() -> Says:
        job = chance.choice((0, 0, 0, 1, 2))
        by = "slug" if job == 2 else chance.choice(("uuid", "uuid", "slug", "id"))
        rid = chance.choice((None, None, 1, 2))
        return Says(job, by, chance.choice(WORDS), rid, chance.choice((1, 1, 2)))

    groups = range(chance.randint(2, 6))
    return [Group([says() for _ in range(chance.randint(1, 8))], chance.choice(ACTS)) for _ in groups]


@asynccontextmanager
async def _play(world: World, number: int) -> AsyncIterator[Play]:
    every = Schedule(every=60)
    async with world.signed_in("acme") as acme:
        new = [NewJob(name=f"job {number} {name}", schedule=every, grace=7, miss_after=2) for name in "ab"]
        jobs = [await acme.add_job(job) for job in new]
        queue = Intake(world.appliance.ledger, world.appliance.metrics, world.appliance.usage)
        yield Play(world, acme, queue, jobs, f"made-{number}", world.now)


async def _one_by_one(play: Play, plan: Sequence[Group]) -> None:
    """Each check-in in a transaction of its own, by an intake that knows nothing and has nobody waiting."""
    for group in plan:
        for said in group.says:
            play.queue = Intake(play.world.appliance.ledger, play.world.appliance.metrics, play.world.appliance.usage)
            await play.hear([said])
            await play.commit(1)
        await play.act(group.act)


async def _all_at_once(play: Play, plan: Sequence[Group]) -> None:
    """Each group in one transaction, while the next one waits already."""
    await play.hear(plan[0].says)
    for group, following in zip(plan, [*plan[1:], None], strict=True):
        await play.hear(following.says if following else [])
        await play.commit(len(group.says))
        await play.act(group.act)


async def test_what_is_prepared_changes_what_it_would_have_changed(tmp_path: Path, first_world: Path) -> None:
    copied(first_world, tmp_path / "one")
    copied(first_world, tmp_path / "other")
    prepared = 0
    async with world_in(tmp_path / "one") as one, world_in(tmp_path / "other") as other:
        for number in range(PLANS):
            plan = _plan(random.Random(number))  # noqa: S311 # nothing is kept secret by it
            async with _play(one, number) as slow, _play(other, number) as quick:
                await _one_by_one(slow, plan)
                await _all_at_once(quick, plan)
                assert await quick.result() == await slow.result(), f"plan {number}"
                assert slow.prepared == 0
                prepared += quick.prepared
    assert prepared > PLANS // 2


@pytest.fixture
async def play(sqlite_world: World) -> AsyncIterator[Play]:
    async with _play(sqlite_world, 0) as play:
        yield play


SUCCESS = Says(0, "uuid", "success", None, 1)


async def _told(play: Play) -> list[str]:
    return [check_in.kind for check_in in (await play.acme.job_check_ins(play.jobs[0].id)).items]


async def test_what_was_prepared_for_a_transaction_that_is_not_stored_is_forgotten(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = play.world.appliance.ledger
    assert isinstance(ledger, SqliteLedger)
    full: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    full.set_exception(sqlite3.OperationalError("database or disk is full"))
    await play.hear([SUCCESS, SUCCESS])
    with monkeypatch.context() as disk:
        disk.setattr(ledger, "_start_commit", lambda: full)
        await play.commit(1)
    await play.commit(1)
    refused, taken = [await answer for answer in play.answers]
    assert isinstance(refused, Unavailable)
    assert isinstance(taken, Accepted)
    assert [run.number for run in (await play.acme.job_runs(play.jobs[0].id)).items] == [1]
    assert play.prepared == 1, "there was something to forget"


async def test_only_what_nobody_else_could_have_changed_is_used(play: Play) -> None:
    ledger = play.world.appliance.ledger
    async with ledger.transaction() as first:
        pass
    async with ledger.transaction() as second:
        assert second.follows(first)
    async with ledger.transaction() as third:
        assert third.follows(second)
        assert not third.follows(first)
    await play.acme.pause_job(play.jobs[0].id)
    async with ledger.transaction() as fourth:
        assert not fourth.follows(third), "the API has written"
    with pytest.raises(RuntimeError):
        async with ledger.transaction() as fifth:
            raise RuntimeError
    async with ledger.transaction() as sixth:
        assert not sixth.follows(fifth), "it was rolled back"
        assert await sixth.saved(_true)
    async with ledger.transaction() as seventh:
        assert seventh.follows(sixth)
    outside = sqlite3.connect(str(play.world.appliance.db.url.database))
    outside.execute("UPDATE jobs SET version = version + 1")
    outside.commit()
    outside.close()
    async with ledger.transaction() as eighth:
        assert not eighth.follows(seventh), "another program has written"


async def _true(_reader: LedgerTx) -> bool:
    return True


async def test_on_postgresql_nothing_is_prepared(postgres_world: tuple[Path, str], tmp_path: Path) -> None:
    data, url = postgres_world
    copied(data, tmp_path / "data")
    async with world_in(tmp_path / "data", url) as world, _play(world, 0) as play:
        await play.hear([SUCCESS, SUCCESS])
        await play.commit(1)
        await play.commit(1)
        assert play.prepared == 0
        assert await _told(play) == ["success", "success"]


async def test_what_was_stored_is_freed_without_the_garbage_collector(play: Play) -> None:
    """It would look again and again at thousands of things that live a moment."""

    async def commit() -> None:
        await play.hear([SUCCESS, SUCCESS])
        await play.commit(1)
        await play.commit(1)
        play.answers.clear()

    await commit()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await commit()
        assert gc.collect() == 0
    finally:
        gc.enable()
