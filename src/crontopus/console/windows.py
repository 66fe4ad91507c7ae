"""Maintenance windows: planned times, once or again and again, in which nobody is told of alerts that match."""

from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import hours
from crontopus.console.alert_words import CLASSES, State
from crontopus.console.fields import CRON, cron_fields, cron_line, typed_length
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.hiding import hides
from crontopus.console.moments import needed, typed
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.words import clock, duration, span
from crontopus.domain import schedule
from crontopus.domain.access import Scope
from crontopus.domain.duration import parse
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.domain.schedule import Clock, Cron
from crontopus.wire.schedules import Preview, PreviewRequest, Schedule
from crontopus.wire.silences import CronTimes, NewWindow, OnceTimes, Stretch, Window, WindowPatch, WindowTimes

LIST = "/silences#windows"
PAGE = "/maintenance-windows"
KINDS = {"once": "Once", "weekly": "Every week", "cron": "By a cron line"}
LONGEST = timedelta(days=30)
"""Of one stretch that begins by a cron line."""
_FIELDS = same_names("name", "matcher") | {
    "/times/once/from": "from",
    "/times/once/to": "to",
    "/times/once": "from",
    "/times/cron/duration": "duration",
    "/times/cron/timezone": "zone",
    "/times/cron": "cron",
}


class Row(Struct, frozen=True):
    """A window in the list; `times` in words, `stretches` those that hold or come next."""

    window: Window
    times: str
    state: State
    stretches: list[str]


class Foreseen(Struct, frozen=True):
    """When it would hold, in words; `preview` of what begins by a cron line. Or why nobody knows."""

    words: str = ""
    preview: Preview | None = None
    fault: str = ""


