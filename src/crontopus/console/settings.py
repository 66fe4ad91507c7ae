"""What holds for the organisation as a whole: its name, what it begins with, its export, and its end."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.fields import typed_length
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Role, Scope
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound, Unconfirmed
from crontopus.wire.people import TenantPatch
from crontopus.wire.tenants import TenantInfo

PAGE = "/settings"


@get(PAGE)
async def settings(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, Faults())


@post(f"{PAGE}/name", status_code=200)
async def rename(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        tenant = await client.edit_tenant(TenantPatch(name=form["name"]))
    except CrontopusError as error:
        return await _page(client, view, Faults(error, same_names("name")))
    return go(PAGE, f"The organisation is called {tenant.name} now.")


@post(f"{PAGE}/impersonation", status_code=200)
async def impersonation(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """Turns it round: forbids it, or allows it again."""
    try:
        forbidden = (await client.tenant()).forbid_impersonation
        await client.edit_tenant(TenantPatch(forbid_impersonation=not forbidden))
    except Unconfirmed:
        return view.confirmation(f"{PAGE}#looks")
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    said = "may look as one of you again." if forbidden else "looks as one of you any more."
    return go(f"{PAGE}#looks", f"{'Whoever runs the installation' if forbidden else 'Nobody who runs it'} {said}")


@post(f"{PAGE}/defaults", status_code=200)
async def defaults(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        wish = TenantPatch(timezone=form["timezone"] or "UTC", default_grace=form.length("grace") or 3600)
        await client.edit_tenant(wish)
    except CrontopusError as error:
        return await _page(client, view, Faults(error, {"/timezone": "timezone", "/default_grace": "grace"}), form)
    return go(f"{PAGE}#defaults", "Saved. Namespaces and jobs without their own follow.")


@post(f"{PAGE}/export", status_code=200)
async def export(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        await client.export_tenant()
    except Unconfirmed:
        return view.confirmation(f"{PAGE}#export")
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    return go(f"{PAGE}#export", "The export is being written. It stands here when it is done.")


@get(f"{PAGE}/exports/{{export:str}}")
async def download(
    export: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    """To the file itself, after the password where it was given too long ago."""
    found = next((one for one in (await client.exports()).items if str(one.id) == export), None)
    if found is None:
        raise NotFound("This export is over: ask for a new one.")
    if not view.is_confirmed:
        return view.confirmation()
    return go(f"/api/v1/tenants/current/exports/{found.id}/content")


@post(f"{PAGE}/delete", status_code=200)
async def delete(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    tenant = await client.tenant()
    try:
        require_typed(form, tenant)
        await client.delete_tenant()
    except Unconfirmed:
        return view.confirmation(f"{PAGE}#end")
    except CrontopusError as error:
        return await _page(client, view, Faults(error, same_names("typed")))
    return go(PAGE, f"{tenant.name} is deleted. For fourteen days it can be restored here.")


@post(f"{PAGE}/restore", status_code=200)
async def restore(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        tenant = await client.restore_tenant()
    except Unconfirmed:
        return view.confirmation(PAGE)
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    return go(PAGE, f"{tenant.name} is here again.")


def require_typed(form: Form, tenant: TenantInfo) -> None:
    """Whoever deletes types the name. Raises Invalid."""
    if form["typed"] != tenant.name:
        raise Invalid("", (Fault("/typed", f"Type the name as it stands here: {tenant.name}"),))


async def _page(client: Client, view: View, faults: Faults, form: Form | None = None) -> Response[str]:
    """Also while it is closed: then there is nothing but its end, and the way back."""
    tenant = await client.tenant()
    is_open = view.me is not None and not view.me.closed
    is_owner = view.is_person and view.me is not None and view.me.role is Role.OWNER
    looks = is_open and view.may(Scope.AUDIT_READ) and view.me is not None and view.me.namespaces is None
    return view.page(
        "settings.html",
        400 if faults else 200,
        tenant=tenant,
        is_open=is_open,
        is_owner=is_owner,
        sees_all=view.me is not None and view.me.namespaces is None,
        looks=(await client.impersonations(limit=20)).items if looks else [],
        exports=(await client.exports()).items if is_owner else [],
        namespaces=(await client.namespaces(limit=200)).items if is_open else [],
        form=form or {"timezone": tenant.timezone, "grace": typed_length(tenant.default_grace)},
        faults=faults,
    )


ROUTES: list[Any] = [settings, rename, impersonation, defaults, export, download, delete, restore]
