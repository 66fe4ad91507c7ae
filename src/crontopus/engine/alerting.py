"""Flips become alerts, and alerts messages: taken, decided upon and stored in one transaction, so that what is owed is
owed for good. What is to be told waits in the outbox.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import anyio
from msgspec import Struct, field
from msgspec.structs import replace

from crontopus.domain import alerts as changes
from crontopus.domain import messages
from crontopus.domain.alerts import Alert, AlertClass, Ending, Happening, Severity, SubjectKind
from crontopus.domain.routing import Channel, Decision, Facts, Message, Route, Routes, decide
from crontopus.domain.watch import Cause, Elapsed, Expectation, Status, Watch, advance, is_calm, is_flapping
from crontopus.engine import holding, steps, unobserved
from crontopus.engine.holding import Ground, Watches
from crontopus.engine.loops import Loops
from crontopus.engine.pace import stand_back
from crontopus.engine.steps import Step
from crontopus.notify import kinds
from crontopus.storage import alerts as stored
from crontopus.storage import channels, dependencies, events, jobs, notifications, routes, told, watches
from crontopus.storage import tenants as stored_tenants
from crontopus.storage.alerts import Event, Key, OwedFlip, Stored
from crontopus.storage.channels import Channel as StoredChannel
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.jobs import Subject
from crontopus.storage.notifications import Notification

BATCH = 50
"""Flips, or alerts, in one transaction: it keeps the other writers waiting."""

LOOKED_AT = timedelta(minutes=1)
"""So often those alerts are looked at that end without a flip."""
LASTS = timedelta(days=1)
"""So long an alert of what nobody observed is open at most, and one of flapping after the last crossing."""

_GRAVITY = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_WITHOUT_FLIPS = frozenset({AlertClass.FLAPPING, AlertClass.UNOBSERVED})
_ENDINGS = {Cause.PAUSED: Ending.PAUSED, Cause.BY_HAND: Ending.BY_HAND, Cause.RUN: Ending.RECOVERED}


class Rules(Struct, frozen=True):
    """Whom a tenant's alerts are told to, by the words of routing, and how each of its channels fares."""

    routes: Routes
    by_id: Mapping[UUID, Route]
    channels: Mapping[UUID, StoredChannel]


class Alerting:
    """`mails`: this installation sends e-mail."""

    def __init__(self, db: Database, loops: Loops, *, mails: bool) -> None:
        self._db = db
        self._loops = loops
        self._mails = mails
        self._is_behind = False

    async def begin(self) -> None:
        """The settings may be others than before: where mail can be sent by now, it is owed what is still open."""
        await self._db.wrote(stored.ask_every_again)

    async def run(self) -> None:
        """Until cancelled: as soon as there is something to take or to decide."""
        await self._loops.whenever(self._db.owed, "alerts", self._paced)

    async def _paced(self) -> bool:
        began = anyio.current_time()
        if not await self.step() or not self._is_behind:
            return False
        await stand_back(self._db, began)
        return True

    async def step(self) -> bool:
        """Take some flips, and decide upon some alerts. True where there was anything: there may be more."""
        async with self._db.read_all() as tx:
            if not await stored.is_owed(tx):
                return False
        steps.reached(Step.FLIP_SEEN)
        taken = await self._db.wrote(self._take)
        steps.reached(Step.TAKEN_KEPT)
        decided = await self._db.wrote(self._decide)
        steps.reached(Step.DECIDED_KEPT)
        self._is_behind = BATCH in (taken, decided)
        return taken + decided > 0

    async def _take(self, tx: SystemTx) -> int:
        flips = await stored.owed(tx, BATCH)
        if flips:
            keys = {flip.key for flip in flips} | {_flapping(flip.key) for flip in flips}
            known = await stored.latest(tx, keys, min(flip.at for flip in flips) - changes.SETTLES)
            batch = await self._batch(tx, known, {flip.job_id for flip in flips}, {flip.tenant_id for flip in flips})
            for flip in flips:
                batch.take(flip)
            await self._finish(tx, batch)
            await stored.take(tx, [flip.id for flip in flips])
        steps.reached(Step.TAKEN)
        return len(flips)

    async def _decide(self, tx: SystemTx) -> int:
        due = await stored.due(tx, BATCH)
        if due:
            of_jobs = {each.subject_id for each in due if each.subject is SubjectKind.JOB}
            known = {each.key: each for each in due}
            batch = await self._batch(tx, known, of_jobs, {each.tenant_id for each in due})
            heard = await unobserved.heard(tx, [each for each in due if each.alert.kind is AlertClass.UNOBSERVED])
            for each in due:
                batch.look_again(each, heard)
            await self._finish(tx, batch)
        steps.reached(Step.DECIDED)
        return len(due)

    async def _batch(
        self, tx: SystemTx, known: dict[Key, Stored], of_jobs: Collection[UUID], tenants: Collection[UUID]
    ) -> "_Batch":
        return _Batch(
            now=tx.now,
            known=known,
            told=dict(await told.of_alerts(tx, [each.alert.id for each in known.values()])),
            subjects=await jobs.subjects(tx, of_jobs),
            watches=await watches.states(tx, of_jobs),
            rules=await rules_of(tx, tenants, mails=self._mails),
        )

    async def _finish(self, tx: SystemTx, batch: "_Batch") -> None:
        """Decide upon all that changed, keep what comes of it, and ask those again that it holds or lets go."""
        concerned = list(batch.changed.values())
        ground = await holding.ground(tx, concerned, batch.subjects, batch.watches)
        for each in concerned:
            batch.decide(each, ground)
        await batch.save(tx)
        if batch.turned:
            others = batch.turned | await dependencies.descendants(tx, batch.turned)
            await stored.ask_others_again(tx, others, batch.changed)


