"""The run strip: the last 30 runs as shapes, of which each is known without its colour. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct

from crontopus.console.why import outcome
from crontopus.domain.watch import Mark
from crontopus.wire.runs import Run

LENGTH = 30
_STEP, _FLOOR = 8, 21
_LOW, _HIGH = 8.0, 14.0
_WORDS = {"short": "too short"}


class Strip(Struct, frozen=True):
    """`paths` are (class, path data), one a class; `label` counts the runs in words; `empty` where there are none."""

    paths: list[tuple[str, str]]
    label: str
    empty: bool


def strip(newest_first: Sequence[Run]) -> Strip:
    """The newest `LENGTH` runs, the oldest at the left, the newest at the right edge."""
    runs = list(newest_first[:LENGTH])[::-1]
    height = _heights([run.duration for run in runs if run.duration is not None])
    paths: defaultdict[str, str] = defaultdict(str)
    first = LENGTH - len(runs)
    for place in range(first):
        paths["r-none"] += f"M{_x(place) + 1.7:g} 19.4h1.6v1.6h-1.6z"
    for place, run in enumerate(runs, first):
        for kind, data in _shape(run, _x(place), height):
            paths[kind] += data
    return Strip(list(paths.items()), label(runs), not runs)


def label(runs: Sequence[Run]) -> str:
    """`runs` (the oldest first) counted in words, and the newest named."""
    if not runs:
        return "No runs yet."
    amounts = Counter(_WORDS.get(outcome(run), outcome(run)) for run in runs)
    late = sum(Mark.LATE in run.marks for run in runs)
    counted = ", ".join(f"{amount} {word}" for word, amount in amounts.items()) + (f", {late} late" if late else "")
    newest = _WORDS.get(outcome(runs[-1]), outcome(runs[-1]))
    return f"Last {len(runs)} runs, oldest first: {counted}. The newest: {newest}."


def _x(place: int) -> int:
    return place * _STEP + 1


def _heights(durations: list[float]) -> Callable[[float | None], float]:
    """From a duration to a bar's height, against the job's own p5 to p95."""
    ordered = sorted(durations)
    if not ordered:
        return lambda _: (_LOW + _HIGH) / 2
    last = len(ordered) - 1
    low, high = ordered[round(last * 0.05)], ordered[round(last * 0.95)]

    def height(duration: float | None) -> float:
        if duration is None or high <= low:
            return (_LOW + _HIGH) / 2
        return _LOW + (_HIGH - _LOW) * min(1.0, max(0.0, (duration - low) / (high - low)))

    return height


def _shape(run: Run, x: int, height: Callable[[float | None], float]) -> list[tuple[str, str]]:
    match outcome(run):
        case "succeeded":
            return _good(x, height(run.duration), late=Mark.LATE in run.marks)
        case "failed":
            return [("r-bad", f"M{x} 1h5l-1 13h-3zM{x + 0.7:g} 17h3.6v4h-3.6z")]
        case "missed":
            return [("r-miss", f"M{x + 0.5:g} 1.6h4v18.8h-4z")]
        case "overran":
            return [("r-bad", f"M{x - 1} 1h7v2.4h-7zM{x + 0.5:g} 4.6h4v16.4h-4z")]
        case "short":
            return [("r-bad", f"M{x + 2} 1h1.2v15h-1.2zM{x - 0.5:g} 17.4h6v3.6h-6z")]
        case "running":
            return [("r-run", f"M{x} 17h5v4h-5zM{x} 11.5h5v4h-5z"), ("r-tip", f"M{x} 6h5v4h-5z")]
        case "skipped":
            return [("r-idle", f"M{x} 17h5v2h-5z")]
        case "unobserved":
            dots = "".join(f"M{x + 1.5:g} {y}h2v2h-2z" for y in (9, 14, 19))
            return [("r-idle", dots)]
        case _:
            return [("r-hollow", f"M{x + 0.7:g} 9.7h3.6v10.6h-3.6z")]


def _good(x: int, height: float, *, late: bool) -> list[tuple[str, str]]:
    side = f"{height - 1.2:.1f}"
    bar = [("r-ok", f"M{x} {_FLOOR}v-{side}q0-1.2 1.2-1.2h2.6q1.2 0 1.2 1.2v{side}z")]
    return [*bar, ("r-late", f"M{x + 1} {_FLOOR - height - 4.5:.1f}h3v3h-3z")] if late else bar
