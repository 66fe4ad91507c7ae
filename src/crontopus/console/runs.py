"""One run: when it was expected, began and ended, how, and what it printed."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from crontopus.client import Client
from crontopus.console.ansi import Line, last_lines, lines
from crontopus.console.view import View
from crontopus.console.words import duration
from crontopus.domain.tiers import Quota
from crontopus.domain.watch import RunState
from crontopus.wire.jobs import Job
from crontopus.wire.runs import Log, Run

MOST_LINES = 2000


class Output(Struct, frozen=True):
    """`head` and `tail` by line, `dropped_bytes` between them. `hidden` lines are kept and not shown here."""

    head: list[Line]
    tail: list[Line]
    dropped_bytes: int
    hidden: int
    truncated: bool
    pruned: bool
    over_quota: Quota | None

    @classmethod
    def of(cls, log: Log) -> "Output":
        """Where nothing was dropped, head and tail are one text, numbered from 1."""
        if not log.dropped_bytes:
            whole = lines(log.head + log.tail)
            hidden = max(0, len(whole) - MOST_LINES)
            return cls(whole[hidden:], [], 0, hidden, log.truncated, log.pruned, log.over_quota)
        return cls(
            lines(log.head)[:MOST_LINES],
            last_lines(log.tail)[-MOST_LINES:],
            log.dropped_bytes,
            0,
            log.truncated,
            log.pruned,
            log.over_quota,
        )


class Phase(Struct, frozen=True):
    """The run on a line 1000 wide: waited for, running, and the bound where there is one. Positions from 0."""

    start: float
    end: float
    bound: float | None

    @classmethod
    def of(cls, run: Run, job: Job, view: View) -> "Phase | None":
        if run.started_at is None:
            return None
        begin = min(run.expected_at or run.started_at, run.started_at)
        waited = (run.started_at - begin).total_seconds()
        until = waited + ((run.finished_at or view.now) - run.started_at).total_seconds()
        bound = waited + job.max_runtime if job.max_runtime else None
        width = max(until, bound or 0) * 1.03 or 1
        return cls(1000 * waited / width, 1000 * until / width, 1000 * bound / width if bound else None)


@get("/runs/{run:str}")
async def run_page(run: FromPath[str], client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    shown = await client.run(run)
    job = await client.job(shown.job.id)
    return view.page(
        "run.html",
        run=shown,
        job=job,
        lede=_lede(shown),
        phase=Phase.of(shown, job, view),
        output=Output.of(await client.run_log(run)),
        check_ins=(await client.run_check_ins(run)).items,
        refresh_in=view.refresh_in(job.due_at),
    )


def _lede(run: Run) -> str:
    """The run in one sentence."""
    took = f" after {duration(run.duration)}" if run.duration is not None else ""
    match run.state:
        case RunState.RUNNING:
            return "It is running: a start arrived, and no end yet."
        case RunState.OVERRAN:
            return "It is still open, and longer than it may be. If it is dead, settle it on the job’s page."
        case RunState.SUCCEEDED:
            return f"It succeeded{took}, on attempt {run.attempt}." if run.attempt > 1 else f"It succeeded{took}."
        case RunState.FAILED:
            return f"It {_ending(run)}{took}{f', on attempt {run.attempt}' if run.attempt > 1 else ''}."
        case RunState.ABANDONED:
            return "It never said how it ended: another run began, or nobody waited any longer."
        case RunState.MISSED:
            return "Nothing arrived for it." if run.count == 1 else f"Nothing arrived for {run.count} runs in a row."
        case RunState.UNOBSERVED:
            return "Crontopus itself was off when it was expected, so we do not know. Nobody was alarmed."
        case RunState.SKIPPED:
            return "It was left out on purpose: the one before was still running, or the runner said so."


def _ending(run: Run) -> str:
    if run.signal is not None:
        return f"was killed by signal {run.signal}"
    return f"ended with exit status {run.exit_code}" if run.exit_code is not None else "said itself that it failed"


ROUTES = [run_page]
