"""How jobs, their runs and their schedules are shown to people."""

from collections.abc import Iterator

from crontopus.cli.output import Column, Listing, Out
from crontopus.cli.table import Cell
from crontopus.cli.words import Words, duration
from crontopus.domain.watch import RunState, Status
from crontopus.wire.jobs import BulkItem, Job, Mute, RunBrief, Watch
from crontopus.wire.runs import Run, StoredCheckIn
from crontopus.wire.schedules import NextRun, Preview

Q_JOBS = "Words of the name, status:down, ns:prod, tag:db, slug:nightly, host:web*, label:key=value; - denies."
Q_RUNS = "Words of the job's name, state:failed, ns:prod, slug:nightly, host:web*, env:live, mark:late; - denies."

_STATUS = {Status.UP: "green", Status.LATE: "yellow", Status.DOWN: "red", Status.NEW: "blue", Status.PAUSED: ""}
_STATE = {
    RunState.SUCCEEDED: "green",
    RunState.RUNNING: "blue",
    RunState.OVERRAN: "yellow",
    RunState.FAILED: "red",
    RunState.MISSED: "red",
    RunState.ABANDONED: "red",
}


def name(job: Job) -> str:
    return f"{job.namespace}/{job.slug}"


def status(status: Status) -> Cell:
    return Cell(status.value, _STATUS[status])


def state(run: Run | RunBrief) -> Cell:
    return Cell(run.state.value, _STATE.get(run.state, ""))


def _last_run(job: Job, words: Words) -> str:
    run = job.last_run
    if run is None:
        return "–"
    return f"{run.state.value} {words.about(run.finished_at or run.started_at or run.expected_at)}"


JOBS = Listing(
    Job,
    (
        Column("status", lambda job, words: status(job.status)),
        Column("job", lambda job, words: name(job)),
        Column("schedule", lambda job, words: job.schedule_in_words),
        Column("last run", _last_run),
        Column("next", lambda job, words: words.about(job.next_expected_at)),
    ),
)


def _muted(mute: Mute, words: Words) -> str:
    ends = f" until {words.instant(mute.until)}" if mute.until else ""
    return f"since {words.instant(mute.since)}{ends} by {mute.made_by}{f': {mute.reason}' if mute.reason else ''}"


def job_card(job: Job, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "job", name(job)
    yield "name", job.name
    yield "status", status(job.status)
    yield "why", ", ".join(reason.value for reason in job.reasons)
    yield "down since", words.instant(job.down_since) if job.down_since else ""
    yield "paused until", words.instant(job.paused_until) if job.paused_until else ""
    yield "muted", _muted(job.muted, words) if job.muted else ""
    yield "description", job.description
    yield "schedule", job.schedule_in_words
    yield "timezone", f"{job.timezone}, {'its own' if 'timezone' in job.own else 'from the namespace'}"
    yield "grace", duration(job.grace)
    yield "longest run", duration(job.max_runtime) if job.max_runtime is not None else ""
    yield "last run", _last_run(job, words)
    yield "running", str(job.running or "")
    yield "next run", words.instant(job.next_expected_at)
    yield "alarm at", words.instant(job.due_at) if job.due_at else ""
    yield "tags", " ".join(job.tags)
    yield "labels", " ".join(f"{key}={value}" for key, value in job.labels.items())
    yield "owner", job.owner
    yield "runbook", job.runbook
    yield "depends on", " ".join(job.depends_on)
    yield "ping URL", job.ping_url
    yield "by slug", job.ping_url_by_slug
    yield "id", str(job.id)
    yield "version", str(job.version)


WATCHES = Listing(
    Watch,
    (
        Column("agent", lambda watch, words: str(watch.agent or "–")),
        Column("status", lambda watch, words: status(watch.status)),
        Column("why", lambda watch, words: ", ".join(watch.reasons)),
        Column("seen", lambda watch, words: words.about(watch.seen_at)),
        Column("next", lambda watch, words: words.about(watch.next_expected_at)),
        Column("alarm at", lambda watch, words: words.about(watch.due_at)),
    ),
)

BULK = Listing(
    BulkItem,
    (
        Column("job", lambda item, words: item.name),
        Column("changed", lambda item, words: "yes" if item.changed else "no"),
        Column("problem", lambda item, words: Cell(item.problem or "", "red")),
    ),
)

RUNS = Listing(
    Run,
    (
        Column("run", lambda run, words: str(run.id)),
        Column("job", lambda run, words: f"{run.job.namespace}/{run.job.slug}"),
        Column("state", lambda run, words: state(run)),
        Column("when", lambda run, words: words.about(run.started_at or run.finished_at or run.expected_at)),
        Column("took", lambda run, words: duration(run.duration)),
        Column("exit", lambda run, words: _exit(run)),
    ),
)


def _exit(run: Run) -> str:
    if run.signal is not None:
        return f"signal {run.signal}"
    return "" if run.exit_code is None else str(run.exit_code)


def run_card(run: Run, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "run", str(run.id)
    yield "job", f"{run.job.namespace}/{run.job.slug}"
    yield "number", str(run.number)
    yield "state", state(run)
    yield "exit", _exit(run)
    yield "expected", words.instant(run.expected_at)
    yield "until", f"{words.instant(run.last_expected_at)} ({run.count} times)" if run.count > 1 else ""
    yield "started", words.instant(run.started_at)
    yield "finished", words.instant(run.finished_at)
    yield "took", duration(run.duration)
    yield "lag", duration(run.lag) if run.lag is not None else ""
    yield "attempt", str(run.attempt) if run.attempt > 1 else ""
    yield "host", run.host or ""
    yield "user", run.user or ""
    yield "environment", run.env or ""
    yield "marks", ", ".join(run.marks)
    yield "metrics", " ".join(f"{key}={value:g}" for key, value in run.metrics.items())
    yield "resources", " ".join(f"{key}={value:g}" for key, value in run.rusage.items())
    yield "output", f"{run.output_bytes} bytes" if run.output_bytes else ""
    yield "settled by", run.settled_by or ""
    yield "reported as", str(run.run_id or "")


CHECK_INS = Listing(
    StoredCheckIn,
    (
        Column("received", lambda check_in, words: words.instant(check_in.received_at)),
        Column("kind", lambda check_in, words: check_in.kind),
        Column("exit", lambda check_in, words: "" if check_in.exit_code is None else str(check_in.exit_code)),
        Column("method", lambda check_in, words: check_in.method),
        Column("from", lambda check_in, words: check_in.address or ""),
        Column("client", lambda check_in, words: check_in.user_agent or ""),
        Column("bytes", lambda check_in, words: str(check_in.output_bytes)),
    ),
)

NEXT_RUNS = Listing(
    NextRun,
    (
        Column("run", lambda run, words: words.instant(run.at)),
        Column("in the job's zone", lambda run, words: run.local.replace("T", " ") if words.local else run.local),
        Column("alarm after", lambda run, words: words.instant(run.deadline) if run.deadline else "none yet: too new"),
    ),
)


def show_preview(out: Out, preview: Preview) -> None:
    """The schedule in words, its next runs, and what changes of the clock do to it."""
    if out.form in ("json", "yaml"):
        return out.raw(preview)
    out.line(preview.in_words)
    out.many(preview.next, NEXT_RUNS)
    for surprise in preview.surprises:
        out.line(f"{out.words.instant(surprise.at)}: {surprise.detail}")
