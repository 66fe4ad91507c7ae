"""The tenant's jobs as Prometheus metrics. Public names: docs/operate.md lists them."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.engine import exposition
from crontopus.metrics import CONTENT_TYPE

Place = Annotated[str | None, QueryParameter(description="Only jobs of this namespace.", max_length=100)]


@get("/metrics", operation_id="metrics", opt=needs(Scope.METRICS_READ), media_type="text/plain")
async def expose(caller: Caller, parts: Parts, ns: Place = None) -> Stream:
    """Expose the jobs to Prometheus.

    Text format 0.0.4, the first 10,000 jobs by name; `crontopus_scrape_truncated` says whether there were more.
    """
    async with parts.db.read(caller.tenant) as tx:
        text = await exposition.of_jobs(tx, caller.reach, ns)
    return Stream(iter([text]), headers={"Content-Type": CONTENT_TYPE})


ROUTES = [expose]
