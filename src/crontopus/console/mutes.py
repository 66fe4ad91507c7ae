"""The mute of a job: nobody is told of its alerts, until a time or until somebody ends it."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.moments import end
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.words import clock
from crontopus.domain.access import Scope
from crontopus.domain.errors import Invalid
from crontopus.wire.silences import MuteJob

_FIELDS = same_names("until", "reason")


@get("/jobs/{job:str}/mute")
async def mute_page(job: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.ALERTS_OPERATE)
    return await _page(client, view, job, Form([]), Faults())


@post("/jobs/{job:str}/mute", status_code=200)
async def mute(
    job: FromPath[str], request: Visit, client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    try:
        until = end(form, view.now, view.zone)
        muted = await client.mute_job(job, MuteJob(until=until, reason=form["reason"]))
    except Invalid as error:
        return await _page(client, view, job, form, Faults(error, _FIELDS), 400)
    lasts = f"until {clock(until, view.reader)}" if until else "until somebody ends it"
    return go(f"/jobs/{muted.id}", f"{muted.name} is muted {lasts}: nobody is told of its alerts.")


@post("/jobs/{job:str}/unmute")
async def unmute(job: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    heard = await client.unmute_job(job)
    return go(f"/jobs/{heard.id}", f"{heard.name} is muted no longer: what is wrong with it is told again.")


async def _page(client: Client, view: View, job: str, form: Form, faults: Faults, status: int = 200) -> Response[str]:
    return view.page("job-mute.html", status, job=await client.job(job), form=form, faults=faults)


ROUTES: list[Any] = [mute_page, mute, unmute]
