"""What people are told, by those who run the installation."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import shown
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body
from crontopus.domain.access import Scope
from crontopus.engine import announcements as engine
from crontopus.storage import announcements
from crontopus.wire.announcements import Announcement, AnnouncementPatch, NewAnnouncement
from crontopus.wire.common import Page

AnnouncementId = Annotated[UUID, PathParameter(description="The announcement's id.")]


@get("/admin/announcements", operation_id="admin_announcements", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts) -> Page[Announcement]:
    """List all announcements, newest first.

    Also those that are over, or still to come.
    """
    async with parts.db.read_all() as tx:
        return Page(items=[shown.announcement(one, tx.now) for one in await announcements.listed(tx)])


@post(
    "/admin/announcements",
    operation_id="announce",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"new": Body(NewAnnouncement)},
)
async def make(caller: Caller, parts: Parts, new: NamedDependency[NewAnnouncement]) -> Announcement:
    """Tell everybody something, or the people of some tenants.

    It stands on every page of the console until it is over, or until they have put it away.
    """
    async with parts.db.write_all() as tx:
        return shown.announcement(await engine.make(tx, caller, new), tx.now)


@patch(
    "/admin/announcements/{announcement:uuid}",
    operation_id="edit_announcement",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"changes": Body(AnnouncementPatch)},
)
async def edit(
    caller: Caller, parts: Parts, announcement: AnnouncementId, changes: NamedDependency[AnnouncementPatch]
) -> Announcement:
    """Change an announcement.

    With another text or severity it is shown again to those who had put it away.
    """
    async with parts.db.write_all() as tx:
        return shown.announcement(await engine.edit(tx, caller, announcement, changes), tx.now)


@delete(
    "/admin/announcements/{announcement:uuid}",
    operation_id="delete_announcement",
    opt=needs(Scope.INSTALLATION_WRITE),
)
async def remove(caller: Caller, parts: Parts, announcement: AnnouncementId) -> None:
    """Remove an announcement."""
    async with parts.db.write_all() as tx:
        await engine.remove(tx, caller, announcement)


ROUTES = [listed, make, edit, remove]
