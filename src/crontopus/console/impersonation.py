"""While the visitor looks as another: what that means, its end, and how it is raised."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import Faults, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Unconfirmed
from crontopus.wire.accounts import Me

PAGE = "/impersonation"


@get(PAGE)
async def show(view: NamedDependency[View]) -> Response[Any]:
    if view.me is None or view.me.impersonation is None:
        return go("/jobs")
    return view.page("impersonation.html", faults=Faults())


@post(f"{PAGE}/end")
async def end(client: NamedDependency[Client]) -> Response[None]:
    me = await client.me()
    if me.impersonation is not None:
        await client.end_impersonation(me.impersonation.id)
    return go(_home(await client.me()), "You are yourself again.")


@post(f"{PAGE}/raise", status_code=200)
async def raise_it(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    if view.me is None or view.me.impersonation is None:
        return go("/jobs")
    try:
        await client.raise_impersonation(view.me.impersonation.id, (await read_form(request))["why"])
    except Unconfirmed:
        return view.confirmation(PAGE)
    except CrontopusError as error:
        return view.page("impersonation.html", 400, faults=Faults(error, same_names("why")))
    return go("/jobs", "You may change jobs and runs here now. The organisation reads why.")


def _home(me: Me) -> str:
    """Where an operator goes on."""
    return "/admin/impersonations" if me.system_role else "/jobs"


ROUTES: list[Any] = [show, end, raise_it]
