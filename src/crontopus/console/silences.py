"""Silences: for a while nobody is told of alerts that match. With the maintenance windows beside them in one list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import windows
from crontopus.console.alert_words import CLASSES, State
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.hiding import hides
from crontopus.console.moments import SPANS, UNTIL, end, moment, typed
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.words import clock
from crontopus.domain.access import Scope
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.wire.silences import NewSilence, Silence, SilencePatch

PAGE = "/silences"
MOST = 200
"""So many hold or will at a time: all stand on one page."""
CHOICES = {key: SPANS[key][0] for key in ("1h", "4h", "1d")} | {UNTIL: "Until…"}
_FIELDS = same_names("matcher", "until", "since", "reason")


class Ends(Struct, frozen=True):
    """From when and until when it would hold, as far as it is chosen."""

    since: datetime | None
    until: datetime | None


@get(PAGE)
async def silences(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    over = request.query_params.get("over") == "1"
    cursor = request.query_params.get("cursor")
    page = await client.silences(over=over, cursor=cursor, limit=50 if over else MOST)
    planned = [] if over else (await client.maintenance_windows()).items
    stretches = [one for window in planned for one in window.upcoming]
    return view.page(
        "silences.html",
        page=page,
        over=over,
        states={one.id: _state(one, view) for one in page.items},
        windows=[windows.row(one, view) for one in planned],
        refresh_in=view.refresh_in(
            *(instant for one in page.items for instant in (one.since, one.until)),
            *(instant for one in stretches for instant in (one.since, one.until)),
        ),
    )


@get(f"{PAGE}/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    """The matcher may stand in the address."""
    view.require(Scope.ALERTS_OPERATE)
    matcher = request.query_params.get("matcher", "")[:1000]
    return await _form(client, view, None, Form([("matcher", matcher), ("for", "1h")]), Faults())


@post(f"{PAGE}/new", status_code=200)
async def add(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.ALERTS_OPERATE)
    form = await read_form(request)
    if "preview" in form:
        return await _form(client, view, None, form, Faults())
    try:
        since = moment(form["since"], view.zone, "/since")
        until = _until(form, max(since or view.now, view.now), view)
        made = await client.add_silence(
            NewSilence(matcher=form["matcher"], until=until, since=since, reason=form["reason"])
        )
    except (Invalid, Conflict) as error:
        return await _form(client, view, None, form, Faults(error, _FIELDS), 400)
    return go(PAGE, f"Nobody is told of what it matches, until {clock(made.until, view.reader)}.")


@get(f"{PAGE}/{{silence:str}}")
async def show(silence: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_OPERATE)
    found = await _found(client, silence)
    return await _form(client, view, found, Form(list(_stored(found, view).items())), Faults())


@post(f"{PAGE}/{{silence:str}}", status_code=200)
async def edit(
    request: Visit, silence: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, found = await read_form(request), await _found(client, silence)
    if "preview" in form:
        return await _form(client, view, found, form, Faults())
    try:
        until = _until(form, max(found.since, view.now), view)
        patch = SilencePatch(matcher=form["matcher"], until=until, reason=form["reason"])
        changed = await client.edit_silence(silence, patch)
    except (Invalid, Conflict) as error:
        return await _form(client, view, found, form, Faults(error, _FIELDS), 400)
    return go(PAGE, f"Changed: nobody is told of what it matches, until {clock(changed.until, view.reader)}.")


@post(f"{PAGE}/{{silence:str}}/end")
async def stop(silence: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    try:
        await client.end_silence(silence)
    except Conflict:
        return go(PAGE, "It was over already.")
    return go(PAGE, "It is over: what it held is told, unless something else holds it.")


async def _form(
    client: Client, view: View, silence: Silence | None, form: Form, faults: Faults, status: int = 200
) -> Response[str]:
    return view.page(
        "silence.html",
        status,
        silence=silence,
        choices=CHOICES,
        ends=_ends(form, silence, view),
        hides=await hides(client, form["matcher"]),
        classes=CLASSES,
        form=form,
        faults=faults,
    )


def _until(form: Form, since: datetime, view: View) -> datetime:
    """Raises Invalid."""
    found = end(form, since, view.zone)
    if found is None:
        detail = "Say for how long."
        raise Invalid(detail, (Fault("/until", detail),))
    return found


def _ends(form: Form, silence: Silence | None, view: View) -> Ends:
    """Without a word on what cannot be read yet: it is said when the form is sent."""
    try:
        since = silence.since if silence else moment(form["since"], view.zone, "/since")
        return Ends(since, _until(form, max(since or view.now, view.now), view))
    except Invalid:
        return Ends(None, None)


async def _found(client: Client, id: str) -> Silence:
    standing = (await client.silences(limit=MOST)).items
    found = next((one for one in standing if str(one.id) == id), None)
    if found is None:
        raise NotFound("There is no such silence, or it is over.")
    return found


def _stored(found: Silence, view: View) -> Mapping[str, str]:
    until = typed(found.until, view.zone)
    return {"matcher": found.matcher, "for": UNTIL, "until": until, "reason": found.reason}


def _state(silence: Silence, view: View) -> State:
    if silence.until <= view.now:
        return State("skipped", "s-skipped", "Over")
    if silence.since > view.now:
        return State("new", "s-new", "Will hold")
    return State("paused", "s-paused", "Holds")


ROUTES: list[Any] = [silences, new_page, add, show, edit, stop]
