"""The laws of alerts for a job that depends on another, whatever becomes of the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crontopus.domain.alerts import Alert
from crontopus.domain.routing import BEGINNINGS, Child, Holder, MessageState, Parent, of_parent
from crontopus.domain.schedule import Every
from crontopus.domain.watch import Expectation
from tests.domain.routed import MINUTE, World, alert, minute, route, routes
from tests.scale import scaled

LONG = 120
LETS_GO = 30
"""Minutes after which the child's next deadline has come, whenever its parent recovered."""
RULE = Expectation(schedules=(Every(20 * MINUTE),), grace=timedelta(minutes=5))


@dataclass
class Dependent(World):
    """`troubles` of the parent: the minutes at which each began and ended; None: it lasts."""

    troubles: Sequence[tuple[int, int | None]] = field(default_factory=tuple)

    def holders_at(self, now: int) -> Sequence[Holder]:
        parent = Parent(UUID(int=9), "parent", [self._trouble(*each, now) for each in self.troubles if each[0] <= now])
        return list(of_parent(parent, Child(self.alert, RULE, None)))

    def is_down(self, now: int) -> bool:
        """Whether the parent is."""
        return any(since <= now and (until is None or now < until) for since, until in self.troubles)

    def _trouble(self, since: int, until: int | None, now: int) -> Alert:
        over = until is not None and until <= now
        return replace(alert(since), id=UUID(int=100 + since), resolved_at=minute(until or 0) if over else None)


@st.composite
def worlds(draw: st.DrawFn) -> Dependent:
    bounds = draw(st.lists(st.integers(0, LONG), min_size=0, max_size=6, unique=True).map(sorted))
    ends: list[int | None] = [*bounds[1::2]]
    troubles = list(zip(bounds[::2], [*ends, None], strict=False))
    fails = draw(st.sets(st.integers(1, LONG), max_size=3))
    changes = {0, *bounds, *fails}
    return Dependent(
        rules={0: routes(route(0, (draw(st.integers(0, 10)), [0])))},
        holders={at: () for at in changes},
        happens={at: [("fail", 0)] for at in fails},
        behaviours={},
        troubles=troubles,
    )


@settings(max_examples=scaled(300))
@given(worlds())
def test_nobody_is_told_while_the_parent_is_down(world: Dependent) -> None:
    ran = world.run(LONG + 2 * LETS_GO)
    assert [at for at, each in ran.made if each.kind in BEGINNINGS and world.is_down(at)] == []


@settings(max_examples=scaled(300))
@given(worlds())
def test_somebody_is_told_once_the_parent_has_been_up_for_long_enough(world: Dependent) -> None:
    ran = world.run(LONG + 2 * LETS_GO)
    if not world.is_down(LONG + LETS_GO):
        assert any(each.state is MessageState.DELIVERED for each in ran.told.values())
