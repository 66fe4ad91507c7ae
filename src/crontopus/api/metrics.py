"""The tenant's jobs as Prometheus metrics. Public names: docs/operate.md lists them."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.engine import scraping
from crontopus.metrics import OPENMETRICS, TEXT, content_type

Place = Annotated[str | None, QueryParameter(description="Only jobs of this namespace.", max_length=100)]
Label = Annotated[
    str | None, QueryParameter(description="Only jobs with this label: `team=data`, or `team`.", max_length=1000)
]


@get(
    "/metrics",
    operation_id="metrics",
    opt={**needs(Scope.METRICS_READ), "media_types": (TEXT, OPENMETRICS)},
    media_type="text/plain",
)
async def expose(request: Http, caller: Caller, parts: Parts, ns: Place = None, label: Label = None) -> Stream:
    """Expose the jobs to Prometheus, and how the channels fare that alerts are told by.

    Text format 0.0.4, or OpenMetrics 1.0 where `Accept` asks for it: up to 200,000 series, job by job in the order of
    their names; `crontopus_scrape_truncated` says whether there were more jobs. Channels are told to who reaches all
    jobs and asks for no part of them. Where that takes long, the last answer stands for ten times as long.
    """
    query, asked = scraping.asked(ns, label), content_type(request.headers.get("accept", ""))

    async def scraped() -> list[bytes]:
        openmetrics = asked == OPENMETRICS
        return await scraping.of_jobs(parts.db, caller.tenant, caller.reach, query, openmetrics=openmetrics)

    found = await parts.scrapes.get((caller.tenant, caller.reach, query, asked), scraped)
    return Stream(iter(found), headers={"Content-Type": asked, "Vary": "Accept"})


ROUTES = [expose]
