"""Webhooks as Standard Webhooks 1.0.0 describes them: signed, and with an id by which a repetition is known."""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from crontopus.domain.routing import Kind
from crontopus.domain.text import escaped
from crontopus.notify import answers, fields, words
from crontopus.notify.contract import Fact, Http, Notice, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, Outcome

TITLE = "Webhook"
KEEPS = True
SECRETS = frozenset({"url", "secret", "old_secret", "headers"})
TYPES = {
    Kind.OPEN: "alert.opened",
    Kind.REMINDER: "alert.reminded",
    Kind.FAILURE: "alert.failed",
    Kind.UPDATE: "alert.updated",
    Kind.ACKNOWLEDGE: "alert.acknowledged",
    Kind.RESOLVE: "alert.resolved",
}
OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that cannot be chosen."""
JSON = "application/json"
_WHO = "the receiver"
_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
_MOST_THINGS = 50
_LONGEST, _LONGEST_OUTPUT = 1000, 16_000

Url = Annotated[str, Meta(pattern=fields.WEB, max_length=2000, description="Where alerts are posted to.")]
Secret = Annotated[str, Meta(pattern=r"^(whsec_[A-Za-z0-9+/]{32,86}={0,2})?$(?!\n)", description="Signs what is sent.")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_|~-]+$(?!\n)", max_length=100)]
Value = Annotated[str, Meta(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$(?!\n)", max_length=2000)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without a `secret` nothing tells the receiver that it was us."""

    url: Url
    secret: Annotated[
        Secret,
        Meta(description="`whsec_` and 24 to 64 random bytes in base64 that the receiver knows; empty: unsigned."),
    ] = ""
    old_secret: Annotated[
        Secret, Meta(description="The secret before, while receivers change over to the new one: both sign.")
    ] = ""
    headers: Annotated[
        dict[Name, Value], Meta(max_length=20, description="Further headers, such as `Authorization`.")
    ] = {}

    def __post_init__(self) -> None:
        for secret in (self.secret, self.old_secret):
            _key(secret)
        for name in self.headers:
            if name.lower() in OURS or name.lower().startswith("webhook-"):
                raise ValueError(f"the header {name} cannot be chosen")


class Shown(Struct, frozen=True):
    """A link that only shows."""

    text: str
    url: str


class Data(Struct, frozen=True, kw_only=True):
    """What is told of an alert. All text is as somebody else wrote it; what is cut ends with `…`.

    `alert` stays the same from its opening to its end; `opening` counts how often it was opened. `severity`: `info`,
    `warning` or `critical`. `class`: what is wrong, such as `failed` or `missed`. `state`: how it is now, in a word.
    `over`: the trouble has passed. `output`: its last lines. `acts`: what may be done about it now by whoever has the
    message, `acknowledge` and `silence`, each with the address of a page that asks for one press of a button.
    """

    alert: str
    opening: int
    cls: str = msgspec.field(name="class")
    severity: str
    state: str
    over: bool
    title: str
    summary: str
    since: datetime
    tenant: str
    namespace: str
    job: str
    job_name: str
    agent: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    facts: tuple[Fact, ...]
    output: str
    links: tuple[Shown, ...]
    acts: dict[str, str]


class Event(Struct, frozen=True, kw_only=True):
    """The body. `type`: `alert.` and `opened`, `reminded`, `failed`, `updated`, `acknowledged` or `resolved`;
    `timestamp`: when that happened.
    """

    type: str
    timestamp: datetime
    data: Data


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """Any status from 200 to 299 takes it."""

    async def tell(notice: Notice) -> Outcome:
        content, type = body(notice)
        headers = settings.headers | {"content-type": type} | _signed(settings, notice, content, parcel.sent_at)
        try:
            answer = await http.send("POST", settings.url, headers=headers, content=content)
        except Unreachable as error:
            return answers.unreachable(error)
        return Delivered() if answer.is_success else answers.outcome(_WHO, answer, parcel.sent_at)

    return await answers.each(parcel, tell)


def body(notice: Notice) -> tuple[bytes, str]:
    """What is posted, the same bytes for every try, and of what type it is. Nothing in it steers a terminal that it is
    printed on.
    """
    if notice.own.body:
        return notice.own.body.encode(), notice.own.content_type
    return _event(notice), JSON


def _event(notice: Notice) -> bytes:
    event = Event(
        type="alert.resolved" if notice.is_over else TYPES[notice.kind], timestamp=notice.at, data=_data(notice)
    )
    return escaped(msgspec.json.encode(event).decode()).encode()


def signature(secret: str, id: str, timestamp: int, content: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `id.timestamp.content`."""
    mac = hmac.digest(_key(secret), f"{id}.{timestamp}.".encode() + content, sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


def _signed(settings: Settings, notice: Notice, content: bytes, sent_at: datetime) -> dict[str, str]:
    id, timestamp = str(notice.id), int(sent_at.timestamp())
    headers = {"webhook-id": id, "webhook-timestamp": str(timestamp)}
    secrets = [secret for secret in (settings.secret, settings.old_secret) if secret]
    if secrets:
        headers["webhook-signature"] = " ".join(signature(each, id, timestamp, content) for each in secrets)
    return headers


def _key(secret: str) -> bytes:
    """Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError("a secret is `whsec_` and base64") from None
    if secret and not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(f"a secret is {_LEAST_BYTES} to {_MOST_BYTES} bytes long")
    return key


def _data(notice: Notice) -> Data:
    return Data(
        alert=str(notice.alert),
        opening=notice.opening,
        cls=notice.cls,
        severity=notice.severity,
        state=_cut(notice.state),
        over=notice.is_over,
        title=_cut(notice.title),
        summary=_cut(notice.summary),
        since=notice.since,
        tenant=_cut(notice.tenant),
        namespace=_cut(notice.namespace),
        job=_cut(notice.job),
        job_name=_cut(notice.job_name),
        agent=_cut(notice.agent),
        tags=tuple(map(_cut, notice.tags[:_MOST_THINGS])),
        labels={_cut(name): _cut(value) for name, value in list(notice.labels.items())[:_MOST_THINGS]},
        facts=tuple(Fact(_cut(fact.name), _cut(fact.value)) for fact in notice.facts[:_MOST_THINGS]),
        output=words.tail(notice.output, _LONGEST_OUTPUT),
        links=tuple(Shown(_cut(link.text), link.url) for link in words.links(notice)[:_MOST_THINGS] if not link.act),
        acts=words.acts(notice),
    )


def _cut(text: str) -> str:
    return words.cut(text, _LONGEST)
