"""What helps others to see what is wrong here."""

from litestar import Response, get

from crontopus.api.arguments import Caller, Parts
from crontopus.api.events import MOST_STREAMS
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.engine import diagnostics

ZIP = "application/zip"


@get(
    "/admin/diagnostics",
    operation_id="diagnostics",
    opt={**needs(Scope.INSTALLATION_READ), "media_types": (ZIP,)},
    media_type=ZIP,
)
async def take(caller: Caller, parts: Parts) -> Response[bytes]:
    """Download diagnostics.

    A zip of JSON files: versions, settings, health, loops, how full each table is, gaps, and the newest lines of the
    log of the process that answers. No names, addresses, tokens, ping URLs, output or secrets are in it. It needs a
    password of the last ten minutes, and is told in the installation's audit log.
    """
    caller.require_confirmed(parts.db.clock())
    await diagnostics.told(parts.look, caller)
    made = await diagnostics.bundle(parts.look, parts.settings, parts.recent.lines, parts.streams, MOST_STREAMS)
    name = f"crontopus-diagnostics-{parts.db.clock():%Y-%m-%d-%H%M}.zip"
    return Response(made, media_type=ZIP, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ROUTES = [take]
