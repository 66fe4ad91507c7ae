"""Zulip by a bot: a topic for each job, in it one message per alert that is kept up to date, and those that follow it.

What others wrote stands in code, where nobody is called.
"""

import re
import unicodedata
from base64 import b64encode
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, references, words
from crontopus.notify.contract import Answer, Http, Parcel
from crontopus.notify.fields import Address, Token
from crontopus.notify.outcome import GiveUp, Outcome, TryAgain
from crontopus.notify.references import Reference

TITLE = "Zulip"
KEEPS = False
SECRETS = frozenset({"key"})

_CONTENT, _TOPIC = 10_000, 60
_SHUT = {
    "STREAM_DOES_NOT_EXIST",
    "INVALID_API_KEY",
    "UNAUTHORIZED",
    "USER_DEACTIVATED",
    "REALM_DEACTIVATED",
    "TOPICS_NOT_ALLOWED",
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """A bot of an organization, and the channel it writes to."""

    site: Annotated[Address, Meta(description="The organization, as `https://acme.zulipchat.com`.")]
    email: Annotated[
        str, Meta(max_length=200, pattern=r"^[^\s:@]+@[^\s:@]+$(?!\n)", description="The bot's e-mail address.")
    ]
    key: Annotated[Token, Meta(description="The bot's API key.")]
    channel: Annotated[
        str, Meta(min_length=1, max_length=100, description="The name of the channel to write to, without `#`.")
    ]
    topic: Annotated[
        str, Meta(max_length=_TOPIC, description="One topic for everything, in the place of one for each job.")
    ] = ""


class _Said(Struct, rename={"retry_after": "retry-after"}):
    result: str = ""
    msg: str = ""
    code: str = ""
    id: int = 0
    retry_after: float | None = None


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    return await references.told(parcel, partial(_change, settings, parcel, http), partial(_post, settings, http))


async def _post(settings: Settings, http: Http, parcel: Parcel, _: Reference | None) -> Outcome:
    """What follows a message stands in its topic anyway."""
    form = {"type": "stream", "to": settings.channel, "topic": _topic(settings, parcel), "content": _content(parcel)}
    answer = await _ask(settings, http, "POST", "messages", form)
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.result == "success":
        return references.made(parcel, str(said.id)) if said.id else answers.unreadable(TITLE, answer)
    return _refused(settings, parcel, answer, said)


async def _change(settings: Settings, parcel: Parcel, http: Http, reference: Reference) -> Outcome:
    if not re.fullmatch(r"[0-9]{1,18}", reference.id):
        return GiveUp("no such message")
    answer = await _ask(settings, http, "PATCH", f"messages/{reference.id}", {"content": _content(parcel)})
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.result == "success":
        return references.made(parcel, reference.id)
    return _refused(settings, parcel, answer, said)


async def _ask(settings: Settings, http: Http, method: str, path: str, form: dict[str, str]) -> Answer:
    account = b64encode(f"{settings.email}:{settings.key}".encode()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {account}"}
    url = f"{settings.site.rstrip('/')}/api/v1/{path}"
    return await http.send(method, url, headers=headers, content=urlencode(form).encode())


def _refused(settings: Settings, parcel: Parcel, answer: Answer, said: _Said | None) -> TryAgain | GiveUp:
    """An error may be told with a status of success, by versions that are old."""
    if answer.is_success and (said is None or said.result != "error"):
        return answers.unreadable(TITLE, answer)
    said = said or _Said()
    if answer.is_success:
        answer = replace(answer, status=400)
    account = b64encode(f"{settings.email}:{settings.key}".encode()).decode()
    found = answers.outcome(TITLE, answer, parcel.sent_at, f"{said.code} {said.msg}".strip(), [settings.key, account])
    if isinstance(found, TryAgain):
        return replace(found, after=answers.seconds(said.retry_after) or found.after)
    return GiveUp(found.why, broken=True) if said.code in _SHUT else found


# ---- what it looks like


def _content(parcel: Parcel) -> str:
    return markup.written(parcel, markup.CODE, _CONTENT)


def _topic(settings: Settings, parcel: Parcel) -> str:
    """A topic is plain text, of characters that exist."""
    first = parcel.first
    name = settings.topic or (words.line(first.job_name or first.job or first.title) if parcel.is_single else "")
    shown = "".join("\ufffd" if unicodedata.category(each) in ("Cc", "Cn", "Cs") else each for each in name)
    return words.cut(shown.strip(), _TOPIC) or "Alerts"
