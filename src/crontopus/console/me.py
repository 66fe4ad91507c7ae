"""The visitor: their account, sessions and tenants; and how they want things shown."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import SESSION_COOKIE, Client
from crontopus.console.forms import ANYONE_MOST_BYTES, Faults, is_id, passkey_of, read_form, same_names
from crontopus.console.members import ROLES
from crontopus.console.view import PLAIN_COOKIE, THEME_COOKIE, ZONE_COOKIE, ZONES, View, choice_cookie, go
from crontopus.console.visit import Visit
from crontopus.domain.digest import Every
from crontopus.domain.errors import (
    Conflict,
    CrontopusError,
    Fault,
    Invalid,
    NotAllowed,
    NotFound,
    Throttled,
    Unauthenticated,
    Unconfirmed,
)
from crontopus.domain.hosts import path_here
from crontopus.wire.people import Language, MePatch, Theme

LANGUAGES: dict[Language, str] = {"en": "English", "en-US": "English (United States)"}
DIGESTS = {"": "None", "day": "Every day", "week": "Every week"}
THEMES: dict[str, Theme] = {"light": "light", "dark": "dark"}
"""All others are the system's."""


@get("/me")
async def me(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    if view.me is not None and view.me.impersonation is not None:
        return go("/impersonation")
    return await _page(client, view)


@post("/me/name", status_code=200)
async def name(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    try:
        await client.edit_me(MePatch(name=(await read_form(request))["name"]))
    except CrontopusError as error:
        return await _page(client, view, Faults(error, same_names("name")))
    return go("/me", "Your name is changed.")


@post("/me/password", status_code=200)
async def password(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        if form.raw("new") != form.raw("again"):
            raise Invalid("", (Fault("/again", "This is not the same password."),))
        await client.change_password(form.raw("old"), form.raw("new"))
    except Unconfirmed:
        return view.confirmation("/me#password")
    except NotAllowed as error:
        return await _page(client, view, Faults(Invalid("", (Fault("/old", str(error)),)), same_names("old")))
    except CrontopusError as error:
        return await _page(client, view, Faults(error, same_names("old", "new", "again")))
    return go("/me", "Your password is changed. Everywhere else you are signed out.")


@post("/me/sessions/{session:str}/end")
async def end_session(session: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.end_session(session)
    return go("/me#sessions", "That session is over.")


@post("/me/tokens/{token:str}/revoke")
async def revoke(token: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.revoke_own_token(token)
    return go("/me#tokens", "The token is revoked; it opens nothing any more.")


@post("/me/tenant")
async def tenant(request: Visit, client: NamedDependency[Client]) -> Response[None]:
    wanted = (await read_form(request))["tenant"]
    if not is_id(wanted):
        raise NotFound("No organisation has this id.")
    found = await client.switch_tenant(UUID(wanted))
    return go("/jobs", f"You are in {found.name} now.")


@get("/me/confirm")
async def confirm_page(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    return await _confirmation(client, view, path_here(request.query_params.get("next", "")))


@post("/me/confirm", status_code=200, request_max_body_size=ANYONE_MOST_BYTES)
async def confirm(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    onward = path_here(form["next"])
    try:
        if form["passkey"]:
            await client.confirm(passkey=passkey_of(form))
        else:
            await client.confirm(form.raw("password"), code=form["code"])
    except (NotAllowed, Invalid, Throttled) as error:
        return await _confirmation(client, view, onward, Faults(error, same_names("password", "code")))
    return go(onward)


@post("/me/zone", status_code=200)
async def zone(
    request: Visit, client: NamedDependency[Client], view: NamedDependency[View], secure: NamedDependency[bool]
) -> Response[Any]:
    wanted = (await read_form(request))["zone"]
    if wanted not in ZONES:
        detail = f"No time zone is called {wanted!r}. Choose one of the list."
        return await _page(client, view, Faults(Invalid("", (Fault("/zone", detail),)), same_names("zone")))
    if view.is_person:
        await client.edit_me(MePatch(zone=wanted))
    response = go("/me", f"Times are shown in {wanted}.")
    response.cookies.append(choice_cookie(ZONE_COOKIE, wanted, secure=secure))
    return response


@post("/me/language", status_code=200)
async def language(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    given = (await read_form(request))["language"]
    wanted = next((one for one in LANGUAGES if one == given), None)
    if wanted is None:
        detail = f"There is no language {given!r} here: choose {' or '.join(LANGUAGES.values())}."
        return await _page(client, view, Faults(Invalid(detail, (Fault("/language", detail),))))
    await client.edit_me(MePatch(language=wanted))
    return go("/me#language", f"Dates and times are written as in {LANGUAGES[wanted]}.")


@post("/me/digest", status_code=200)
async def digest(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    given = (await read_form(request))["every"]
    if given not in DIGESTS:
        raise Invalid(f"A digest comes every day, every week or never, not {given!r}.")
    try:
        asked = await client.ask_for_digest(Every(given) if given else None)
    except Conflict as error:
        return await _page(client, view, Faults(error))
    told = f"You are written to every {asked.every}." if asked.every else "You are sent no digest."
    return go("/me#digest", told)


@post("/me/theme", request_max_body_size=ANYONE_MOST_BYTES)
async def theme(request: Visit, client: NamedDependency[Client], secure: NamedDependency[bool]) -> Response[None]:
    """Of whoever has not signed in only the browser keeps it."""
    form = await read_form(request)
    wanted: Theme = THEMES.get(form["theme"], "system")
    if SESSION_COOKIE in request.cookies:
        with suppress(Unauthenticated, NotAllowed):
            await client.edit_me(MePatch(theme=wanted))
    response = go(path_here(form["back"] or "/me"))
    response.cookies.append(choice_cookie(THEME_COOKIE, "" if wanted == "system" else wanted, secure=secure))
    return response


async def _confirmation(client: Client, view: View, onward: str, faults: Faults | None = None) -> Response[str]:
    held = await client.factors() if view.is_person and view.me is not None and view.me.second_factor else None
    passkeys = held is not None and bool(held.passkeys) and held.no_passkeys is None
    status = 400 if faults else 200
    return view.page("confirm.html", status, onward=onward, faults=faults or Faults(), passkeys=passkeys)


@post("/me/plain", request_max_body_size=ANYONE_MOST_BYTES)
async def plain(request: Visit, secure: NamedDependency[bool]) -> Response[None]:
    """They have read what plain HTTP means; this browser says it no more."""
    form = await read_form(request)
    response = go(path_here(form["back"] or "/me"))
    response.cookies.append(choice_cookie(PLAIN_COOKIE, "read", secure=secure))
    return response


async def _page(client: Client, view: View, faults: Faults | None = None) -> Response[str]:
    is_person = view.is_person
    return view.page(
        "me.html",
        400 if faults else 200,
        faults=faults or Faults(),
        tokens=(await client.own_tokens()).items if is_person else [],
        sessions=(await client.sessions()).items if is_person else [],
        tenants=(await client.tenants()).items,
        looks=(await client.own_impersonations(limit=20)).items if is_person else [],
        roles=ROLES,
        languages=LANGUAGES,
        digest=await client.own_digest() if is_person else None,
        digests=DIGESTS,
    )


ROUTES: list[Any] = [
    me,
    name,
    password,
    end_session,
    revoke,
    tenant,
    confirm_page,
    confirm,
    zone,
    language,
    digest,
    theme,
    plain,
]
