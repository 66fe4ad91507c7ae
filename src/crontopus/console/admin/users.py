"""Everybody who has an account, as pages."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, read_form, same_names
from crontopus.console.members import ROLES
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import SystemRole
from crontopus.domain.errors import CrontopusError, NotFound, Unconfirmed
from crontopus.wire.installation import UserPatch

PAGE = "/admin/users"
SYSTEM_ROLES = {
    "": "No",
    SystemRole.SUPPORT: "As support: looks at everything here, changes nothing",
    SystemRole.SUPERADMIN: "As superadmin: everything here",
}
DEEDS = ("role", "disable", "enable", "end-sessions", "reset-factors")


@get(PAGE)
async def users(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    words = request.query_params.get("q", "").strip()
    page = await client.admin_users(q=words or None, cursor=request.query_params.get("cursor"), limit=50)
    return view.page("admin/users.html", page=page, words=words)


@get(f"{PAGE}/{{user:str}}")
async def show(user: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, user, Faults())


@post(f"{PAGE}/{{user:str}}/{{deed:str}}", status_code=200)
async def act(
    request: Visit,
    user: FromPath[str],
    deed: FromPath[str],
    client: NamedDependency[Client],
    view: NamedDependency[View],
) -> Response[Any]:
    if deed not in DEEDS:
        raise NotFound("No page has this address.")
    form = await read_form(request)
    try:
        match deed:
            case "role":
                wanted = SystemRole(form["role"]) if form["role"] in list(SystemRole) else None
                email = (await client.edit_user(user, UserPatch(system_role=wanted))).email
                said = (
                    f"{email} runs the installation as {wanted} now." if wanted else f"{email} runs nothing here now."
                )
            case "disable":
                said = f"{(await client.disable_user(user)).email} is disabled, and signed out everywhere."
            case "enable":
                said = f"{(await client.enable_user(user)).email} may come in again."
            case "end-sessions":
                said = f"{(await client.end_sessions_of_user(user)).email} is signed out everywhere."
            case _:
                said = f"{(await client.reset_factors_of_user(user)).email} has no second factor any more."
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{user}")
    except CrontopusError as error:
        return await _page(client, view, user, Faults(error, same_names("role")))
    return go(f"{PAGE}/{user}", said)


@post(f"{PAGE}/{{user:str}}/password-link", status_code=200)
async def password_link(
    user: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    """The only page that ever shows the link."""
    try:
        made = await client.link_for_password(user)
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{user}")
    except CrontopusError as error:
        return await _page(client, view, user, Faults(error))
    return view.page("admin/password-link.html", made=made, user=user)


async def _page(client: Client, view: View, user: str, faults: Faults) -> Response[str]:
    found = await client.admin_user(user)
    return view.page(
        "admin/user.html",
        400 if faults else 200,
        user=found,
        roles=ROLES,
        system_roles=list(SYSTEM_ROLES.items()),
        faults=faults,
    )


ROUTES: list[Any] = [users, show, password_link, act]
