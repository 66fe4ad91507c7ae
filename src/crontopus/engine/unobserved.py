"""What did not report while nobody watched: one alert of a tenant, so that neither false alarms nor silence follow."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain import alerts as changes
from crontopus.domain import ids
from crontopus.domain.alerts import Alert, AlertClass, Happening, Severity, SubjectKind
from crontopus.storage import alerts, gaps, watches
from crontopus.storage.alerts import Event, Key, Stored
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.identity import new_id

PAGE = 500


async def noticed(tx: SystemTx, gap: UUID) -> None:
    """A gap is old enough to say what it hid: every tenant with a job that is still silent has an alert of it."""
    await alerts.take_turn(tx)
    for tenant in await gaps.silent_tenants(tx, gap):
        key: Key = (tenant, ids.NO_AGENT, AlertClass.UNOBSERVED)
        before = (await alerts.latest(tx, [key], tx.now - changes.SETTLES)).get(key)
        if before is not None and not before.alert.is_over:
            grown = replace(before.alert, updated_at=tx.now)
            await alerts.save(tx, [], [replace(before, alert=grown, next_at=tx.now)])
        elif before is not None:
            again = changes.reopened(before.alert, tx.now, tx.now)
            await alerts.save(tx, [], [replace(before, alert=again, next_at=tx.now)])
            await _tell(tx, before, Happening.REOPENED)
        else:
            opened = _new(tx, tenant)
            await alerts.save(tx, [opened], [])
            await _tell(tx, opened, Happening.OPENED)


async def heard(tx: SystemTx, of: Sequence[Stored]) -> frozenset[UUID]:
    """Those of these alerts of which every job has reported since."""
    return frozenset([each.alert.id for each in of if not await still_silent(tx.of(each.tenant_id), each, 1)])


async def still_silent(tx: Tx, of: Stored, most: int) -> Sequence[UUID]:
    """Up to so many of the jobs that the alert is of, and that have not reported since."""
    found: list[UUID] = []
    after = ids.NO_AGENT
    while len(found) < most:
        page = await gaps.unheard(tx, tx.tenant, of.alert.opened_at, after, PAGE)
        believed = await watches.states(tx, [each.job for each in page])
        seen = {job: watch.seen_at for (job, _), watch in believed.items()}
        found += [each.job for each in page if each.job in seen and _is_silent(seen[each.job], each.until)]
        if len(page) < PAGE:
            break
        after = page[-1].job
    return found[:most]


def _is_silent(seen_at: datetime | None, until: datetime) -> bool:
    return seen_at is None or seen_at <= until


def _new(tx: SystemTx, tenant: UUID) -> Stored:
    alert = Alert(
        id=new_id(tx.now),
        kind=AlertClass.UNOBSERVED,
        severity=Severity.WARNING,
        opened_at=tx.now,
        clock_at=tx.now,
    )
    return Stored(
        alert=alert,
        tenant_id=tenant,
        subject=SubjectKind.SYSTEM,
        subject_id=tenant,
        agent_id=ids.NO_AGENT,
        next_at=tx.now,
    )


async def _tell(tx: SystemTx, of: Stored, what: Happening) -> None:
    event = Event(id=new_id(tx.now), tenant_id=of.tenant_id, alert_id=of.alert.id, at=tx.now, what=what)
    await alerts.log(tx, [event])
