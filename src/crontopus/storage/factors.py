"""Second factors of people: authenticator apps, passkeys, recovery codes, and the challenges that were signed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.domain.errors import NotFound
from crontopus.storage.database import SystemTx
from crontopus.storage.tables import authenticators, challenges, passkeys, recovery_codes, users


class Authenticator(Struct, frozen=True, kw_only=True):
    """A secret of TOTP. `confirmed_at` None: it waits for its first code, and opens nothing."""

    id: UUID
    user_id: UUID
    sealed: bytes
    created_at: datetime
    confirmed_at: datetime | None = None
    used_at: datetime | None = None
    last_step: int | None = None


class Passkey(Struct, frozen=True, kw_only=True):
    """`counter` is what the authenticator said when it was used last; 0 from those that do not count."""

    id: UUID
    user_id: UUID
    name: str
    credential: bytes
    public_key: bytes
    counter: int
    created_at: datetime
    used_at: datetime | None = None


_APPS = [authenticators.c[field] for field in Authenticator.__struct_fields__]
_KEYS = [passkeys.c[field] for field in Passkey.__struct_fields__]


class InForce(Struct, frozen=True):
    """Which second factors a person has, and whether recovery codes are left."""

    authenticator: bool
    passkey: bool
    recovery_codes: bool


def has_factor(user: ColumnElement[Any]) -> ColumnElement[bool]:
    """For a query of storage: whether the person has a second factor in force."""
    return or_(_has_app(user), _has_key(user))


def _has_app(user: ColumnElement[Any]) -> ColumnElement[bool]:
    confirmed = authenticators.c.confirmed_at.is_not(None)
    return select(authenticators.c.id).where(authenticators.c.user_id == user, confirmed).exists()


def _has_key(user: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(passkeys.c.id).where(passkeys.c.user_id == user).exists()


async def lock(tx: SystemTx, user: UUID) -> None:
    """Nobody else changes or uses this person's factors until the transaction ends."""
    await tx.sql.execute(select(users.c.id).where(users.c.id == user).with_for_update())


async def exist(tx: SystemTx, user: UUID) -> bool:
    """Whether the person has a second factor in force."""
    return bool(await tx.sql.scalar(select(has_factor(users.c.id)).where(users.c.id == user)))


async def in_force(tx: SystemTx, user: UUID) -> InForce:
    codes = select(recovery_codes.c.user_id).where(recovery_codes.c.user_id == users.c.id).exists()
    query = select(_has_app(users.c.id), _has_key(users.c.id), codes).where(users.c.id == user)
    return InForce(*map(bool, (await tx.sql.execute(query)).one()))


# ---- authenticator apps


async def authenticator(tx: SystemTx, user: UUID) -> Authenticator | None:
    """The one in force."""
    return await _app(tx, _apps(user).where(authenticators.c.confirmed_at.is_not(None)))


async def waiting(tx: SystemTx, user: UUID, since: datetime) -> Authenticator | None:
    """One made after `since` that waits for its first code."""
    return await _app(
        tx, _apps(user).where(authenticators.c.confirmed_at.is_(None), authenticators.c.created_at > since)
    )


async def replace_waiting(tx: SystemTx, new: Authenticator) -> None:
    """In place of any other that waits."""
    gone = delete(authenticators).where(authenticators.c.user_id == new.user_id)
    await tx.sql.execute(gone.where(authenticators.c.confirmed_at.is_(None)))
    await tx.sql.execute(insert(authenticators).values({field: getattr(new, field) for field in new.__struct_fields__}))


async def put_in_force(tx: SystemTx, user: UUID, app: UUID, step: int) -> None:
    """In place of any other; `step` is that of its first code."""
    await tx.sql.execute(delete(authenticators).where(authenticators.c.user_id == user, authenticators.c.id != app))
    statement = update(authenticators).where(authenticators.c.id == app)
    await tx.sql.execute(statement.values(confirmed_at=tx.now, last_step=step))


async def use_step(tx: SystemTx, app: UUID, step: int) -> bool:
    """False where a code of this step or a later one was used already; decided in the row."""
    statement = update(authenticators).where(
        authenticators.c.id == app, or_(authenticators.c.last_step.is_(None), authenticators.c.last_step < step)
    )
    return (await tx.sql.execute(statement.values(last_step=step, used_at=tx.now))).rowcount == 1


