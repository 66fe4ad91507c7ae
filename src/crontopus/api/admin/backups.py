"""Backups that the server makes of itself."""

from litestar import get, post

from crontopus.api import shown
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.domain.access import Scope
from crontopus.engine import backing_up
from crontopus.storage import backups
from crontopus.wire.backups import Backups, MadeBackup

SHOWN = 100


@get("/admin/backups", operation_id="admin_backups", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts) -> Backups:
    """List the backups that the server made of itself, newest first, with their schedule.

    The newest 100. Each was read back as soon as it was made.
    """
    plan = parts.backing_up.plan
    async with parts.db.read_all() as tx:
        found, next_at = await backups.listed(tx, SHOWN), await parts.backing_up.next_at(tx)
    return Backups(
        into=str(plan.into or ""),
        every=plan.every.total_seconds(),
        keep=plan.keep,
        sealed=bool(plan.passphrase),
        next_at=next_at,
        items=[shown.backup(one) for one in found],
    )


@post("/admin/backups", operation_id="make_backup", opt=needs(Scope.INSTALLATION_WRITE), status_code=202)
async def make(caller: Caller, parts: Parts) -> MadeBackup:
    """Ask for a backup.

    It is made in the background within seconds.
    """
    async with parts.db.write_all() as tx:
        return shown.backup(await backing_up.ask(tx, caller, parts.backing_up.plan))


ROUTES = [listed, make]
