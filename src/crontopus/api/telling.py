"""Alerts, their messages, channels and routes as the wire shows them."""

from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, datetime
from uuid import UUID

from msgspec import convert

from crontopus.domain import delivery
from crontopus.domain import routing as rules
from crontopus.domain.alerts import SubjectKind
from crontopus.engine import channels as of_channels
from crontopus.engine.routing import Explained, shown_hours
from crontopus.engine.sending import Tried
from crontopus.engine.silences import Hidden
from crontopus.notify import kinds
from crontopus.notify.outcome import Delivered
from crontopus.notify.words import heading, why
from crontopus.storage import alerts as stored
from crontopus.storage import jobs
from crontopus.storage.channels import Channel as StoredChannel
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.jobs import Subject
from crontopus.storage.notifications import Attempt as StoredAttempt
from crontopus.storage.notifications import Notification as StoredNotification
from crontopus.storage.sealing import Sealer
from crontopus.storage.silences import Silence, Window
from crontopus.wire import alerts as wire
from crontopus.wire import silences as of_silences

Subjects = Mapping[UUID, Subject]

UPCOMING = 3
"""Stretches of a maintenance window that are shown."""


async def subjects(tx: Tx, several: Sequence[stored.Stored]) -> Subjects:
    """The jobs that these are of."""
    wanted = {one.subject_id for one in several if one.subject is SubjectKind.JOB}
    return await jobs.subjects(SystemTx(tx.sql, tx.now), wanted)


def alert(found: stored.Stored, names: Subjects) -> wire.Alert:
    of = found.alert
    return wire.Alert(
        id=of.id,
        subject=_subject(found, names.get(found.subject_id)),
        cls=of.kind,
        severity=of.severity,
        opened_at=of.opened_at,
        opening=of.opening,
        held=of.held,
        held_since=found.held_since,
        holders=[holder(one) for one in found.holders],
        acknowledged_at=of.acknowledged_at,
        acknowledged_by=found.acknowledged_by,
        snoozed_until=of.snoozed_until,
        resolved_at=of.resolved_at,
        ending=of.ending,
        run=found.run_id,
    )


def holder(found: rules.Holder) -> wire.Holder:
    return wire.Holder(kind=found.kind, id=found.id, name=found.name, since=found.since, until=_end(found.until))


def stretch(since: datetime, until: datetime) -> of_silences.Stretch:
    return of_silences.Stretch(since=since if since.year > 1 else None, until=_end(until))


def _end(until: datetime | None) -> datetime | None:
    """None where there is none: hours that never close end with time itself."""
    return None if until is None or until.year == MAXYEAR else until


def silence(found: Silence) -> of_silences.Silence:
    return of_silences.Silence(
        id=found.id,
        matcher=found.matcher,
        reason=found.reason,
        since=found.since,
        until=found.until,
        made_by=found.made_by,
        created_at=found.created_at,
    )


def window(found: Window, now: datetime) -> of_silences.Window:
    stretches = rules.upcoming(found.times, now, UPCOMING) if found.enabled else []
    return of_silences.Window(
        id=found.id,
        name=found.name,
        matcher=found.matcher,
        times=_times(found.times),
        enabled=found.enabled,
        holds=any(since <= now for since, _ in stretches),
        upcoming=[stretch(since, until) for since, until in stretches],
        made_by=found.made_by,
        created_at=found.created_at,
    )


def _times(times: rules.Times) -> of_silences.WindowTimes:
    match times:
        case rules.Once(since, until):
            return of_silences.WindowTimes(once=of_silences.OnceTimes(since=since, until=until))
        case rules.Weekly(hours):
            return of_silences.WindowTimes(weekly=convert(shown_hours(hours), wire.RouteHours))
        case rules.Recurring(cron, zone, duration):
            lasts = duration.total_seconds()
            return of_silences.WindowTimes(cron=of_silences.CronTimes(cron=cron, timezone=zone, duration=lasts))


def hidden(found: Hidden, names: Subjects) -> of_silences.Hidden:
    return of_silences.Hidden(
        open=found.open,
        alerts=[alert(one, names) for one in found.alerts],
        jobs=found.jobs,
        names=list(found.names),
    )


