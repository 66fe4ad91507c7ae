"""What is done to one job or to many: pause, resume, tag, untag, delete; by name or by query, with a dry run."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.errors import ERROR
from crontopus.cli.job_views import BULK, name
from crontopus.cli.output import Out, say
from crontopus.cli.values import WHEN
from crontopus.wire.jobs import Bulk, BulkAction, BulkResult

if TYPE_CHECKING:
    from crontopus.client import Client


def _chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """The jobs it is done to. `_bulk` makes of them what the API wants."""
    command = click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")(command)
    command = click.option("-q", "--q", metavar="QUERY", help="All jobs that this finds, in place of JOBs.")(command)
    return click.argument("job", type=JOB, nargs=-1)(command)


def _bulk(action: BulkAction, job: tuple[str, ...], q: str | None, dry_run: bool, **more: Any) -> Bulk:
    if bool(job) == (q is not None):
        raise click.UsageError("give either JOBs or a query (--q)")
    return Bulk(action=action, jobs=list(job) or None, q=q, dry_run=dry_run, **more)


async def _change(client: "Client", out: Out, bulk: Bulk) -> None:
    result = await client.change_jobs(bulk)
    _show(out, result)
    if any(item.problem for item in result.items):
        click.get_current_context().exit(ERROR)


def _show(out: Out, result: BulkResult) -> None:
    out.many(result.items, BULK)
    if result.dry_run:
        say("nothing was changed: this was a dry run")


def _one(job: tuple[str, ...], q: str | None, dry_run: bool) -> str | None:
    return job[0] if len(job) == 1 and q is None and not dry_run else None


@click.command()
@_chosen
@click.option("--until", type=WHEN, help="The pause ends by itself then: an instant, or 2h from now.")
@connected
async def pause(client: "Client", out: Out, until: datetime | None, **chosen: Any) -> None:
    """Pause jobs: they raise no alarm meanwhile.

    A pause ends by `resume`, or at --until; without --until also when a run that began after it ends, unless the job
    has --manual-resume.
    """
    if one := _one(**chosen):
        job = await client.pause_job(one, until)
        out.said(f"paused {name(job)}", job)
    else:
        await _change(client, out, _bulk(BulkAction.PAUSE, **chosen, until=until))


@click.command()
@_chosen
@connected
async def resume(client: "Client", out: Out, **chosen: Any) -> None:
    """Resume paused jobs."""
    if one := _one(**chosen):
        job = await client.resume_job(one)
        out.said(f"resumed {name(job)}", job)
    else:
        await _change(client, out, _bulk(BulkAction.RESUME, **chosen))


def _tags(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--tag", "tags", multiple=True, required=True, metavar="TAG", help="Repeat for several.")(
        command
    )


@click.command()
@_chosen
@_tags
@connected
async def tag(client: "Client", out: Out, tags: tuple[str, ...], **chosen: Any) -> None:
    """Give jobs a tag."""
    await _change(client, out, _bulk(BulkAction.TAG, **chosen, tags=list(tags)))


@click.command()
@_chosen
@_tags
@connected
async def untag(client: "Client", out: Out, tags: tuple[str, ...], **chosen: Any) -> None:
    """Take a tag from jobs."""
    await _change(client, out, _bulk(BulkAction.UNTAG, **chosen, tags=list(tags)))


@click.command()
@_chosen
@yes_option
@connected
async def delete(client: "Client", out: Out, yes: bool, **chosen: Any) -> None:
    """Delete jobs with their runs, for good."""
    if one := _one(**chosen):
        confirm(f"Delete {one} and all its runs?", yes)
        await client.delete_job(one)
        return say(f"deleted {one}")
    bulk = _bulk(BulkAction.DELETE, **chosen)
    if not bulk.dry_run:
        await _confirm_all(client, bulk, yes)
    await _change(client, out, bulk)


async def _confirm_all(client: "Client", bulk: Bulk, yes: bool) -> None:
    """Asks with the names of what would go."""
    if yes:
        return
    found = await client.change_jobs(Bulk(action=bulk.action, jobs=bulk.jobs, q=bulk.q, dry_run=True))
    for item in found.items:
        say(f"  {item.name}")
    confirm(f"Delete these {len(found.items)} jobs and all their runs?", yes)
