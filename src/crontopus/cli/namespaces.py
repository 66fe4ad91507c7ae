"""`crontopus namespaces`: folders of jobs, each with its ping key."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from crontopus.cli.ask import confirm, yes_option
from crontopus.cli.call import connected
from crontopus.cli.job_options import definition
from crontopus.cli.output import Column, Form, Listing, Out, gathered, say
from crontopus.cli.table import Cell
from crontopus.cli.values import DURATION, converted
from crontopus.cli.words import Words, duration
from crontopus.domain.errors import NotAllowed
from crontopus.wire.accounts import Namespace, NewNamespace

if TYPE_CHECKING:
    from crontopus.client import Client

NAMESPACES = Listing(
    Namespace,
    (
        Column("namespace", lambda namespace, words: namespace.slug),
        Column("name", lambda namespace, words: namespace.name),
        Column("jobs", lambda namespace, words: str(namespace.jobs)),
        Column("timezone", lambda namespace, words: namespace.timezone),
        Column("made", lambda namespace, words: words.about(namespace.created_at)),
    ),
)


def _card(namespace: Namespace, words: Words) -> Iterator[tuple[str, str | Cell]]:
    yield "namespace", namespace.slug
    yield "name", namespace.name
    yield "jobs", str(namespace.jobs)
    yield "timezone", _whose(namespace, "timezone", namespace.timezone)
    yield "default grace", _whose(namespace, "default_grace", duration(namespace.default_grace))
    yield "ping key", namespace.ping_key or ""
    yield "ping URL", namespace.ping_url or ""
    yield "made", words.instant(namespace.created_at)


def _whose(namespace: Namespace, setting: str, text: str) -> str:
    return text if setting in namespace.own else f"{text} (the tenant's)"


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--default-grace", type=DURATION, help="Grace of jobs that a ping makes."),
        click.option("--on-calendar", multiple=True, metavar="EVENT", help="Likewise, a calendar event of systemd."),
        click.option("--cron", "--schedule", "cron", multiple=True, metavar="LINE", help="Likewise, cron fields."),
        click.option("--every", multiple=True, type=DURATION, help="Schedule of jobs that a ping makes: a period."),
        click.option("--timezone", "--tz", "timezone", metavar="ZONE", help="Zone of all its jobs without their own."),
    ):
        command = option(command)
    return command


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    fields = definition(options)
    return {"default_schedule" if name == "schedule" else name: value for name, value in fields.items()}


@click.group(short_help="Namespaces: folders of jobs, each with its ping key.")
def namespaces() -> None:
    """Namespaces: folders of jobs, each with its ping key."""


@namespaces.command("list")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0: all.")
@connected
async def list_namespaces(client: "Client", out: Out, limit: int) -> None:
    """List namespaces."""
    out.many(await gathered(client.namespaces, limit), NAMESPACES)


@namespaces.command()
@click.argument("slug")
@connected
async def show(client: "Client", out: Out, slug: str) -> None:
    """Show one namespace."""
    out.one(await client.namespace(slug), _card)


@namespaces.command()
@click.argument("slug")
@click.option("--name", metavar="NAME", help="Its name for people.")
@_options
@connected
async def create(client: "Client", out: Out, slug: str, **options: Any) -> None:
    """Make a namespace."""
    new = converted({"slug": slug, **_fields(options)}, NewNamespace)
    out.one(await client.add_namespace(new), _card)


@namespaces.command()
@click.argument("slug")
@click.option("--slug", "new_slug", metavar="SLUG", help="A new name in URLs.")
@click.option("--name", metavar="NAME", help="Its name for people.")
@_options
@click.option("--no-default-schedule", is_flag=True, help="Jobs that a ping makes have no schedule.")
@connected
async def edit(
    client: "Client", out: Out, slug: str, new_slug: str | None, no_default_schedule: bool, **options: Any
) -> None:
    """Change a namespace. What is not mentioned stays."""
    patch = _fields(options) | ({"slug": new_slug} if new_slug else {})
    if no_default_schedule:
        patch["default_schedule"] = None
    if not patch:
        raise click.UsageError("say what to change")
    out.one(await client.edit_namespace(slug, patch), _card)


@namespaces.command()
@click.argument("slug")
@yes_option
@connected
async def delete(client: "Client", out: Out, slug: str, yes: bool) -> None:
    """Delete a namespace."""
    confirm(f"Delete the namespace {slug}?", yes)
    await client.delete_namespace(slug)
    say(f"deleted {slug}")


@namespaces.group("ping-key", short_help="The secret in ping URLs by slug.")
def ping_key() -> None:
    """The secret in ping URLs by slug."""


@ping_key.command("show")
@click.argument("slug")
@connected
async def show_ping_key(client: "Client", out: Out, slug: str) -> None:
    """Print the ping key of a namespace."""
    _print_key(out, await client.namespace(slug))


@ping_key.command()
@click.argument("slug")
@yes_option
@connected
async def rotate(client: "Client", out: Out, slug: str, yes: bool) -> None:
    """Make a new ping key, and print it. The old one stops at once."""
    confirm(f"Every ping URL with the old key of {slug} stops working. Go ahead?", yes)
    _print_key(out, await client.rotate_ping_key(slug))


def _print_key(out: Out, namespace: Namespace) -> None:
    if out.form is not Form.TABLE:
        return out.one(namespace, _card)
    if namespace.ping_key is None:
        raise NotAllowed(f"you may not see the ping key of {namespace.slug}")
    out.line(namespace.ping_key)
