"""What silences, maintenance windows and mutes have in common: when they end, and what they hide."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import click

from crontopus.cli.alerts import ALERTS
from crontopus.cli.output import Form, Out
from crontopus.cli.values import DURATION, WHEN
from crontopus.cli.words import Words
from crontopus.wire.silences import Hidden

match_option = click.option(
    "--match",
    "--matcher",
    "matcher",
    metavar="QUERY",
    help="Which alerts: 'ns:prod class:missed -tag:test'; empty: all.",
)
reason_option = click.option("--reason", metavar="TEXT", help="Why, for whoever wonders later.")


def end_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--for` and `--until`; the command gets them as `lasts` and `until`, for `end`."""
    until = click.option("--until", type=WHEN, help="When it ends: an instant, or 2h from now.")
    lasts = click.option("--for", "lasts", type=DURATION, help="How long it lasts: 2h.")
    return lasts(until(command))


def end(lasts: float | None, until: datetime | None, since: datetime, option: str = "--until") -> datetime | None:
    """None where neither is given. Raises UsageError where both are; `option` is what gives `until`."""
    if lasts is not None and until is not None:
        raise click.UsageError(f"choose one of --for and {option}")
    return until if lasts is None else since + timedelta(seconds=lasts)


def stretch(since: datetime | None, until: datetime | None, words: Words) -> str:
    """`A to B`, as far as there are ends."""
    if since is None:
        return "always" if until is None else f"until {words.instant(until)}"
    return f"{words.instant(since)} to {'–' if until is None else words.instant(until)}"


def counted(hidden: Hidden) -> str:
    """As the rest of a sentence: `hides 2 open alerts and concerns 14 jobs`."""
    return f"hides {_number(hidden.open, 'open alert')} and concerns {_number(hidden.jobs, 'job')}"


def show_hidden(out: Out, hidden: Hidden) -> None:
    """How many alerts and jobs, and the first of each."""
    if out.form in (Form.JSON, Form.YAML):
        return out.raw(hidden)
    out.line(f"it {counted(hidden)}")
    if hidden.names:
        out.line(f"jobs: {_first(hidden.names, hidden.jobs)}")
    if hidden.alerts or out.form is Form.CSV:
        out.many(hidden.alerts, ALERTS)


def _first(names: Iterable[str], number: int) -> str:
    shown = list(names)
    more = number - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
