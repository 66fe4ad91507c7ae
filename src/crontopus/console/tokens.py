"""API tokens: made, shown once, revoked."""

from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import OF_KIND, Scope, by_default, in_short
from crontopus.domain.errors import CrontopusError, Unconfirmed
from crontopus.domain.tokens import Kind
from crontopus.wire.accounts import NewToken

KINDS = {
    "u": ("Person", "Comes as the person who made it, and may what they may."),
    "s": ("Service", "Uses the API as a program: what its scopes allow."),
    "c": ("Check-ins only", "Reports runs of one job or one namespace, and can read nothing."),
    "m": ("Metrics", "Reads the metrics of all jobs, for Prometheus."),
}
DAYS = {"30": "30 days", "90": "90 days", "365": "1 year", "": "Never"}
FIELDS = same_names("name", "kind", "scopes", "namespaces", "job", "addresses") | {"/expires_at": "days"}


@get("/tokens")
async def tokens(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    page = await client.tokens(cursor=request.query_params.get("cursor"))
    return view.page("tokens.html", page=page, kinds=KINDS, powers=in_short)


@get("/tokens/new")
async def new_page(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.TOKENS_WRITE)
    if not view.is_confirmed:
        return view.confirmation()
    return await _form(client, view, Form([("kind", "s"), ("days", "365")]), Faults())


@post("/tokens/new", status_code=200)
async def new(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """The only page that ever shows the token."""
    form = await read_form(request)
    try:
        made = await client.add_token(_wish(form, view))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return await _form(client, view, form, Faults(error, FIELDS), 400)
    return view.page("token-made.html", token=made, kinds=KINDS, powers=in_short)


@post("/tokens/{token:str}/rotate", status_code=200)
async def rotate(
    request: Visit, token: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    """Shows the new token, once."""
    overlap = (await read_form(request))["overlap"] or "0"
    try:
        made = await client.rotate_token(token, overlap)
    except Unconfirmed:
        return view.confirmation("/tokens")
    return view.page("token-made.html", token=made, kinds=KINDS, powers=in_short)


@post("/tokens/{token:str}/revoke")
async def revoke(token: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.revoke_token(token)
    return go("/tokens", "The token is revoked; it opens nothing any more.")


async def _form(client: Client, view: View, form: Form, faults: Faults, status: int = 200) -> Response[str]:
    spaces = (await client.namespaces(limit=200)).items
    offered = OF_KIND[Kind.SERVICE] & {Scope(scope) for scope in (view.me.scopes if view.me else [])}
    return view.page(
        "token-form.html",
        status,
        form=form,
        kinds={kind: told for kind, told in KINDS.items() if kind != "u"},
        days=DAYS,
        scopes=sorted(offered),
        withheld=sorted(offered - by_default(Kind.SERVICE, offered)),
        namespaces=[space.slug for space in spaces],
        faults=faults,
    )


def _wish(form: Form, view: View) -> NewToken:
    days = form.whole("days", 0)
    kind = form["kind"] or "s"
    return NewToken(
        name=form["name"],
        kind=kind,
        scopes=form.all("scopes") if kind == "s" else [],
        namespaces=[space for space in form.all("namespaces") if space] if kind != "m" else [],
        job=(form["job"] or None) if kind == "c" else None,
        addresses=form.words("addresses"),
        expires_at=view.now + timedelta(days=min(days, 36500)) if days else None,
    )


ROUTES: list[Any] = [tokens, new_page, new, rotate, revoke]