def _subject(found: stored.Stored, job: Subject | None) -> wire.AlertSubject:
    there = job is not None and not job.is_deleted
    return wire.AlertSubject(
        kind=found.subject,
        job=job.id if job and there else None,
        namespace=job.namespace if job and there else None,
        slug=job.slug if job and there else None,
        name=job.name if job else None,
    )


def event(found: stored.Event) -> wire.AlertEvent:
    return wire.AlertEvent(at=found.at, what=found.what, who=found.who, why=found.why)


def notification(found: StoredNotification, ways: Mapping[UUID, str]) -> wire.Notification:
    """`ways`: the names of channels."""
    return wire.Notification(
        id=found.id,
        alert=found.alert_id,
        channel=found.channel_id,
        channel_name=ways.get(found.channel_id),
        kind=found.kind,
        number=found.number,
        state=found.state,
        made_at=found.made_at,
        tries=found.tries,
        next_at=found.next_at,
        settled_at=found.settled_at,
        arrived=found.told.arrived,
        why=found.why,
    )


def attempt(found: StoredAttempt) -> wire.Attempt:
    return wire.Attempt(
        at=found.at,
        took=found.took.total_seconds(),
        outcome=found.outcome,
        status=found.status,
        request=found.request,
        response=found.response,
    )


def channel(found: StoredChannel, sealer: Sealer, now: datetime, *, mails: bool) -> wire.Channel:
    settings, hidden = of_channels.shown(sealer, found)
    return wire.Channel(
        id=found.id,
        kind=found.kind,
        name=found.name,
        settings=dict(settings),
        hidden=hidden,
        fallback=found.fallback_id,
        enabled=found.enabled,
        usable=found.enabled and (mails or found.kind != kinds.EMAIL),
        broken_at=found.broken_at,
        closed_until=found.closed_until,
        delivered_at=found.delivered_at,
        failures=found.failures,
        why=found.why,
        templates=dict(found.templates),
        fault=found.fault,
        monthly=settings.get("monthly"),
        sent_this_month=delivery.sent_in(found.month, found.sent, now),
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def tested(tried: Tried) -> wire.ChannelTest:
    outcome, notice = tried.outcome, tried.parcel.first
    return wire.ChannelTest(
        outcome=type(outcome).__name__,
        took=tried.took.total_seconds(),
        status=tried.status,
        why=tried.fault if isinstance(outcome, Delivered) else outcome.why,
        title=heading(notice),
        text=why(notice),
    )


def preview(found: of_channels.Previewed) -> wire.ChannelPreview:
    said = found.said
    return wire.ChannelPreview(
        alert=found.alert, title=said.title, text=said.text, body=said.body, content_type=said.content_type
    )


def route(found: rules.Route, matcher: str) -> wire.Route:
    """`matcher` as it was written."""
    return wire.Route(
        id=found.id,
        name=found.name,
        parent=found.parent,
        place=found.place,
        matcher=matcher,
        proceeds=found.proceeds,
        steps=[wire.ShownStep(after=step.after.total_seconds(), channels=list(step.channels)) for step in found.steps],
        group_by=list(found.group_by),
        group_wait=found.group_wait.total_seconds(),
        group_interval=found.group_interval.total_seconds(),
        repeat=None if found.repeat is None else found.repeat.total_seconds(),
        also=sorted(found.also),
        hours=convert(shown_hours(found.hours), wire.RouteHours | None),
    )


def explanation(found: Explained) -> wire.Explanation:
    return wire.Explanation(
        at=found.at,
        severity=found.severity,
        holders=[holder(one) for one in found.decision.holders],
        lines=[
            wire.ExplainedLine(
                route=line.route,
                route_name=found.routes[line.route].name,
                step=line.step,
                channel=line.channel,
                channel_name=found.channels[line.channel].name if line.channel in found.channels else None,
                verdict=line.verdict,
                at=line.at,
                fallback_of=line.fallback_of,
            )
            for line in found.decision.why
        ],
    )
