"""What becomes of a message after a try, and of the channel it was sent on. Pure."""

from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from crontopus.domain.letters import pause

WORTH = timedelta(hours=24)
"""So long a message is worth sending. Then it is dead."""
FALLS_AFTER = timedelta(minutes=10)
"""What is not delivered so long after its first try goes to the channel's fallback, too."""
LONGEST_ASKED = timedelta(hours=1)
"""The other side may ask for so long a pause, and no longer."""
FAILURES = 5
"""In a row, after which a channel is closed: then one message at a time sees whether it works again."""


class Retry(Struct, frozen=True):
    """Again at `next_at`; None: never, it has grown too old."""

    next_at: datetime | None


def retry(made_at: datetime, tries: int, asked: timedelta | None, now: datetime, chance: float) -> Retry:
    """After a try that failed and may do better another time. `tries`: so many there were. `asked`: the pause that the
    other side asks for. `chance`, from 0 to 1, keeps many from coming at once.
    """
    wait = pause(tries, chance) if asked is None else max(min(asked, LONGEST_ASKED), timedelta(seconds=1))
    at = now + wait
    return Retry(at if at < made_at + WORTH else None)


def falls_at(tried_at: datetime, before: datetime | None) -> datetime:
    """From when on the fallback is owed it, once it was first tried at `tried_at`."""
    at = tried_at + FALLS_AFTER
    return at if before is None else min(before, at)


def month(now: datetime) -> date:
    """The calendar month in UTC, as its first day."""
    return now.astimezone(UTC).date().replace(day=1)


def sent_in(counted: date | None, sent: int, now: datetime) -> int:
    """Of `sent` in the month `counted`, what was in this one."""
    return sent if counted == month(now) else 0


def closed_until(failures: int, next_at: datetime | None, now: datetime) -> datetime | None:
    """Until when nothing is sent on a channel that has failed so often in a row; None: it is open."""
    if failures < FAILURES:
        return None
    return next_at or now + pause(failures - FAILURES + 2, 1)
