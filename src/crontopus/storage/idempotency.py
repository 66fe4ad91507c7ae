"""Answers given under an `Idempotency-Key`, so that a request sent again is answered again and not done again."""

from msgspec import Struct
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.storage.database import Tx
from crontopus.storage.tables import idempotency


class Answer(Struct, frozen=True):
    """What was answered to the request with this hash. `status` 0: nothing yet, in this very transaction."""

    request_hash: bytes
    status: int
    answer: bytes


async def claim(tx: Tx, key: str, request_hash: bytes) -> Answer | None:
    """None: the key is new, and this transaction's. Waits for another transaction that has just claimed it."""
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    mine = make(idempotency).values(
        tenant_id=tx.tenant, key=key, request_hash=request_hash, status=0, answer=b"", created_at=tx.now
    )
    if (await tx.sql.execute(mine.on_conflict_do_nothing())).rowcount:
        return None
    query = select(idempotency.c.request_hash, idempotency.c.status, idempotency.c.answer)
    row = (await tx.sql.execute(query.where(*_is(tx, key)))).one()
    return Answer(*row)


async def keep(tx: Tx, key: str, status: int, answer: bytes) -> None:
    await tx.sql.execute(update(idempotency).where(*_is(tx, key)).values(status=status, answer=answer))


def _is(tx: Tx, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return idempotency.c.tenant_id == tx.tenant, idempotency.c.key == key
