"""The parts of `make bench`, by name."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from tests.bench import alerts, commands, filled, memory, pings, silence, team
from tests.bench.lines import Line, at_least, below
from tests.bench.pings import Speed
from tests.bench.wrk import Load
from tests.postgres import Postgres
from tests.served import Served, set_up

SOME, MILLION = 10_000, 1_000_000
AHEAD = timedelta(seconds=15)
"""Time to write what is due, and to start the server."""
PARTS = ("sqlite", "million", "postgres", "run", "team", "alerts")


class Bench:
    """Each part is a method of its name, and says in its docstring what it measures. They share a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sqlite(self) -> list[Line]:
        """pings on SQLite, 10,000 jobs"""
        return [*_rates(self._few_jobs, 0.15, "aim 0.25"), Line("p50 at 4 connections", *_p50(self._few_jobs))]

    def million(self) -> list[Line]:
        """pings, silence and memory on SQLite, 1,000,000 jobs"""
        data = self._folder / "million"
        set_up(data)
        load = Load(self._folder, filled.fill_sqlite(data, MILLION))
        with Served(data) as server:
            speed = self._speed(load, server)
            grown = memory.rss_mib(server)
        due_at = datetime.now(UTC).replace(microsecond=0) + AHEAD
        silence.make_due_together(data, due_at)
        with Served(data, more=silence.settings(self._folder)) as server:
            lags = silence.lags(data, server.url, due_at)
            grown = max(grown, memory.rss_mib(server))
        return [
            at_least("its ratio ÷ that with 10,000 jobs", speed.ratio / self._few_jobs.ratio, 0.8),
            *_rates(speed),
            below(f"deadline to judged, p99 of {silence.DUE:,} at once", lags.p99, 1, "s"),
            Line("its p50, and the last", f"{lags.p50:.2f}, {lags.last:.2f} s"),
            Line("the same p99 by the server's own metric", f"<= {lags.p99_by_metric:g} s"),
            below("memory of the server (RSS)", grown, 1024, "MiB"),
        ]

    def postgres(self) -> list[Line]:
        """pings on PostgreSQL, 10,000 jobs"""
        with Postgres() as postgres:
            url = postgres.fresh_database()
            set_up(self._folder / "postgres", url)
            load = Load(self._folder, filled.fill_postgres(url, SOME))
            with Served(self._folder / "postgres", url) as one:
                alone = self._speed(load, one)
                with Served(self._folder / "postgres", url) as other:
                    both = self._speed(load, one, other)
        two = [Line(f"two processes: {line.name}", line.value) for line in _rates(both)]
        return [*_rates(alone, 0.05), Line("p50 at 4 connections", *_p50(alone)), *two]

    def run(self) -> list[Line]:
        """`crontopus run -- true`"""
        return commands.lines(self._folder)

    def team(self) -> list[Line]:
        """people, permissions, the audit log and backups, on SQLite"""
        return team.lines(self._folder)

    def alerts(self) -> list[Line]:
        """from a flip to a receiver, on SQLite"""
        return alerts.lines(self._folder)

    @cached_property
    def _few_jobs(self) -> Speed:
        data = self._folder / "sqlite"
        set_up(data)
        load = Load(self._folder, filled.fill_sqlite(data, SOME))
        with Served(data) as server:
            return self._speed(load, server)

    def _speed(self, load: Load, *servers: Served) -> Speed:
        with pings.bare(self._folder) as bare:
            return pings.speed(load, [server.url for server in servers], bare)


def _rates(speed: Speed, limit: float | None = None, aim: str = "") -> list[Line]:
    name = "pings on disk ÷ bare answers, 64 connections"
    return [
        Line(name, f"{speed.ratio:.3f}") if limit is None else at_least(name, speed.ratio, limit, aim),
        Line("pings and bare answers a second", f"{speed.durable:,.0f}, {speed.bare:,.0f}"),
        Line("p50, p99 of a ping", f"{speed.p50:.1f}, {speed.p99:.1f} ms"),
    ]


def _p50(speed: Speed) -> tuple[str, str]:
    return f"{speed.p50_of_few:.2f} ms", "aim 1 ms"
