"""What a job's page says of alerts: those that it has and had, and whom the next one would be told to."""

from msgspec import Struct

from crontopus.client import Client
from crontopus.console import alert_words, holder_words
from crontopus.console.alert_words import State
from crontopus.console.holder_words import Held
from crontopus.console.view import View
from crontopus.domain.access import Scope
from crontopus.wire.alerts import Alert, Explain, ExplainedLine
from crontopus.wire.jobs import Job

MOST_OPEN = 10
LAST = 5


class Had(Struct, frozen=True):
    """An alert of the job: in a word what is wrong, how it stands, whether somebody knows, and what holds it."""

    alert: Alert
    what: str
    state: State
    known: bool
    held: list[Held]


class Told(Struct, frozen=True):
    """`alerts`: the open ones, then the last that are over. `lines`: who would be told now, and when; None for who sees
    but a part of the organisation, to which routes do not belong.
    """

    alerts: list[Had]
    lines: list[tuple[ExplainedLine, str]] | None


async def told_of(client: Client, job: Job, view: View) -> Told | None:
    """None for who may not read alerts."""
    if not view.may(Scope.ALERTS_READ):
        return None
    still_open = (await client.alerts(job=job.id, only_open=True, limit=MOST_OPEN)).items
    newest = (await client.alerts(job=job.id, limit=LAST)).items
    shown = still_open + [one for one in newest if one.resolved_at is not None]
    lines = None
    if view.sees_all:
        told = await client.explain_routes(Explain(job=str(job.id)))
        lines = [(line, alert_words.verdict(line, view.reader)) for line in told.lines]
    return Told([_had(one, view) for one in shown], lines)


def _had(one: Alert, view: View) -> Had:
    known = alert_words.is_acknowledged(one, view.now)
    held = holder_words.shown(holder_words.holds(one, view.now), sees_all=view.sees_all)
    return Had(one, alert_words.CLASSES[one.cls], alert_words.state(one, view.now), known, held)
