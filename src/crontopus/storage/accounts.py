"""People, tenants and sessions: who can sign in, and who is signed in."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.access import Role, SystemRole
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import members, sessions, settings, tenants, users

SETUP_CODE = "setup_code_hash"


class Login(Struct, frozen=True):
    """What is needed to let somebody in: `tenant` is the first they belong to."""

    user: UUID
    tenant: UUID
    password_hash: str


class SignedIn(Struct, frozen=True):
    """Whose session it is."""

    user: UUID
    email: str
    tenant: UUID
    tenant_name: str
    expires_at: datetime
    system: SystemRole | None
    role: Role
    namespaces: list[str]


async def is_set_up(tx: SystemTx) -> bool:
    return (await tx.sql.execute(select(users.c.id).limit(1))).first() is not None


async def setup_code_hash(tx: SystemTx) -> str | None:
    """Of the one-time link; None where there is none. Locked, so that one link is used once."""
    query = select(settings.c.value).where(settings.c.name == SETUP_CODE).with_for_update()
    found: str | None = await tx.sql.scalar(query)
    return found


async def keep_setup_code_hash(tx: SystemTx, value: str) -> None:
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    statement = make(settings).values(name=SETUP_CODE, value=value)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


async def forget_setup_code(tx: SystemTx) -> None:
    await tx.sql.execute(delete(settings).where(settings.c.name == SETUP_CODE))


async def add_tenant(tx: SystemTx, tenant: UUID, name: str) -> None:
    await tx.sql.execute(insert(tenants).values(id=tenant, name=name, created_at=tx.now))


async def add_user(tx: SystemTx, user: UUID, email: str, password_hash: str, system: SystemRole | None = None) -> None:
    """`email` in lower case."""
    await tx.sql.execute(
        insert(users).values(id=user, email=email, password_hash=password_hash, system_role=system, created_at=tx.now)
    )


async def add_member(tx: SystemTx, tenant: UUID, user: UUID, role: Role, namespaces: Sequence[UUID] = ()) -> None:
    """`namespaces`: those it is limited to; none: it reaches all of the tenant."""
    places = [str(place) for place in namespaces]
    await tx.sql.execute(
        insert(members).values(tenant_id=tenant, user_id=user, role=role, namespaces=places, created_at=tx.now)
    )


async def login_of(tx: SystemTx, email: str) -> Login | None:
    """`email` in lower case."""
    query = (
        select(users.c.id, members.c.tenant_id, users.c.password_hash)
        .join(members, members.c.user_id == users.c.id)
        .where(users.c.email == email)
        .order_by(members.c.created_at, members.c.tenant_id)
        .limit(1)
    )
    row = (await tx.sql.execute(query)).first()
    return Login(*row) if row else None


async def add_session(
    tx: SystemTx, login: Login, hashed: bytes, expires_at: datetime, address: str | None, user_agent: str | None
) -> None:
    await tx.sql.execute(
        insert(sessions).values(
            hash=hashed,
            tenant_id=login.tenant,
            user_id=login.user,
            created_at=tx.now,
            expires_at=expires_at,
            address=address,
            user_agent=user_agent,
        )
    )


async def signed_in(tx: SystemTx, hashed: bytes) -> SignedIn | None:
    """None where the session is unknown or over."""
    query = (
        select(
            users.c.id,
            users.c.email,
            tenants.c.id,
            tenants.c.name,
            sessions.c.expires_at,
            users.c.system_role,
            members.c.role,
            members.c.namespaces,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .join(tenants, tenants.c.id == sessions.c.tenant_id)
        .join(members, (members.c.tenant_id == tenants.c.id) & (members.c.user_id == users.c.id))
        .where(sessions.c.hash == hashed, sessions.c.expires_at > tx.now)
    )
    row = (await tx.sql.execute(query)).first()
    return SignedIn(*row) if row else None


async def extend_session(tx: SystemTx, hashed: bytes, expires_at: datetime) -> None:
    await tx.sql.execute(update(sessions).where(sessions.c.hash == hashed).values(expires_at=expires_at))


async def end_session(tx: SystemTx, hashed: bytes) -> None:
    await tx.sql.execute(delete(sessions).where(sessions.c.hash == hashed))
