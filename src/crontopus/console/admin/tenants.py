"""Every organisation of the installation, as pages."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, as_id, read_form, same_names
from crontopus.console.settings import require_typed
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError, NotFound, Unconfirmed
from crontopus.wire.people import TenantPatch
from crontopus.wire.tenants import NewTenant

PAGE = "/admin/tenants"
DEEDS = ("rename", "tier", "suspend", "resume", "delete", "restore")


@get(PAGE)
async def tenants(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    words = request.query_params.get("q", "").strip()
    page = await client.admin_tenants(q=words or None, cursor=request.query_params.get("cursor"), limit=50)
    return view.page("admin/tenants.html", page=page, words=words)


@get(f"{PAGE}/new")
async def new_page(view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.INSTALLATION_WRITE)
    return view.page("admin/tenant-form.html", form=Form([]), faults=Faults())


@post(f"{PAGE}/new", status_code=200)
async def make(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """The only page that ever shows the link."""
    form = await read_form(request)
    try:
        made = await client.add_tenant(NewTenant(name=form["name"], owner=form["owner"]))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return view.page("admin/tenant-form.html", 400, form=form, faults=Faults(error, same_names("name", "owner")))
    return view.page("admin/tenant-made.html", tenant=made, owner=form["owner"])


@get(f"{PAGE}/{{tenant:str}}")
async def show(tenant: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, tenant, Faults())


@post(f"{PAGE}/{{tenant:str}}/{{deed:str}}", status_code=200)
async def act(
    request: Visit,
    tenant: FromPath[str],
    deed: FromPath[str],
    client: NamedDependency[Client],
    view: NamedDependency[View],
) -> Response[Any]:
    if deed not in DEEDS:
        raise NotFound("No page has this address.")
    form, before = await read_form(request), await client.admin_tenant(tenant)
    try:
        match deed:
            case "rename":
                said = (
                    f"It is called {(await client.admin_edit_tenant(tenant, TenantPatch(name=form['name']))).name} now."
                )
            case "tier":
                said = (
                    f"It is in the tier {(await client.give_tier(tenant, as_id(form['tier'], '/tier'))).tier_name} now."
                )
            case "suspend":
                await client.suspend_tenant(tenant, form["why"])
                said = f"{before.name} is suspended. Its check-ins are stored all the same."
            case "resume":
                await client.resume_tenant(tenant)
                said = f"{before.name} is open again."
            case "delete":
                require_typed(form, before)
                await client.admin_delete_tenant(tenant)
                said = f"{before.name} is deleted. For fourteen days it can be restored here."
            case _:
                await client.admin_restore_tenant(tenant)
                said = f"{before.name} is here again."
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{tenant}")
    except CrontopusError as error:
        return await _page(client, view, tenant, Faults(error, same_names("name", "why", "typed", "tier")))
    return go(f"{PAGE}/{tenant}", said)


async def _page(client: Client, view: View, tenant: str, faults: Faults) -> Response[str]:
    found = await client.admin_tenant(tenant)
    tiers = [(str(one.id), one.name) for one in (await client.admin_tiers()).items]
    return view.page("admin/tenant.html", 400 if faults else 200, tenant=found, tiers=tiers, faults=faults)


ROUTES: list[Any] = [tenants, new_page, make, show, act]
