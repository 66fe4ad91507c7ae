"""Sessions: who is signed in, where, and in which of their tenants. Kept as hashes, found by them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, and_, delete, false, func, insert, not_, or_, select, update

from crontopus.domain.access import Profile, Role, SystemRole
from crontopus.domain.errors import NotFound
from crontopus.domain.ids import NOWHERE
from crontopus.domain.standing import Standing
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.factors import has_factor
from crontopus.storage.members import enforcing, needs_provider
from crontopus.storage.tables import impersonations, members, sessions, tenants, users


class Session(Struct, frozen=True, kw_only=True):
    """A row, without its hash. `tenant_id`: where the person is now. `pending`: how often they may still try to show
    their second factor; None: they are signed in. `provider_id`: they came by this provider of the tenant.
    """

    id: UUID
    user_id: UUID
    tenant_id: UUID
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    confirmed_at: datetime
    address: str | None
    user_agent: str | None
    pending: int | None = None
    provider_id: UUID | None = None


class SignedIn(Struct, frozen=True):
    """Whose session it is, and what they are where they are; `role` is None for an operator who is in no tenant.

    `pending` and `provider` as in `Session`. `impersonation`: one that was begun in it and has not ended.
    `has_factor`: they have a second factor; `factor_required`: all members must.
    """

    session: UUID
    user: UUID
    email: str
    name: str
    tenant: UUID
    tenant_name: str
    used_at: datetime
    confirmed_at: datetime
    system: SystemRole | None
    role: Role | None
    namespaces: list[str] | None
    pending: int | None
    impersonation: UUID | None
    factor_required: bool
    has_factor: bool
    suspended_at: datetime | None
    suspended_why: str | None
    deleted_at: datetime | None
    provider: UUID | None
    profile: Profile

    @property
    def standing(self) -> Standing:
        return Standing(self.suspended_at, self.suspended_why or "", self.deleted_at)


_is_member = members.c.role.is_not(None)
_operates = and_(sessions.c.tenant_id == NOWHERE, users.c.system_role.is_not(None))
_came_as_they_must = or_(
    not_(needs_provider()),
    and_(
        sessions.c.provider_id.is_not(None),
        or_(members.c.role == Role.OWNER, not_(enforcing().exists()), sessions.c.provider_id.in_(enforcing())),
    ),
)
_COLUMNS = [sessions.c[field] for field in Session.__struct_fields__]


async def add(tx: SystemTx, session: Session, hashed: bytes) -> None:
    values = {field: getattr(session, field) for field in Session.__struct_fields__}
    await tx.sql.execute(insert(sessions).values(**values, hash=hashed))


async def signed_in(tx: SystemTx, hashed: bytes) -> SignedIn | None:
    """None where the session is unknown or over, or the person is no member there any more, or must come by a provider
    of the tenant and did not.
    """
    query: Select[Any] = (
        select(
            sessions.c.id,
            users.c.id,
            users.c.email,
            users.c.name,
            sessions.c.tenant_id,
            func.coalesce(tenants.c.name, ""),
            sessions.c.used_at,
            sessions.c.confirmed_at,
            users.c.system_role,
            members.c.role,
            members.c.namespaces,
            sessions.c.pending,
            impersonations.c.id,
            func.coalesce(tenants.c.require_second_factor, false()),
            has_factor(users.c.id),
            tenants.c.suspended_at,
            tenants.c.suspended_why,
            tenants.c.deleted_at,
            sessions.c.provider_id,
            users.c.zone,
            users.c.theme,
            users.c.language,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .outerjoin(tenants, (tenants.c.id == sessions.c.tenant_id) & tenants.c.purging_at.is_(None))
        .outerjoin(members, (members.c.tenant_id == tenants.c.id) & (members.c.user_id == users.c.id))
        .outerjoin(impersonations, (impersonations.c.session_id == sessions.c.id) & impersonations.c.ended_at.is_(None))
        .where(sessions.c.hash == hashed, sessions.c.expires_at > tx.now)
        .where(or_(and_(_is_member, _came_as_they_must), _operates))
        .where(users.c.disabled_at.is_(None))
    )
    row = (await tx.sql.execute(query)).first()
    if row is None:
        return None
    *values, zone, theme, language = row
    return SignedIn(*(*values, Profile(zone, theme, language)))


async def is_in_force(tx: Tx, session: UUID) -> bool:
    """In this tenant; and it stays so until the transaction ends."""
    query = select(sessions.c.id).where(
        sessions.c.id == session,
        sessions.c.tenant_id == tx.tenant,
        sessions.c.expires_at > tx.now,
        sessions.c.pending.is_(None),
    )
    return (await tx.sql.execute(query.with_for_update(read=True))).first() is not None


async def used(tx: SystemTx, session: UUID, expires_at: datetime | None) -> None:
    """Now; and it lasts until `expires_at`, None: as long as it did."""
    values = {"used_at": tx.now} if expires_at is None else {"used_at": tx.now, "expires_at": expires_at}
    await tx.sql.execute(update(sessions).where(sessions.c.id == session).values(values))


async def confirmed(tx: SystemTx, session: UUID) -> None:
    """Now."""
    await tx.sql.execute(update(sessions).where(sessions.c.id == session).values(confirmed_at=tx.now))


async def tries_left(tx: SystemTx, session: UUID) -> int | None:
    """Of one whose second factor is still to be shown; nobody else tries until the transaction ends. None: it is over,
    or needs none.
    """
    query = select(sessions.c.pending).where(sessions.c.id == session, sessions.c.expires_at > tx.now)
    found: int | None = await tx.sql.scalar(query.with_for_update())
    return found


async def keep_tries(tx: SystemTx, session: UUID, left: int) -> None:
    await tx.sql.execute(update(sessions).where(sessions.c.id == session).values(pending=left))


async def finish(tx: SystemTx, session: UUID, hashed: bytes, expires_at: datetime) -> None:
    """The person is signed in, by another secret than the one before."""
    statement = update(sessions).where(sessions.c.id == session)
    await tx.sql.execute(
        statement.values(hash=hashed, pending=None, used_at=tx.now, confirmed_at=tx.now, expires_at=expires_at)
    )


async def of_user(tx: SystemTx, user: UUID) -> Sequence[Session]:
    """Those in force, the one used last first."""
    query = select(*_COLUMNS).where(
        sessions.c.user_id == user, sessions.c.expires_at > tx.now, sessions.c.pending.is_(None)
    )
    rows = await tx.sql.execute(query.order_by(sessions.c.used_at.desc(), sessions.c.id.desc()))
    return [Session(**row._mapping) for row in rows]


async def was_at(tx: SystemTx, user: UUID, address: str | None) -> bool:
    """Whether the person has a session that was begun at this address, and is in force. A provider is no witness: it is
    of one tenant alone.
    """
    query = select(sessions.c.id).where(
        sessions.c.user_id == user,
        sessions.c.address == address,
        sessions.c.expires_at > tx.now,
        sessions.c.pending.is_(None),
        sessions.c.provider_id.is_(None),
    )
    return address is not None and (await tx.sql.execute(query.limit(1))).first() is not None


async def move(tx: SystemTx, session: UUID, tenant: UUID) -> None:
    """To another tenant of the same person."""
    await tx.sql.execute(update(sessions).where(sessions.c.id == session).values(tenant_id=tenant))


async def end(tx: SystemTx, user: UUID, session: UUID) -> None:
    """Raises NotFound where it is over already, or another person's."""
    done = await tx.sql.execute(delete(sessions).where(sessions.c.id == session, sessions.c.user_id == user))
    if not done.rowcount:
        raise NotFound("no such session")


async def end_in(tx: Tx, user: UUID) -> None:
    """Those in which the person is in this tenant now."""
    await tx.sql.execute(delete(sessions).where(sessions.c.user_id == user, sessions.c.tenant_id == tx.tenant))


async def end_others(tx: SystemTx, user: UUID, kept: UUID | None) -> None:
    """All of the person's but one."""
    statement = delete(sessions).where(sessions.c.user_id == user)
    await tx.sql.execute(statement if kept is None else statement.where(sessions.c.id != kept))
