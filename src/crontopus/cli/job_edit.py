"""`crontopus jobs edit`: by options, from a file, or in an editor."""

from typing import TYPE_CHECKING, Any, BinaryIO

import click

from crontopus.cli import job_files
from crontopus.cli.call import connected
from crontopus.cli.completion import JOB
from crontopus.cli.errors import in_words
from crontopus.cli.job_options import definition, definition_options
from crontopus.cli.job_views import job_card
from crontopus.cli.output import Out, say, yaml_text
from crontopus.domain.errors import Invalid
from crontopus.wire.jobs import Job, JobPatch

if TYPE_CHECKING:
    from crontopus.client import Client

_RESETTABLE = sorted(set(JobPatch.__struct_fields__) - {"name", "slug"})


@click.command()
@click.argument("job", type=JOB)
@click.option("--name", metavar="NAME", help="A new name.")
@click.option("--slug", metavar="SLUG", help="A new name in URLs: its ping URL by slug changes too.")
@definition_options
@click.option("--unset", multiple=True, type=click.Choice(_RESETTABLE), metavar="FIELD", help="Back to its default.")
@click.option("--unset-label", multiple=True, metavar="KEY", help="Take this label away.")
@click.option("-f", "--file", type=click.File("rb"), help="YAML of the fields to change; -: stdin.")
@click.option("--editor", is_flag=True, help="Change the definition in your editor ($EDITOR).")
@connected
async def edit(
    client: "Client",
    out: Out,
    job: str,
    file: BinaryIO | None,
    editor: bool,
    unset: tuple[str, ...],
    unset_label: tuple[str, ...],
    **options: Any,
) -> None:
    """Change a job. What is not mentioned stays; --tag replaces all tags, --label adds to the labels."""
    patch = definition(options) | dict.fromkeys(unset)
    if unset_label:
        patch["labels"] = {**patch.get("labels", {}), **dict.fromkeys(unset_label)}
    if [bool(patch), file is not None, editor].count(True) != 1:
        raise click.UsageError("say what to change: by options, with --file or with --editor")
    if editor:
        return out.one(await _in_editor(client, await client.job(job)), job_card)
    out.one(await client.edit_job(job, _fields(file.read()) if file else patch), job_card)


def _fields(text: str | bytes) -> dict[str, Any]:
    """Raises Invalid where `text` is not one definition."""
    found = job_files.documents(text)
    if len(found) != 1:
        raise Invalid(f"one definition is edited at a time; there are {len(found)} here")
    return job_files.mapping(found[0])


async def _in_editor(client: "Client", job: Job) -> Job:
    """The job as it is then. Opens the editor again, with what was wrong, until it is right or nothing changes.

    Raises LostRace where somebody else changed the job meanwhile.
    """
    before = job_files.exported(job)
    text = yaml_text(before)
    while True:
        edited = click.edit(text, extension=".yaml")
        if edited is None or edited == text:
            say("nothing was changed")
            return job
        try:
            patch = job_files.merge_patch(before, _fields(edited))
            return await client.edit_job(job.id, patch, version=job.version) if patch else job
        except Invalid as error:
            text = _commented(in_words(error)) + _uncommented(edited)


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


def _uncommented(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
