"""Alerts: what is wrong, whom it was told to, what happened to it, and what people make of it."""

from collections.abc import Awaitable
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import alert_words, holder_words
from crontopus.console.ansi import Line
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.runs import Output
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.alerts import AlertClass
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.wire.alerts import Alert
from crontopus.wire.common import Page
from crontopus.wire.runs import Gap, Run

PAGE = "/alerts"
MORNING = "morning"
_SPANS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "7d": timedelta(days=7)}
_AT_WORK = time(9)
FIELDS = same_names("text", "until")
_GAPS_BEFORE, _GAPS_AFTER = timedelta(hours=1), timedelta(days=8)
"""A gap is told some minutes after its end; the alert about one grows by those that follow while it is open."""
LINES = 20
"""Of what the run printed, the last."""


class Query(Struct, frozen=True):
    """What the address asks for; every link of the page is one of these, written out."""

    q: str = ""
    everything: bool = False

    @classmethod
    def of(cls, request: Visit) -> "Query":
        asked = request.query_params
        return cls(asked.get("q", "").strip()[:1000], asked.get("all") == "1")

    def url(self) -> str:
        asked = {"all": "1" if self.everything else "", "q": self.q}
        return PAGE + ("?" + text if (text := urlencode({k: v for k, v in asked.items() if v})) else "")

    def only(self, *, everything: bool) -> str:
        """The address with the same words, from its first page on."""
        return Query(self.q, everything).url()


@get(PAGE)
async def alerts(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    query, cursor = Query.of(request), request.query_params.get("cursor")
    fault = ""
    try:
        page = await client.alerts(only_open=not query.everything, q=query.q or None, cursor=cursor, limit=50)
    except Invalid as error:
        fault, page = str(error), Page[Alert](items=[])
    instants = [instant for one in page.items for instant in (one.opened_at, one.snoozed_until)]
    return view.page(
        "alerts.html",
        400 if fault else 200,
        page=page,
        query=query,
        fault=fault,
        states={one.id: alert_words.state(one, view.now) for one in page.items},
        known={one.id: alert_words.is_acknowledged(one, view.now) for one in page.items},
        held={one.id: _held(one, view) for one in page.items},
        classes=alert_words.CLASSES,
        severities=alert_words.SEVERITIES,
        refresh_in=view.refresh_in(*instants),
    )


class Printed(Struct, frozen=True):
    """The run that opened an alert, and its last lines."""

    run: Run
    lines: list[Line]


@get(f"{PAGE}/{{alert:str}}")
async def show(alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, alert, Form([]), Faults())


@post(f"{PAGE}/{{alert:str}}/acknowledge", status_code=200)
async def acknowledge(
    alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    said = "You acknowledged it: nobody is told any more."
    return await _deed(client, view, alert, client.acknowledge_alert(alert), said)


@post(f"{PAGE}/{{alert:str}}/unacknowledge", status_code=200)
async def unacknowledge(
    alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    said = "Taken back: it is told again, from its first step on."
    return await _deed(client, view, alert, client.unacknowledge_alert(alert), said)


@post(f"{PAGE}/{{alert:str}}/snooze", status_code=200)
async def snooze(
    request: Visit, alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    until = _until((await read_form(request))["for"], view)
    said = "Put off: nobody is told before then."
    return await _deed(client, view, alert, client.snooze_alert(alert, until), said)


@post(f"{PAGE}/{{alert:str}}/resolve", status_code=200)
async def resolve(alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    said = "Resolved. The next failure or miss is a new alert."
    return await _deed(client, view, alert, client.resolve_alert(alert), said)


@post(f"{PAGE}/{{alert:str}}/note", status_code=200)
async def note(
    request: Visit, alert: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    try:
        if not form["text"]:
            raise Invalid("", (Fault("/text", "Write something down first."),))
        await client.note_alert(alert, form["text"])
    except Invalid as error:
        return await _page(client, view, alert, form, Faults(error, FIELDS), 400)
    return go(f"{PAGE}/{alert}#events", "Written down.")


async def _deed(client: Client, view: View, alert: str, deed: Awaitable[Alert], said: str) -> Response[Any]:
    """What somebody else was quicker to do is said where they see what that was."""
    try:
        await deed
    except (Invalid, Conflict) as error:
        return await _page(client, view, alert, Form([]), Faults(error), 400)
    return go(f"{PAGE}/{alert}", said)


async def _page(client: Client, view: View, alert: str, form: Form, faults: Faults, status: int = 200) -> Response[str]:
    found = await client.alert(alert)
    one, reader = found.alert, view.reader
    told = [(each, alert_words.message_state(each, reader)) for each in found.notifications]
    return view.page(
        "alert.html",
        status,
        alert=one,
        state=alert_words.state(one, view.now),
        sentence=alert_words.sentence(one, reader),
        known=alert_words.is_acknowledged(one, view.now),
        what=alert_words.CLASSES[one.cls],
        severity=alert_words.SEVERITIES[one.severity],
        held=_held(one, view),
        like=holder_words.like(one) if view.sees_all else "",
        gaps=await _unwatched(client, one),
        spans=[
            ("1h", "for 1 hour"),
            ("4h", "for 4 hours"),
            (MORNING, _until(MORNING, view)),
            ("7d", "for a week"),
        ],
        messages=told,
        tells=alert_words.TELLS,
        events=[(each, alert_words.happened(each, reader)) for each in found.events],
        output=await _output(client, one),
        form=form,
        faults=faults,
        refresh_in=view.refresh_in(one.opened_at, one.snoozed_until, *(each.next_at for each, _ in told)),
    )


def _until(choice: str, view: View) -> datetime:
    """When a snooze ends; what is none of the choices is the shortest."""
    if choice == MORNING:
        tomorrow = view.reader.local(view.now).date() + timedelta(days=1)
        return datetime.combine(tomorrow, _AT_WORK, view.zone)
    return view.now + _SPANS.get(choice, _SPANS["1h"])


def _held(alert: Alert, view: View) -> list[holder_words.Held]:
    return holder_words.shown(holder_words.holds(alert, view.now), sees_all=view.sees_all)


async def _unwatched(client: Client, alert: Alert) -> list[Gap]:
    """Of an alert that nobody watched: the times that it is of, with the jobs that did not report in them."""
    if alert.cls is not AlertClass.UNOBSERVED:
        return []
    until = alert.resolved_at or alert.opened_at + _GAPS_AFTER
    found = (await client.gaps(limit=50)).items
    return [one for one in found if one.silent and alert.opened_at - _GAPS_BEFORE <= one.until <= until]


async def _output(client: Client, alert: Alert) -> Printed | None:
    """The end of what the run printed that opened it; None where there is no run, or it has gone with its time."""
    if alert.run is None:
        return None
    try:
        run = await client.run(alert.run)
    except NotFound:
        return None
    printed = Output.of(await client.run_log(run.id))
    return Printed(run, (printed.tail or printed.head)[-LINES:])


ROUTES: list[Any] = [alerts, show, acknowledge, unacknowledge, snooze, resolve, note]
