"""`crontopus runs`: what jobs did, what they printed, and closing what was left open."""

import re
import sys
from typing import TYPE_CHECKING

import click

from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.job_views import CHECK_INS, Q_RUNS, RUNS, run_card
from crontopus.cli.output import Form, Out, gathered, say
from crontopus.domain.text import shown
from crontopus.domain.tiers import OVER

if TYPE_CHECKING:
    from crontopus.client import Client

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


@click.group(short_help="Runs: what jobs did, and what they printed.")
def runs() -> None:
    """Runs: what jobs did, and what they printed. RUN is the id that `runs list` shows."""


@runs.command("list")
@click.option("-q", "--q", metavar="QUERY", help=Q_RUNS)
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def list_runs(client: "Client", out: Out, q: str | None, limit: int) -> None:
    """List runs of all jobs, newest first."""
    out.many(await gathered(lambda **page: client.runs(q=q, **page), limit), RUNS)


@runs.command()
@click.argument("job", type=JOB, nargs=-1, required=True)
@click.option("--each", type=click.IntRange(1, 50), default=1, show_default=True, help="At most so many of each job.")
@connected
async def newest(client: "Client", out: Out, job: tuple[str, ...], each: int) -> None:
    """List the newest runs of several JOBs."""
    ids = [(await client.job(one)).id for one in job]
    out.many((await client.newest_runs(ids, each=each)).items, RUNS)


@runs.command()
@click.argument("run")
@connected
async def show(client: "Client", out: Out, run: str) -> None:
    """Show one run."""
    out.one(await client.run(run), run_card)


@runs.command()
@click.argument("run")
@connected
async def logs(client: "Client", out: Out, run: str) -> None:
    """Print what a run printed."""
    log = await client.run_log(run)
    if out.form is not Form.TABLE:
        return out.one(log, lambda log, words: ())
    _print(log.head)
    if log.over_quota:
        say(f"not all of it was kept: {OVER[log.over_quota]}")
    elif log.dropped_bytes:
        say(f"… {log.dropped_bytes} bytes are left out here …")
    _print(log.tail)
    if log.pruned:
        say("its output is no longer kept")


def _print(text: str) -> None:
    """To a terminal with what steers it in sight, except colours; to a pipe as it is."""
    printed = "".join(map(_harmless, _COLOUR.split(text))) if sys.stdout.isatty() else text
    sys.stdout.write(printed + "\n" * (bool(printed) and not printed.endswith("\n")))


def _harmless(part: str) -> str:
    if _COLOUR.fullmatch(part):
        return part
    return "\n".join(map(shown, part.replace("\r\n", "\n").replace("\r", "␍").split("\n")))


@runs.command()
@click.argument("run")
@click.option("--succeeded/--failed", required=True, help="How it ended.")
@connected
async def settle(client: "Client", out: Out, run: str, succeeded: bool) -> None:
    """Close a run whose end was never reported."""
    out.one(await client.settle_run(run, succeeded=succeeded), run_card)


@runs.command()
@click.argument("run")
@connected
async def check_ins(client: "Client", out: Out, run: str) -> None:
    """List the check-ins of a run."""
    out.many((await client.run_check_ins(run)).items, CHECK_INS)
