"""Sign-in providers of the organisation: who they are, and what people who come by them may do."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form
from crontopus.console.members import ROLES
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Role, Scope
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotAllowed, Unconfirmed
from crontopus.wire.providers import SCOPES, GroupRole, NewProvider, Provider, ProviderPatch

PAGE = "/settings/sign-in"
NOBODY = "none"
FIELDS = {
    f"/{name}": name
    for name in (
        "name",
        "issuer",
        "client_id",
        "client_secret",
        "domains",
        "scopes",
        "groups_claim",
        "roles",
        "default_role",
        "enforced",
    )
}


@get(PAGE)
async def providers(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    view.require(Scope.TENANT_WRITE)
    found = (await client.providers()).items
    return view.page("providers.html", providers=found, roles=ROLES, is_owner=_is_owner(view))


@get(f"{PAGE}/new")
async def new(view: NamedDependency[View], callback: NamedDependency[str]) -> Response[Any]:
    _require_owner(view)
    if not view.is_confirmed:
        return view.confirmation()
    begin = [("scopes", " ".join(SCOPES)), ("groups_claim", "groups"), ("default_role", NOBODY), ("enabled", "yes")]
    return _form(view, None, Form(begin), Faults(), callback=callback)


@post(f"{PAGE}/new", status_code=200)
async def add(
    request: Visit, client: NamedDependency[Client], view: NamedDependency[View], callback: NamedDependency[str]
) -> Response[Any]:
    _require_owner(view)
    form = await read_form(request)
    try:
        made = await client.add_provider(NewProvider(**_read(form), client_secret=form.raw("client_secret").strip()))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return _form(view, None, form, Faults(error, FIELDS), 400, callback)
    return go(f"{PAGE}/{made.id}", f"{made.name} is there. Tell the provider the address below, and try it.")


@get(f"{PAGE}/{{provider:str}}")
async def show(provider: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.TENANT_WRITE)
    found = await client.provider(provider)
    return _form(view, found, _stored(found), Faults())


@post(f"{PAGE}/{{provider:str}}", status_code=200)
async def edit(
    request: Visit, provider: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    secret = form.raw("client_secret").strip() or UNSET
    try:
        changed = await client.edit_provider(provider, ProviderPatch(**_read(form), client_secret=secret))
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{provider}")
    except CrontopusError as error:
        return _form(view, await client.provider(provider), form, Faults(error, FIELDS), 400)
    return go(f"{PAGE}/{provider}", f"{changed.name} is changed.")


@post(f"{PAGE}/{{provider:str}}/check", status_code=200)
async def check(provider: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await client.provider(provider)
    told = await client.check_provider(provider)
    if told.problem:
        said = f"{told.problem[:1].upper()}{told.problem[1:]}."
        return _form(view, found, _stored(found), Faults(Invalid(said)), 400)
    return go(f"{PAGE}/{provider}", f"{found.name} answers as it should, and publishes its keys.")


@post(f"{PAGE}/{{provider:str}}/remove", status_code=200)
async def remove(
    provider: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    found = await client.provider(provider)
    try:
        await client.remove_provider(provider)
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{provider}")
    except CrontopusError as error:
        return _form(view, found, _stored(found), Faults(error), 400)
    return go(PAGE, f"{found.name} is removed. Whoever came by it is signed out.")


def _is_owner(view: View) -> bool:
    return view.me is not None and view.me.role is Role.OWNER


def _require_owner(view: View) -> None:
    view.require(Scope.TENANT_WRITE)
    if not _is_owner(view):
        raise NotAllowed("Only an owner decides by whom people sign in: a provider can say of anybody that it is them.")


def _form(
    view: View, provider: Provider | None, form: Form, faults: Faults, status: int = 200, callback: str = ""
) -> Response[Any]:
    return view.page(
        "provider.html",
        status,
        provider=provider,
        redirect_uri=provider.redirect_uri if provider else callback,
        form=form,
        faults=faults,
        roles=[(NOBODY, "Nobody but members"), *((role, title) for role, (title, _) in ROLES.items())],
        titles=ROLES,
        is_owner=_is_owner(view),
    )


def _stored(found: Provider) -> Form:
    return Form(
        [
            ("name", found.name),
            ("issuer", found.issuer),
            ("client_id", found.client_id),
            ("domains", " ".join(found.domains)),
            ("scopes", " ".join(found.scopes)),
            ("groups_claim", found.groups_claim),
            ("roles", "\n".join(map(_line, found.roles))),
            ("default_role", found.default_role or NOBODY),
            *((name, "yes") for name in ("enabled", "enforced") if getattr(found, name)),
        ]
    )


def _line(one: Any) -> str:
    places = f" in {', '.join(one.namespaces)}" if one.namespaces is not None else ""
    return f"{one.group} = {one.role}{places}"


def _read(form: Form) -> dict[str, Any]:
    """Raises Invalid."""
    default = form["default_role"]
    return {
        "name": form["name"],
        "issuer": form["issuer"],
        "client_id": form["client_id"],
        "domains": form.words("domains"),
        "scopes": form.words("scopes") or SCOPES,
        "groups_claim": form["groups_claim"] or "groups",
        "roles": [_group_role(line) for line in form["roles"].splitlines() if line.strip()],
        "default_role": Role(default) if default in list(Role) else None,
        "enabled": form["enabled"] == "yes",
        "enforced": form["enforced"] == "yes",
    }


def _group_role(line: str) -> GroupRole:
    """`group = role`, or `group = role in namespace, namespace`; a group may hold a `=` itself. Raises Invalid."""
    group, equals, told = (part.strip() for part in line.rpartition("="))
    role, limited, places = (part.strip() for part in told.partition(" in "))
    if not group or not equals or role not in list(Role) or (limited and not places):
        detail = f"“{line.strip()[:100]}” is not of the form: group = role. Roles are {', '.join(Role)}."
        raise Invalid("", (Fault("/roles", detail),))
    return GroupRole(group=group, role=Role(role), namespaces=places.replace(",", " ").split())


ROUTES: list[Any] = [providers, new, add, show, edit, check, remove]
