"""How e-mail fares, as a page."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Unconfirmed

PAGE = "/admin/mail"


@get(PAGE)
async def mail(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view, Form([]), Faults())


@post(PAGE, status_code=200)
async def send(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        await client.try_mail(form["to"])
    except Unconfirmed:
        return view.confirmation(PAGE)
    except CrontopusError as error:
        return await _page(client, view, form, Faults(error, same_names("to")))
    return go(PAGE, f"The mail server took a letter to {form['to']}. Look whether it arrives.")


async def _page(client: Client, view: View, form: Form, faults: Faults) -> Response[str]:
    state = await client.admin_mail()
    return view.page("admin/mail.html", 400 if faults else 200, state=state, form=form, faults=faults)


ROUTES: list[Any] = [mail, send]
