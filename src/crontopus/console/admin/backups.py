"""Backups that the server makes of itself, as a page."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import Faults
from crontopus.console.view import View, go
from crontopus.domain.errors import CrontopusError, Unconfirmed

PAGE = "/admin/backups"


@get(PAGE)
async def backups(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, Faults())


@post(PAGE, status_code=200)
async def make(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        await client.make_backup()
    except Unconfirmed:
        return view.confirmation(PAGE)
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    return go(PAGE, "A backup is being made. It stands here when it is done, and was read back.")


async def _page(client: Client, view: View, faults: Faults) -> Response[str]:
    found = await client.admin_backups()
    good = next((one for one in found.items if one.ok), None)
    last = next((one for one in found.items if one.ok is not None), None)
    late = good is None or (view.now - good.asked_at).total_seconds() > 2 * found.every
    return view.page(
        "admin/backups.html",
        400 if faults else 200,
        found=found,
        good=good,
        failing=last is not None and not last.ok,
        late=late,
        faults=faults,
    )


ROUTES: list[Any] = [backups, make]
