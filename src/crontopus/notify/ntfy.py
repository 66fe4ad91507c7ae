"""ntfy: a push message, which takes the place of the one before it about the same alert."""

from base64 import b64encode
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.fields import Address
from crontopus.notify.outcome import Delivered, Outcome
from crontopus.notify.words import Tone

TITLE = "ntfy"
KEEPS = False
SECRETS = frozenset({"topic", "token", "password"})
"""Where no account is needed, whoever knows the topic may read it."""

_MESSAGE, _TITLE, _BUTTON, _BUTTONS, _ADDRESS = 4096, 250, 40, 3, 500
_REQUEST = 8000
"""Bytes of JSON: a server reads twice what it takes of a message."""
_PRIORITIES = {Tone.GOOD: 2, Tone.QUIET: 2, Tone.INFO: 3, Tone.WARNING: 4, Tone.BAD: 5}
_TAGS = {
    Tone.GOOD: "white_check_mark",
    Tone.QUIET: "eyes",
    Tone.INFO: "information_source",
    Tone.WARNING: "warning",
    Tone.BAD: "rotating_light",
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A topic of a server; a token, or a user with a password, where it asks for one."""

    topic: Annotated[
        str,
        Meta(
            pattern=r"^[-_A-Za-z0-9]{1,64}$(?!\n)", description="The topic. Without an account, its name is a secret."
        ),
    ]
    server: Annotated[Address, Meta(description="The server, as `https://ntfy.sh`.")] = "https://ntfy.sh"
    token: Annotated[
        str,
        Meta(
            max_length=200,
            pattern=r"^[!-~]*$(?!\n)",
            description="An access token, as `tk_…`; or a user and a password.",
        ),
    ] = ""
    user: Annotated[
        str, Meta(max_length=100, pattern=r"^[^:\r\n]*$(?!\n)", description="The user, without a token.")
    ] = ""
    password: Annotated[str, Meta(max_length=200, description="The user's password.")] = ""


class _Said(Struct):
    id: str = ""
    error: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    headers = {"Content-Type": "application/json", **_authorization(settings)}
    if parcel.is_single:
        headers["X-Sequence-ID"] = parcel.first.alert.hex
    content = msgspec.json.encode(_message(settings, parcel))
    try:
        answer = await http.send("POST", f"{settings.server.rstrip('/')}/", headers=headers, content=content)
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _authorization(settings: Settings) -> dict[str, str]:
    if settings.token:
        return {"Authorization": f"Bearer {settings.token}"}
    if settings.user:
        return {"Authorization": f"Basic {_basic(settings)}"}
    return {}


def _basic(settings: Settings) -> str:
    return b64encode(f"{settings.user}:{settings.password}".encode()).decode()


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success:
        return Delivered(said.id) if said and said.id else answers.unreadable(TITLE, answer)
    secrets = [settings.topic, settings.token, settings.password, _basic(settings)]
    return answers.outcome(TITLE, answer, parcel.sent_at, said.error if said else "", secrets)


# ---- what it looks like


def _message(settings: Settings, parcel: Parcel) -> dict[str, Any]:
    """With as much of the text as there is room for, beside all else and by itself."""
    tone = words.tone(parcel)
    links = words.links_of_all(parcel, _ADDRESS)
    found: dict[str, Any] = {
        "topic": settings.topic,
        "title": words.cut(words.title(parcel), _TITLE),
        "message": "",
        "priority": _PRIORITIES[tone],
        "tags": [_TAGS[tone]],
    }
    if links:
        found["click"] = links[0].url
        found["actions"] = [
            {"action": "view", "label": words.cut(link.text, _BUTTON) or "Open", "url": link.url}
            for link in (links if len(links) <= _BUTTONS else links[1:])[:_BUTTONS]
        ]
    room = _REQUEST - len(msgspec.json.encode(found))

    def measure(text: str) -> int:
        return max(words.utf8(text), len(msgspec.json.encode(text)) - room + _MESSAGE)

    return {**found, "message": markup.body(parcel, replace(markup.PLAIN, link=None, measure=measure), _MESSAGE)}
