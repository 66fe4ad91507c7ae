"""Flips become alerts, and alerts messages: taken, decided upon and stored in one transaction, so that what is owed is
owed for good. What is to be told waits in the outbox.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import anyio
from msgspec import Struct, field
from msgspec.structs import replace

from crontopus.domain import alerts as changes
from crontopus.domain.alerts import Alert, Ending, Happening, Severity, SubjectKind
from crontopus.domain.routing import Channel, Decision, Facts, Message, Route, Routes, decide
from crontopus.domain.watch import Cause
from crontopus.engine import steps
from crontopus.engine.loops import Loops
from crontopus.engine.pace import stand_back
from crontopus.engine.steps import Step
from crontopus.notify import kinds
from crontopus.storage import alerts as stored
from crontopus.storage import channels, jobs, notifications, routes
from crontopus.storage import tenants as stored_tenants
from crontopus.storage.alerts import Event, Key, OwedFlip, Stored
from crontopus.storage.channels import Channel as StoredChannel
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.jobs import Subject
from crontopus.storage.notifications import Notification

BATCH = 50
"""Flips, or alerts, in one transaction: it keeps the other writers waiting."""

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
            known = await stored.latest(
                tx, {flip.key for flip in flips}, min(flip.at for flip in flips) - changes.SETTLES
            )
            batch = await self._batch(tx, known, {flip.job_id for flip in flips}, {flip.tenant_id for flip in flips})
            for flip in flips:
                batch.take(flip)
            await batch.save(tx)
            await stored.take(tx, [flip.id for flip in flips])
        steps.reached(Step.TAKEN)
        return len(flips)

    async def _decide(self, tx: SystemTx) -> int:
        due = await stored.due(tx, BATCH)
        if due:
            of_jobs = {each.subject_id for each in due if each.subject is SubjectKind.JOB}
            known = {each.key: each for each in due}
            batch = await self._batch(tx, known, of_jobs, {each.tenant_id for each in due})
            for each in due:
                batch.look_at(each)
            await batch.save(tx)
        steps.reached(Step.DECIDED)
        return len(due)

    async def _batch(
        self, tx: SystemTx, known: dict[Key, Stored], of_jobs: Collection[UUID], tenants: Collection[UUID]
    ) -> "_Batch":
        told = await notifications.of_alerts(tx, [each.alert.id for each in known.values()])
        return _Batch(
            now=tx.now,
            known=known,
            told=dict(told),
            subjects=await jobs.subjects(tx, of_jobs),
            rules=await rules_of(tx, tenants, mails=self._mails),
        )


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
    fields = {
        "ns": (subject.namespace,),
        "job": (subject.slug, f"{subject.namespace}/{subject.slug}"),
        "tag": tuple(subject.tags),
        "name": (subject.name,),
    }
    return Facts(fields=fields | own, labels=subject.labels)


class _Batch(Struct, kw_only=True):
    """What one transaction makes of some alerts. `known`: the newest of each key; `told`: their messages."""

    now: datetime
    known: dict[Key, Stored]
    told: dict[UUID, list[Notification]]
    subjects: Mapping[UUID, Subject]
    rules: Mapping[UUID, Rules]
    new: set[UUID] = field(default_factory=set)
    changed: dict[UUID, Stored] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    made: list[Notification] = field(default_factory=list)

    def take(self, flip: OwedFlip) -> None:
        """A trouble that came or went. Of a job that is gone nothing opens any more."""
        subject, before = self.subjects.get(flip.job_id), self.known.get(flip.key)
        if flip.entered:
            if subject is not None and not subject.is_deleted:
                self.look_at(self._opened(flip, subject, before))
        elif before is not None and not before.alert.is_over:
            over = changes.resolved(before.alert, flip.at, _ENDINGS[flip.cause])
            self.tell(before, Happening.RESOLVED, why=_ENDINGS[flip.cause])
            self.look_at(replace(before, alert=over))

    def look_at(self, each: Stored) -> None:
        """Decide upon it, and keep what comes of that."""
        subject = self.subjects.get(each.subject_id)
        each = self._of_subject(each, subject)
        rules, told = self.rules[each.tenant_id], self.told.setdefault(each.alert.id, [])
        seen = facts(each, subject)
        found = decide(each.alert, seen, rules.routes, (), [one.told for one in told], self.now)
        self._tell_turn(each, found)
        messages = [self._message(each, message, rules, seen) for message in found.due]
        told += messages
        self.made += messages
        kept = replace(each, alert=found.alert, next_at=found.next_at)
        self.known[kept.key] = self.changed[kept.alert.id] = kept

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

    def _opened(self, flip: OwedFlip, subject: Subject, before: Stored | None) -> Stored:
        if before is not None and not before.alert.is_over:
            return replace(before, alert=replace(before.alert, failed_at=self.now), run_id=flip.run_id)
        if before is not None and before.alert.reopens(flip.at):
            again = changes.reopened(before.alert, flip.at, self.now)
            self.tell(before, Happening.REOPENED)
            return replace(before, alert=again, run_id=flip.run_id)
        made = Alert(
            id=new_id(self.now),
            kind=flip.key[2],
            severity=subject.notes.severity,
            opened_at=flip.at,
            clock_at=self.now,
        )
        opened = Stored(
            alert=made,
            tenant_id=flip.tenant_id,
            subject=SubjectKind.JOB,
            subject_id=flip.job_id,
            agent_id=flip.agent_id,
            run_id=flip.run_id,
        )
        self.new.add(made.id)
        self.tell(opened, Happening.OPENED)
        return opened

    def _of_subject(self, each: Stored, subject: Subject | None) -> Stored:
        """As its subject has it by now: gone, or of another severity."""
        if each.subject is not SubjectKind.JOB or each.alert.is_over:
            return each
        if subject is None or subject.is_deleted:
            self.tell(each, Happening.RESOLVED, why=Ending.DELETED)
            return replace(each, alert=changes.resolved(each.alert, self.now, Ending.DELETED))
        severity: Severity = subject.notes.severity
        if severity is not each.alert.severity:
            self.tell(each, Happening.REGRADED, why=severity)
            return replace(each, alert=replace(each.alert, severity=severity, updated_at=self.now))
        return each

    def _tell_turn(self, before: Stored, found: Decision) -> None:
        """What the passing of time did to it."""
        if found.alert.held and not before.alert.held:
            self.tell(before, Happening.HELD, why=", ".join(holder.name for holder in found.holders))
        if before.alert.held and not found.alert.held and not found.alert.is_over:
            self.tell(before, Happening.RELEASED)
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
