"""Alerts: what is wrong, whom it was told to, and what people make of it."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct
from msgspec.structs import replace

from crontopus.api import telling
from crontopus.api.arguments import AlertsQuery, Caller, Cursor, Limit, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain import query
from crontopus.domain.access import Principal, Scope
from crontopus.domain.alerts import AlertClass, Happening
from crontopus.domain.alerts import Severity as Grade
from crontopus.domain.errors import Fault, Invalid, NotFound
from crontopus.domain.query import Query, Term
from crontopus.engine import alerts as engine
from crontopus.engine.holding import within
from crontopus.storage import alert_lists, alerts, channels, jobs, notifications
from crontopus.storage.alert_lists import Wanted
from crontopus.storage.alerts import Event, Stored
from crontopus.storage.database import Tx
from crontopus.wire.alerts import Alert, AlertDetail, Note, Notification, Snooze
from crontopus.wire.common import Page

AlertId = Annotated[UUID, PathParameter(description="The alert's id.")]
Class = Annotated[
    str | None,
    QueryParameter(name="class", description="Only those of this class.", enum=[each.value for each in AlertClass]),
]
Severity = Annotated[
    str | None, QueryParameter(description="Only those of this severity.", enum=[each.value for each in Grade])
]


class _Before(Struct, forbid_unknown_fields=True):
    id: UUID


@get("/alerts", operation_id="alerts", opt=needs(Scope.ALERTS_READ))
async def listed(
    caller: Caller,
    parts: Parts,
    only_open: Annotated[bool, QueryParameter(description="Without those that are over.")] = False,
    job: Annotated[
        str | None, QueryParameter(description="Only those of this job: its id, or `namespace/slug`.")
    ] = None,
    kind: Class = None,
    severity: Severity = None,
    q: AlertsQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Alert]:
    """List alerts, newest first."""
    before = place_of(cursor, _Before)
    terms = query.parse_alerts(q or "") + _terms("class", kind, AlertClass) + _terms("severity", severity, Grade)
    async with parts.db.read(caller.tenant) as tx:
        of = None if job is None else await _job(tx, caller, job)
        wanted = Wanted(only_open, of, terms)
        found = await alert_lists.listed(tx, caller.reach, wanted, before.id if before else None, limit + 1)
        found = await within(tx, caller.reach, found)
        names = await telling.subjects(tx, found)
    return page_of(found, limit, lambda one: telling.alert(one, names), lambda one: _Before(one.alert.id))


@get("/alerts/counts", operation_id="alert_counts", opt=needs(Scope.ALERTS_READ))
async def counts(caller: Caller, parts: Parts) -> dict[str, int]:
    """Count the alerts that are not over.

    `open`: nobody has acknowledged it and nothing holds it; `acknowledged`, also for a time; `held`; and `total`. Where
    counting takes long, the last answer stands for ten times as long.
    """

    async def counted() -> dict[str, int]:
        async with parts.db.read(caller.tenant) as tx:
            return await alert_lists.counts(tx, caller.reach)

    return await parts.counts.get(("alerts", caller.tenant, caller.reach), counted)


@get("/alerts/{alert:uuid}", operation_id="alert", opt=needs(Scope.ALERTS_READ))
async def show(caller: Caller, parts: Parts, alert: AlertId) -> AlertDetail:
    """Show an alert, with what happened to it and whom it was told to."""
    async with parts.db.read(caller.tenant) as tx:
        found = await alerts.find(tx, caller.reach, alert)
        ways = {one.id: one.name for one in await channels.listed(tx)}
        told = (await notifications.of_alerts(tx, [alert]))[alert]
        return AlertDetail(
            alert=await _told(tx, caller, found),
            events=[telling.event(_seen(one, caller)) for one in await alerts.events_of(tx, alert)],
            notifications=[_of(telling.notification(one, ways), caller) for one in told],
        )


@post(
    "/alerts/{alert:uuid}/acknowledge",
    operation_id="acknowledge_alert",
    opt=needs(Scope.ALERTS_OPERATE),
    status_code=200,
)
async def acknowledge(caller: Caller, parts: Parts, alert: AlertId) -> Alert:
    """Say that you know: it tells nobody any more. Also in the place of a snooze."""
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.acknowledge(tx, caller, alert)
        return await _told(tx, caller, found)


@post(
    "/alerts/{alert:uuid}/unacknowledge",
    operation_id="unacknowledge_alert",
    opt=needs(Scope.ALERTS_OPERATE),
    status_code=200,
)
async def unacknowledge(caller: Caller, parts: Parts, alert: AlertId) -> Alert:
    """Take an acknowledgement or a snooze back: it tells again, from its first step on."""
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.unacknowledge(tx, caller, alert)
        return await _told(tx, caller, found)


@post(
    "/alerts/{alert:uuid}/snooze",
    operation_id="snooze_alert",
    opt=needs(Scope.ALERTS_OPERATE),
    dependencies={"form": Body(Snooze)},
    status_code=200,
)
async def snooze(caller: Caller, parts: Parts, alert: AlertId, form: NamedDependency[Snooze]) -> Alert:
    """Acknowledge it until a time: then it is told again, if it is still open."""
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.snooze(tx, caller, alert, form.until)
        return await _told(tx, caller, found)


@post("/alerts/{alert:uuid}/resolve", operation_id="resolve_alert", opt=needs(Scope.ALERTS_OPERATE), status_code=200)
async def resolve(caller: Caller, parts: Parts, alert: AlertId) -> Alert:
    """End it by hand.

    The reason leaves the watch of the job as well, so that the next failure or miss is a new alert.
    """
    async with parts.db.write(caller.tenant) as tx:
        found = await engine.resolve(tx, caller, alert)
        return await _told(tx, caller, found)


@post(
    "/alerts/{alert:uuid}/notes",
    operation_id="note_alert",
    opt=needs(Scope.ALERTS_OPERATE),
    dependencies={"form": Body(Note)},
    status_code=204,
)
async def note(caller: Caller, parts: Parts, alert: AlertId, form: NamedDependency[Note]) -> None:
    """Write something down about it, for others to read."""
    async with parts.db.write(caller.tenant) as tx:
        await engine.note(tx, caller, alert, form.text)


async def _job(tx: Tx, caller: Principal, name: str) -> UUID:
    """Raises Invalid."""
    try:
        return await jobs.id_of(tx, caller.reach, name)
    except NotFound as error:
        raise Invalid(str(error), (Fault("/job", str(error)),)) from None


async def _told(tx: Tx, caller: Principal, found: Stored) -> Alert:
    (seen,) = await within(tx, caller.reach, [found])
    return telling.alert(seen, await telling.subjects(tx, [seen]))


def _of(message: Notification, caller: Principal) -> Notification:
    """Channels, and what the other side says, are of the whole organisation."""
    return message if caller.reach.is_all else replace(message, channel_name=None, why="")


def _seen(event: Event, caller: Principal) -> Event:
    """What held it is told by its name, which may be that of a job out of reach."""
    names_holders = event.what in (Happening.HELD, Happening.RELEASED)
    return replace(event, why="") if names_holders and not caller.reach.is_all else event


def _terms(field: str, value: str | None, known: type[StrEnum]) -> Query:
    """As the query language would say it. Raises Invalid."""
    if value is None:
        return ()
    if value not in list(known):
        detail = f"is one of {', '.join(known)}, not {value!r}"
        raise Invalid(f"{field} {detail}", (Fault(f"/{field}", detail),))
    return (Term(field, (value,)),)


ROUTES = [listed, counts, show, acknowledge, unacknowledge, snooze, resolve, note]
