"""A tenant's jobs, read for Prometheus in one pass over them, a page at a time so that nobody else waits for long; and
its channels."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from anyio.lowlevel import checkpoint

from crontopus.domain import ids
from crontopus.domain.access import Reach
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.query import Query, Term
from crontopus.domain.watch import Watch
from crontopus.engine.exposition import MOST_SERIES, Exposition, Seen, Way
from crontopus.storage import channels, finding, notifications, runs
from crontopus.storage.database import Database, TenantId, Tx
from crontopus.storage.jobs import Watched
from crontopus.storage.notifications import Left
from crontopus.storage.runs import Run

PAGE = 200
CANDIDATES = 3
"""Runs that are looked at for one that has ended, where the newest has not."""
LOOK_BACK = 1000
"""Runs that are looked at for one that has succeeded."""


def asked(namespace: str | None, label: str | None) -> Query:
    """The jobs of a namespace, and those with a label, `team=data` or `team`. Raises Invalid."""
    terms = [Term("ns", (namespace,))] if namespace else []
    if label is not None:
        key, sign, value = label.partition("=")
        if not key or bool(sign) != bool(value):
            detail = "write a label's name, or name and value: team=data"
            raise Invalid(detail, (Fault("/label", detail),))
        terms.append(Term("label", (value,) if value else (), key=key))
    return tuple(terms)


async def of_jobs(
    db: Database, tenant: TenantId, reach: Reach, query: Query, *, openmetrics: bool, most_series: int = MOST_SERIES
) -> list[bytes]:
    """The jobs that `query` finds, by name, until they make `most_series`: the parts of an answer. Who reaches all jobs
    and asks for no part of them is told of the channels, too.
    """
    exposition, truncated = Exposition(most_series), False
    async for seen in _all(db, tenant, reach, query):
        truncated = exposition.is_full
        if truncated:
            break
        exposition.add(seen)
    if reach.is_all and not query:
        async for way in _ways(db, tenant):
            exposition.add_channel(way)
    parts = []
    for part in exposition.text(truncated=truncated, openmetrics=openmetrics):
        parts.append(part)
        await checkpoint()
    return parts


async def _ways(db: Database, tenant: TenantId) -> AsyncIterator[Way]:
    async with db.read(tenant) as tx:
        known, left = await channels.listed(tx), await notifications.left(tx)
    for channel in known:
        if channel.enabled:
            yield Way(channel, left.get(channel.id, Left()), tx.now)


async def _all(db: Database, tenant: TenantId, reach: Reach, query: Query) -> AsyncIterator[Seen]:
    """By name. A page is a transaction, so that none lasts long; who is renamed between two is told once."""
    told: set[UUID] = set()
    after = None
    while True:
        async with db.read(tenant) as tx:
            page = await finding.by_name(tx, reach, query, after, PAGE)
            found = await _seen(tx, [one for one in page if one.job.id not in told])
        for seen in found:
            yield seen
        if len(page) < PAGE:
            return
        told |= {one.job.id for one in page}
        after = (page[-1].job.name.lower(), page[-1].job.id)


async def _seen(tx: Tx, page: Sequence[Watched]) -> list[Seen]:
    ended = await _ended(tx, page)
    succeeded = await _succeeded(tx, page)
    return [Seen(one, tx.now, ended.get(one.job.id), succeeded.get(one.job.id)) for one in page]


async def _ended(tx: Tx, page: Sequence[Watched]) -> dict[UUID, Run]:
    """By job, its newest run that has ended: most often the newest of all, which is known."""
    known = {one.job.id: one.last_run for one in page if one.last_run is not None and one.last_run.finished_at}
    wanted = {
        one.job.id: [ids.run_id(one.job.id, ids.NO_AGENT, number) for number in _candidates(one.watch)]
        for one in page
        if one.job.id not in known
    }
    found = await runs.of_ids(tx, [run for several in wanted.values() for run in several])
    for job, several in wanted.items():
        run = next((found[id] for id in several if id in found and found[id].finished_at), None)
        if run is not None:
            known[job] = run
    return known


def _candidates(watch: Watch) -> Sequence[int]:
    """Numbers of the newest runs that may have ended: neither open nor made by silence."""
    others = {known.run.number for known in watch.open} | {row.number for row in watch.missing}
    return list(islice((number for number in range(watch.last_number, 0, -1) if number not in others), CANDIDATES))


async def _succeeded(tx: Tx, page: Sequence[Watched]) -> dict[UUID, datetime]:
    """By job, when its newest good run ended: its newest end, where that was good."""
    good, bad = {}, {}
    for one in page:
        ended_at = one.watch.newest_end_at
        if ended_at is not None and one.watch.newest_end_good:
            good[one.job.id] = ended_at
        elif ended_at is not None:
            bad[one.job.id] = one.watch.last_number
    return {**good, **await runs.last_successes(tx, bad, LOOK_BACK)}
