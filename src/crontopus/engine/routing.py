"""Whom a tenant's alerts are told to: its routes, made and changed by people, and what they would do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from crontopus.domain import duration, ids, zone
from crontopus.domain.access import Principal
from crontopus.domain.alerts import Alert, Severity, SubjectKind
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.domain.query import Query, parse_alerts
from crontopus.domain.routing import Decision, Hours, Route, Span, Step, decide
from crontopus.engine import audit, holding
from crontopus.engine.alerting import facts, rules_of
from crontopus.notify import email, kinds
from crontopus.storage import alerts, channels, jobs, routes, watches
from crontopus.storage.alerts import Stored
from crontopus.storage.channels import Channel
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer
from crontopus.wire.alerts import Explain, NewRoute, RouteHours, RoutePatch, RouteStep

ROOT = "Everything"
MOST = 200
LONGEST = timedelta(days=30)
_DAY_MINUTES = 24 * 60


class Explained(Struct, frozen=True):
    """What would be told, when, and why; with the names that it takes to say so."""

    at: datetime
    severity: Severity
    decision: Decision
    routes: Mapping[UUID, Route]
    channels: Mapping[UUID, Channel]


async def begin(tx: Tx, sealer: Sealer, owner: str) -> None:
    """Of a new tenant: everything is told to its owner by e-mail, at once."""
    channel = await _mailbox(tx, sealer, owner)
    step = Step(timedelta(), (channel,))
    await routes.add(tx, Route(id=new_id(tx.now), name=ROOT, parent=None, steps=(step,)), "")


async def create(tx: Tx, caller: Principal, new: NewRoute) -> Route:
    """Raises Invalid, NotFound, Conflict."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    known = {one.id: one for one in await routes.listed(tx)}
    if len(known) >= MOST:
        raise Conflict(f"an organisation has at most {MOST} routes: remove one first")
    parent = new.parent or next(one.id for one in known.values() if one.parent is None)
    made = _changed(Route(id=new_id(tx.now), name="", parent=parent), _given(new))
    made = replace(made, parent=parent)
    _require_place(made, known)
    await _require_channels(tx, made)
    await routes.add(tx, made, new.matcher)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "route.create", _target(made), after=_told(made, new.matcher))
    return made


