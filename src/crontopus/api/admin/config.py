"""The settings in force."""

from litestar import get

from crontopus.api.arguments import Parts
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.wire.common import Page
from crontopus.wire.installation import Setting


@get("/admin/config", operation_id="admin_config", opt=needs(Scope.INSTALLATION_READ))
async def settings(parts: Parts) -> Page[Setting]:
    """List the settings in force, each with where it comes from.

    Secrets are hidden.
    """
    return Page(items=list(parts.settings))


ROUTES = [settings]