async def rules_of(tx: SystemTx, tenants: Collection[UUID], *, mails: bool) -> Mapping[UUID, Rules]:
    """By tenant. Without e-mail a channel that is a mailbox is as one that is switched off, and so is every channel of
    a tenant that is deleted.
    """
    of_routes, of_channels = await routes.of_tenants(tx, tenants), await channels.of_tenants(tx, tenants)
    gone = await stored_tenants.deleted(tx, tenants)
    return {
        tenant: _rules(of_routes[tenant], of_channels[tenant], mails=mails, tells=tenant not in gone)
        for tenant in tenants
    }


def _rules(tree: Sequence[Route], ways: Sequence[StoredChannel], *, mails: bool, tells: bool) -> Rules:
    known = {
        each.id: Channel(
            id=each.id,
            keeps=kinds.keeps(each.kind),
            enabled=tells and each.enabled and (mails or each.kind != kinds.EMAIL),
            fallback=each.fallback_id,
        )
        for each in ways
    }
    return Rules(Routes(tree, known), {each.id: each for each in tree}, {each.id: each for each in ways})


def facts(of: Stored, subject: Subject | None) -> Facts:
    """What matchers see."""
    own = {"class": (of.alert.kind.value,), "severity": (of.alert.severity.value,)}
    if subject is None:
        return Facts(fields=own, labels={})
    return Facts(fields=job_fields(subject) | own, labels=subject.labels)


def job_fields(subject: Subject) -> dict[str, tuple[str, ...]]:
    """What matchers see of any alert of a job."""
    return {
        "ns": (subject.namespace,),
        "job": (subject.slug, f"{subject.namespace}/{subject.slug}"),
        "tag": tuple(subject.tags),
        "name": (subject.name,),
        "severity": (subject.notes.severity.value,),
    }


