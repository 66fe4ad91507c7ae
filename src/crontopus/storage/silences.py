"""Silences and maintenance windows of a tenant: which of its alerts are told to nobody, and when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import and_, delete, func, insert, select, update

from crontopus.domain.errors import NotFound
from crontopus.domain.routing import HolderKind, Once, Quiet, Times
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.routes import read_matcher
from crontopus.storage.tables import maintenance_windows, silences

STILL_KNOWN = timedelta(days=1)
"""What ended so long ago is nothing that an alert could just have been let go by."""


class Silence(Struct, frozen=True, kw_only=True):
    """One that is over has its `until` in the past. `matcher` as it was written."""

    id: UUID
    matcher: str
    reason: str
    since: datetime
    until: datetime
    made_by: str
    created_at: datetime
    version: int = 1

    @property
    def name(self) -> str:
        """What it is called where it holds something."""
        return self.reason or self.matcher or "everything"

    @property
    def quiet(self) -> Quiet:
        times = Once(self.since, self.until)
        return Quiet(HolderKind.SILENCE, self.id, self.name, read_matcher(self.matcher), times)


class Window(Struct, frozen=True, kw_only=True):
    """A maintenance window. `matcher` as it was written."""

    id: UUID
    name: str
    matcher: str
    times: Times
    enabled: bool
    made_by: str
    created_at: datetime
    version: int = 1

    @property
    def quiet(self) -> Quiet:
        return Quiet(HolderKind.MAINTENANCE, self.id, self.name, read_matcher(self.matcher), self.times)


_SILENCE = [silences.c[name] for name in Silence.__struct_fields__]
_WINDOW = [maintenance_windows.c[name] for name in Window.__struct_fields__]


async def of_tenants(tx: SystemTx, tenants: Collection[UUID]) -> Mapping[UUID, Sequence[Quiet]]:
    """By tenant: whatever may hold an alert now or later, or has just let go of one."""
    found: dict[UUID, list[Quiet]] = {tenant: [] for tenant in tenants}
    late = and_(silences.c.tenant_id.in_(list(tenants)), silences.c.until > tx.now - STILL_KNOWN)
    for row in await tx.sql.execute(select(*_SILENCE, silences.c.tenant_id).where(late)):
        found[row.tenant_id].append(_silence(row).quiet)
    mine = and_(maintenance_windows.c.tenant_id.in_(list(tenants)), maintenance_windows.c.enabled.is_(True))
    for row in await tx.sql.execute(select(*_WINDOW, maintenance_windows.c.tenant_id).where(mine)):
        found[row.tenant_id].append(_window(row).quiet)
    return found


async def listed(tx: Tx, before: UUID | None, limit: int, *, over: bool) -> Sequence[Silence]:
    """Newest first, made before `before`: those that are over, or those that are not."""
    is_over = silences.c.until <= tx.now
    query = select(*_SILENCE).where(silences.c.tenant_id == tx.tenant, is_over if over else ~is_over)
    if before is not None:
        query = query.where(silences.c.id < before)
    return [_silence(row) for row in await tx.sql.execute(query.order_by(silences.c.id.desc()).limit(limit))]


async def count(tx: Tx) -> int:
    """Of those that are not over."""
    query = select(func.count()).where(silences.c.tenant_id == tx.tenant, silences.c.until > tx.now)
    return await tx.sql.scalar(query) or 0


async def find(tx: Tx, id: UUID) -> Silence:
    """Raises NotFound. Nobody else changes it until the transaction ends."""
    query = select(*_SILENCE).where(silences.c.tenant_id == tx.tenant, silences.c.id == id)
    row = (await tx.sql.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound("no such silence")
    return _silence(row)


async def add(tx: Tx, silence: Silence) -> None:
    values = {name: getattr(silence, name) for name in Silence.__struct_fields__}
    await tx.sql.execute(insert(silences).values(values | {"tenant_id": tx.tenant, "updated_at": tx.now}))


async def change(tx: Tx, id: UUID, values: Mapping[str, Any]) -> None:
    mine = update(silences).where(silences.c.tenant_id == tx.tenant, silences.c.id == id)
    await tx.sql.execute(mine.values(**values, updated_at=tx.now, version=silences.c.version + 1))


async def windows(tx: Tx) -> Sequence[Window]:
    """All of the tenant, by name."""
    query = select(*_WINDOW).where(maintenance_windows.c.tenant_id == tx.tenant)
    rows = await tx.sql.execute(query.order_by(maintenance_windows.c.name, maintenance_windows.c.id))
    return [_window(row) for row in rows]


async def find_window(tx: Tx, id: UUID) -> Window:
    """Raises NotFound. Nobody else changes it until the transaction ends."""
    query = select(*_WINDOW).where(maintenance_windows.c.tenant_id == tx.tenant, maintenance_windows.c.id == id)
    row = (await tx.sql.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound("no such maintenance window")
    return _window(row)


async def add_window(tx: Tx, window: Window) -> None:
    values = {name: getattr(window, name) for name in Window.__struct_fields__}
    await tx.sql.execute(insert(maintenance_windows).values(values | {"tenant_id": tx.tenant, "updated_at": tx.now}))


async def change_window(tx: Tx, window: Window) -> None:
    """As it is given, with a version of its own."""
    values = {name: getattr(window, name) for name in ("name", "matcher", "times", "enabled")}
    mine = update(maintenance_windows).where(
        maintenance_windows.c.tenant_id == tx.tenant, maintenance_windows.c.id == window.id
    )
    await tx.sql.execute(mine.values(**values, updated_at=tx.now, version=maintenance_windows.c.version + 1))


async def remove_window(tx: Tx, id: UUID) -> None:
    await tx.sql.execute(
        delete(maintenance_windows).where(maintenance_windows.c.tenant_id == tx.tenant, maintenance_windows.c.id == id)
    )


def _silence(row: Any) -> Silence:
    return Silence(**{name: getattr(row, name) for name in Silence.__struct_fields__})


def _window(row: Any) -> Window:
    return Window(**{name: getattr(row, name) for name in Window.__struct_fields__})
