"""`crontopus jobs import-crontab`: a crontab explained line by line, its jobs made, its lines put under watch."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from crontopus.cli import crontab_source
from crontopus.cli.call import connected
from crontopus.cli.errors import in_words
from crontopus.cli.output import Column, Form, Listing, Out, say
from crontopus.domain import crontab
from crontopus.domain.errors import Conflict, CrontopusError
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.schedules import CrontabLine, CrontabRequest, Schedule

if TYPE_CHECKING:
    from crontopus.client import Client

ZONES = "/zoneinfo/"

LINES = Listing(
    CrontabLine,
    (
        Column("line", lambda line, words: str(line.line)),
        Column("job", lambda line, words: line.slug or ""),
        Column("means", lambda line, words: line.fault or line.in_words or ""),
        Column("next", lambda line, words: words.about(line.next[0]) if line.next else ""),
    ),
)


@click.command()
@click.argument("file", required=False)
@click.option("--system/--user", default=None, help="Whether lines have a user column; else told by where FILE is.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Where the jobs are made.")
@click.option("--prefix", default="", help="Put before the names of the jobs: one for each machine, for instance.")
@click.option("--timezone", "--tz", "timezone", metavar="ZONE", help="Zone of the crontab; else this machine's.")
@click.option("--program", default=lambda: _program(), metavar="PATH", help="crontopus as cron should call it.")
@click.option("--dry-run", is_flag=True, help="Explain, and print the crontab as it would be; make no job.")
@click.option("--write", is_flag=True, help="Write the crontab back, after a backup.")
@connected
async def import_crontab(
    client: "Client",
    out: Out,
    file: str | None,
    system: bool | None,
    namespace: str,
    prefix: str,
    timezone: str | None,
    program: str,
    dry_run: bool,
    write: bool,
) -> None:
    """Explain a crontab, make its jobs, and print it with each line under watch.

    FILE is a crontab, /etc/crontab or a file of /etc/cron.d; - is standard input; without it, your own is read
    (crontab -l). The crontab itself is changed only with --write.
    """
    if dry_run and write:
        raise click.UsageError("--dry-run writes nothing: leave one of --dry-run and --write")
    where = crontab_source.source(file, system)
    if write:
        crontab_source.writer(where)
    before = where.read()
    zone = timezone or local_zone()
    lines = await _parsed(client, before, where.system, zone, prefix)
    parsed = crontab.parse(before, system=where.system)
    _explain(out, lines, parsed)
    new = dict(_new_jobs(lines, namespace, zone))
    make = None if dry_run else client
    edited, failures = await _under_watch(make, parsed.jobs, new, program)
    _finish(out, where, before, crontab.rewrite(before, edited), write=write)
    if edited and where.system:
        say("Each user in it needs a server to report to: CRONTOPUS_URL and CRONTOPUS_TOKEN, or `crontopus login`.")
    if failures:
        raise type(failures[0])(f"{len(failures)} of {len(new)} jobs were not made; their lines are as they were")


async def _parsed(client: "Client", before: bytes, system: bool, zone: str, prefix: str) -> list[CrontabLine]:
    text = before.decode(errors="replace")
    parsed = await client.parse_crontab(CrontabRequest(text=text, system=system, timezone=zone))
    return [replace(line, slug=prefix + line.slug) if line.slug else line for line in parsed.items]


def _explain(out: Out, lines: list[CrontabLine], parsed: crontab.Crontab) -> None:
    """To the person; as a result only in forms that programs read, since the crontab itself is the result."""
    if out.form is not Form.TABLE:
        return out.many(lines, LINES)
    told = {line.line: list(_told(line, out)) for line in lines}
    told |= {line.number: [crontab.explain(line)] for line in parsed.lines if isinstance(line, crontab.Setting)}
    texts = {line.number: line.raw.decode(errors="replace").strip() for line in parsed.lines}
    for number in sorted(told):
        say(f"line {number}: {texts[number]}")
        for sentence in told[number]:
            say(f"    {sentence}")


def _told(line: CrontabLine, out: Out) -> Iterator[str]:
    yield line.fault or f"{line.slug}: {line.in_words}"
    if line.next:
        yield f"next: {', '.join(out.words.instant(at) for at in line.next[:3])}"


def _new_jobs(lines: list[CrontabLine], namespace: str, zone: str) -> Iterator[tuple[int, NewJob]]:
    """The job of each line that can have one. The command stays here: it may hold secrets."""
    for line in lines:
        if line.fault is None and line.slug and line.schedule:
            schedule = Schedule(cron=line.schedule)
            yield line.line, NewJob(namespace=namespace, slug=line.slug, schedule=schedule, timezone=zone)


async def _under_watch(
    client: "Client | None", lines: Iterable[crontab.Job], new: Mapping[int, NewJob], program: str
) -> tuple[dict[int, bytes], list[CrontopusError]]:
    """The lines as they must be written, by number, each once its job is there; and what went wrong, which is said.

    Without `client` no job is made.
    """
    edited: dict[int, bytes] = {}
    failures: list[CrontopusError] = []
    for line in lines:
        if job := new.get(line.number):
            try:
                wrapped = crontab.wrap(line, f"{job.namespace}/{job.slug}", program)
                if client is not None:
                    await _make(client, job)
                edited[line.number] = wrapped
            except CrontopusError as error:
                failures.append(error)
                say(f"line {line.number}: {in_words(error)}")
    return edited, failures


async def _make(client: "Client", new: NewJob) -> None:
    """A job of that name and schedule is taken as made before. Raises Conflict where its schedule is another."""
    name = f"{new.namespace}/{new.slug}"
    try:
        await client.add_job(new)
        say(f"made {name}")
    except Conflict:
        if not _same(await client.job(name), new):
            raise Conflict(f"there is a job {name} with another schedule: choose a --prefix") from None
        say(f"{name} is there already")


def _same(job: Job, new: NewJob) -> bool:
    return (job.schedule, job.timezone) == (new.schedule, new.timezone)


def _finish(out: Out, where: crontab_source.Source, before: bytes, after: bytes, *, write: bool) -> None:
    if write and after != before:
        kept = crontab_source.replace(where, before, after)
        say(f"{where.name} is written; as it was, it stands in {kept}")
    elif write:
        say(f"{where.name} needs no change")
    elif out.form is Form.TABLE:
        click.echo(after, nl=False)


def _program() -> str:
    """By its whole path where it is known, since cron's own PATH is short."""
    return sys.executable if getattr(sys, "frozen", False) else which("crontopus") or "crontopus"


def local_zone() -> str:
    """The zone of this machine's clock, which cron reads, by its name; UTC where it has none."""
    place = str(Path("/etc/localtime").resolve())
    return place.partition(ZONES)[2] or "UTC"