class _Batch(Struct, kw_only=True):
    """What one transaction makes of some alerts. `known`: the newest of each key; `told`: what counts of their
    messages. `turned`: subjects of which an alert has opened or ended, so that others may be held by it, or are so no
    longer.
    """

    now: datetime
    known: dict[Key, Stored]
    told: dict[UUID, list[Notification]]
    subjects: Mapping[UUID, Subject]
    watches: Watches
    rules: Mapping[UUID, Rules]
    new: set[UUID] = field(default_factory=set)
    changed: dict[UUID, Stored] = field(default_factory=dict)
    turned: set[UUID] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    made: list[Notification] = field(default_factory=list)

    def take(self, flip: OwedFlip) -> None:
        """A trouble that came or went. Of a job that is gone nothing opens any more."""
        subject, before = self.subjects.get(flip.job_id), self.known.get(flip.key)
        if flip.entered:
            if subject is not None and not subject.is_deleted:
                self._enter(flip, subject, before)
        elif before is not None and not before.alert.is_over:
            self._end(before, flip.at, _ENDINGS[flip.cause])
        watch = self.watches.get((flip.job_id, flip.agent_id))
        if watch is not None and is_flapping(watch) and subject is not None and not subject.is_deleted:
            self._flap(flip, subject)

    def look_again(self, each: Stored, heard: Collection[UUID]) -> None:
        """Somebody asked for it, or its time has come. `heard`: of those that are of silence, what is heard again."""
        each = self._of_subject(each, self.subjects.get(each.subject_id))
        self._keep(each)
        ending = self._over_by_itself(each, heard)
        if ending is not None:
            self._end(each, self.now, ending)

    def decide(self, each: Stored, ground: Ground) -> None:
        rules, said = self.rules[each.tenant_id], self.told.setdefault(each.alert.id, [])
        seen = facts(each, self.subjects.get(each.subject_id))
        holders = ground.holders(each, seen, self.now)
        found = decide(each.alert, seen, rules.routes, holders, [one.told for one in said], self.now)
        self._tell_turn(each, found)
        made = [self._message(each, message, rules, seen) for message in found.due]
        said += made
        self.made += made
        decided = replace(each, alert=found.alert, next_at=self._next_at(found))
        if found.holders:
            since = each.held_since if each.alert.held else self.now
            decided = replace(decided, held_since=since, holders=found.holders)
        self._keep(decided)

    def tell(self, of: Stored, what: Happening, why: str = "") -> None:
        """In the alert's own log, as something that happened by itself."""
        event = Event(
            id=new_id(self.now), tenant_id=of.tenant_id, alert_id=of.alert.id, at=self.now, what=what, why=why
        )
        self.events.append(event)

    async def save(self, tx: SystemTx) -> None:
        new = [each for id, each in self.changed.items() if id in self.new]
        await stored.save(tx, new, [each for id, each in self.changed.items() if id not in self.new])
        await stored.log(tx, self.events)
        await notifications.add(tx, self.made)
        made: dict[UUID, list[UUID]] = {}
        for message in self.made:
            made.setdefault(message.alert_id, []).append(message.id)
        await events.tell(tx, [each.touched(made.get(id, ())) for id, each in self.changed.items()])

    def _enter(self, flip: OwedFlip, subject: Subject, before: Stored | None) -> None:
        if before is not None and not before.alert.is_over:
            self._keep(replace(before, alert=replace(before.alert, failed_at=self.now), run_id=flip.run_id))
            return
        self._open(flip.key, flip, subject, before)

    def _flap(self, flip: OwedFlip, subject: Subject) -> None:
        key = _flapping(flip.key)
        before = self.known.get(key)
        if before is None or before.alert.is_over:
            self._open(key, flip, subject, before)

    def _open(self, key: Key, flip: OwedFlip, subject: Subject, before: Stored | None) -> None:
        """A new alert; or the one before, where it ended a moment ago."""
        if before is not None and before.alert.reopens(flip.at):
            opened = replace(
                before,
                alert=changes.reopened(before.alert, flip.at, self.now),
                run_id=flip.run_id,
                held_since=None,
                holders=(),
            )
            self.tell(opened, Happening.REOPENED)
        else:
            opened = _new(key, flip, subject, self.now)
            self.new.add(opened.alert.id)
            self.tell(opened, Happening.OPENED)
        self.turned.add(opened.subject_id)
        self._keep(opened)

    def _end(self, each: Stored, at: datetime, ending: Ending) -> None:
        self.tell(each, Happening.RESOLVED, why=ending)
        self.turned.add(each.subject_id)
        self._keep(replace(each, alert=changes.resolved(each.alert, at, ending)))

    def _keep(self, each: Stored) -> None:
        self.known[each.key] = self.changed[each.alert.id] = each

    def _of_subject(self, each: Stored, subject: Subject | None) -> Stored:
        """With the severity that its subject has by now."""
        if each.subject is not SubjectKind.JOB or subject is None or each.alert.is_over:
            return each
        severity: Severity = subject.notes.severity
        if severity is each.alert.severity:
            return each
        self.tell(each, Happening.REGRADED, why=severity)
        return replace(each, alert=replace(each.alert, severity=severity, updated_at=self.now))

    def _over_by_itself(self, each: Stored, heard: Collection[UUID]) -> Ending | None:
        """Its subject is gone; or it is one of those that end without a flip."""
        if each.alert.is_over:
            return None
        subject = self.subjects.get(each.subject_id)
        if each.subject is SubjectKind.JOB and (subject is None or subject.is_deleted):
            return Ending.DELETED
        if each.alert.kind is AlertClass.UNOBSERVED:
            if each.alert.id in heard:
                return Ending.RECOVERED
            return Ending.EXPIRED if each.alert.opened_at + LASTS <= self.now else None
        watch = self.watches.get((each.subject_id, each.agent_id))
        if each.alert.kind is AlertClass.FLAPPING and subject is not None and watch is not None:
            return _calm(watch, subject.expectation, self.now)
        return None

    def _next_at(self, found: Decision) -> datetime | None:
        """What ends without a flip is looked at again and again."""
        if found.alert.is_over or found.alert.kind not in _WITHOUT_FLIPS:
            return found.next_at
        return min(self.now + LOOKED_AT, found.next_at or datetime.max.replace(tzinfo=UTC))

    def _tell_turn(self, before: Stored, found: Decision) -> None:
        """What the passing of time did to it."""
        if found.alert.held and not before.alert.held:
            self.tell(before, Happening.HELD, why=messages.held_by(found.holders))
        if before.alert.held and not found.alert.held and not found.alert.is_over:
            self.tell(before, Happening.RELEASED, why=messages.held_by(before.holders))
        if before.alert.acknowledged_at is not None and found.alert.acknowledged_at is None:
            self.tell(before, Happening.UNACKNOWLEDGED, why="the snooze is over")

    def _message(self, of: Stored, message: Message, rules: Rules, seen: Facts) -> Notification:
        route, channel = rules.by_id.get(message.route), rules.channels[message.channel]
        grouped = route is not None and route.group_by and not kinds.keeps(channel.kind)
        closed = channel.closed_until is not None and channel.closed_until > self.now
        return Notification(
            id=new_id(self.now),
            tenant_id=of.tenant_id,
            alert_id=of.alert.id,
            channel_id=message.channel,
            kind=message.kind,
            number=message.number,
            opening=message.opening,
            route_id=message.route,
            step=message.step,
            gravity=_GRAVITY[of.alert.severity],
            made_at=self.now,
            next_at=max(self.now, channel.closed_until) if closed and channel.closed_until else self.now,
            falls_at=self.now if closed else None,
            group=_group(route, seen) if grouped and route else (),
            group_wait=route.group_wait if grouped and route else timedelta(),
            group_interval=route.group_interval if grouped and route else timedelta(),
        )


