"""New job and edit job: one form, with a preview of the next runs that the server makes."""

from typing import Any
from uuid import uuid4

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console.fields import fields, of_job, of_new, schedule, spec
from crontopus.console.forms import Faults, Form, read_form
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError, Invalid, LostRace
from crontopus.domain.schedule import Clock
from crontopus.wire.accounts import Namespace
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import Preview, PreviewRequest
from crontopus.wire.wording import fault_of

CLOCKS = {
    Clock.CRON: "Debian’s cron",
    Clock.SYSTEMD: "systemd",
    Clock.WINDOWS: "Windows Task Scheduler",
    Clock.UTC: "None, UTC",
}


class Foreseen(Struct, frozen=True):
    """The preview of what stands in the form, or why there is none."""

    preview: Preview | None
    fault: str = ""


@get("/jobs/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.JOBS_WRITE)
    wanted = request.query_params.get("namespace", "")
    spaces = await _namespaces(client)
    namespace = next((space for space in spaces if space.slug == wanted), spaces[0] if spaces else None)
    return await _form(client, view, of_new(namespace.slug if namespace else "", str(uuid4())), spaces)


@post("/jobs/new", status_code=200)
async def new(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    if "preview" in form:
        return await _form(client, view, form, await _namespaces(client))
    try:
        decided = msgspec.convert(spec(form), NewJob)
        made = await client.add_job(decided, idempotency_key=form["key"] or None)
    except (CrontopusError, msgspec.ValidationError) as error:
        return await _form(client, view, form, await _namespaces(client), faults=_faults(error, form))
    return go(f"/jobs/{made.id}", f"{made.name} is made. Now let it report.")


@get("/jobs/{job:str}/edit")
async def edit_page(job: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.JOBS_WRITE)
    shown = await client.job(job)
    return await _form(client, view, of_job(shown), await _namespaces(client), job=shown)


@post("/jobs/{job:str}/edit", status_code=200)
async def edit(
    job: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    shown = await client.job(job)
    if "preview" in form:
        return await _form(client, view, form, await _namespaces(client), job=shown)
    try:
        edited = await client.edit_job(job, spec(form, keep=shown), version=form.whole("version", shown.version))
    except LostRace:
        lost = Faults(Invalid("Somebody else changed this job meanwhile. Open it again, and make your change on top."))
        return await _form(client, view, form, await _namespaces(client), job=shown, faults=lost)
    except CrontopusError as error:
        return await _form(client, view, form, await _namespaces(client), job=shown, faults=_faults(error, form))
    return go(f"/jobs/{edited.id}", "Saved.")


async def _namespaces(client: Client) -> list[Namespace]:
    return (await client.namespaces(limit=200)).items


async def _form(
    client: Client,
    view: View,
    form: Form,
    spaces: list[Namespace],
    *,
    job: Job | None = None,
    faults: Faults | None = None,
) -> Response[str]:
    space = next((each for each in spaces if each.slug == form["namespace"]), None)
    return view.page(
        "job-form.html",
        400 if faults else 200,
        job=job,
        form=form,
        namespaces=spaces,
        namespace=space,
        clocks=CLOCKS,
        faults=faults or Faults(),
        foreseen=await _foreseen(client, form, space),
    )


async def _foreseen(client: Client, form: Form, namespace: Namespace | None) -> Foreseen:
    try:
        asked = PreviewRequest(
            schedule=schedule(form),
            timezone=form["timezone"] or (namespace.timezone if namespace else "UTC"),
            clock=msgspec.convert(form["clock"] or "cron", Clock),
            grace=form.length("grace"),
            count=6,
        )
        return Foreseen(await client.preview(asked) if asked.schedule else None)
    except (Invalid, msgspec.ValidationError) as error:
        told = _refused(error)
        return Foreseen(None, " ".join(fault.detail for fault in told.faults) or str(told))


def _faults(error: CrontopusError | msgspec.ValidationError, form: Form) -> Faults:
    return Faults(_refused(error), fields(form))


def _refused(error: CrontopusError | msgspec.ValidationError) -> CrontopusError:
    return error if isinstance(error, CrontopusError) else Invalid("", (fault_of(str(error)),))


ROUTES: list[Any] = [new_page, new, edit_page, edit]