async def remove_authenticators(tx: SystemTx, user: UUID) -> bool:
    """Whether there was one in force."""
    done = await tx.sql.execute(
        delete(authenticators).where(authenticators.c.user_id == user).returning(authenticators.c.confirmed_at)
    )
    return any(row.confirmed_at is not None for row in done)


async def sealed_authenticators(tx: SystemTx) -> Sequence[Authenticator]:
    """Of every person, locked."""
    rows = await tx.sql.execute(select(*_APPS).order_by(authenticators.c.id).with_for_update())
    return [Authenticator(**row._mapping) for row in rows]


async def keep_sealed(tx: SystemTx, app: UUID, sealed: bytes) -> None:
    await tx.sql.execute(update(authenticators).where(authenticators.c.id == app).values(sealed=sealed))


def _apps(user: UUID) -> Select[Any]:
    return select(*_APPS).where(authenticators.c.user_id == user)


async def _app(tx: SystemTx, query: Select[Any]) -> Authenticator | None:
    row = (await tx.sql.execute(query)).first()
    return Authenticator(**row._mapping) if row else None


# ---- passkeys


async def passkeys_of(tx: SystemTx, user: UUID) -> Sequence[Passkey]:
    """The oldest first."""
    rows = await tx.sql.execute(select(*_KEYS).where(passkeys.c.user_id == user).order_by(passkeys.c.id))
    return [Passkey(**row._mapping) for row in rows]


async def passkey_of(tx: SystemTx, user: UUID, passkey: UUID) -> Passkey:
    """Raises NotFound where it is gone, or somebody else's."""
    found = next((one for one in await passkeys_of(tx, user) if one.id == passkey), None)
    if found is None:
        raise NotFound("no such passkey")
    return found


async def owner_of(tx: SystemTx, credential: bytes) -> UUID | None:
    """Whose passkey it is."""
    found: UUID | None = await tx.sql.scalar(select(passkeys.c.user_id).where(passkeys.c.credential == credential))
    return found


async def lock_passkey(tx: SystemTx, credential: bytes) -> Passkey | None:
    """By what the authenticator calls it; nobody else uses it until the transaction ends."""
    row = (await tx.sql.execute(select(*_KEYS).where(passkeys.c.credential == credential).with_for_update())).first()
    return Passkey(**row._mapping) if row else None


async def add_passkey(tx: SystemTx, new: Passkey) -> None:
    await tx.sql.execute(insert(passkeys).values({field: getattr(new, field) for field in new.__struct_fields__}))


async def rename_passkey(tx: SystemTx, passkey: UUID, name: str) -> None:
    await tx.sql.execute(update(passkeys).where(passkeys.c.id == passkey).values(name=name))


async def used_passkey(tx: SystemTx, passkey: UUID, counter: int) -> None:
    """Now."""
    await tx.sql.execute(update(passkeys).where(passkeys.c.id == passkey).values(counter=counter, used_at=tx.now))


async def remove_passkey(tx: SystemTx, passkey: UUID) -> None:
    await tx.sql.execute(delete(passkeys).where(passkeys.c.id == passkey))


async def remove_passkeys(tx: SystemTx, user: UUID) -> int:
    """How many there were."""
    return (await tx.sql.execute(delete(passkeys).where(passkeys.c.user_id == user))).rowcount


# ---- recovery codes


async def replace_recovery_codes(tx: SystemTx, user: UUID, hashes: Sequence[bytes]) -> None:
    """In place of all before; without `hashes` none is left."""
    await tx.sql.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user))
    if hashes:
        await tx.sql.execute(insert(recovery_codes), [{"user_id": user, "hash": one} for one in hashes])


async def use_recovery_code(tx: SystemTx, user: UUID, hashed: bytes) -> bool:
    """It is gone with this. False where there is no such one, or somebody was quicker."""
    statement = delete(recovery_codes).where(recovery_codes.c.user_id == user, recovery_codes.c.hash == hashed)
    return (await tx.sql.execute(statement)).rowcount == 1


async def recovery_codes_left(tx: SystemTx, user: UUID) -> int:
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user)
    return await tx.sql.scalar(query) or 0


# ---- challenges


async def spend_challenge(tx: SystemTx, hashed: bytes, expires_at: datetime) -> bool:
    """False where it was spent before. Those that would not be taken any more go by the way."""
    await tx.sql.execute(delete(challenges).where(challenges.c.expires_at <= tx.now))
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    statement = make(challenges).values(hash=hashed, expires_at=expires_at)
    return (await tx.sql.execute(statement.on_conflict_do_nothing(index_elements=["hash"]))).rowcount == 1
