"""The live stream: what changed, as server-sent events, from a table that every process writes."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Annotated

import anyio
from litestar import get
from litestar.params import HeaderParameter
from litestar.response import Stream

from crontopus.api import principal
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.parts import Parts as Assembly
from crontopus.api.principal import needs
from crontopus.domain.access import Principal, Scope
from crontopus.domain.errors import Throttled, Unavailable
from crontopus.domain.tiers import Quota, reached
from crontopus.storage import events, jobs
from crontopus.storage.database import Tx
from crontopus.storage.events import Change, Position
from crontopus.wire.encoding import encoded
from crontopus.wire.events import ChangeEvent

BATCH = 50
"""Transactions told at once."""
RETRY_SECONDS = 30
"""A stream that was refused for a quota is asked for again no sooner."""
MOST_STREAMS = 1000
"""Each holds a connection for as long as it likes; pings need some too."""
ASK_SECONDS = 1.0
"""So often is asked whether a silent stream's reader may still see what it would tell."""
GATHER_SECONDS = 0.05
"""What is written at nearly the same time is read at once."""
OF_ALERTS = frozenset({"alert", "notification"})
_ID = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,9})", re.ASCII)
RESYNC = b"event: resync\ndata: {}\n\n"
ALIVE = b": alive\n\n"

LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", description="The `id:` of the last event seen.", max_length=100),
]


@get("/events", operation_id="events", opt=needs(Scope.JOBS_READ), media_type="text/event-stream")
async def stream(request: Http, caller: Caller, parts: Parts, last_event_id: LastEventId = None) -> Stream:
    """Follow what changes.

    `text/event-stream`: events `job` and `run` whose data is a ChangeEvent, and for who may read alerts `alert` and
    `notification`. With `Last-Event-ID` it goes on from there, or begins with the event `resync` where that is no
    longer known: read again whatever is shown.
    """
    if parts.streams >= MOST_STREAMS:
        raise Unavailable("too many live streams are open: close some, or read again now and then instead")
    async with parts.db.read(caller.tenant) as tx:
        place, known = await _begin(tx, last_event_id)
    told = _told(request, parts, caller, place, known)
    return Stream(
        _begun(await anext(told), told),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _begin(tx: Tx, last_event_id: str | None) -> tuple[Position, bool]:
    """Where to begin, and whether nothing was lost before it."""
    asked = _position(last_event_id or "")
    if asked is not None and await events.has(tx, asked):
        return asked, True
    return await events.newest(tx), last_event_id is None


async def _begun(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """It counts among the tenant's from before its answer begins, so that one too many can still be refused."""
    async with aclosing(rest):
        yield first
        async for more in rest:
            yield more


async def _told(
    request: Http, parts: Assembly, caller: Principal, place: Position, known: bool
) -> AsyncGenerator[bytes, None]:
    """Until the client leaves, may not see it any more, or the server stops. Raises Throttled at its beginning."""
    with _counted(parts, caller):
        yield ALIVE if known else RESYNC
        silent_since = anyio.current_time()
        while not parts.stopping.is_set():
            coming, before = parts.db.changed.coming, place
            changes, place = await _next(parts, caller, place)
            now = anyio.current_time()
            if changes and not await principal.is_still(request, caller):
                return
            if changes or now - silent_since >= parts.heartbeat_seconds:
                yield b"".join(map(_event, changes)) or ALIVE
                silent_since = now
            if place == before and not await _awaited(request, parts, caller, coming):
                return
            await anyio.sleep(GATHER_SECONDS)


async def _awaited(request: Http, parts: Assembly, caller: Principal, coming: asyncio.Event) -> bool:
    """Until something may have changed. False where the caller may not see it any more."""
    end = anyio.current_time() + parts.poll_seconds
    while (left := end - anyio.current_time()) > 0:
        with anyio.move_on_after(min(left, ASK_SECONDS)):
            await coming.wait()
            return True
        if not await principal.is_still(request, caller):
            return False
    return True


def _require_room(parts: Assembly, caller: Principal) -> None:
    """Of the streams that this process has open. Raises Throttled."""
    limit = parts.usage.streams(caller.tenant)
    if limit is not None and (used := parts.streams_of[caller.tenant]) >= limit:
        raise Throttled(str(reached(Quota.STREAMS, used, limit)), retry_after_seconds=RETRY_SECONDS)


@contextmanager
def _counted(parts: Assembly, caller: Principal) -> Iterator[None]:
    _require_room(parts, caller)
    parts.streams += 1
    parts.streams_of[caller.tenant] += 1
    try:
        yield
    finally:
        parts.streams -= 1
        parts.streams_of[caller.tenant] -= 1
        if not parts.streams_of[caller.tenant]:
            del parts.streams_of[caller.tenant]


async def _next(parts: Assembly, caller: Principal, place: Position) -> tuple[list[Change], Position]:
    """What is behind `place` and within reach, and where the reader stands then."""
    try:
        async with parts.db.read(caller.tenant) as tx:
            changes = await events.after(tx, place, BATCH)
            if not changes:
                return [], place
            visible = changes if caller.reach.is_all else await _within(tx, caller, changes)
    except Unavailable:
        return [], place
    may_all = caller.may(Scope.ALERTS_READ)
    return [change for change in visible if may_all or change.noun not in OF_ALERTS], changes[-1].place


async def _within(tx: Tx, caller: Principal, changes: Sequence[Change]) -> list[Change]:
    reached = await jobs.reached(tx, caller.reach, [change.job_id for change in changes if change.job_id])
    return [change for change in changes if change.job_id in reached]


def _event(change: Change) -> bytes:
    """Its data is one line: JSON has no raw line breaks."""
    told = ChangeEvent(
        position=change.place.position,
        noun=change.noun,
        id=change.subject_id,
        job=change.job_id,
        version=change.version,
        at=change.at,
    )
    place = change.place
    head = f"event: {change.noun}\nid: {place.transaction}.{place.position}.{place.index}\ndata: ".encode()
    return head + encoded(told) + b"\n\n"


def _position(last_event_id: str) -> Position | None:
    """None for what no event of ours ever had as its id."""
    found = _ID.fullmatch(last_event_id)
    return Position(*map(int, found.groups())) if found else None


ROUTES = [stream]