@get(f"{PAGE}/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_WRITE)
    begun = Form([("kind", "once"), ("zone", str(view.zone)), *dict(zip(CRON, "02***", strict=True)).items()])
    return await _form(client, view, None, begun, Faults())


@post(f"{PAGE}/new", status_code=200)
async def add(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.ALERTS_WRITE)
    form = await read_form(request)
    if "preview" in form:
        return await _form(client, view, None, form, Faults())
    try:
        made = await client.add_maintenance_window(
            NewWindow(name=form["name"], matcher=form["matcher"], times=_times(form, view))
        )
    except (Invalid, Conflict) as error:
        return await _form(client, view, None, form, Faults(error, _fields(form)), 400)
    return go(LIST, f"{made.name} is planned.")


@get(f"{PAGE}/{{window:str}}")
async def show(window: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_WRITE)
    found = await _found(client, window)
    return await _form(client, view, found, _stored(found, view), Faults())


@post(f"{PAGE}/{{window:str}}", status_code=200)
async def edit(
    request: Visit, window: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, found = await read_form(request), await _found(client, window)
    if "preview" in form:
        return await _form(client, view, found, form, Faults())
    try:
        patch = WindowPatch(name=form["name"], matcher=form["matcher"], times=_times(form, view))
        changed = await client.edit_maintenance_window(window, patch)
    except (Invalid, Conflict) as error:
        return await _form(client, view, found, form, Faults(error, _fields(form)), 400)
    return go(LIST, f"{changed.name} is changed.")


@post(f"{PAGE}/{{window:str}}/switch")
async def switch(window: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    """Turns it round: off, or on again."""
    on = not (await _found(client, window)).enabled
    changed = await client.edit_maintenance_window(window, WindowPatch(enabled=on))
    return go(LIST, f"{changed.name} is on again." if on else f"{changed.name} is off: it holds nothing.")


@post(f"{PAGE}/{{window:str}}/remove")
async def remove(window: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    found = await _found(client, window)
    await client.remove_maintenance_window(window)
    return go(LIST, f"{found.name} is removed: what it held is told, unless something else holds it.")


def row(window: Window, view: View) -> Row:
    stretches = [_stretch(one, view) for one in window.upcoming]
    return Row(window, in_words(window.times, view), _state(window), stretches)


def in_words(times: WindowTimes, view: View) -> str:
    """`Every day at 02:00 (Europe/Berlin), for 1 h`; of one time from when until when."""
    if times.once is not None:
        return f"Once, {span(times.once.since, times.once.until, view.reader)}"
    if times.weekly is not None:
        return hours.said(times.weekly)
    if times.cron is None:
        return ""
    begins = schedule.describe((Cron(times.cron.cron),), times.cron.timezone, Clock.CRON)
    lasts = times.cron.duration
    return f"{begins}, for {lasts if isinstance(lasts, str) else duration(lasts)}"


def _stretch(one: Stretch, view: View) -> str:
    if one.since is None or one.until is None:
        return "always"
    if one.since <= view.now:
        return f"now, until {clock(one.until, view.reader)}"
    return span(one.since, one.until, view.reader)


def _state(window: Window) -> State:
    if not window.enabled:
        return State("skipped", "s-skipped", "Switched off")
    if window.holds:
        return State("paused", "s-paused", "Holds")
    return State("new", "s-new", "Planned") if window.upcoming else State("skipped", "s-skipped", "Over")


async def _form(
    client: Client, view: View, window: Window | None, form: Form, faults: Faults, status: int = 200
) -> Response[str]:
    return view.page(
        "window.html",
        status,
        window=window,
        kinds=list(KINDS.items()),
        rows=hours.shown(form),
        days=hours.DAYS,
        foreseen=await _foreseen(client, form, view),
        hides=await hides(client, form["matcher"]),
        classes=CLASSES,
        form=form,
        faults=faults,
    )


async def _foreseen(client: Client, form: Form, view: View) -> Foreseen:
    """What is not filled in yet is no fault before the form is sent."""
    try:
        times = _times(form, view)
        if times.cron is None:
            return Foreseen(in_words(times, view))
        by = Schedule(cron=times.cron.cron)
        found = await client.preview(PreviewRequest(schedule=by, timezone=times.cron.timezone, count=4))
        lasts = parse(times.cron.duration, least=timedelta(minutes=1), most=LONGEST, pointer="/times/cron/duration")
        return Foreseen(f"{found.in_words}, for {duration(lasts.total_seconds())}", found)
    except Invalid as error:
        missing = not any(form[name] for name in ("from", "to", "duration")) and not hours.rows(form)
        told = " ".join(fault.detail for fault in error.faults) or str(error)
        return Foreseen("Say when." if missing else "", fault="" if missing else told)


def _times(form: Form, view: View) -> WindowTimes:
    """Raises Invalid."""
    match form["kind"]:
        case "weekly":
            weekly = hours.read(form, "/times/weekly")
            if weekly is None:
                raise Invalid("", (Fault("/times/weekly", "Choose days and times."),))
            return WindowTimes(weekly=weekly)
        case "cron":
            lasts = form.length("duration")
            if lasts is None:
                raise Invalid("", (Fault("/times/cron/duration", "Say for how long, such as 2h."),))
            zone = form["zone"] or str(view.zone)
            return WindowTimes(cron=CronTimes(cron=cron_line(form), duration=lasts, timezone=zone))
        case _:
            since = needed(form["from"], view.zone, "/times/once/from")
            return WindowTimes(once=OnceTimes(since=since, until=needed(form["to"], view.zone, "/times/once/to")))


def _stored(found: Window, view: View) -> Form:
    own = [("name", found.name), ("matcher", found.matcher)]
    times = found.times
    if times.once is not None:
        own += [("kind", "once"), ("zone", str(view.zone))]
        own += [("from", typed(times.once.since, view.zone)), ("to", typed(times.once.until, view.zone))]
    if times.weekly is not None:
        own += [("kind", "weekly"), *hours.stored(times.weekly)]
    if times.cron is not None:
        own += [("kind", "cron"), ("zone", times.cron.timezone), ("duration", typed_length(times.cron.duration))]
        own += cron_fields(times.cron.cron).items()
    return Form(own)


def _fields(form: Form) -> dict[str, str]:
    return hours.fields(form, "/times/weekly") | _FIELDS


async def _found(client: Client, id: str) -> Window:
    found = next((one for one in (await client.maintenance_windows()).items if str(one.id) == id), None)
    if found is None:
        raise NotFound("There is no such maintenance window.")
    return found


ROUTES: list[Any] = [new_page, add, show, edit, switch, remove]
