"""What is done to a run, and what it printed."""

import zlib
from collections.abc import Collection
from uuid import UUID

from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict
from crontopus.domain.tiers import OVER
from crontopus.domain.watch import RunState, Settled
from crontopus.engine import audit, watching
from crontopus.storage import checkins, jobs, runs
from crontopus.storage.checkins import Output
from crontopus.storage.database import Tx
from crontopus.storage.runs import Run, RunOfJob
from crontopus.wire.runs import Log

OPEN = frozenset({RunState.RUNNING, RunState.OVERRAN})
MOST_OUTPUTS = 100
MOST_BYTES = 2_000_000


async def settle(tx: Tx, caller: Principal, run: UUID, succeeded: bool) -> RunOfJob:
    """Close an open run by hand. Raises NotFound, or Conflict where it is not open."""
    found = (await runs.find(tx, caller.reach, run)).run
    await jobs.lock(tx, caller.reach, str(found.job_id))
    step = await watching.apply(tx, found.job_id, Settled(found.number, succeeded), caller.name)
    if not any(changed.number == found.number and changed.finished_at == tx.now for changed in step.runs):
        raise Conflict("the run is not open: it has ended, or was given up")
    settled = await runs.find(tx, caller.reach, run)
    target = Target(Noun.RUN, run, f"{settled.namespace}/{settled.slug} #{found.number}")
    await audit.tell(tx, caller, "run.settle", target, {"state": found.state}, {"state": settled.run.state})
    return settled


async def log_of(tx: Tx, found: RunOfJob) -> Log:
    """What all check-ins of the run carried, in the order in which they came."""
    outputs = await checkins.outputs_of_run(tx, found.run.id, MOST_OUTPUTS)
    if len(outputs) == 1:
        return _one(outputs[0])
    joined = "".join(_joined(output) for output in outputs)
    return Log(
        head=joined[:MOST_BYTES],
        tail="",
        dropped_bytes=max(0, len(joined) - MOST_BYTES),
        truncated=any(output.truncated for output in outputs),
        over_quota=next((output.over_quota for output in outputs if output.over_quota), None),
        pruned=bool(found.run.output_bytes) and not outputs,
    )


async def tails_of(tx: Tx, known: Collection[Run]) -> dict[UUID, str]:
    """By run, the end of what it printed, as its last check-in with any carried it. Without those that printed
    nothing.
    """
    found = await checkins.last_outputs(tx, [run.id for run in known if run.output_bytes])
    return {run: _joined(output) for run, output in found.items()}


def _one(output: Output) -> Log:
    return Log(
        head=_text(output.head),
        tail=_text(output.tail),
        dropped_bytes=output.dropped_bytes,
        truncated=output.truncated,
        over_quota=output.over_quota,
        pruned=False,
    )


def _joined(output: Output) -> str:
    """One of several: where the middle is missing, it says so."""
    text = _text(output.head)
    if output.over_quota:
        text += f"[{output.dropped_bytes} bytes were not kept: {OVER[output.over_quota]}]"
    elif output.dropped_bytes:
        text += f"\n[{output.dropped_bytes} bytes were left out here]\n"
    text += _text(output.tail)
    return text if text.endswith("\n") else text + "\n"


def _text(compressed: bytes) -> str:
    """What is not UTF-8 is shown as U+FFFD."""
    return zlib.decompress(compressed).decode(errors="replace")
