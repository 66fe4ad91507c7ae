"""Discord by a webhook: one message per alert that is kept up to date, and one for whatever should be noticed."""

import re
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from crontopus.notify import answers, markup, references, words
from crontopus.notify.contract import Answer, Http, Parcel
from crontopus.notify.outcome import GiveUp, Outcome, TryAgain
from crontopus.notify.references import Reference

TITLE = "Discord"
KEEPS = False
SECRETS = frozenset({"url"})

_TITLE, _DESCRIPTION = 256, 4096
_UNKNOWN_MESSAGE, _NEEDS_A_THREAD = 10008, 220001
_MEANT = re.compile(r"[\\*_~`|<>#@\[\]()-]|:(?=//)|(?<=\d)\.(?=\s)")
"""What Discord's Markdown gives a meaning, links and numbers of lists among it."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A webhook of one channel of Discord."""

    url: Annotated[
        str,
        Meta(
            max_length=500,
            pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/api/(v[0-9]+/)?webhooks/[0-9]+/[A-Za-z0-9_-]+$(?!\n)",
            description="The webhook's URL: in Discord, under the channel's Integrations, Webhooks, Copy Webhook URL.",
        ),
    ]
    thread: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{0,20}$(?!\n)",
            description="The id of the thread to write to: needed where the channel is a forum.",
        ),
    ] = ""


class _Said(Struct):
    """A message that was taken, or an error."""

    id: str = ""
    message: str = ""
    code: int = 0
    retry_after: float | None = None


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    return await references.told(parcel, partial(_change, settings, parcel, http), partial(_post, settings, http))


async def _post(settings: Settings, http: Http, parcel: Parcel, _: Reference | None) -> Outcome:
    """A webhook cannot answer a message."""
    return await _ask(settings, parcel, http, "POST", f"{settings.url}?wait=true{_in_thread(settings, '&')}")


async def _change(settings: Settings, parcel: Parcel, http: Http, reference: Reference) -> Outcome:
    id = quote(reference.id, safe="")
    return await _ask(settings, parcel, http, "PATCH", f"{settings.url}/messages/{id}{_in_thread(settings, '?')}")


async def _ask(settings: Settings, parcel: Parcel, http: Http, method: str, url: str) -> Outcome:
    body = {"embeds": [_embed(parcel)], "allowed_mentions": {"parse": []}}
    headers = {"Content-Type": "application/json"}
    return _judged(settings, parcel, await http.send(method, url, headers=headers, content=msgspec.json.encode(body)))


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success:
        return references.made(parcel, said.id) if said and said.id else answers.unreadable(TITLE, answer)
    said = said or _Said()
    found = answers.outcome(TITLE, answer, parcel.sent_at, said.message, [settings.url])
    if isinstance(found, TryAgain):
        return TryAgain(found.why, after=answers.seconds(said.retry_after) or found.after)
    if said.code == _UNKNOWN_MESSAGE:
        return GiveUp(found.why)
    if said.code == _NEEDS_A_THREAD:
        return GiveUp(f"{found.why}: this channel is a forum; give the id of a thread in it", broken=True)
    return found


def _in_thread(settings: Settings, sign: str) -> str:
    return f"{sign}thread_id={settings.thread}" if settings.thread else ""


# ---- what it looks like


def _embed(parcel: Parcel) -> dict[str, Any]:
    title = words.cut(words.title(parcel), _TITLE, lambda given: words.utf16(_escaped(given)))
    found = {
        "title": _escaped(title),
        "description": markup.body(parcel, _MARKUP, _DESCRIPTION),
        "color": words.colour(parcel),
        "timestamp": parcel.first.at.isoformat(),
    }
    addresses = [link.url for link in words.links_of_all(parcel)]
    return {**found, "url": addresses[0]} if addresses and parcel.is_single else found


def _escaped(given: str) -> str:
    return _MEANT.sub(r"\\\g<0>", given)


_MARKUP = markup.Markup(
    strong=lambda given: f"**{_escaped(given)}**",
    lines=lambda given: _escaped("\n".join(given)),
    block=lambda given: f"```\n{markup.torn(given)}\n```",
    link=lambda said, url: f"[{_escaped(said)}](<{url}>)",
    measure=words.utf16,
)
