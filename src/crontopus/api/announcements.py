"""What those who run the installation tell everybody who is signed in."""

from litestar import get, post

from crontopus.api import shown
from crontopus.api.admin.announcements import AnnouncementId
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import FOR_SIGNED_IN, even_as_another
from crontopus.engine import announcements as engine
from crontopus.storage import announcements
from crontopus.wire.announcements import Announced
from crontopus.wire.common import Page


@get("/announcements", operation_id="announcements", opt=even_as_another(FOR_SIGNED_IN))
async def listed(caller: Caller, parts: Parts) -> Page[Announced]:
    """List what those who run the installation tell one now, newest first.

    Without what one has put away.
    """
    async with parts.db.read(caller.tenant) as tx:
        found = await announcements.current(tx, caller.user if caller.email else None)
    return Page(items=[shown.announced(one) for one in found])


@post(
    "/announcements/{announcement:uuid}/dismiss",
    operation_id="dismiss_announcement",
    opt=FOR_SIGNED_IN,
    status_code=204,
)
async def dismiss(caller: Caller, parts: Parts, announcement: AnnouncementId) -> None:
    """Put an announcement away, for oneself."""
    async with parts.db.write(caller.tenant) as tx:
        await engine.dismiss(tx, caller, announcement)


ROUTES = [listed, dismiss]
