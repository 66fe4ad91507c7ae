"""How many pings a second are on disk when they are answered, beside bare answers of the same HTTP server.

Rounds of both take turns, so that what else the machine does strikes both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.wrk import Answers, Load
from tests.served import Served

MANY, FEW = 64, 4
"""Kept-alive connections."""
ROUNDS = 5
SECONDS = 4


class Speed(Struct, frozen=True):
    """Medians over the rounds. `ratio`: of the two rates of one round. Times in milliseconds."""

    durable: float
    bare: float
    ratio: float
    p50: float
    p99: float
    p50_of_few: float

    @property
    def note(self) -> str:
        rates = f"{self.durable:,.0f} of {self.bare:,.0f} a second"
        return f"{rates}; p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms"


@contextmanager
def bare(folder: Path) -> Iterator[str]:
    """The URL of a server that answers without doing anything."""
    with Served(folder / "bare", program=("-m", "tests.bench.bare")) as server:
        yield server.url


def speed(load: Load, durable: Sequence[str], bare_url: str) -> Speed:
    """Of the servers at `durable`, which share the load, beside the bare one."""
    load(durable, MANY, 3)
    load([bare_url], MANY, 2)
    rounds = [(_stored(load(durable, MANY, SECONDS)), load([bare_url], MANY, SECONDS)) for _ in range(ROUNDS)]
    few = [_stored(load(durable, FEW, 2)) for _ in range(ROUNDS)]
    return Speed(
        durable=median(pings.per_second for pings, _ in rounds),
        bare=median(answers.per_second for _, answers in rounds),
        ratio=median(pings.per_second / answers.per_second for pings, answers in rounds),
        p50=median(pings.p50 for pings, _ in rounds),
        p99=median(pings.p99 for pings, _ in rounds),
        p50_of_few=median(pings.p50 for pings in few),
    )


def _stored(answers: Answers) -> Answers:
    if answers.refused:
        raise SystemExit(f"{answers.refused} pings were not answered with 200: a rate of refusals says nothing")
    return answers
