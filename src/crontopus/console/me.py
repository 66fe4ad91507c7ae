"""How the visitor wants things shown, and the way out. The choices are the browser's, not the person's: cookies."""

from litestar import Response, get, post
from litestar.di import NamedDependency

from crontopus.console.forms import ANYONE_MOST_BYTES, read_form
from crontopus.console.session import local_path
from crontopus.console.view import THEME_COOKIE, ZONE_COOKIE, ZONES, View, choice_cookie, go
from crontopus.console.visit import Visit


@get("/me")
async def me(view: NamedDependency[View]) -> Response[str]:
    return view.page("me.html", fault="")


@post("/me/zone", status_code=200)
async def zone(
    request: Visit, view: NamedDependency[View], secure: NamedDependency[bool]
) -> Response[str] | Response[None]:
    wanted = (await read_form(request))["zone"]
    if wanted not in ZONES:
        return view.page("me.html", 400, fault=f"No time zone is called {wanted!r}. Choose one of the list.")
    response = go("/me", f"Times are shown in {wanted}.")
    response.cookies.append(choice_cookie(ZONE_COOKIE, wanted, secure=secure))
    return response


@post("/me/theme", request_max_body_size=ANYONE_MOST_BYTES)
async def theme(request: Visit, secure: NamedDependency[bool]) -> Response[None]:
    form = await read_form(request)
    wanted = form["theme"] if form["theme"] in ("light", "dark") else ""
    response = go(local_path(form["back"] or "/me"))
    response.cookies.append(choice_cookie(THEME_COOKIE, wanted, secure=secure))
    return response


ROUTES = [me, zone, theme]
