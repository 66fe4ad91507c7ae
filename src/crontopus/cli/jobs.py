"""`crontopus jobs`: list, show, make, edit and export jobs, and look at what their schedules mean."""

from typing import TYPE_CHECKING, Any, TextIO

import click

from crontopus.cli import job_files
from crontopus.cli.bulk import delete, pause, resume, tag, untag
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.crontab import import_crontab
from crontopus.cli.errors import in_words
from crontopus.cli.job_edit import edit
from crontopus.cli.job_mute import mute, unmute
from crontopus.cli.job_options import definition, definition_options, schedule_options
from crontopus.cli.job_views import CHECK_INS, JOBS, Q_JOBS, Q_RUNS, RUNS, WATCHES, job_card, show_preview
from crontopus.cli.output import Form, Out, gathered, progress, say
from crontopus.cli.values import converted
from crontopus.domain.errors import CrontopusError
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import PreviewRequest

if TYPE_CHECKING:
    from crontopus.client import Client

limit_option = click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
job_argument = click.argument("job", type=JOB)


@click.group(short_help="Jobs: what is watched, and how it stands.")
def jobs() -> None:
    """Jobs: what is watched, and how it stands. JOB is namespace/slug or an id."""


for command in (edit, pause, resume, mute, unmute, tag, untag, delete, import_crontab):
    jobs.add_command(command)


@jobs.command("list")
@click.option("-q", "--q", metavar="QUERY", help=Q_JOBS)
@click.option("--sort", metavar="FIELD", help="Field to sort by; -FIELD: the other way.")
@limit_option
@connected
async def list_jobs(client: "Client", out: Out, q: str | None, sort: str | None, limit: int) -> None:
    """List jobs and how they stand."""
    out.many(await gathered(lambda **page: client.jobs(q=q, sort=sort, **page), limit), JOBS)


@jobs.command()
@click.option("-q", "--q", metavar="QUERY", help=Q_JOBS)
@connected
async def counts(client: "Client", out: Out, q: str | None) -> None:
    """Count jobs by status."""
    out.mapping(await client.job_counts(q=q))


@jobs.command()
@job_argument
@connected
async def show(client: "Client", out: Out, job: str) -> None:
    """Show one job: how it stands, why, and its ping URL."""
    out.one(await client.job(job), job_card)


@jobs.command()
@click.argument("name", required=False)
@click.option("-n", "--namespace", metavar="SLUG", help="Namespace the job is made in; else `default`.")
@click.option("--slug", metavar="SLUG", help="Its name in URLs; else made from NAME.")
@click.option("-f", "--file", type=click.File("rb"), help="YAML of one or several jobs, as export prints; -: stdin.")
@definition_options
@connected
async def create(client: "Client", out: Out, name: str | None, file: TextIO | None, **options: Any) -> None:
    """Make a job called NAME, or all jobs of a file."""
    if (file is None) == (name is None and options["slug"] is None):
        raise click.UsageError("give either a NAME (or --slug), or --file")
    fields = definition(options | {"name": name})
    if file is None:
        return out.one(await client.add_job(job_files.new_job(fields)), job_card)
    if fields.keys() - {"namespace"}:
        raise click.UsageError("with --file, the file says all; only --namespace goes with it")
    await _create_all(client, out, job_files.read(file.read(), fields))


async def _create_all(client: "Client", out: Out, new_jobs: list[NewJob]) -> None:
    """Makes what can be made; each failure is said, and the exit code is that of the first."""
    made: list[Job] = []
    failures: list[CrontopusError] = []
    for number, new in enumerate(new_jobs, 1):
        progress(f"{number} of {len(new_jobs)}")
        try:
            made.append(await client.add_job(new))
        except CrontopusError as error:
            failures.append(error)
            progress("")
            say(f"{new.namespace}/{new.slug or new.name}: {in_words(error)}")
    progress("")
    out.many(made, JOBS)
    if failures:
        raise type(failures[0])(f"{len(failures)} of {len(new_jobs)} jobs were not made")


@jobs.command()
@click.argument("job", type=JOB, nargs=-1)
@click.option("-q", "--q", metavar="QUERY", help=Q_JOBS)
@connected
async def export(client: "Client", out: Out, job: tuple[str, ...], q: str | None) -> None:
    """Print definitions of jobs as YAML that `jobs create --file` takes: the JOBs named, or all that QUERY finds."""
    if job and q:
        raise click.UsageError("give either JOBs or a query")
    if out.form is Form.CSV:
        raise click.UsageError("definitions are exported as yaml or json")
    found = [await client.job(one) for one in job] or await gathered(lambda **page: client.jobs(q=q, **page), 0)
    out.form = Form.JSON if out.form is Form.JSON else Form.YAML
    out.raw([job_files.exported(one) for one in found])


@jobs.command("next")
@job_argument
@click.option("--count", type=click.IntRange(1, 100), default=10, show_default=True, help="How many.")
@connected
async def next_runs(client: "Client", out: Out, job: str, count: int) -> None:
    """Show when a job is expected next."""
    show_preview(out, await client.next_runs(job, count))


@jobs.command()
@schedule_options
@click.option("--count", type=click.IntRange(1, 100), default=10, show_default=True, help="How many runs.")
@connected
async def check(client: "Client", out: Out, count: int, **options: Any) -> None:
    """Show what a schedule means, and its next runs, before a job has it."""
    fields = definition(options)
    if "schedule" not in fields:
        raise click.UsageError("give a schedule: --cron, --every or --on-calendar")
    show_preview(out, await client.preview(converted(fields | {"count": count}, PreviewRequest)))


@jobs.command()
@job_argument
@connected
async def watches(client: "Client", out: Out, job: str) -> None:
    """Show what is believed of a job on each agent."""
    out.many((await client.watches(job)).items, WATCHES)


@jobs.command("runs")
@job_argument
@click.option("-q", "--q", metavar="QUERY", help=Q_RUNS)
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def job_runs(client: "Client", out: Out, job: str, q: str | None, limit: int) -> None:
    """List the runs of a job, newest first."""
    out.many(await gathered(lambda **page: client.job_runs(job, q=q, **page), limit), RUNS)


@jobs.command()
@job_argument
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0: all.")
@connected
async def check_ins(client: "Client", out: Out, job: str, limit: int) -> None:
    """List the check-ins of a job, newest first."""
    out.many(await gathered(lambda **page: client.job_check_ins(job, **page), limit), CHECK_INS)
