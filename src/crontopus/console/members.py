"""The people of a tenant: members, invitations, and what each may do."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Role, Scope
from crontopus.domain.errors import CrontopusError, Fault, Invalid, Unconfirmed
from crontopus.wire.people import Member, MemberPatch, NewInvitation, TenantPatch

ROLES = {
    Role.OWNER: ("Owner", "Everything, and who else is an owner."),
    Role.ADMIN: ("Admin", "Everything but owners: members, tokens, jobs."),
    Role.EDITOR: ("Editor", "Makes and changes jobs and namespaces."),
    Role.RESPONDER: ("Responder", "Pauses and resumes jobs, settles runs."),
    Role.VIEWER: ("Viewer", "Looks on."),
    Role.AUDITOR: ("Auditor", "Looks on, also into the audit log."),
}
"""What a role is called, and what it is for, by what it may do most of all first."""
ALL, SOME = "all", "some"
REACHES = {ALL: "The whole organisation", SOME: "Only some namespaces"}
FIELDS = same_names("email", "role", "namespaces")


@get("/members")
async def members(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _list(client, view, Faults(), request.query_params.get("cursor"))


@post("/members/second-factor", status_code=200)
async def second_factor(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """Turns it round: asks everybody for one, or leaves it to them."""
    required = not (await client.tenant()).require_second_factor
    try:
        await client.edit_tenant(TenantPatch(require_second_factor=required))
    except Unconfirmed:
        return view.confirmation("/members#second-factor")
    except CrontopusError as error:
        return await _list(client, view, Faults(error), status=400)
    said = "Everybody here needs a second factor now." if required else "Everybody decides for themselves now."
    return go("/members#second-factor", said)


@get("/members/invite")
async def invite_page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.MEMBERS_WRITE)
    if not view.is_confirmed:
        return view.confirmation()
    return await _form(client, view, Form([("role", Role.VIEWER), ("reach", ALL)]), Faults())


@post("/members/invite", status_code=200)
async def invite(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """The only page that ever shows the link."""
    form = await read_form(request)
    try:
        wish = NewInvitation(email=form["email"], role=role_of(form), namespaces=_reach(form))
        made = await client.invite(wish)
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return await _form(client, view, form, Faults(error, FIELDS), 400)
    return view.page("invitation-made.html", invitation=made, roles=ROLES)


@post("/invitations/{invitation:str}/revoke")
async def uninvite(
    invitation: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    try:
        await client.uninvite(invitation)
    except Unconfirmed:
        return view.confirmation("/members")
    return go("/members", "The invitation is taken back; its link opens nothing any more.")


@get("/members/{member:str}")
async def member(member: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await client.member(member)
    return await _page(client, view, member, _stored(found), Faults())


@post("/members/{member:str}", status_code=200)
async def edit(
    request: Visit, member: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form = await read_form(request)
    try:
        changed = await client.edit_member(member, MemberPatch(role=role_of(form), namespaces=_reach(form) or None))
    except Unconfirmed:
        return view.confirmation(f"/members/{member}")
    except CrontopusError as error:
        return await _page(client, view, member, form, Faults(error, FIELDS), 400)
    return go("/members", f"{changed.email} is {ROLES[changed.role][0].lower()} now.")


@post("/members/{member:str}/remove", status_code=200)
async def remove(member: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await client.member(member)
    try:
        await client.remove_member(member)
    except Unconfirmed:
        return view.confirmation(f"/members/{member}")
    except CrontopusError as error:
        return await _page(client, view, member, _stored(found), Faults(error), 400)
    return go("/members", f"{found.email} is no member any more.")


async def _list(
    client: Client, view: View, faults: Faults, cursor: str | None = None, status: int = 200
) -> Response[Any]:
    page = await client.members(cursor=cursor, limit=100)
    invitations = (await client.invitations(limit=200)).items
    required = (await client.tenant()).require_second_factor
    return view.page(
        "members.html", status, page=page, invitations=invitations, roles=ROLES, required=required, faults=faults
    )


async def _form(client: Client, view: View, form: Form, faults: Faults, status: int = 200) -> Response[Any]:
    spaces = [space.slug for space in (await client.namespaces(limit=200)).items]
    return view.page(
        "invite.html", status, form=form, roles=_grantable(view), namespaces=spaces, reaches=REACHES, faults=faults
    )


async def _page(
    client: Client, view: View, member: str, form: Form, faults: Faults, status: int = 200
) -> Response[Any]:
    found = await client.member(member)
    spaces = [space.slug for space in (await client.namespaces(limit=200)).items]
    mine = _grantable(view)
    return view.page(
        "member.html",
        status,
        member=found,
        form=form,
        roles=mine,
        changeable=view.may(Scope.MEMBERS_WRITE) and found.role in mine,
        titles=ROLES,
        namespaces=spaces,
        reaches=REACHES,
        faults=faults,
    )


def _stored(found: Member) -> Form:
    reach = ALL if found.namespaces is None else SOME
    return Form([("role", found.role), ("reach", reach), *(("namespaces", space) for space in found.namespaces or [])])


def _reach(form: Form) -> list[str]:
    """The namespaces that are picked; none: all of the tenant, which must have been said. Raises Invalid."""
    if form["reach"] != SOME:
        return []
    spaces = [space for space in form.all("namespaces") if space]
    if not spaces:
        raise Invalid("", (Fault("/namespaces", "Pick at least one, or choose the whole organisation."),))
    return spaces


def _grantable(view: View) -> dict[Role, tuple[str, str]]:
    """Only owners are offered to make owners."""
    is_owner = view.me is not None and view.me.role is Role.OWNER
    return {role: told for role, told in ROLES.items() if is_owner or role is not Role.OWNER}


def role_of(form: Form) -> Role:
    """What is no role is refused as the least of them would be chosen by mistake: never more than was meant."""
    return Role(form["role"]) if form["role"] in list(Role) else Role.VIEWER


ROUTES: list[Any] = [members, second_factor, invite_page, invite, uninvite, member, edit, remove]
