"""Who looked at an organisation as one of its members, as pages; and the form that begins it."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, as_id, is_id, read_form, same_names
from crontopus.console.members import ROLES, role_of
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError, Unconfirmed
from crontopus.wire.impersonations import NewImpersonation

PAGE = "/admin/impersonations"


@get(PAGE)
async def listed(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    tenant = request.query_params.get("tenant", "")
    page = await client.admin_impersonations(
        tenant if is_id(tenant) else None, cursor=request.query_params.get("cursor"), limit=50
    )
    return view.page("admin/impersonations.html", page=page, tenant=tenant)


@get(f"{PAGE}/new")
async def new_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.INSTALLATION_READ)
    if not is_id(request.query_params.get("tenant", "")):
        return go("/admin/tenants", "Choose an organisation first.")
    given = [(name, request.query_params.get(name, "")) for name in ("tenant", "member")]
    form = Form(given)
    if not view.is_confirmed:
        return view.confirmation()
    return await _form(client, view, form, Faults())


@post(f"{PAGE}/new", status_code=200)
async def begin(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        made = await client.impersonate(
            NewImpersonation(
                tenant=as_id(form["tenant"], "/tenant"),
                why=form["why"],
                member=form["member"] or None,
                role=None if form["member"] else role_of(form),
            )
        )
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/new?tenant={form['tenant']}")
    except CrontopusError as error:
        return await _form(client, view, form, Faults(error, same_names("tenant", "why", "member", "role")), 400)
    return go("/jobs", f"You see {made.tenant_name} as {made.member or f'the role {made.role}'} now.")


@post(f"{PAGE}/{{impersonation:str}}/end")
async def end(impersonation: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.end_impersonation(impersonation)
    return go(PAGE, "It is over.")


async def _form(client: Client, view: View, form: Form, faults: Faults, status: int = 200) -> Response[Any]:
    tenant = await client.admin_tenant(form["tenant"])
    roles = [(role, title) for role, (title, _) in ROLES.items()]
    return view.page("admin/impersonation-form.html", status, tenant=tenant, roles=roles, form=form, faults=faults)


ROUTES: list[Any] = [listed, new_page, begin, end]
