"""Hours of a week in a form: rows of weekdays with a beginning and an end, in one zone; and how they are said. Pure."""

from collections.abc import Iterator, Sequence

from crontopus.console.forms import Form
from crontopus.domain.errors import Fault, Invalid
from crontopus.wire.alerts import OpenTime, RouteHours

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ROWS = 2
MOST_ROWS = 20
_MIDNIGHT = "00:00"
_RUN = 3
"""So many days in a row are said by the first and the last of them."""


def stored(hours: RouteHours) -> list[tuple[str, str]]:
    """A day that ends at 24:00 ends at the midnight after it: that is what a field for a time can show."""
    found = [("zone", hours.timezone)]
    for row, each in enumerate(hours.open):
        found += [(f"days-{row}", str(day)) for day in each.days]
        found += [(f"opens-{row}", each.since), (f"closes-{row}", each.until.replace("24:00", _MIDNIGHT))]
    return found


def rows(form: Form) -> list[int]:
    """Those in which something stands."""
    return [row for row in range(MOST_ROWS) if form.all(f"days-{row}") or form[f"opens-{row}"] or form[f"closes-{row}"]]


def shown(form: Form) -> range:
    """The rows of the form: always one more than are filled."""
    return range(min(MOST_ROWS, max([ROWS, *(row + 2 for row in rows(form))])))


def read(form: Form, pointer: str) -> RouteHours | None:
    """None where no row is filled. A time that is missing is midnight. Raises Invalid."""
    filled = rows(form)
    if not filled:
        return None
    times = [_row(form, row, f"{pointer}/open/{number}") for number, row in enumerate(filled)]
    if not form["zone"]:
        raise Invalid("", (Fault(f"{pointer}/timezone", "Say in which zone, such as Europe/Berlin."),))
    return RouteHours(timezone=form["zone"], open=times)


def _row(form: Form, row: int, pointer: str) -> OpenTime:
    known = [str(number) for number in range(len(DAYS))]
    days = sorted({int(day) for day in form.all(f"days-{row}") if day in known})
    if not days:
        raise Invalid("", (Fault(pointer, "Choose the days, or empty the times."),))
    return OpenTime(days=days, since=form[f"opens-{row}"] or _MIDNIGHT, until=form[f"closes-{row}"] or _MIDNIGHT)


def fields(form: Form, pointer: str) -> dict[str, str]:
    """Faults name rows by their number among those that were sent, which may be in other rows."""
    places = {f"{pointer}/open/{number}": f"opens-{row}" for number, row in enumerate(rows(form))}
    return places | {f"{pointer}/timezone": "zone", pointer: "opens-0"}


def said(hours: RouteHours) -> str:
    """`Mon–Fri 09:00–17:00; Sat 10:00–12:00 (Europe/Berlin)`."""
    return "; ".join(f"{_days(each.days)} {_times(each)}" for each in hours.open) + f" ({hours.timezone})"


def _times(each: OpenTime) -> str:
    if each.since == _MIDNIGHT and each.until in (_MIDNIGHT, "24:00"):
        return "all day"
    return f"{each.since}–{each.until}"


def _days(days: Sequence[int]) -> str:
    if len(set(days)) == len(DAYS):
        return "every day"
    return ", ".join(_run(run) for run in _runs(sorted(set(days)))) or "never"


def _runs(days: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for day in days:
        if run and day != run[-1] + 1:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _run(run: Sequence[int]) -> str:
    if len(run) >= _RUN:
        return f"{DAYS[run[0]]}–{DAYS[run[-1]]}"
    return ", ".join(DAYS[day] for day in run)
