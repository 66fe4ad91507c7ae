"""Namespaces: the folders of jobs inside a tenant, each with its own ping key."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from crontopus.domain.access import Reach
from crontopus.domain.errors import Conflict, NotFound
from crontopus.domain.schedule import Schedule
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.tables import jobs, namespaces


class Namespace(Struct, frozen=True, kw_only=True):
    """A row. `own` names which of `timezone` and `default_grace` were set here: the others are the tenant's.
    `ping_key_sealed` opens with the sealer, for its tenant and its id."""

    id: UUID
    slug: str
    name: str
    timezone: str
    default_schedules: tuple[Schedule, ...]
    default_grace: timedelta
    own: list[str]
    ping_key_sealed: bytes
    created_at: datetime
    version: int


_COLUMNS = [namespaces.c[field] for field in Namespace.__struct_fields__]


async def find(tx: Tx, slug: str) -> Namespace:
    """Raises NotFound, also where it is another tenant's."""
    return await _one(tx, slug, _by_slug(tx, slug))


async def hold(tx: Tx, slug: str) -> Namespace:
    """As `find`, and nobody deletes it until the transaction ends."""
    return await _one(tx, slug, _by_slug(tx, slug).with_for_update(read=True, key_share=True))


async def lock(tx: Tx, slug: str) -> Namespace:
    """As `find`, and nobody else changes it until the transaction ends."""
    return await _one(tx, slug, _by_slug(tx, slug).with_for_update())


async def listed(tx: Tx, reach: Reach, after: str, limit: int) -> Sequence[Namespace]:
    """By slug, those behind `after`."""
    query = select(*_COLUMNS).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.slug > after)
    if reach.namespaces is not None:
        query = query.where(namespaces.c.id.in_(reach.namespaces))
    rows = await tx.sql.execute(query.order_by(namespaces.c.slug).limit(limit))
    return [_namespace(row) for row in rows]


async def of_ids(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Namespace]:
    query = select(*_COLUMNS).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.id.in_(ids))
    return {row.id: _namespace(row) for row in await tx.sql.execute(query)}


async def sizes(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many jobs each has."""
    query = (
        select(jobs.c.namespace_id, func.count())
        .where(jobs.c.namespace_id.in_(ids), jobs.c.deleted_at.is_(None))
        .group_by(jobs.c.namespace_id)
    )
    return {row[0]: row[1] for row in await tx.sql.execute(query)}


async def add(tx: Tx, namespace: Namespace, ping_key_hash: bytes) -> bool:
    """False where the tenant has one of that slug already."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    values = {field: getattr(namespace, field) for field in Namespace.__struct_fields__}
    statement = make(namespaces).values(**values, tenant_id=tx.tenant, ping_key_hash=ping_key_hash, updated_at=tx.now)
    done = await tx.sql.execute(statement.on_conflict_do_nothing(index_elements=["tenant_id", "slug"]))
    return bool(done.rowcount)


async def is_taken(tx: Tx, slug: str) -> bool:
    query = select(namespaces.c.id).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.slug == slug)
    return (await tx.sql.execute(query)).first() is not None


async def change(tx: Tx, namespace: UUID, values: Mapping[str, Any]) -> None:
    """Set the columns of `values`; the version rises. Its jobs hear of a new zone afterwards: see `unfollowed`.

    Raises Conflict where the slug has just been taken.
    """
    statement = update(namespaces).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.id == namespace)
    followed = {"followed": False} if "timezone" in values else {}
    try:
        await tx.sql.execute(
            statement.values(**values, **followed, updated_at=tx.now, version=namespaces.c.version + 1)
        )
    except IntegrityError as error:
        raise Conflict("somebody else has just taken this slug: choose another one") from error


async def lock_all(tx: Tx) -> Sequence[Namespace]:
    """By id; nobody else changes them until the transaction ends."""
    query = select(*_COLUMNS).where(namespaces.c.tenant_id == tx.tenant).order_by(namespaces.c.id)
    return [_namespace(row) for row in await tx.sql.execute(query.with_for_update())]


async def unfollowed(tx: Tx) -> Mapping[UUID, int]:
    """Those whose jobs have not all taken over its zone, with their versions."""
    query = select(namespaces.c.id, namespaces.c.version)
    query = query.where(namespaces.c.tenant_id == tx.tenant, ~namespaces.c.followed)
    return {row.id: row.version for row in await tx.sql.execute(query.order_by(namespaces.c.id))}


async def all_followed(tx: Tx, namespace: UUID, version: int) -> None:
    """Its jobs have, unless it has changed since `version`."""
    mine = update(namespaces).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.id == namespace)
    await tx.sql.execute(mine.where(namespaces.c.version == version).values(followed=True))


async def tenants_unfollowed(tx: SystemTx) -> Sequence[UUID]:
    """Tenants that have such namespaces."""
    query = select(namespaces.c.tenant_id).where(~namespaces.c.followed).distinct().order_by(namespaces.c.tenant_id)
    return (await tx.sql.scalars(query)).all()


async def remove(tx: Tx, namespace: UUID) -> None:
    """Only where it holds no job. Deleted ones, whose history retention has not removed yet, lose their place."""
    deleted = jobs.c.deleted_at.is_not(None)
    await tx.sql.execute(
        update(jobs)
        .where(jobs.c.tenant_id == tx.tenant, jobs.c.namespace_id == namespace, deleted)
        .values(namespace_id=None)
    )
    await tx.sql.execute(delete(namespaces).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.id == namespace))


async def _one(tx: Tx, slug: str, query: Select[Any]) -> Namespace:
    row = (await tx.sql.execute(query)).first()
    if row is None:
        raise NotFound(f"no namespace {slug!r}")
    return _namespace(row)


def _by_slug(tx: Tx, slug: str) -> Select[Any]:
    return select(*_COLUMNS).where(namespaces.c.tenant_id == tx.tenant, namespaces.c.slug == slug)


def _namespace(row: Row[Any]) -> Namespace:
    return Namespace(**row._mapping)
