"""Routes of a tenant: whom its alerts are told to."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from crontopus.domain.errors import NotFound
from crontopus.domain.query import Query, parse_alerts
from crontopus.domain.routing import Route
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import routes

_FIELDS = [name for name in Route.__struct_fields__ if name != "parent"]
_COLUMNS = [routes.c[name] for name in _FIELDS]


async def of_tenants(tx: SystemTx, tenants: Collection[UUID]) -> Mapping[UUID, Sequence[Route]]:
    """All of these tenants, by tenant."""
    query = select(*_COLUMNS, routes.c.parent_id, routes.c.tenant_id).where(routes.c.tenant_id.in_(list(tenants)))
    found: dict[UUID, list[Route]] = {tenant: [] for tenant in tenants}
    for row in await tx.sql.execute(query.order_by(routes.c.place, routes.c.id)):
        found[row.tenant_id].append(_route(row))
    return found


async def listed(tx: Tx) -> Sequence[Route]:
    return (await of_tenants(SystemTx(tx.sql, tx.now), [tx.tenant]))[tx.tenant]


async def lock(tx: Tx, route: UUID) -> Route:
    """Raises NotFound."""
    query = select(*_COLUMNS, routes.c.parent_id).where(routes.c.tenant_id == tx.tenant, routes.c.id == route)
    row = (await tx.sql.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound("no such route")
    return _route(row)


async def count(tx: Tx) -> int:
    query = select(func.count()).select_from(routes).where(routes.c.tenant_id == tx.tenant)
    return await tx.sql.scalar(query) or 0


async def add(tx: Tx, route: Route, matcher: str) -> None:
    """`matcher` as it was written."""
    now = {"tenant_id": tx.tenant, "created_at": tx.now, "updated_at": tx.now, "version": 1}
    await tx.sql.execute(insert(routes).values(_values(route, matcher) | now))


async def change(tx: Tx, route: Route, matcher: str) -> None:
    mine = update(routes).where(routes.c.tenant_id == tx.tenant, routes.c.id == route.id)
    await tx.sql.execute(mine.values(_values(route, matcher) | {"updated_at": tx.now, "version": routes.c.version + 1}))


async def remove(tx: Tx, route: UUID) -> None:
    await tx.sql.execute(delete(routes).where(routes.c.tenant_id == tx.tenant, routes.c.id == route))


async def matchers(tx: Tx) -> Mapping[UUID, str]:
    """What each is for, as it was written."""
    query = select(routes.c.id, routes.c.matcher).where(routes.c.tenant_id == tx.tenant)
    return {row.id: row.matcher for row in await tx.sql.execute(query)}


def _values(route: Route, matcher: str) -> dict[str, Any]:
    given = {name: getattr(route, name) for name in _FIELDS}
    return given | {"parent_id": route.parent, "matcher": matcher}


def _route(row: Any) -> Route:
    given = {name: getattr(row, name) for name in _FIELDS}
    return Route(**given | {"parent": row.parent_id, "matcher": read_matcher(row.matcher)})


@lru_cache(maxsize=4096)
def read_matcher(matcher: str) -> Query:
    """Routes and silences are read at every flip, and change seldom."""
    return parse_alerts(matcher)
