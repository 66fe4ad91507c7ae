"""People and tenants: who there is, and who can sign in."""

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct
from sqlalchemy import case, delete, false, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.access import SystemRole
from crontopus.domain.errors import Conflict
from crontopus.domain.ids import NOWHERE
from crontopus.storage.database import SystemTx
from crontopus.storage.members import needs_provider
from crontopus.storage.tables import members, settings, tenants, users
from crontopus.storage.types import Id

SETUP_CODE = "setup_code_hash"


class Login(Struct, frozen=True):
    """What is needed to let somebody in. `tenant` is their first, `ids.NOWHERE` for an operator who is in none.
    `by_provider`: none of their tenants is open to them but by its sign-in provider.
    """

    user: UUID
    email: str
    tenant: UUID
    tenant_name: str
    password_hash: str
    by_provider: bool = False


class Account(Struct, frozen=True):
    """A person, apart from any tenant."""

    user: UUID
    email: str
    name: str
    password_hash: str


_ACCOUNTS = select(users.c.id, users.c.email, users.c.name, users.c.password_hash)


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


async def add_user(
    tx: SystemTx, user: UUID, email: str, password_hash: str, system: SystemRole | None = None, name: str = ""
) -> None:
    """`email` in lower case. Raises Conflict where somebody else has made an account of it meanwhile."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    row = {"id": user, "email": email, "name": name, "password_hash": password_hash, "system_role": system}
    statement = make(users).values(**row, created_at=tx.now).on_conflict_do_nothing(index_elements=["email"])
    if not (await tx.sql.execute(statement)).rowcount:
        raise Conflict(f"{email} has an account by now: try again")


async def is_hash_of(tx: SystemTx, user: UUID, password_hash: str) -> bool:
    """Whether this is still the person's; until the transaction ends nobody changes it."""
    query = select(users.c.password_hash).where(users.c.id == user).with_for_update()
    return (await tx.sql.scalar(query)) == password_hash


async def system_role(tx: SystemTx, user: UUID) -> SystemRole | None:
    """None also for an account that is disabled. Nobody changes it until the transaction ends."""
    query = select(users.c.system_role).where(users.c.id == user, users.c.disabled_at.is_(None))
    found: SystemRole | None = await tx.sql.scalar(query.with_for_update(read=True))
    return found


async def is_disabled(tx: SystemTx, user: UUID) -> bool:
    return await tx.sql.scalar(select(users.c.disabled_at).where(users.c.id == user)) is not None


async def change_password(tx: SystemTx, user: UUID, password_hash: str) -> None:
    await tx.sql.execute(update(users).where(users.c.id == user).values(password_hash=password_hash))


async def give_system_role(tx: SystemTx, user: UUID, role: SystemRole) -> None:
    await tx.sql.execute(update(users).where(users.c.id == user).values(system_role=role))


async def profile_of(tx: SystemTx, user: UUID) -> dict[str, str | None]:
    """Name, zone, theme and language."""
    query = select(users.c.name, users.c.zone, users.c.theme, users.c.language).where(users.c.id == user)
    return dict((await tx.sql.execute(query.with_for_update())).one()._mapping)


async def edit_profile(tx: SystemTx, user: UUID, values: Mapping[str, str | None]) -> None:
    await tx.sql.execute(update(users).where(users.c.id == user).values(dict(values)))


_is_closed = case(
    (tenants.c.deleted_at.is_not(None), 2),
    (tenants.c.suspended_at.is_not(None), 1),
    (tenants.c.id.is_(None), 3),
    else_=0,
)


_by_provider = func.coalesce(needs_provider(), false())


async def login_of(tx: SystemTx, email: str) -> Login | None:
    """`email` in lower case. None also for whoever belongs nowhere."""
    query = (
        select(
            users.c.id,
            users.c.email,
            func.coalesce(tenants.c.id, literal(NOWHERE, Id)),
            func.coalesce(tenants.c.name, ""),
            users.c.password_hash,
            _by_provider,
        )
        .outerjoin(members, members.c.user_id == users.c.id)
        .outerjoin(tenants, (tenants.c.id == members.c.tenant_id) & tenants.c.purging_at.is_(None))
        .where(users.c.email == email, or_(tenants.c.id.is_not(None), users.c.system_role.is_not(None)))
        .order_by(_by_provider, _is_closed, members.c.created_at, members.c.tenant_id)
        .limit(1)
    )
    row = (await tx.sql.execute(query)).first()
    return Login(*row) if row else None


async def account(tx: SystemTx, email: str) -> Account | None:
    """The person of that address, in lower case, whether or not they are a member anywhere."""
    row = (await tx.sql.execute(_ACCOUNTS.where(users.c.email == email))).first()
    return Account(*row) if row else None


async def account_of(tx: SystemTx, user: UUID) -> Account:
    return Account(*(await tx.sql.execute(_ACCOUNTS.where(users.c.id == user))).one())
