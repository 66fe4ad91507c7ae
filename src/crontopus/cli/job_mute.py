"""`crontopus jobs mute` and `unmute`: nobody is told of the alerts of a job."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from crontopus.cli import holding
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.job_views import name
from crontopus.cli.output import Out
from crontopus.cli.values import converted
from crontopus.wire.silences import MuteJob

if TYPE_CHECKING:
    from crontopus.client import Client

_job = click.argument("job", type=JOB)


@click.command()
@_job
@holding.end_options
@holding.reason_option
@connected
async def mute(
    client: "Client", out: Out, job: str, lasts: float | None, until: datetime | None, reason: str | None
) -> None:
    """Mute a job: nobody is told of its alerts, for a while, until a time, or until somebody ends it.

    It holds none of the alerts of jobs that depend on it.
    """
    form = {"until": holding.end(lasts, until, out.words.now), "reason": reason or ""}
    muted = await client.mute_job(job, converted(form, MuteJob))
    ends = muted.muted.until if muted.muted else None
    until_when = out.words.instant(ends) if ends else "somebody ends it: `crontopus jobs unmute`"
    out.said(f"{name(muted)} is muted until {until_when}", muted)


@click.command()
@_job
@connected
async def unmute(client: "Client", out: Out, job: str) -> None:
    """End the mute of a job: what is still open is told, if nothing else holds it."""
    unmuted = await client.unmute_job(job)
    out.said(f"{name(unmuted)} is not muted", unmuted)