async def edit(tx: Tx, caller: Principal, id: UUID, patch: RoutePatch) -> Route:
    """JSON Merge Patch. Raises Invalid, NotFound, Conflict."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    old = await routes.lock(tx, id)
    known = {one.id: one for one in await routes.listed(tx)}
    matcher = (await routes.matchers(tx))[id]
    given = _given(patch)
    new = _changed(old, given)
    if old.parent is None and ({"parent", "matcher", "proceeds"} & given.keys()):
        raise Conflict("the root matches everything, and stands above all others: make a route below it")
    _require_place(new, known)
    await _require_channels(tx, new)
    written = str(given.get("matcher", matcher))
    await routes.change(tx, new, written)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "route.edit", _target(new), _told(old, matcher), _told(new, written))
    return new


async def remove(tx: Tx, caller: Principal, id: UUID) -> None:
    """Raises NotFound, and Conflict for the root, and for one with others below it."""
    caller.require_all_jobs()
    await alerts.take_turn(tx)
    old = await routes.lock(tx, id)
    if old.parent is None:
        raise Conflict("the root cannot be removed: it takes what no other route takes")
    if any(one.parent == id for one in await routes.listed(tx)):
        raise Conflict("there are routes below this one: remove or move them first")
    await routes.remove(tx, id)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "route.remove", _target(old), before={"name": old.name})


async def explain(tx: Tx, caller: Principal, asked: Explain, *, mails: bool) -> Explained:
    """Who would be told if this job got into that trouble then, by the rules by which it happens. Raises NotFound."""
    job = await jobs.id_of(tx, caller.reach, asked.job)
    everywhere = SystemTx(tx.sql, tx.now)
    subject = (await jobs.subjects(everywhere, [job]))[job]
    at, severity = asked.at or tx.now, asked.severity or subject.notes.severity
    imagined = Stored(
        alert=Alert(id=new_id(tx.now), kind=asked.cls, severity=severity, opened_at=at, clock_at=at),
        tenant_id=tx.tenant,
        subject=SubjectKind.JOB,
        subject_id=job,
        agent_id=ids.NO_AGENT,
    )
    rules = (await rules_of(everywhere, [tx.tenant], mails=mails))[tx.tenant]
    seen = facts(imagined, subject)
    believed = await watches.states(tx, [job])
    ground = await holding.ground(everywhere, [imagined], {job: subject}, believed)
    holders = ground.holders(imagined, seen, at)
    decision = decide(imagined.alert, seen, rules.routes, holders, (), at)
    return Explained(at, severity, decision, rules.by_id, rules.channels)


def _given(form: NewRoute | RoutePatch) -> dict[str, Any]:
    found = {name: getattr(form, name) for name in form.__struct_fields__}
    return {name: value for name, value in found.items() if value is not UNSET}


def _changed(route: Route, given: Mapping[str, Any]) -> Route:
    """With what is given in the words of routing. Raises Invalid."""
    read: dict[str, Any] = {name: given[name] for name in ("place", "proceeds", "parent") if name in given}
    if "name" in given:
        read["name"] = given["name"].strip()
    if "matcher" in given:
        read["matcher"] = matcher_of(given["matcher"])
    for name in ("group_wait", "group_interval", "repeat"):
        if name in given:
            least = timedelta(minutes=1) if name == "repeat" else timedelta()
            written = given[name]
            read[name] = None if written is None else _span(written, f"/{name}", least)
    if "steps" in given:
        read["steps"] = tuple(_step(number, step) for number, step in enumerate(given["steps"]))
    if "hours" in given:
        read["hours"] = None if given["hours"] is None else hours_of(given["hours"], "/hours")
    if "group_by" in given:
        read["group_by"] = tuple(given["group_by"])
    if "also" in given:
        read["also"] = frozenset(given["also"])
    return replace(route, **read)


def _step(number: int, step: RouteStep) -> Step:
    return Step(_span(step.after, f"/steps/{number}/after"), tuple(dict.fromkeys(step.channels)))


def _span(written: float | str, pointer: str, least: timedelta = timedelta()) -> timedelta:
    return duration.parse(written, least=least, most=LONGEST, pointer=pointer)


def hours_of(hours: RouteHours, pointer: str) -> Hours:
    """Raises Invalid."""
    if zone.find(hours.timezone) is None:
        detail = f"there is no time zone {hours.timezone!r}: write one such as Europe/Berlin"
        raise Invalid(detail, (Fault(f"{pointer}/timezone", detail),))
    spans = tuple(Span(frozenset(each.days), _minutes(each.since), _minutes(each.until)) for each in hours.open)
    return Hours(hours.timezone, spans)


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def matcher_of(written: str) -> Query:
    """Raises Invalid, which names the place."""
    try:
        return parse_alerts(written)
    except Invalid as error:
        raise Invalid(str(error), tuple(Fault("/matcher", fault.detail) for fault in error.faults)) from None


def _require_place(route: Route, known: Mapping[UUID, Route]) -> None:
    """Below one that is there, and not below itself."""
    if route.parent is None:
        return
    if route.parent not in known:
        raise NotFound("no such route", (Fault("/parent", "no such route"),))
    at: UUID | None = route.parent
    while at is not None:
        if at == route.id:
            detail = "a route does not stand below itself"
            raise Invalid(detail, (Fault("/parent", detail),))
        at = known[at].parent


async def _require_channels(tx: Tx, route: Route) -> None:
    known = {one.id for one in await channels.listed(tx)}
    for number, step in enumerate(route.steps):
        for place, channel in enumerate(step.channels):
            if channel not in known:
                raise NotFound("no such channel", (Fault(f"/steps/{number}/channels/{place}", "no such channel"),))


def _target(route: Route) -> Target:
    return Target(Noun.ROUTE, route.id, route.name)


def _told(route: Route, matcher: str) -> dict[str, Any]:
    """As the audit log has it."""
    return {
        "name": route.name,
        "parent": route.parent,
        "place": route.place,
        "matcher": matcher,
        "continue": route.proceeds,
        "group_by": list(route.group_by),
        "group_wait": route.group_wait.total_seconds(),
        "group_interval": route.group_interval.total_seconds(),
        "repeat": None if route.repeat is None else route.repeat.total_seconds(),
        "also": sorted(route.also),
        "steps": [{"after": step.after.total_seconds(), "channels": list(step.channels)} for step in route.steps],
        "hours": None if route.hours is None else route.hours.zone,
    }


async def _mailbox(tx: Tx, sealer: Sealer, address: str) -> UUID:
    id = new_id(tx.now)
    sealed = sealer.seal(msgspec.json.encode(email.Settings(to=address)), tx.tenant, id)
    made = Channel(
        id=id,
        tenant_id=tx.tenant,
        kind=kinds.EMAIL,
        name=address,
        sealed=sealed,
        fallback_id=None,
        enabled=True,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await channels.add(tx, made)
    return id


def shown_hours(hours: Hours | None) -> dict[str, Any] | None:
    """As they were given."""
    if hours is None:
        return None
    spans: Sequence[Span] = hours.spans
    return {
        "timezone": hours.zone,
        "open": [{"days": sorted(one.days), "from": _clock(one.start), "to": _clock(one.end)} for one in spans],
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}" if minutes < _DAY_MINUTES else "24:00"
