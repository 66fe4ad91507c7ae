"""Tiers, as pages."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import Faults, Form, read_form, same_names
from crontopus.console.usage import LATER, NAMES
from crontopus.console.view import View, go
from crontopus.console.visit import Visit
from crontopus.domain.access import Scope
from crontopus.domain.errors import CrontopusError, Fault, Invalid, Unconfirmed
from crontopus.domain.tiers import UNLIMITED, Quota
from crontopus.wire.tiers import NewTier, Tier, TierPatch

PAGE = "/admin/tiers"
_FIELDS = {f"/quotas/{quota}": str(quota) for quota in Quota} | same_names("name")


@get(PAGE)
async def tiers(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    found = (await client.admin_tiers()).items
    return view.page("admin/tiers.html", tiers=found, names=NAMES, unlimited=UNLIMITED)


@get(f"{PAGE}/new")
async def new_page(view: NamedDependency[View]) -> Response[Any]:
    view.require(Scope.INSTALLATION_WRITE)
    return _form(view, None, Form([]), Faults())


@post(f"{PAGE}/new", status_code=200)
async def make(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    form = await read_form(request)
    try:
        made = await client.add_tier(NewTier(name=form["name"], quotas=_quotas(form)))
    except Unconfirmed:
        return view.confirmation()
    except CrontopusError as error:
        return _form(view, None, form, Faults(error, _FIELDS))
    return go(PAGE, f"The tier {made.name} is there. Organisations come into it on their own pages.")


@get(f"{PAGE}/{{tier:str}}")
async def show(tier: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    found = await client.admin_tier(tier)
    return _form(view, found, _form_of(found), Faults())


@post(f"{PAGE}/{{tier:str}}", status_code=200)
async def edit(
    request: Visit, tier: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]
) -> Response[Any]:
    form, before = await read_form(request), await client.admin_tier(tier)
    try:
        changed = await client.edit_tier(tier, TierPatch(name=form["name"], quotas=_quotas(form)))
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{tier}")
    except CrontopusError as error:
        return _form(view, before, form, Faults(error, _FIELDS))
    return go(PAGE, f"The tier {changed.name} is changed. It holds within seconds.")


@post(f"{PAGE}/{{tier:str}}/delete", status_code=200)
async def remove(tier: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    found = await client.admin_tier(tier)
    try:
        await client.delete_tier(tier)
    except Unconfirmed:
        return view.confirmation(f"{PAGE}/{tier}")
    except CrontopusError as error:
        return _form(view, found, _form_of(found), Faults(error))
    return go(PAGE, f"The tier {found.name} is gone.")


def _form(view: View, tier: Tier | None, form: Form, faults: Faults) -> Response[str]:
    fields = [(quota, name, "Nothing keeps to it yet." if quota in LATER else "") for quota, name in NAMES.items()]
    return view.page(
        "admin/tier-form.html",
        400 if faults else 200,
        tier=tier,
        fixed=tier is not None and tier.id == UNLIMITED,
        fields=fields,
        form=form,
        faults=faults,
    )


def _form_of(tier: Tier) -> Form:
    limits = ((str(quota), str(limit)) for quota, limit in tier.quotas.items() if limit is not None)
    return Form([("name", tier.name), *limits])


def _quotas(form: Form) -> dict[Quota, int | None]:
    """An empty field is no limit. Raises Invalid, naming every field that holds no number."""
    read = {quota: form[quota].replace(" ", "").replace(",", "") for quota in Quota}
    wrong = [quota for quota, text in read.items() if text and not (text.isascii() and text.isdigit())]
    if wrong:
        detail = "Give a whole number, or nothing for no limit."
        raise Invalid("", tuple(Fault(f"/quotas/{quota}", detail) for quota in wrong))
    return {quota: int(text[:20]) if text else None for quota, text in read.items()}


ROUTES: list[Any] = [tiers, new_page, make, show, edit, remove]
