"""`crontopus alerts`: what is wrong, and what people make of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.notifications import OF_ALERT
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.table import Cell
from crontopus.cli.values import WHEN
from crontopus.cli.words import Words
from crontopus.domain.alerts import AlertClass, Ending, Severity, SubjectKind
from crontopus.domain.messages import held_by
from crontopus.wire.alerts import Alert, AlertDetail, AlertEvent, Holder

if TYPE_CHECKING:
    from crontopus.client import Client

_SEVERITIES = {Severity.CRITICAL: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_ENDINGS = {
    Ending.RECOVERED: "it recovered",
    Ending.PAUSED: "the job was paused",
    Ending.BY_HAND: "by hand",
    Ending.DELETED: "the job was deleted",
    Ending.EXPIRED: "nothing was heard of it any more",
}
Q_ALERTS = "Such as `class:failed severity:critical ns:prod tag:db`; a bare word searches names of jobs."
_which = click.argument("which", metavar="ID")


def _job(one: Alert) -> str:
    """What it is of: a job that is gone by what it was called."""
    of = one.subject
    if of.kind is SubjectKind.SYSTEM:
        return "the tenant"
    return f"{of.namespace}/{of.slug}" if of.job else f"{of.name or 'a job'} (gone)"


def in_short(one: Alert) -> str:
    return f"{_job(one)} ({one.cls})"


def _severity(one: Alert) -> Cell:
    return Cell(one.severity.value, _SEVERITIES[one.severity])


def state(one: Alert, words: Words) -> Cell:
    """A snooze that has passed is over, whether or not anything has been decided since."""
    if one.resolved_at is not None:
        return Cell("resolved", "green")
    if one.snoozed_until is not None and words.now < one.snoozed_until:
        return Cell(f"snoozed until {words.instant(one.snoozed_until)}", "yellow")
    if one.acknowledged_at is not None and one.snoozed_until is None:
        return Cell(f"acknowledged by {one.acknowledged_by}", "yellow")
    return Cell(f"held by {held_by(one.holders)}", "yellow") if one.held else Cell("open", "red")


def held(holders: Iterable[Holder], words: Words) -> str:
    """What holds it, and until when as far as that is known."""
    return " and ".join(f"{held_by([one])}{_until(one, words)}" for one in holders)


def _until(one: Holder, words: Words) -> str:
    return "" if one.until is None else f" until {words.instant(one.until)}"


ALERTS = Listing(
    Alert,
    (
        Column("id", lambda one, words: str(one.id)),
        Column("class", lambda one, words: one.cls.value),
        Column("severity", lambda one, words: _severity(one)),
        Column("job", lambda one, words: _job(one)),
        Column("since", lambda one, words: words.about(one.opened_at)),
        Column("state", state),
    ),
)
EVENTS = Listing(
    AlertEvent,
    (
        Column("when", lambda one, words: words.about(one.at)),
        Column("what", lambda one, words: one.what.value),
        Column("who", lambda one, words: one.who or "–"),
        Column("why", lambda one, words: one.why),
    ),
)


def _card(detail: AlertDetail, words: Words) -> Iterator[tuple[str, str | Cell]]:
    one = detail.alert
    yield "id", str(one.id)
    yield "job", _job(one)
    yield "class", one.cls.value
    yield "severity", _severity(one)
    yield "state", state(one, words)
    yield "since", words.instant(one.opened_at)
    yield "opened", f"{one.opening} times" if one.opening > 1 else ""
    yield "held", f"since {words.instant(one.held_since)} by {held(one.holders, words)}" if one.held else ""
    yield (
        "acknowledged",
        f"{words.instant(one.acknowledged_at)} by {one.acknowledged_by}" if one.acknowledged_at else "",
    )
    yield "ended", f"{words.instant(one.resolved_at)}: {_ENDINGS[one.ending]}" if one.resolved_at and one.ending else ""
    yield "run", str(one.run or "")


@click.group(short_help="Alerts: what is wrong, and who knows.")
def alerts() -> None:
    """Alerts: what is wrong, and who knows. ID is what `alerts list` shows."""


@alerts.command("list")
@click.option("-q", "--q", metavar="QUERY", help=Q_ALERTS)
@click.option("--job", type=JOB, default="", help="Only those of this job.")
@click.option(
    "--class", "cls", type=click.Choice([each.value for each in AlertClass]), help="Only those of this class."
)
@click.option("--severity", type=click.Choice([each.value for each in Severity]), help="Only those of this severity.")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_alerts(
    client: "Client",
    out: Out,
    q: str | None,
    job: str,
    cls: str | None,
    severity: str | None,
    everything: bool,
    limit: int,
) -> None:
    """List the alerts that are open, newest first."""
    wanted = partial(client.alerts, only_open=not everything, job=job, cls=cls or "", severity=severity or "", q=q)
    out.many(await gathered(wanted, limit), ALERTS)


@alerts.command()
@connected
async def counts(client: "Client", out: Out) -> None:
    """Count the alerts that are not over: open, acknowledged, held."""
    out.mapping(await client.alert_counts())


@alerts.command()
@_which
@connected
async def show(client: "Client", out: Out, which: str) -> None:
    """Show an alert, with what happened to it and whom it was told to."""
    found = await client.alert(which)
    out.one(found, _card)
    if out.form is Form.TABLE:
        out.line()
        out.many(found.events, EVENTS)
        out.line()
        if found.notifications:
            out.many(found.notifications, OF_ALERT)
        else:
            out.line("nobody was told")


@alerts.command()
@_which
@connected
async def acknowledge(client: "Client", out: Out, which: str) -> None:
    """Say that you know: nobody is told any more. Also in the place of a snooze."""
    changed = await client.acknowledge_alert(which)
    out.said(f"{in_short(changed)} is acknowledged: nobody is told any more", changed)


@alerts.command()
@_which
@connected
async def unacknowledge(client: "Client", out: Out, which: str) -> None:
    """Take an acknowledgement or a snooze back: it is told again, from its first step on."""
    changed = await client.unacknowledge_alert(which)
    out.said(f"{in_short(changed)} is open again: it is told from its first step on", changed)


@alerts.command()
@_which
@click.option("--until", type=WHEN, required=True, help="An instant, or 2h from now: then it is told again.")
@connected
async def snooze(client: "Client", out: Out, which: str, until: datetime) -> None:
    """Acknowledge an alert until a time: then it is told again, if it is still open."""
    changed = await client.snooze_alert(which, until)
    out.said(f"{in_short(changed)} is snoozed until {out.words.instant(changed.snoozed_until)}", changed)


@alerts.command()
@_which
@connected
async def resolve(client: "Client", out: Out, which: str) -> None:
    """End an alert by hand: the next failure or miss of the job is a new one."""
    changed = await client.resolve_alert(which)
    out.said(f"{in_short(changed)} is resolved", changed)


@alerts.command()
@_which
@click.argument("text")
@connected
async def note(client: "Client", _: Out, which: str, text: str) -> None:
    """Write TEXT down about an alert, for others to read."""
    await client.note_alert(which, text)
    say("noted")
