"""What people are told, as pages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, as_id, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.announcements import Weight
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound, Unconfirmed
from crontopus.wire.announcements import Announcement, AnnouncementPatch, NewAnnouncement

PAGE = "/admin/announcements"
SEVERITIES = [(Weight.INFO, "To know"), (Weight.WARNING, "A warning")]
MINUTES = "%Y-%m-%dT%H:%M"
FIELDS = same_names("text", "severity", "since", "until", "tenants")


@get(PAGE)
async def listed(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return view.page("admin/announcements.html", items=(await client.admin_announcements()).items)


@get(f"{PAGE}/new")
async def new_page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.INSTALLATION_WRITE)
    return await _form(client, view, None, Form([]), Faults())


@post(f"{PAGE}/new", status_code=200)
async def make(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        made = await client.announce(NewAnnouncement(**_typed(form, view)))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return await _form(client, view, None, form, Faults(error, FIELDS), 400)
    return go(PAGE, "It is shown now." if made.active else "It is shown when its time has come.")


@get(f"{PAGE}/{{announcement:str}}")
async def edit_page(
    announcement: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    found = await _find(client, announcement)
    return await _form(client, view, found, _filled(found, view), Faults())


@post(f"{PAGE}/{{announcement:str}}", status_code=200)
async def edit(
    request: Visit, announcement: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, found = await read_form(request), await _find(client, announcement)
    try:
        typed = _typed(form, view)
        typed["since"] = typed["since"] or found.since
        await client.edit_announcement(announcement, AnnouncementPatch(**typed))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return await _form(client, view, found, form, Faults(error, FIELDS), 400)
    return go(PAGE, "The announcement is changed.")


@post(f"{PAGE}/{{announcement:str}}/delete", status_code=200)
async def delete(
    announcement: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    try:
        await client.delete_announcement(announcement)
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{announcement}")
    return go(PAGE, "It is gone.")


async def _find(client: Client, announcement: str) -> Announcement:
    items = (await client.admin_announcements()).items
    found = next((one for one in items if str(one.id) == announcement), None)
    if found is None:
        raise NotFound("This announcement is gone.")
    return found


def _typed(form: Form, view: View) -> dict[str, Any]:
    return {
        "text": form["text"],
        "severity": Weight(form["severity"]) if form["severity"] in list(Weight) else Weight.INFO,
        "since": _instant(form, "since", view),
        "until": _instant(form, "until", view),
        "tenants": [as_id(one, "/tenants") for one in form.all("tenants")],
    }


def _instant(form: Form, name: str, view: View) -> datetime | None:
    """On the visitor's clock. None where the field is empty. Raises Invalid."""
    if not form[name]:
        return None
    try:
        return datetime.fromisoformat(form[name]).replace(tzinfo=view.zone)
    except ValueError:
        detail = "Write it like 2027-03-01T08:00."
        raise Invalid("", (Fault(f"/{name}", detail),)) from None


def _filled(found: Announcement, view: View) -> Form:
    times = {"since": found.since, "until": found.until}
    pairs = [("text", found.text), ("severity", str(found.severity))]
    pairs += [(name, at.astimezone(view.zone).strftime(MINUTES)) for name, at in times.items() if at is not None]
    return Form(pairs + [("tenants", str(one)) for one in found.tenants])


async def _form(
    client: Client, view: View, found: Announcement | None, form: Form, faults: Faults, status: int = 200
) -> Response[Any]:
    tenants: list[tuple[UUID, str]] = [(one.id, one.name) for one in (await client.admin_tenants(limit=200)).items]
    return view.page(
        "admin/announcement-form.html",
        status,
        found=found,
        form=form,
        chosen=form.all("tenants"),
        tenants=tenants,
        severities=SEVERITIES,
        faults=faults,
    )


ROUTES: list[Any] = [listed, new_page, make, edit_page, edit, delete]
