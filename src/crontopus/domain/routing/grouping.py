"""Messages to people who read them go together: which of those that wait for a channel are sent now, and as what."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

MANY = 20
"""More than so many that wait for one channel are told as one summary."""

Group = tuple[str, ...]
"""The route and the values by which it groups. Empty: no group, the message stands alone."""


class Waiting(Struct, frozen=True, kw_only=True):
    """A message that could be sent. `wait` and `interval` are its route's."""

    id: UUID
    group: Group
    since: datetime
    wait: timedelta
    interval: timedelta


class Sendings(Struct, frozen=True):
    """What goes out now, each batch as one; and when more may. `summary`: all of it in one, by number."""

    batches: tuple[tuple[Waiting, ...], ...]
    next_at: datetime | None
    summary: bool = False


def gather(waiting: Sequence[Waiting], last: Mapping[Group, datetime], now: datetime, *, keeps: bool) -> Sendings:
    """`waiting` for one channel, in the order in which they were made. `last`: when each group that is alive was told
    last. `keeps`: the other side keeps alerts itself, and is told of each alone.
    """
    if keeps:
        return Sendings(tuple((each,) for each in waiting), None)
    groups: dict[Group | UUID, list[Waiting]] = {}
    for each in waiting:
        groups.setdefault(each.group or each.id, []).append(each)
    due_at = {key: _due_at(members[0], last) for key, members in groups.items()}
    ready = [members for key, members in groups.items() if due_at[key] <= now]
    next_at = min((at for at in due_at.values() if at > now), default=None)
    if sum(map(len, ready)) > MANY:
        return Sendings((tuple(each for members in ready for each in members),), next_at, summary=True)
    return Sendings(tuple(tuple(members) for members in ready), next_at)


def _due_at(first: Waiting, last: Mapping[Group, datetime]) -> datetime:
    told_at = last.get(first.group) if first.group else None
    if told_at is not None:
        return max(told_at + first.interval, first.since)
    return first.since + first.wait if first.group else first.since
