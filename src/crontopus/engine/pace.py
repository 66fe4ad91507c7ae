"""What can wait stands back while others wait for the database: whoever reports a run hardly notices it."""

import anyio

from crontopus.storage.database import Database

RESTS = 3
"""Times what was done took: so a quarter of the time goes into it."""
MOST_SECONDS = 0.5


async def stand_back(db: Database, since: float) -> None:
    """Rest, where others had to wait for what was done `since` then."""
    if db.crowded:
        await anyio.sleep(min(RESTS * (anyio.current_time() - since), MOST_SECONDS))
