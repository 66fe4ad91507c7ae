"""Facts of the installation, by name."""

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from crontopus.storage.database import SystemTx
from crontopus.storage.tables import settings


async def get(tx: SystemTx, name: str) -> str | None:
    value: str | None = await tx.sql.scalar(select(settings.c.value).where(settings.c.name == name))
    return value


async def put(tx: SystemTx, name: str, value: str) -> None:
    make = postgresql.insert if tx.sql.dialect.name == "postgresql" else sqlite.insert
    statement = make(settings).values(name=name, value=value)
    await tx.sql.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


async def remove(tx: SystemTx, name: str) -> None:
    await tx.sql.execute(delete(settings).where(settings.c.name == name))
