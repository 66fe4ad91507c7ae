"""One change to many jobs: first shown, then made."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import Form, read_form
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.console.words import count
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.hosts import path_here
from crontopus.wire.jobs import Bulk, BulkAction, BulkResult

DONE = {
    BulkAction.PAUSE: "paused",
    BulkAction.RESUME: "resumed",
    BulkAction.TAG: "tagged",
    BulkAction.UNTAG: "untagged",
    BulkAction.DELETE: "deleted",
}


@post("/jobs/bulk/preview", status_code=200)
async def preview(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """What the change would do, with a button that does it."""
    form = await read_form(request)
    back = path_here(form["back"])
    if not form.all("job"):
        return go(back, "No job was picked, so nothing was changed.")
    wish = _wish(form, dry_run=True)
    result = await client.change_jobs(wish)
    return view.page("bulk.html", wish=wish, result=result, done=DONE[wish.action], back=back)


@post("/jobs/bulk")
async def change(request: Visit, client: NamedDependency[Client]) -> Response[None]:
    form = await read_form(request)
    wish = _wish(form, dry_run=False)
    result = await client.change_jobs(wish)
    return go(path_here(form["back"]), said(wish.action, result))


def said(action: BulkAction, result: BulkResult) -> str:
    changed = sum(item.changed for item in result.items)
    refused = sum(item.problem is not None for item in result.items)
    already = len(result.items) - changed - refused
    parts = [f"{count(changed, 'job')} {DONE[action]}"]
    parts += [f"{already} already so"] if already else []
    parts += [f"{refused} left alone"] if refused else []
    return ", ".join(parts) + "."


def _wish(form: Form, *, dry_run: bool) -> Bulk:
    try:
        action = BulkAction(form["action"])
    except ValueError:
        raise Invalid("choose what to do", (Fault("/action", "Choose what to do."),)) from None
    return Bulk(action=action, jobs=form.all("job"), tags=form.words("tags"), dry_run=dry_run)


ROUTES = [preview, change]
