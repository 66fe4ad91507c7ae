"""One deed on many jobs, in short transactions, so that nobody else waits for long.

It is not one deed for the database: where the server stops halfway, the first batches are done and the rest are not.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from crontopus.domain import audit, query
from crontopus.domain.access import Principal, Scope
from crontopus.domain.errors import Fault, Invalid, NotFound
from crontopus.domain.watch import Paused, Resumed, Status
from crontopus.engine import watching
from crontopus.engine.audit import tell_all
from crontopus.engine.jobs import deleted, pause_end, paused, remove, resumed, target
from crontopus.storage import alerts, events, finding, jobs
from crontopus.storage.database import Database, Tx
from crontopus.storage.jobs import Watched
from crontopus.wire.jobs import Bulk, BulkAction, BulkItem, BulkResult

BATCH = 50
"""Jobs of one transaction."""
MOST = 10_000
"""Jobs of one request."""
MOST_TAGS = 50


class Deed(Struct, frozen=True):
    """`needed`: whether it would change the job at all; `done` does it to one that is locked; `told` is for the log."""

    needed: Callable[[Watched], bool]
    done: Callable[[Tx, Watched], Awaitable[None]]
    told: Callable[[Watched], audit.Deed]
    refused: Callable[[Watched], str | None] = lambda _: None


async def change(db: Database, caller: Principal, bulk: Bulk) -> BulkResult:
    """Raises Invalid, NotAllowed, or NotFound for a job that is named and not there; then nothing was changed."""
    if bulk.action not in (BulkAction.PAUSE, BulkAction.RESUME):
        caller.require(Scope.JOBS_WRITE)
    deed = _deed(bulk, db.clock())
    found = await _found(db, caller, bulk)
    items: list[BulkItem] = []
    for start in range(0, len(found), BATCH):
        items += await _batch(db, caller, deed, found[start : start + BATCH], bulk.dry_run)
    return BulkResult(dry_run=bulk.dry_run, items=items)


async def _found(db: Database, caller: Principal, bulk: Bulk) -> Sequence[UUID]:
    """In the order of ids, so that two bulks never wait for each other."""
    if (bulk.jobs is None) == (bulk.q is None):
        raise _wrong("/jobs", "say which jobs: either by `jobs` or by `q`")
    async with db.read(caller.tenant) as tx:
        if bulk.q is not None:
            found = await finding.ids_found(tx, caller.reach, query.parse_jobs(bulk.q), MOST + 1)
            if len(found) > MOST:
                raise _wrong("/q", f"this finds more than {MOST} jobs: narrow it, and repeat it for the rest")
            return found
        names = bulk.jobs or []
        by_name = await jobs.ids_of(tx, caller.reach, names)
        missing = tuple(
            Fault(f"/jobs/{number}", "no such job") for number, name in enumerate(names) if name not in by_name
        )
        if missing:
            raise NotFound("some of these jobs are not there; nothing was changed", missing)
        return sorted(set(by_name.values()))


async def _batch(db: Database, caller: Principal, deed: Deed, some: Sequence[UUID], dry_run: bool) -> list[BulkItem]:
    if dry_run:
        async with db.read(caller.tenant) as tx:
            return [_item(deed, one) for one in await jobs.of_ids(tx, caller.reach, some)]
    async with db.write(caller.tenant) as tx:
        await jobs.lock_all(tx, caller.reach, some)
        found = await jobs.of_ids(tx, caller.reach, some)
        wanted = [one for one in found if deed.needed(one) and deed.refused(one) is None]
        for one in wanted:
            await deed.done(tx, one)
        await tell_all(tx, caller, [deed.told(one) for one in wanted])
        return [_item(deed, one) for one in found]


def _item(deed: Deed, found: Watched) -> BulkItem:
    """As it was found: what is to change, or has been changed by now."""
    problem = deed.refused(found)
    return BulkItem(
        job=found.job.id, name=found.job.name, changed=problem is None and deed.needed(found), problem=problem
    )


def _deed(bulk: Bulk, now: datetime) -> Deed:
    if bulk.until is not None and bulk.action is not BulkAction.PAUSE:
        raise _wrong("/until", "only a pause has an end")
    if bool(bulk.tags) != (bulk.action in (BulkAction.TAG, BulkAction.UNTAG)):
        raise _wrong("/tags", "tag and untag need tags, and nothing else has any")
    match bulk.action:
        case BulkAction.PAUSE:
            return _pause(pause_end(bulk.until, now))
        case BulkAction.RESUME:
            return Deed(lambda one: one.watch.status is Status.PAUSED, _resume, resumed)
        case BulkAction.TAG:
            return _tagging(lambda tags: list(dict.fromkeys([*tags, *bulk.tags])))
        case BulkAction.UNTAG:
            return _tagging(lambda tags: [tag for tag in tags if tag not in bulk.tags])
        case BulkAction.DELETE:
            return Deed(lambda _: True, lambda tx, one: remove(tx, one.job.id), deleted)


def _pause(until: datetime | None) -> Deed:
    async def done(tx: Tx, one: Watched) -> None:
        await watching.apply(tx, one.job.id, Paused(until))

    return Deed(
        lambda one: one.watch.status is not Status.PAUSED or one.watch.paused_until != until,
        done,
        lambda one: paused(one, until),
    )


async def _resume(tx: Tx, one: Watched) -> None:
    await watching.apply(tx, one.job.id, Resumed())


def _tagging(tagged: Callable[[list[str]], list[str]]) -> Deed:
    async def done(tx: Tx, one: Watched) -> None:
        await jobs.change(tx, one.job.id, {"tags": tagged(one.job.tags), "updated_at": tx.now})
        await alerts.ask_all_again(tx, one.job.id)
        await events.add(tx, one.job.id, one.job.version + 1)

    def refused(one: Watched) -> str | None:
        return f"it would have more than {MOST_TAGS} tags" if len(tagged(one.job.tags)) > MOST_TAGS else None

    def told(one: Watched) -> audit.Deed:
        changed = audit.changes({"tags": one.job.tags}, {"tags": tagged(one.job.tags)})
        return audit.Deed("job.edit", target(one.job), changed)

    return Deed(lambda one: tagged(one.job.tags) != one.job.tags, done, told, refused)


def _wrong(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, (Fault(pointer, detail),))
