"""Which routes take an alert: depth first, the deepest that matches."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain.query import matches
from crontopus.domain.routing.contract import Facts, Route, Step


def taking(routes: Sequence[Route], facts: Facts) -> tuple[Route, ...]:
    """Those that take it, each with the steps that hold for it: its own, or else its parent's."""
    below: dict[UUID | None, list[Route]] = {}
    for route in sorted(routes, key=lambda each: each.place):
        below.setdefault(route.parent, []).append(route)
    return tuple(found for root in below.get(None, ()) for found in _taken(root, (), below, facts))


def _taken(
    route: Route, steps: tuple[Step, ...], below: dict[UUID | None, list[Route]], facts: Facts
) -> Iterator[Route]:
    steps = route.steps or steps
    children = _matching(below.get(route.id, ()), facts)
    deeper = [found for child in children for found in _taken(child, steps, below, facts)]
    yield from deeper or [replace(route, steps=steps)]


def _matching(routes: Sequence[Route], facts: Facts) -> Iterator[Route]:
    """In order, up to the first that does not let those after it be tried."""
    for route in routes:
        if matches(route.matcher, facts.fields, facts.labels):
            yield route
            if not route.proceeds:
                return
