"""`crontopus events`: what changes, as it changes."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from crontopus.cli.alerts import in_short, state
from crontopus.cli.call import connected
from crontopus.cli.output import Form, Out, say
from crontopus.cli.words import Words
from crontopus.domain.errors import NotAllowed, NotFound, Unavailable
from crontopus.domain.text import escaped
from crontopus.wire.encoding import encoded
from crontopus.wire.events import ChangeEvent

if TYPE_CHECKING:
    import httpx

    from crontopus.client import Client

RETRY_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0


class Told(ChangeEvent, frozen=True):
    """A change as a program reads it; `event_id` is what `--since` takes."""

    event_id: str


class Message(Struct, frozen=True):
    """One server-sent event (HTML standard, section 9.2)."""

    event: str
    data: str
    id: str


@click.command(short_help="Follow what changes, live.")
@click.option("--since", metavar="EVENT_ID", help="Begin after this event, where the server still knows it.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@connected
async def events(client: "Client", out: Out, since: str | None, count: int | None) -> None:
    """Follow what changes, live, until interrupted. Other forms than table are one JSON object a line."""
    shown = 0
    async for message in _followed(client, since):
        await _show(client, out, message)
        shown += message.event != "resync"
        if shown == count:
            return


async def _followed(client: "Client", since: str | None) -> AsyncIterator[Message]:
    """All messages, over as many connections as that takes. Raises where the first one fails.

    An outage is told once, and the pauses between tries grow.
    """
    import httpx

    connected, away, pause = False, False, RETRY_SECONDS
    while True:
        reason = ""
        try:
            async with client.events(since) as response:
                connected, away, pause = True, False, RETRY_SECONDS
                say(f"following {client.http.base_url.host}; press Ctrl-C to end")
                async for message in messages(response):
                    since = message.id or since
                    yield message
        except (httpx.TransportError, Unavailable) as error:
            if not connected:
                raise Unavailable(f"no live stream: {error or type(error).__name__}") from error
            reason = f" ({error or type(error).__name__})"
        if not away:
            say(f"the stream ended{reason}; trying again until it is back")
        away = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def messages(response: "httpx.Response") -> AsyncIterator[Message]:
    """The events of one stream; comments, which keep it open, are none."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = (
                f"{fields[name]}\n{value.removeprefix(' ')}" if name == "data" in fields else value.lstrip(" ")
            )
        elif not line and "data" in fields:
            yield Message(fields.get("event", "message"), fields["data"], fields.get("id", ""))
            fields = {}


async def _show(client: "Client", out: Out, message: Message) -> None:
    if message.event == "resync":
        return say("some changes were lost: read again what matters")
    told = msgspec.json.decode(message.data, type=ChangeEvent)
    if out.form is Form.TABLE:
        out.line(f"{out.words.instant(told.at)}  {await _in_words(client, told, out.words)}")
    else:
        click.echo(escaped(encoded(Told(**asdict(told), event_id=message.id)).decode()).encode())


async def _in_words(client: "Client", change: ChangeEvent, words: Words) -> str:
    """How the thing stands now; by its id where it is gone, not to be seen alone, or of a kind unknown here."""
    try:
        match change.noun:
            case "job":
                job = await client.job(change.id)
                return f"job {job.namespace}/{job.slug} is {job.status}"
            case "run":
                run = await client.run(change.id)
                return f"run {run.number} of {run.job.namespace}/{run.job.slug} is {run.state}"
            case "alert":
                alert = (await client.alert(change.id)).alert
                return f"alert {change.id} of {in_short(alert)} is {state(alert, words).text}"
            case "notification":
                message = (await client.notification(change.id)).notification
                return f"message {change.id} of alert {message.alert} is {message.state}"
    except NotFound:
        return f"{change.noun} {change.id} is gone"
    except NotAllowed:
        pass
    return f"{change.noun} {change.id}"
