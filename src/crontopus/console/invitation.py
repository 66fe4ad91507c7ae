"""The door for those who are invited: what to, and with which password."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import ANYONE_MOST_BYTES, Faults, Form, read_form, same_names
from crontopus.console.members import ROLES
from crontopus.console.session import by_provider, welcome
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound, ProviderNeeded, Unauthenticated
from crontopus.wire.people import Acceptance


@get("/invitation", include_in_schema=False)
async def page(client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit) -> Response[str]:
    return await _page(client, visitor, request.query_params.get("code", ""), Form([]), Faults())


@post("/invitation", include_in_schema=False, request_max_body_size=ANYONE_MOST_BYTES)
async def accept(
    client: NamedDependency[Client], visitor: NamedDependency[View], request: Visit, secure: NamedDependency[bool]
) -> Response[Any]:
    form = await read_form(request)
    try:
        if "again" in form and form.raw("password") != form.raw("again"):
            raise Invalid("passwords differ", (Fault("/again", "This is not the same password."),))
        wish = Acceptance(code=form["code"], password=form.raw("password"), name=form["name"])
        session = await client.accept_invitation(wish)
    except NotFound:
        return await _page(client, visitor, form["code"], form, Faults(), 404)
    except ProviderNeeded as error:
        return by_provider(visitor, error, "/jobs")
    except Unauthenticated:
        wrong = Invalid("", (Fault("/password", "This is not the password of that account."),))
        return await _page(client, visitor, form["code"], form, Faults(wrong, same_names("password")), 400)
    except CrontopusError as error:
        faults = Faults(error, same_names("password", "again", "name"))
        return await _page(client, visitor, form["code"], form, faults, 400)
    return welcome(session, "/jobs", visitor.now, secure=secure)


async def _page(
    client: Client, visitor: View, code: str, form: Form, faults: Faults, status: int = 200
) -> Response[str]:
    try:
        state = await client.open_invitation(code)
    except NotFound:
        return visitor.page("invitation.html", 404, state=None, code="", form=form, roles=ROLES, faults=faults)
    return visitor.page("invitation.html", status, state=state, code=code, form=form, roles=ROLES, faults=faults)


ROUTES: list[Any] = [page, accept]
