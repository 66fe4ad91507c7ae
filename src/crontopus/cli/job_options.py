"""A job's definition in options: one for each field of `JobSpec`, for making, editing and previewing."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import click

from crontopus.cli.completion import JOB
from crontopus.cli.values import DURATION, LABEL, WHEN
from crontopus.domain.alerts import Severity
from crontopus.domain.schedule import Clock
from crontopus.domain.watch import Overlap

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _choice(kind: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([member.value for member in kind])


_IN_A_ROW = click.IntRange(1, 1000)

_SCHEDULE: tuple[Decorator, ...] = (
    click.option("--every", multiple=True, type=DURATION, help="Period between runs: 300, 1h30m."),
    click.option("--cron", "--schedule", "cron", multiple=True, metavar="LINE", help="Cron fields: '0 2 * * *'."),
    click.option("--on-calendar", multiple=True, metavar="EVENT", help="Calendar event of systemd: 'Mon..Fri 02:00'."),
    click.option("--timezone", "--tz", "timezone", metavar="ZONE", help="Zone of the schedule: Europe/Berlin."),
    click.option("--clock", type=_choice(Clock), help="Whose rules hold where clocks change."),
    click.option("--grace", type=DURATION, help="How long after the expected time silence is still no alarm."),
)

_REST: tuple[Decorator, ...] = (
    click.option("--description", metavar="TEXT", help="What it is for."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; repeat for several."),
    click.option("--label", "labels", multiple=True, type=LABEL, help="A label; repeat for several."),
    click.option("--max-runtime", type=DURATION, help="A longer run has overrun."),
    click.option("--min-runtime", type=DURATION, help="A shorter run counts as a failure."),
    click.option("--fail-after", type=_IN_A_ROW, help="Failures in a row until the job is down."),
    click.option("--miss-after", type=_IN_A_ROW, help="Missed runs in a row until the job is down."),
    click.option("--recover-after", type=_IN_A_ROW, help="Successes in a row until it is up again."),
    click.option("--overlap", type=_choice(Overlap), help="Whether two runs may be open at once."),
    click.option("--first-by", type=WHEN, help="When the first run is due, where none was seen yet."),
    click.option("--method", "methods", multiple=True, metavar="METHOD", help="HTTP method pings may use."),
    click.option("--start-kw", metavar="WORDS", help="Words in a ping's body that mean start."),
    click.option("--success-kw", metavar="WORDS", help="Words in a ping's body that mean success."),
    click.option("--failure-kw", metavar="WORDS", help="Words in a ping's body that mean failure."),
    click.option(
        "--manual-resume/--automatic-resume", default=None, help="Whether the end of a run leaves a pause as it is."
    ),
    click.option("--severity", type=_choice(Severity), help="How grave its alerts are."),
    click.option("--owner", metavar="WHO", help="Who is responsible."),
    click.option("--runbook", metavar="TEXT", help="What to do when it is down."),
    click.option("--depends-on", multiple=True, type=JOB, help="A job this one needs; repeat for several."),
)


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return _with(_SCHEDULE, command)


def definition_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of a definition; the command gets them as keyword arguments, for `definition`."""
    return _with((*_SCHEDULE, *_REST), command)


def definition(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of the definition that were given, in the words of the API."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    schedule = _schedule(given)
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    if "labels" in fields:
        fields["labels"] = dict(fields["labels"])
    return fields | ({"schedule": schedule} if schedule else {})


def _schedule(given: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Takes the schedules out of `given`: one as it is, several as a list."""
    kinds = ("every", "cron", "on_calendar")
    several = [{kind: value} for kind in kinds for value in given.pop(kind, ())]
    return several[0] if len(several) == 1 else several or None


def _with(options: Iterable[Decorator], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(tuple(options)):
        command = option(command)
    return command
