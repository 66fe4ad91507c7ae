"""The state of a watch in its row: read back for ever, and of one length."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from crontopus.domain import tokens
from crontopus.domain.schedule import Every
from crontopus.domain.watch import Mark, Reason, Run, RunState, Watch
from crontopus.domain.watch.state import Busy, Missing, Open, Standing, Taken
from crontopus.engine.report import Creation, Report
from crontopus.storage.ledger import BySlug
from crontopus.storage.packing import packed, unpacked
from tests.world import World

AT = datetime(2027, 1, 4, 8, 0, 0, 125_000, tzinfo=UTC)
FULL = Watch(
    born_at=AT,
    seen_at=AT + timedelta(seconds=1),
    due_at=AT + timedelta(seconds=2),
    next_expected_at=AT + timedelta(seconds=3),
    standing=(Standing(Reason.MISSED, AT, AT + timedelta(seconds=4)),),
    failures=1,
    misses=2,
    successes=3,
    last_number=4,
    paused_at=AT + timedelta(seconds=5),
    paused_until=AT + timedelta(seconds=6),
    open=(
        Open(
            run=Run(
                number=4,
                state=RunState.OVERRAN,
                rid=UUID(int=7),
                started_at=AT + timedelta(seconds=7),
                duration=timedelta(seconds=8),
                marks=frozenset({Mark.LATE}),
            ),
            bound_at=AT + timedelta(seconds=9),
            succeeded=1,
            released=True,
        ),
    ),
    newest_end_at=AT + timedelta(seconds=10),
    newest_end_good=True,
    overran_before=True,
    flipped_at=AT + timedelta(seconds=11),
    decided_at=AT + timedelta(seconds=12),
    taken=Taken(run=3, before=AT + timedelta(seconds=13)),
    silent=True,
    missing=(Missing(2, RunState.MISSED, AT, AT + timedelta(seconds=14), AT + timedelta(seconds=15), count=2),),
    busy=(Busy(AT, AT + timedelta(seconds=16)),),
    excused_by=AT + timedelta(seconds=17),
    not_before=AT + timedelta(seconds=18),
)
STORED = (
    "dc0017d7ff1dcd65006b3b5180d7ff1dcd65006b3b5181d7ff1dcd65006b3b5182d7ff1dcd65006b3b51839193a66d697373"
    "6564d7ff1dcd65006b3b5180d7ff1dcd65006b3b518401020304d7ff1dcd65006b3b5185d7ff1dcd65006b3b518691959f04"
    "a76f76657272616ed92430303030303030302d303030302d303030302d303030302d303030303030303030303037c0c0d7ff"
    "1dcd65006b3b5187c0a450543853c0c00191a46c61746501c0c0d7ff1dcd65006b3b5189c001c3d7ff1dcd65006b3b518ac3"
    "c3d7ff1dcd65006b3b518bd7ff1dcd65006b3b518c9203d7ff1dcd65006b3b518dc3919702a66d6973736564d7ff1dcd6500"
    "6b3b5180d7ff1dcd65006b3b518ed7ff1dcd65006b3b518f02c29192d7ff1dcd65006b3b5180d7ff1dcd65006b3b5190d7ff"
    "1dcd65006b3b5191d7ff1dcd65006b3b519200000000000007"
)
"""`FULL` as the first version stored it. It is never changed: what is stored must be read by every later version."""


def test_what_an_earlier_version_stored_is_read() -> None:
    assert unpacked(bytes.fromhex(STORED)) == FULL


@pytest.mark.parametrize("watch", [FULL, Watch(born_at=AT)])
def test_what_is_stored_is_read_as_it_was(watch: Watch) -> None:
    assert unpacked(packed(watch, watch.status, watch.reasons)) == watch


@pytest.mark.parametrize("state", [b"", b"\0", b"no state", packed(FULL, FULL.status, FULL.reasons)[:40]])
def test_what_is_no_state_is_never_taken_for_one(state: bytes) -> None:
    with pytest.raises((ValueError, msgspec.DecodeError)):
        unpacked(state)


async def test_jobs_that_fall_silent_need_no_more_room(sqlite_world: World) -> None:
    """Where rows fill their pages, one that grew would move its neighbours to pages of their own."""
    world = sqlite_world
    key = tokens.hash_of(world.tenants["acme"].ping_key)
    creation, now = Creation(schedules=(Every(timedelta(hours=1)),), grace=timedelta()), world.now
    slugs = [f"j{number}" for number in range(300)]
    await world.appliance.intake.submit(
        [
            Report(address=BySlug(key, s), said="success", received_at=now, occurred_at=now, create=creation)
            for s in slugs
        ]
    )
    pages = await _pages(world)
    await world.passes(hours=1, minutes=2)
    async with world.signed_in("acme") as acme:
        assert (await acme.job_counts(q="status:down"))["down"] == 300
    assert await _pages(world) == pages > 10


async def _pages(world: World) -> int:
    async with world.appliance.db.write_all() as tx:
        count = await tx.sql.execute(text("SELECT count(*) FROM dbstat WHERE name = 'watches'"))
        return int(count.scalar_one())
