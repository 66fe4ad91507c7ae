"""Shell completion: the script for a shell, and the names that are looked up while somebody types."""

import asyncio
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

LOOK_UP_SECONDS = 1.0


@click.command(short_help="Print a script that completes commands in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands in your shell.

    \b
    bash:  echo 'eval "$(crontopus completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(crontopus completion zsh)"' >> ~/.zshrc
    fish:  crontopus completion fish > ~/.config/fish/completions/crontopus.fish
    """
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - the choices above are click's own
    click.echo(script(ctx.find_root().command, {}, "crontopus", "_CRONTOPUS_COMPLETE").source())


class JobName(click.ParamType[str]):
    """namespace/slug or an id. Completed from the server where that is quick, else silently not at all."""

    name = "job"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            names = asyncio.run(asyncio.wait_for(_job_names(ctx.params, incomplete), LOOK_UP_SECONDS))
        except Exception:  # whatever is wrong, a person who presses Tab is not told by a traceback
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


async def _job_names(given: dict[str, Any], incomplete: str) -> list[str]:
    from crontopus.cli.call import client_of
    from crontopus.cli.settings import resolve

    found = resolve(url=given.get("url"), token=given.get("token"), context=given.get("context"))
    namespace, slash, slug = incomplete.rpartition("/")
    q = f"ns:{namespace} slug:{slug}*" if slash else None
    async with client_of(found.url, found.token) as client:
        page = await client.jobs(q=q, limit=200)
    return [f"{job.namespace}/{job.slug}" for job in page.items]


JOB = JobName()
