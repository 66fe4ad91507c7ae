"""How the installation is."""

from litestar import get

from crontopus.api.arguments import Parts
from crontopus.api.events import MOST_STREAMS
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.engine import vitals
from crontopus.wire.installation import Vitals


@get("/admin/health", operation_id="admin_health", opt=needs(Scope.INSTALLATION_READ))
async def health(parts: Parts) -> Vitals:
    """Look at the installation, part by part.

    As the process sees it that answers. What cannot be read is `bad`, and says why.
    """
    return await vitals.taken(parts.look, parts.streams, MOST_STREAMS)


ROUTES = [health]
