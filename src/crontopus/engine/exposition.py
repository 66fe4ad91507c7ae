"""A tenant's jobs in the exposition format of Prometheus, written by hand from one pass over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from crontopus.domain.access import Reach
from crontopus.domain.query import Query, Term
from crontopus.domain.watch import Status, shown_status
from crontopus.storage import finding
from crontopus.storage.database import Tx
from crontopus.storage.jobs import Watched
from crontopus.storage.runs import Run

MOST = 10_000
PAGE = 1000

Value = Callable[[Watched, datetime], float | None]


class Family(Struct, frozen=True):
    """One metric: what it is called, what it says, and of each job its value (None: it has none)."""

    name: str
    help: str
    value: Value


def _timestamp(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _last_run(pick: Callable[[Run], float | None]) -> Value:
    return lambda one, _: None if one.last_run is None else pick(one.last_run)


def _duration(run: Run) -> float | None:
    return None if run.duration is None else run.duration.total_seconds()


FAMILIES: tuple[Family, ...] = (
    Family("crontopus_job_info", "A job that is watched, always 1.", lambda one, now: 1),
    Family(
        "crontopus_job_up",
        "1 where the job is up, late or new, 0 where it is down; none while it is paused.",
        lambda one, now: None if one.watch.status is Status.PAUSED else float(one.watch.status is not Status.DOWN),
    ),
    Family(
        "crontopus_job_paused", "1 while the job is paused.", lambda one, now: float(one.watch.status is Status.PAUSED)
    ),
    Family("crontopus_job_running", "Runs that are open.", lambda one, now: one.watch.running),
    Family("crontopus_job_failures_in_a_row", "Failures in a row, until now.", lambda one, now: one.watch.failures),
    Family("crontopus_job_misses_in_a_row", "Misses in a row, until now.", lambda one, now: one.watch.misses),
    Family(
        "crontopus_job_last_seen_timestamp_seconds",
        "When the job last gave a sign.",
        lambda one, now: _timestamp(one.watch.seen_at),
    ),
    Family(
        "crontopus_job_next_run_timestamp_seconds",
        "When the next run is expected.",
        lambda one, now: _timestamp(one.watch.next_expected_at),
    ),
    Family(
        "crontopus_job_last_run_timestamp_seconds",
        "When the newest run ended, or began where it has not.",
        _last_run(lambda run: _timestamp(run.finished_at or run.started_at)),
    ),
    Family(
        "crontopus_job_last_run_duration_seconds",
        "How long the newest run took.",
        _last_run(_duration),
    ),
    Family(
        "crontopus_job_last_exit_code",
        "The exit code of the newest run.",
        _last_run(lambda run: run.exit_code),
    ),
)
STATUS = "crontopus_job_status"


async def of_jobs(tx: Tx, reach: Reach, namespace: str | None) -> bytes:
    """Of the first `MOST` jobs by name, all or those of `namespace`."""
    query: Query = (Term("ns", (namespace,)),) if namespace else ()
    found = await _pages(tx, reach, query)
    lines = list(_lines(found[:MOST], tx.now))
    lines += _family("crontopus_scrape_truncated", "1 where there were more jobs than this answer has.")
    lines.append(f"crontopus_scrape_truncated {int(len(found) > MOST)}")
    return ("\n".join(lines) + "\n").encode()


async def _pages(tx: Tx, reach: Reach, query: Query) -> Sequence[Watched]:
    found: list[Watched] = []
    after = None
    while len(found) <= MOST:
        page = await finding.by_name(tx, reach, query, after, PAGE)
        found += page
        if len(page) < PAGE:
            break
        after = (page[-1].job.name.lower(), page[-1].job.id)
    return found


def _lines(found: Sequence[Watched], now: datetime) -> Iterator[str]:
    for family in FAMILIES:
        yield from _family(family.name, family.help)
        for one in found:
            value = family.value(one, now)
            if value is not None:
                yield f"{family.name}{_labels(_of(one))} {value:.17g}"
    yield from _family(STATUS, "1 for the status that the job has now, 0 for the others.")
    for one in found:
        shown = shown_status(one.watch, now)
        for status in Status:
            yield f"{STATUS}{_labels({**_of(one), 'status': status})} {int(status is shown)}"


def _family(name: str, says: str) -> list[str]:
    return [f"# HELP {name} {says}", f"# TYPE {name} gauge"]


def _of(one: Watched) -> Mapping[str, str]:
    return {"namespace": one.job.namespace, "job": one.job.slug}


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
