"""Allowing a machine without a browser to come as oneself."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.forms import Faults, read_form
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound, Unconfirmed

PAGE = "/device"


@get(PAGE)
async def ask(request: Visit, view: NamedDependency[View]) -> Response[str]:
    """The code may stand in the link; which machine it is of is shown only after it was sent."""
    return view.page("device.html", code=request.query_params.get("code", "")[:20], faults=Faults())


@post(PAGE, status_code=200)
async def show(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    code = (await read_form(request))["code"]
    try:
        device = await client.open_device(code)
    except CrontopusError as error:
        return _wrong(view, code, error)
    return view.page("device-decide.html", code=code, device=device)


@post(f"{PAGE}/decide", status_code=200)
async def decide(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    code, allow = form["code"], form["allow"] == "yes"
    try:
        device = await client.decide_device(code, allow=allow)
    except Unconfirmed:
        return view.confirmation(f"{PAGE}?code={code[:20]}")
    except CrontopusError as error:
        return _wrong(view, code, error)
    name = device.name or "The machine"
    if allow:
        return go("/me#tokens", f"{name} comes as you from now on. Its token stands here, and can be revoked.")
    return go("/me", f"{name} was denied.")


def _wrong(view: View, code: str, error: CrontopusError) -> Response[str]:
    told = Invalid("", (Fault("/code", str(error)),)) if isinstance(error, NotFound) else error
    faults = Faults(told, {"/code": "code"})
    return view.page("device.html", 400, code=code[:20], faults=faults)


ROUTES: list[Any] = [ask, show, decide]
