"""What the organisation uses of what it may have, as a page."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from crontopus.client import Client
from crontopus.console.view import View
from crontopus.domain.tiers import Level, Quota

NAMES = {
    Quota.JOBS: "Jobs",
    Quota.AGENTS: "Agents",
    Quota.MEMBERS: "Members, with those who are invited",
    Quota.CHANNELS: "Channels",
    Quota.PINGS: "Check-ins in a minute",
    Quota.OUTPUT: "Output in a day",
    Quota.RETENTION: "Days that runs are kept",
    Quota.TOKENS: "Tokens",
    Quota.REQUESTS: "Requests in a minute",
    Quota.STREAMS: "Live pages and streams",
}
"""What each is called on a page."""
LATER = frozenset({Quota.AGENTS})
"""Of which there is nothing yet that keeps to them."""


@get("/settings/usage")
async def usage(client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    found = await client.usage()
    return view.page(
        "usage.html",
        usage=found,
        shown=[one for one in found.quotas if one.limit is not None or one.used],
        tight=[one for one in found.quotas if one.level is not Level.FREE and one.quota not in LATER],
        names=NAMES,
    )


ROUTES: list[Any] = [usage]
