"""Every change of a watch that does not come from a check-in or from silence: edits, pauses, what a person settles."""

from uuid import UUID

from crontopus.domain import ids
from crontopus.domain.watch import Event, Expectation, Step, advance, fresh
from crontopus.storage import gaps, watches
from crontopus.storage.database import Tx
from crontopus.storage.watches import Placed, Rows


async def apply(tx: Tx, job: UUID, event: Event, by: str | None = None) -> Step:
    """Advance the job's watch by `event` under the expectation stored now, and store all that follows from it.

    `by` names the person who settled the runs that the event changes. Raises NotFound.
    """
    placed = await watches.find(tx, job)
    known = await gaps.recent(tx)
    step = advance(placed.watch, event, placed.rule, known, tx.now)
    rows = Rows()
    watches.add_step(rows, placed, step, tx.now, gaps=known)
    for row in rows.runs:
        row["settled_by"] = by
    watches.add_watch(rows, placed, tx.now, [row["id"] for row in rows.runs])
    await watches.save(tx, rows)
    return step


async def born(tx: Tx, job: UUID, rule: Expectation) -> None:
    """Begin to watch a new job."""
    rows = Rows()
    watches.add_new_watch(
        rows,
        Placed(
            tenant=tx.tenant,
            job=job,
            agent=ids.NO_AGENT,
            rule=rule,
            watch=fresh(rule, tx.now),
            filters=None,
            last_number=None,
            changed_at=tx.now,
            version=1,
        ),
    )
    await watches.save(tx, rows)
