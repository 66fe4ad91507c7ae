"""Schedules before anything is saved: a preview, and what a crontab says."""

from litestar import post
from litestar.di import NamedDependency

from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body
from crontopus.domain.access import Scope
from crontopus.engine import crontabs, schedules
from crontopus.wire.schedules import Crontab, CrontabRequest, Preview, PreviewRequest


@post(
    "/schedules/preview",
    operation_id="preview",
    opt=needs(Scope.JOBS_READ),
    dependencies={"sent": Body(PreviewRequest)},
    status_code=200,
)
async def preview(caller: Caller, parts: Parts, sent: NamedDependency[PreviewRequest]) -> Preview:
    """Preview a schedule.

    Its next runs, its words, and what changes of the clocks do to it. Saves nothing.
    """
    return schedules.preview(sent, parts.db.clock())


@post(
    "/crontabs/parse",
    operation_id="parse_crontab",
    opt=needs(Scope.JOBS_READ),
    dependencies={"sent": Body(CrontabRequest)},
    status_code=200,
)
async def parse(caller: Caller, parts: Parts, sent: NamedDependency[CrontabRequest]) -> Crontab:
    """Explain a crontab.

    Every line that runs something, with its schedule in words and its next runs; `fault` where it cannot become a job.
    Saves nothing.
    """
    return crontabs.explain(sent, parts.db.clock())


ROUTES = [preview, parse]
