"""A watch that goes down and comes up again and again: told once, as what it is."""

from crontopus.domain.watch.state import Watch

CROSSINGS = 6
WITHIN_RUNS = 10
CALM_RUNS = 5


def crossed(crossings: tuple[int, ...], number: int) -> tuple[int, ...]:
    """With one more, at the run `number`; no more than are asked for are kept."""
    return (*crossings, number)[-CROSSINGS:]


def is_flapping(watch: Watch) -> bool:
    """Whether its last six crossings between down and not down came within ten runs."""
    crossings = watch.crossings
    return len(crossings) == CROSSINGS and crossings[-1] - crossings[0] < WITHIN_RUNS


def is_calm(watch: Watch) -> bool:
    """Whether five runs or missed slots came since its last crossing. Of a watch that is settled until now."""
    return not watch.crossings or _since(watch, watch.crossings[-1]) >= CALM_RUNS


def _since(watch: Watch, crossing: int) -> int:
    """Slots missed in a row are one run; each of them counts."""
    further = sum(missing.count - 1 for missing in watch.missing if missing.number >= crossing)
    return watch.last_number - crossing + further
