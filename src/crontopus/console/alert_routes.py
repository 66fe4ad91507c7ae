"""Routes: whom alerts are told to and when, as a tree; a form for one of them; and who would be told."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import holder_words, hours
from crontopus.console.alert_words import ALSO, CLASSES, verdict
from crontopus.console.fields import typed_length
from crontopus.console.forms import Faults, Form, as_id, read_form, same_names
from crontopus.console.moments import moment
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.alerts import AlertClass
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.domain.routing import Also
from crontopus.wire.alerts import Explain, Explanation, NewRoute, Route, RoutePatch, RouteStep

PAGE = "/alert-routes"
ROWS = 4
MOST_ROWS = 20
GROUPS = {"ns": "namespace", "job": "job", "class": "what is wrong", "severity": "severity"}
_LABEL = "label:"
_INTERVAL = 300
"""Seconds, where nothing else is said."""
_OWN = same_names(
    *("name", "parent", "place", "matcher", "repeat", "also"), *("group_by", "group_wait", "group_interval")
) | {"/continue": "proceeds"}


class Branch(Struct, frozen=True):
    """A route, and how many stand above it."""

    route: Route
    depth: int


@get(PAGE)
async def routes(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    """With the answer of the tester where the address asks for one."""
    asked = Form(list(request.query_params.items()))
    told: Explanation | None = None
    faults = Faults()
    if asked["job"]:
        try:
            told = await client.explain_routes(_asked(asked, view))
        except NotFound:
            faults = Faults(Invalid("", (Fault("/job", "There is no such job."),)), same_names("job"))
        except Invalid as error:
            faults = Faults(error, same_names("job", "class", "at"))
    return await _list(client, view, asked, told, faults)


@get(f"{PAGE}/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_WRITE)
    return await _form(client, view, None, Form([("parent", request.query_params.get("below", ""))]), Faults())


@post(f"{PAGE}/new", status_code=200)
async def add(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.ALERTS_WRITE)
    form = await read_form(request)
    try:
        made = await client.add_route(NewRoute(**_read(form), **_place(form)))
    except (Invalid, Conflict, NotFound) as error:
        return await _form(client, view, None, form, Faults(error, _fields(form)), 400)
    return go(PAGE, f"{made.name} is there.")


@get(f"{PAGE}/{{route:str}}")
async def show(route: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_WRITE)
    found = await _found(client, route)
    return await _form(client, view, found, _stored(found), Faults())


@post(f"{PAGE}/{{route:str}}", status_code=200)
async def edit(
    request: Visit, route: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, found = await read_form(request), await _found(client, route)
    try:
        changed = await client.edit_route(route, RoutePatch(**_read(form), **(_place(form) if found.parent else {})))
    except (Invalid, Conflict, NotFound) as error:
        return await _form(client, view, found, form, Faults(error, _fields(form)), 400)
    return go(PAGE, f"{changed.name} is changed. Every open alert is looked at anew.")


@post(f"{PAGE}/{{route:str}}/remove", status_code=200)
async def remove(route: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await _found(client, route)
    try:
        await client.remove_route(route)
    except Conflict as error:
        return await _form(client, view, found, _stored(found), Faults(error), 400)
    return go(PAGE, f"{found.name} is removed.")


def tree(routes: Sequence[Route]) -> Iterator[Branch]:
    """Each with those below it after it, in their order."""
    below: dict[UUID | None, list[Route]] = {}
    for route in routes:
        below.setdefault(route.parent, []).append(route)

    def branches(parent: UUID | None, depth: int) -> Iterator[Branch]:
        for route in sorted(below.get(parent, ()), key=lambda one: one.place):
            yield Branch(route, depth)
            yield from branches(route.id, depth + 1)

    return branches(None, 0)


async def _list(client: Client, view: View, asked: Form, told: Explanation | None, faults: Faults) -> Response[str]:
    found = (await client.routes()).items
    return view.page(
        "alert-routes.html",
        400 if faults else 200,
        branches=list(tree(found)),
        names=await _names(client),
        asked=asked,
        classes=[(one.value, title) for one, title in CLASSES.items()],
        told=told,
        held=holder_words.shown(told.holders, sees_all=True) if told else [],
        hours={one.id: hours.said(one.hours) for one in found if one.hours},
        lines=[(line, verdict(line, view.reader)) for line in told.lines] if told else [],
        also=ALSO,
        faults=faults,
    )


async def _form(
    client: Client, view: View, route: Route | None, form: Form, faults: Faults, status: int = 200
) -> Response[str]:
    branches = list(tree((await client.routes()).items))
    rows = max([ROWS, *(row + 1 for row in _rows(form))])
    return view.page(
        "alert-route.html",
        status,
        route=route,
        is_root=route is not None and route.parent is None,
        parents=[
            (str(one.route.id), f"{'– ' * one.depth}{one.route.name}")
            for one in branches
            if route is None or one.route.id != route.id
        ],
        channels=[(str(id), name) for id, name in (await _names(client)).items()],
        rows=range(min(rows, MOST_ROWS)),
        also=ALSO,
        groups=GROUPS,
        hour_rows=hours.shown(form),
        days=hours.DAYS,
        zone=form["zone"] or str(view.zone),
        form=form,
        faults=faults,
    )


async def _names(client: Client) -> dict[UUID, str]:
    return {one.id: one.name for one in (await client.channels()).items}


async def _found(client: Client, id: str) -> Route:
    found = next((one for one in (await client.routes()).items if str(one.id) == id), None)
    if found is None:
        raise NotFound("There is no such route.")
    return found


def _stored(found: Route) -> Form:
    own = [
        ("name", found.name),
        ("parent", str(found.parent or "")),
        ("place", str(found.place)),
        ("matcher", found.matcher),
        ("repeat", typed_length(found.repeat)),
        *(("also", one.value) for one in found.also),
        *([("proceeds", "yes")] if found.proceeds else []),
    ]
    for row, step in enumerate(found.steps):
        own.append((f"after-{row}", typed_length(step.after) if step.after else ""))
        own += [(f"channels-{row}", str(channel)) for channel in step.channels]
    return Form(own + _stored_groups(found) + (hours.stored(found.hours) if found.hours else []))


def _stored_groups(found: Route) -> list[tuple[str, str]]:
    labels = [one.removeprefix(_LABEL) for one in found.group_by if one.startswith(_LABEL)]
    return [
        *(("group_by", one) for one in found.group_by if one in GROUPS),
        ("group_labels", " ".join(labels)),
        ("group_wait", typed_length(found.group_wait) if found.group_wait else ""),
        ("group_interval", typed_length(found.group_interval)),
    ]


def _rows(form: Form) -> list[int]:
    """Those of the steps in which something stands."""
    return [row for row in range(MOST_ROWS) if form[f"after-{row}"] or any(form.all(f"channels-{row}"))]


def _read(form: Form) -> dict[str, Any]:
    """What every route has. Raises Invalid."""
    also = [Also(one) for one in form.all("also") if one in list(Also)]
    steps = [_step(form, row, number) for number, row in enumerate(_rows(form))]
    own = {"name": form["name"], "steps": steps, "repeat": form.length("repeat"), "also": also}
    return own | _groups(form) | {"hours": hours.read(form, "/hours")}


def _groups(form: Form) -> dict[str, Any]:
    labels = [_LABEL + key for key in form.words("group_labels")]
    return {
        "group_by": [one for one in form.all("group_by") if one in GROUPS] + labels,
        "group_wait": form.length("group_wait") or 0,
        "group_interval": form.length("group_interval") or _INTERVAL,
    }


def _place(form: Form) -> dict[str, Any]:
    """What the root has not: it stands above all, and takes everything. Raises Invalid."""
    return {
        "parent": as_id(form["parent"], "/parent"),
        "place": form.whole("place", 0),
        "matcher": form["matcher"],
        "proceeds": form["proceeds"] == "yes",
    }


def _step(form: Form, row: int, number: int) -> RouteStep:
    pointer = f"/steps/{number}"
    channels = [as_id(one, pointer) for one in form.all(f"channels-{row}") if one]
    if not channels:
        raise Invalid("", (Fault(pointer, "Choose who is told then, or empty the time."),))
    return RouteStep(channels=channels, after=form.length(f"after-{row}") or 0)


def _fields(form: Form) -> dict[str, str]:
    """Faults name steps by their number among those that were sent, which may be in other rows."""
    return (
        {f"/steps/{number}": f"after-{row}" for number, row in enumerate(_rows(form))}
        | hours.fields(form, "/hours")
        | _OWN
    )


def _asked(form: Form, view: View) -> Explain:
    """Raises Invalid."""
    cls = AlertClass(form["class"]) if form["class"] in list(AlertClass) else AlertClass.FAILED
    return Explain(job=form["job"], cls=cls, at=moment(form["at"], view.zone, "/at"))


ROUTES: list[Any] = [routes, new_page, add, show, edit, remove]
