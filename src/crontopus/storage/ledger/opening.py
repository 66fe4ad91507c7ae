"""The ledger that goes with a database."""

from crontopus.storage.database import Database
from crontopus.storage.ledger import Ledger
from crontopus.storage.ledger.postgres import PostgresLedger, open_pool
from crontopus.storage.ledger.sqlite import SqliteLedger


async def open_ledger(db: Database) -> Ledger:
    return SqliteLedger(db) if db.is_sqlite else PostgresLedger(db, await open_pool(db.url))
