"""A tenant's jobs and channels in the exposition formats of Prometheus, by hand: so many lines that each must cost
little."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from crontopus.domain.schedule import notation
from crontopus.domain.watch import Status, shown_status
from crontopus.storage.channels import Channel
from crontopus.storage.jobs import Watched
from crontopus.storage.notifications import Left
from crontopus.storage.runs import Run

MOST_SERIES = 200_000
"""Of one answer. Jobs are told whole, in order, until they are so many; a tenth of a job more does not matter."""
TRUNCATED = "crontopus_scrape_truncated"
TRUNCATED_HELP = f"1 where there were more jobs than fit into {MOST_SERIES:,} series."


class Seen(Struct, frozen=True):
    """A job as it is `now`. `ended`: its newest run that has ended; `succeeded_at`: when its newest good one did."""

    one: Watched
    now: datetime
    ended: Run | None
    succeeded_at: datetime | None


Sample = tuple[str, float]
"""What its labels have beside `namespace` and `job`, as text; and its value."""


class Family(Struct, frozen=True):
    """One metric: what it is called, what it says, and what it says of one job."""

    name: str
    help: str
    samples: Callable[[Seen], Iterable[Sample]]
    labels: tuple[str, ...] = ()


def _gauge(value: Callable[[Seen], float | datetime | None]) -> Callable[[Seen], Iterable[Sample]]:
    """Of one value, or none where it is None."""

    def samples(seen: Seen) -> Iterable[Sample]:
        found = value(seen)
        if found is None:
            return ()
        return (("", found.timestamp() if isinstance(found, datetime) else found),)

    return samples


def _info(seen: Seen) -> Iterable[Sample]:
    job = seen.one.job
    yield _labels({"owner": job.notes.owner, "schedule": notation(job.expectation.schedules)}), 1


def _statuses(seen: Seen) -> Iterable[Sample]:
    shown = shown_status(seen.one.watch, seen.now)
    return ((of_status, status is shown) for status, of_status in _OF_STATUS)


_OF_STATUS = [(status, f',status="{status}"') for status in Status]


def _reported(seen: Seen) -> Iterable[Sample]:
    metrics = seen.ended.metrics if seen.ended is not None else None
    return ((_labels({"name": name}), value) for name, value in (metrics or {}).items())


def _last_run_at(seen: Seen) -> datetime | None:
    last = seen.one.last_run
    return None if last is None else last.finished_at or last.started_at


def _last_duration(seen: Seen) -> float | None:
    return None if seen.ended is None or seen.ended.duration is None else seen.ended.duration.total_seconds()


def _lag(seen: Seen) -> float | None:
    lags = (run.lag for run in (seen.one.last_run, seen.ended) if run is not None)
    return next((lag.total_seconds() for lag in lags if lag is not None), None)


def _up(seen: Seen) -> float | None:
    status = seen.one.watch.status
    return None if status is Status.PAUSED else float(status is not Status.DOWN)


INFO = Family("crontopus_job_info", "A job that is watched, always 1.", _info, ("owner", "schedule"))
FAMILIES: tuple[Family, ...] = (
    INFO,
    Family(
        "crontopus_job_up",
        "1 where the job is up, late or new, 0 where it is down; none while it is paused.",
        _gauge(_up),
    ),
    Family(
        "crontopus_job_status",
        "1 for the status that the job has now, 0 for the others.",
        _statuses,
        ("status",),
    ),
    Family(
        "crontopus_job_paused",
        "1 while the job is paused.",
        _gauge(lambda seen: seen.one.watch.status is Status.PAUSED),
    ),
    Family("crontopus_job_running", "Runs that are open.", _gauge(lambda seen: seen.one.watch.running)),
    Family(
        "crontopus_job_failures_in_a_row",
        "Failures in a row, until now.",
        _gauge(lambda seen: seen.one.watch.failures),
    ),
    Family(
        "crontopus_job_misses_in_a_row",
        "Misses in a row, until now.",
        _gauge(lambda seen: seen.one.watch.misses),
    ),
    Family(
        "crontopus_job_last_seen_timestamp_seconds",
        "When the job last gave a sign.",
        _gauge(lambda seen: seen.one.watch.seen_at),
    ),
    Family(
        "crontopus_job_next_run_timestamp_seconds",
        "When the next run is expected.",
        _gauge(lambda seen: seen.one.watch.next_expected_at),
    ),
    Family(
        "crontopus_job_last_run_timestamp_seconds",
        "When the newest run ended, or began where it has not.",
        _gauge(_last_run_at),
    ),
    Family(
        "crontopus_job_last_success_timestamp_seconds",
        "When the newest run that succeeded ended; none where that was more than 1,000 runs ago.",
        _gauge(lambda seen: seen.succeeded_at),
    ),
    Family(
        "crontopus_job_last_run_duration_seconds",
        "How long the newest run that has ended took.",
        _gauge(_last_duration),
    ),
    Family(
        "crontopus_job_last_exit_code",
        "The exit code of the newest run that has ended.",
        _gauge(lambda seen: None if seen.ended is None else seen.ended.exit_code),
    ),
    Family(
        "crontopus_job_schedule_lag_seconds",
        "How long after its slot the newest run began.",
        _gauge(_lag),
    ),
    Family(
        "crontopus_job_metric",
        "The numbers reported by the newest run that has ended.",
        _reported,
        ("name",),
    ),
)


class Way(Struct, frozen=True):
    """A channel that is enabled, as it is `now`, and what is left to be sent there."""

    channel: Channel
    left: Left
    now: datetime


class OfChannel(Struct, frozen=True):
    """One metric of a channel."""

    name: str
    help: str
    value: Callable[[Way], float]


def _works(way: Way) -> float:
    closed_until = way.channel.closed_until
    return way.channel.broken_at is None and (closed_until is None or closed_until <= way.now)


OF_CHANNELS = (
    OfChannel(
        "crontopus_channel_up",
        "0 where the other side refuses everything, or nothing is sent for a while after failures in a row; else 1.",
        _works,
    ),
    OfChannel(
        "crontopus_channel_messages_waiting",
        "Messages about alerts that are still to be sent there, also later.",
        lambda way: way.left.waiting,
    ),
    OfChannel(
        "crontopus_channel_messages_dead",
        "Messages about alerts that were given up, and that nobody has sent again or put away.",
        lambda way: way.left.dead,
    ),
)


class Exposition:
    """The lines of an answer, which has all samples of a metric in one place: so they are kept by metric."""

    def __init__(self, most_series: int = MOST_SERIES) -> None:
        self._lines: list[list[str]] = [[] for _ in FAMILIES]
        self._of_channels: dict[str, list[str]] = {one.name: [] for one in OF_CHANNELS}
        self._left = most_series

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def add(self, seen: Seen) -> None:
        job = seen.one.job
        labels = f'{{namespace="{job.namespace}",job="{job.slug}"'  # neither has anything to escape
        for family, lines in zip(FAMILIES, self._lines, strict=True):
            before = len(lines)
            lines += [f"{family.name}{labels}{more}}} {_number(value)}" for more, value in family.samples(seen)]
            self._left -= len(lines) - before

    def add_channel(self, way: Way) -> None:
        labels = _labels({"channel": way.channel.name, "kind": way.channel.kind}).removeprefix(",")
        for one in OF_CHANNELS:
            self._of_channels[one.name].append(f"{one.name}{{{labels}}} {_number(one.value(way))}")

    def text(self, *, truncated: bool, openmetrics: bool) -> Iterator[bytes]:
        """Metric by metric. `truncated`: there were more jobs."""
        for family, lines in zip(FAMILIES, self._lines, strict=True):
            yield _joined([*_head(family.name, family.help, openmetrics), *lines])
        for one in OF_CHANNELS:
            yield _joined([*_head(one.name, one.help, openmetrics), *self._of_channels[one.name]])
        yield _joined([*_head(TRUNCATED, TRUNCATED_HELP, openmetrics), f"{TRUNCATED} {truncated:d}"])
        if openmetrics:
            yield b"# EOF\n"


def _head(name: str, help: str, openmetrics: bool) -> tuple[str, str]:
    """OpenMetrics has a type for what only names things, and calls it without its suffix."""
    kind = "gauge"
    if openmetrics and name == INFO.name:
        name, kind = name.removesuffix("_info"), "info"
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _number(value: float) -> str:
    """The shortest text that is read as the same number."""
    return repr(float(value)).removesuffix(".0")


def _labels(more: Mapping[str, str]) -> str:
    return "".join(f',{name}="{_escaped(value)}"' for name, value in more.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
