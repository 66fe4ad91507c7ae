"""The bell of every page: how many alerts are open, of which nobody says that they know and nothing holds."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View, go
from crontopus.domain.access import Scope
from crontopus.wire.accounts import Me

PAGE = "/bell"


@get(PAGE)
async def bell(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[Any]:
    """For the page that is open already; whoever comes by the address finds the alerts."""
    if not view.htmx or view.me is None:
        return go("/alerts")
    return view.page("bell.html", rings=await rings(client, view.me))


async def rings(client: Client, me: Me) -> int | None:
    """None for who may not read alerts, or where nothing can be done now."""
    return (await client.alert_counts())["open"] if Scope.ALERTS_READ in me.scopes and not me.closed else None


ROUTES = [bell]
