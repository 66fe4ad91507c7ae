"""The door for whoever has lost their password: ask for a link, and choose a new one by it."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import ANYONE_MOST_BYTES, Faults, Form, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound


@get("/forgot")
async def forgot(visitor: NamedDependency[View]) -> Response[str]:
    return visitor.page("forgot.html", form=Form([]), faults=Faults(), sent=False)


@post("/forgot", request_max_body_size=ANYONE_MOST_BYTES, status_code=200)
async def ask(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    """Says the same whether anybody has that address."""
    form = await read_form(request)
    try:
        await client.ask_for_password(form["email"])
    except CrontopusError as error:
        return visitor.page("forgot.html", 400, form=form, faults=Faults(error, same_names("email")), sent=False)
    return visitor.page("forgot.html", form=form, faults=Faults(), sent=True)


@get("/reset")
async def page(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[str]:
    return await _page(client, visitor, request.query_params.get("code", ""), Faults())


@post("/reset", request_max_body_size=ANYONE_MOST_BYTES)
async def use(request: Visit, client: NamedDependency[Client], visitor: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        if form.raw("password") != form.raw("again"):
            raise Invalid("passwords differ", (Fault("/again", "This is not the same password."),))
        await client.use_password_reset(form["code"], form.raw("password"))
    except CrontopusError as error:
        return await _page(client, visitor, form["code"], Faults(error, same_names("password", "again")))
    return go("/sign-in", "Your password is changed. Sign in with it.")


async def _page(client: Client, visitor: View, code: str, faults: Faults) -> Response[str]:
    try:
        state = await client.open_password_reset(code)
    except NotFound:
        return visitor.page("reset.html", 404, state=None, code="", faults=faults)
    return visitor.page("reset.html", 400 if faults else 200, state=state, code=code, faults=faults)


ROUTES: list[Any] = [forgot, ask, page, use]
