"""Namespaces: folders of jobs, each with a ping key of its own."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.fields import typed_length
from crontopus.console.forms import Faults, Form, read_form
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError, NotAllowed
from crontopus.wire.accounts import Namespace, NamespacePatch, NewNamespace
from crontopus.wire.schedules import Schedule, Schedules

FIELDS = {
    "/slug": "slug",
    "/name": "name",
    "/timezone": "timezone",
    "/default_grace": "grace",
    "/default_schedule": "every",
}
LIMITED = "You reach only some namespaces: an editor who reaches the whole organisation makes new ones."


@get("/namespaces")
async def namespaces(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    page = await client.namespaces(cursor=request.query_params.get("cursor"))
    return view.page("namespaces.html", page=page, limited=LIMITED)


@get("/namespaces/new")
async def new_page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.NAMESPACES_WRITE)
    if view.me is not None and view.me.namespaces is not None:
        raise NotAllowed(LIMITED)
    return await _form(client, view, None, _typed(Form([])), Faults())


@post("/namespaces/new", status_code=200)
async def new(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        wish = NewNamespace(
            slug=form["slug"].lower(),
            name=form["name"],
            timezone=form["timezone"] or None,
            default_schedule=_every(form),
            default_grace=form.length("grace"),
        )
        made = await client.add_namespace(wish)
    except CrontopusError as error:
        return await _form(client, view, None, _typed(form), Faults(error, FIELDS))
    return go(f"/namespaces/{made.slug}", f"{made.slug} is made.")


@get("/namespaces/{slug:str}")
async def namespace(slug: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return view.page("namespace.html", namespace=await client.namespace(slug))


@get("/namespaces/{slug:str}/edit")
async def edit_page(slug: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.NAMESPACES_WRITE)
    shown = await client.namespace(slug)
    schedule = shown.default_schedule
    every = schedule.every if isinstance(schedule, Schedule) else None
    form = {
        "slug": shown.slug,
        "name": shown.name,
        "timezone": shown.timezone if "timezone" in shown.own else "",
        "every": typed_length(every),
        "grace": typed_length(shown.default_grace) if "default_grace" in shown.own else "",
    }
    return await _form(client, view, shown, form, Faults())


@post("/namespaces/{slug:str}/edit", status_code=200)
async def edit(
    slug: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    shown = await client.namespace(slug)
    try:
        patch = NamespacePatch(
            slug=form["slug"].lower(),
            name=form["name"] or form["slug"],
            timezone=form["timezone"] or None,
            default_schedule=_every(form),
            default_grace=form.length("grace"),
        )
        edited = await client.edit_namespace(slug, patch)
    except CrontopusError as error:
        return await _form(client, view, shown, _typed(form), Faults(error, FIELDS))
    return go(f"/namespaces/{edited.slug}", "Saved.")


@post("/namespaces/{slug:str}/rotate-ping-key")
async def rotate(slug: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.rotate_ping_key(slug)
    return go(f"/namespaces/{slug}", "The ping key is a new one; the old one has stopped.")


@post("/namespaces/{slug:str}/delete")
async def delete(slug: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.delete_namespace(slug)
    return go("/namespaces", f"{slug} is deleted.")


def _every(form: Form) -> Schedules:
    period = form.length("every")
    return Schedule(every=period) if period else None


def _typed(form: Form) -> dict[str, str]:
    return {name: form[name] for name in ("slug", "name", "timezone", "every", "grace")}


async def _form(
    client: Client, view: View, shown: Namespace | None, form: dict[str, str], faults: Faults
) -> Response[str]:
    tenant = await client.tenant()
    status = 400 if faults else 200
    return view.page("namespace-form.html", status, namespace=shown, tenant=tenant, form=form, faults=faults)


ROUTES: list[Any] = [namespaces, new_page, new, namespace, edit_page, edit, rotate, delete]