def _group(route: Route, seen: Facts) -> tuple[str, ...]:
    """The values by which a route joins what it tells: those of a label as `label:team`."""
    values = []
    for name in route.group_by:
        _, is_label, key = name.partition("label:")
        values.append(seen.labels.get(key, "") if is_label else " ".join(seen.fields.get(name, ())))
    return (str(route.id), *values)


def _new(key: Key, flip: OwedFlip, subject: Subject, now: datetime) -> Stored:
    alert = Alert(id=new_id(now), kind=key[2], severity=subject.notes.severity, opened_at=flip.at, clock_at=now)
    return Stored(
        alert=alert,
        tenant_id=flip.tenant_id,
        subject=SubjectKind.JOB,
        subject_id=flip.job_id,
        agent_id=flip.agent_id,
        run_id=flip.run_id,
    )


def _flapping(key: Key) -> Key:
    return (*key[:2], AlertClass.FLAPPING)


def _calm(watch: Watch, rule: Expectation, now: datetime) -> Ending | None:
    """Why a watch that was flapping is so no more; None: it still is."""
    if watch.status is Status.PAUSED:
        return Ending.PAUSED
    if is_calm(advance(watch, Elapsed(), rule, (), now).watch):
        return Ending.RECOVERED
    return Ending.EXPIRED if watch.flipped_at is not None and watch.flipped_at + LASTS <= now else None
