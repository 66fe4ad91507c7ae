"""Matrix: one message per alert that is kept up to date, and a thread below it. No try is taken twice."""

import html
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, references, words
from crontopus.notify.contract import Answer, Http, Parcel
from crontopus.notify.fields import Address, Token
from crontopus.notify.outcome import Outcome, TryAgain
from crontopus.notify.references import Reference

TITLE = "Matrix"
KEEPS = False
SECRETS = frozenset({"token"})

_LONGEST = 8_000
"""Bytes of one form of a message. A change holds four of them, and an event is at most 65,536 bytes long."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An account that has joined a room."""

    server: Annotated[Address, Meta(description="The homeserver, as `https://matrix.org`.")]
    token: Annotated[Token, Meta(description="The account's access token.")]
    room: Annotated[
        str,
        Meta(
            max_length=255,
            pattern=r"^![^\s/]+$(?!\n)",
            description="The room's id, which begins with `!`. The account must have joined it. It is written to in "
            "the clear, also where the room is encrypted.",
        ),
    ]


class _Said(Struct):
    event_id: str = ""
    errcode: str = ""
    error: str = ""
    retry_after_ms: float | None = None


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    id = references.key(parcel)
    return await references.told(
        parcel, partial(_change, settings, parcel, http, id), partial(_post, settings, http, id)
    )


async def _post(settings: Settings, http: Http, id: str, parcel: Parcel, answered: Reference | None) -> Outcome:
    content = _content(parcel, "m.notice" if words.is_quiet(parcel) else "m.text")
    if answered:
        content["m.relates_to"] = {
            "rel_type": "m.thread",
            "event_id": answered.id,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": answered.id},
        }
    return await _put(settings, parcel, http, id, content)


async def _change(settings: Settings, parcel: Parcel, http: Http, id: str, reference: Reference) -> Outcome:
    new = _content(parcel, "m.text")
    content = {
        **new,
        "body": f"* {new['body']}",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": reference.id},
    }
    return await _put(settings, parcel, http, f"{id}.change", content)


async def _put(settings: Settings, parcel: Parcel, http: Http, id: str, content: Mapping[str, Any]) -> Outcome:
    room = quote(settings.room, safe="")
    url = f"{settings.server.rstrip('/')}/_matrix/client/v3/rooms/{room}/send/m.room.message/{id}"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {settings.token}"}
    return _judged(settings, parcel, await http.send("PUT", url, headers=headers, content=msgspec.json.encode(content)))


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success:
        return references.made(parcel, said.event_id) if said and said.event_id else answers.unreadable(TITLE, answer)
    said = said or _Said()
    why = f"{said.errcode} {said.error}".strip()
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.token])
    if isinstance(found, TryAgain) and found.after is None and said.retry_after_ms is not None:
        return replace(found, after=answers.seconds(said.retry_after_ms / 1000))
    return found


# ---- what it looks like


def _content(parcel: Parcel, kind: str) -> dict[str, Any]:
    """That nobody is mentioned has to be said: else names in the text would count as mentions."""
    return {
        "msgtype": kind,
        "body": markup.written(parcel, replace(markup.PLAIN, measure=words.utf8), _LONGEST),
        "format": "org.matrix.custom.html",
        "formatted_body": markup.written(parcel, _MARKUP, _LONGEST),
        "m.mentions": {},
    }


def _escaped(given: str) -> str:
    return html.escape(given, quote=True)


_MARKUP = markup.Markup(
    strong=lambda given: f"<strong>{_escaped(given)}</strong><br>",
    lines=lambda given: "".join(f"{_escaped(line)}<br>" for line in given),
    block=lambda given: f"<pre><code>{_escaped(given)}</code></pre>",
    link=lambda said, url: f'<a href="{_escaped(url)}">{_escaped(said)}</a><br>',
    measure=words.utf8,
)
