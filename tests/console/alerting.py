"""What the tests of alerts and of what is told of them share: a job that is down, and samples of each thing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from uuid import UUID

from crontopus.client import Client
from crontopus.console.words import Reader
from crontopus.domain.alerts import AlertClass, Severity, SubjectKind
from crontopus.domain.routing import Kind, MessageState
from crontopus.wire.alerts import Alert, AlertSubject, Channel, Notification
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from tests.console.conftest import Visitor
from tests.world import BEGINNING, World

Visits = Callable[[str], Awaitable[Visitor]]
EVIL = "<script>alert('x')</script>"


READER = Reader(BEGINNING, UTC)
ALERT = Alert(
    id=UUID(int=1),
    subject=AlertSubject(kind=SubjectKind.JOB, job=None, namespace=None, slug=None, name="Backup"),
    cls=AlertClass.FAILED,
    severity=Severity.WARNING,
    opened_at=BEGINNING - timedelta(hours=2),
    opening=1,
    held=False,
    held_since=None,
    holders=[],
    acknowledged_at=None,
    acknowledged_by="",
    snoozed_until=None,
    resolved_at=None,
    ending=None,
    run=None,
)
MESSAGE = Notification(
    id=UUID(int=2),
    alert=ALERT.id,
    channel=UUID(int=3),
    channel_name="On call",
    kind=Kind.OPEN,
    number=1,
    state=MessageState.WAITING,
    made_at=BEGINNING,
    tries=0,
    next_at=BEGINNING + timedelta(minutes=5),
    settled_at=None,
    arrived=False,
    why="",
)
CHANNEL = Channel(
    id=UUID(int=3),
    kind="email",
    name="On call",
    settings={"to": "a@b.c"},
    hidden=[],
    fallback=None,
    enabled=True,
    usable=True,
    broken_at=None,
    closed_until=None,
    delivered_at=None,
    failures=0,
    why="no such room",
    templates={},
    fault="",
    monthly=None,
    sent_this_month=0,
    created_at=BEGINNING,
    updated_at=BEGINNING,
)


async def down(world: World, client: Client, name: str = "Nightly backup") -> tuple[Job, Alert]:
    """A job that failed, and its alert."""
    job = await client.add_job(NewJob(name=name, slug=f"job-{len((await client.jobs()).items)}"))
    await client.check_in(CheckIn(kind="exit", job=str(job.id), exit_code=1))
    await world.appliance.alerting.step()
    return job, next(one for one in (await client.alerts()).items if one.subject.job == job.id)
