"""The visitor's second factors: an authenticator app, passkeys, recovery codes."""

import base64
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, passkey_of, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.errors import Conflict, CrontopusError, Invalid, Throttled, Unconfirmed
from crontopus.wire.factors import NewPasskey, PasskeyPatch

HERE = "/me/security"


@get(HERE)
async def page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _page(client, view)


@post(f"{HERE}/app", status_code=200)
async def enrol(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        return await _enrolment(client, view)
    except Unconfirmed:
        return view.confirmation(HERE)


@post(f"{HERE}/app/confirm", status_code=200)
async def confirm(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    code = (await read_form(request))["code"]
    try:
        made = await client.confirm_authenticator(code)
    except Unconfirmed:
        return view.confirmation(HERE)
    except (Invalid, Throttled, Conflict) as error:
        return await _enrolment(client, view, Faults(error, same_names("code")))
    return _codes(view, made.recovery_codes, "The app is in force: its codes are asked for from now on.")


@post(f"{HERE}/app/remove")
async def remove(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        await client.remove_authenticator()
    except Unconfirmed:
        return view.confirmation(HERE)
    return go(HERE, "The app is removed; its codes open nothing any more.")


@post(f"{HERE}/passkeys", status_code=200)
async def add_passkey(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        made = await client.add_passkey(NewPasskey(passkey=passkey_of(form), name=form["name"][:200] or "Passkey"))
    except Unconfirmed:
        return view.confirmation(HERE)
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    return _codes(view, made.recovery_codes, "The passkey is added. With it you sign in without a password.")


@post(f"{HERE}/passkeys/{{passkey:str}}", status_code=200)
async def rename_passkey(
    request: Visit, passkey: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    try:
        changed = await client.edit_passkey(passkey, PasskeyPatch(name=(await read_form(request))[f"name-{passkey}"]))
    except Invalid as error:
        return await _page(client, view, Faults(error))
    return go(HERE, f"The passkey is called {changed.name} now.")


@post(f"{HERE}/passkeys/{{passkey:str}}/remove")
async def remove_passkey(
    passkey: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    try:
        await client.remove_passkey(passkey)
    except Unconfirmed:
        return view.confirmation(HERE)
    return go(HERE, "The passkey is removed; it opens nothing any more.")


@post(f"{HERE}/codes", status_code=200)
async def codes(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        made = await client.add_recovery_codes()
    except Unconfirmed:
        return view.confirmation(HERE)
    except CrontopusError as error:
        return await _page(client, view, Faults(error))
    return _codes(view, made.recovery_codes, "")


def _codes(view: View, made: list[str], note: str) -> Response[Any]:
    """The only page that ever shows them; none, where there were some already."""
    return view.page("recovery-codes.html", codes=made) if made else go(HERE, note)


async def _enrolment(client: Client, view: View, faults: Faults | None = None) -> Response[Any]:
    made = await client.enrol_authenticator()
    image = f"data:image/svg+xml;base64,{base64.b64encode(made.qr.encode()).decode()}"
    return view.page("authenticator.html", 400 if faults else 200, made=made, image=image, faults=faults or Faults())


async def _page(client: Client, view: View, faults: Faults | None = None) -> Response[str]:
    held = await client.factors()
    return view.page("security.html", 400 if faults else 200, held=held, faults=faults or Faults())


ROUTES: list[Any] = [page, enrol, confirm, remove, add_passkey, rename_passkey, remove_passkey, codes]
