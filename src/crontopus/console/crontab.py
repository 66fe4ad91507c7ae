"""A pasted crontab: each line explained, the chosen ones made into jobs, and the edited lines shown to paste back."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from msgspec import Struct

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import CrontabLine, CrontabRequest, Schedule


class Made(Struct, frozen=True):
    """What became of one line: its job and the line to paste instead, or why there is none."""

    line: CrontabLine
    job: Job | None
    instead: str
    fault: str


@get("/jobs/import")
async def import_page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.JOBS_WRITE)
    return await _paste(client, view, Form([("timezone", str(view.zone))]), Faults())


@post("/jobs/import", status_code=200)
async def import_lines(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """First what each line means; then, with `make`, the jobs. Parsed both times: nothing is kept between."""
    form = await read_form(request)
    asked = CrontabRequest(text=form.raw("text"), system="system" in form, timezone=form["timezone"] or "UTC")
    try:
        lines = (await client.parse_crontab(asked)).items
    except CrontopusError as error:
        return await _paste(client, view, form, Faults(error, same_names("text", "timezone")))
    if "make" in form:
        chosen = [line for line in lines if str(line.line) in form.all("line") and line.schedule]
        return view.page("import-made.html", made=[await _make(client, line, form) for line in chosen])
    return view.page("import-choose.html", lines=lines, form=form)


async def _paste(client: Client, view: View, form: Form, faults: Faults) -> Response[str]:
    spaces = (await client.namespaces(limit=200)).items
    status = 400 if faults else 200
    return view.page("import.html", status, form=form, faults=faults, namespaces=[space.slug for space in spaces])


async def _make(client: Client, line: CrontabLine, form: Form) -> Made:
    """One job; a line that cannot become one does not hold up the others."""
    new = NewJob(
        namespace=form["namespace"] or "default",
        name=form[f"slug-{line.line}"] or line.slug or "",
        schedule=Schedule(cron=line.schedule),
        timezone=form["timezone"] or "UTC",
        description=(line.command or "")[:1000],
    )
    try:
        job = await client.add_job(new)
    except CrontopusError as error:
        return Made(line, None, "", " ".join(fault.detail for fault in error.faults) or str(error))
    return Made(line, job, reporting(line, job.ping_url), "")


def reporting(line: CrontabLine, ping_url: str) -> str:
    """The line with a report at its end. Empty where `%` feeds the command's input: what follows it is no command."""
    command = line.command or ""
    if "%" in command.replace("\\%", ""):
        return ""
    fields = "  ".join(filter(None, (line.schedule, line.user)))
    return f"{fields}  ( {command} ); curl -fsS -m 10 --retry 5 -o /dev/null {ping_url}/$?"


ROUTES: list[Any] = [import_page, import_lines]
