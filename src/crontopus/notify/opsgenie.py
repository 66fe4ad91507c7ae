"""Opsgenie by its Alert API: what is open here is open there, with the alert's id as its alias.

Opsgenie takes HTML in what it shows: `<` and `>` of others are replaced by `‹` and `›`, since what would be escaped for
a browser is not read by one on a telephone.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import answers, fields, markup, words
from crontopus.notify.contract import Answer, Http, Notice, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, Outcome

TITLE = "Opsgenie"
KEEPS = True
SECRETS = frozenset({"api_key"})


class Region(StrEnum):
    """Where the account lives."""

    US = "us"
    EU = "eu"


APIS = {Region.US: "https://api.opsgenie.com", Region.EU: "https://api.eu.opsgenie.com"}

_PRIORITIES = {Severity.CRITICAL: "P1", Severity.WARNING: "P3", Severity.INFO: "P5"}
_SOURCE = "Crontopus"
_MESSAGE, _ENTITY, _DESCRIPTION, _NOTE, _TAG, _DETAILS = 130, 512, 15_000, 25_000, 50, 8000
_TAGS = 20
_LONGEST_NAME, _LONGEST_VALUE = 100, 1000
_NO_TAGS = str.maketrans("<>", "‹›")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An integration of the type API that may create and update alerts."""

    api_key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{20,100}$(?!\n)", description="The integration's API key.")]
    region: Annotated[Region, Meta(description="`us`, or `eu` for accounts of the EU.")] = Region.US
    api: Annotated[str, Meta(pattern=fields.WEB_OR_NONE, max_length=200)] = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """`Delivered` with the alias. Opsgenie only says that it has understood, and works on it afterwards."""

    async def tell(notice: Notice) -> Outcome:
        path, content = _request(notice)
        headers = {"authorization": f"GenieKey {settings.api_key}", "content-type": "application/json"}
        url = f"{settings.api or APIS[settings.region]}/v2/alerts{path}"
        try:
            answer = await http.send("POST", url, headers=headers, content=msgspec.json.encode(content))
        except Unreachable as error:
            return answers.unreachable(error)
        return _outcome(settings, parcel, notice, answer)

    return await answers.each(parcel, tell)


def _request(notice: Notice) -> tuple[str, Mapping[str, Any]]:
    """The path, and what is posted to it.

    What is open with the same alias already is counted, and otherwise stays as it is: news of it is a note.
    """
    if notice.is_over:
        return _action(notice, "close"), _noted(notice)
    if notice.kind is Kind.ACKNOWLEDGE:
        return _action(notice, "acknowledge"), _noted(notice)
    if notice.kind is Kind.UPDATE:
        return _action(notice, "notes"), _noted(notice)
    return "", _alert(notice)


def _action(notice: Notice, name: str) -> str:
    return f"/{notice.alert}/{name}?identifierType=alias"


def _noted(notice: Notice) -> dict[str, Any]:
    return {"source": _SOURCE, "note": _shown(markup.plain(_alone(notice), _NOTE))}


def _alert(notice: Notice) -> Mapping[str, Any]:
    alert: dict[str, Any] = {
        "message": _line(words.heading(notice), _MESSAGE),
        "alias": str(notice.alert),
        "description": _shown(markup.plain(_alone(notice), _DESCRIPTION)),
        "tags": [_line(tag, _TAG) for tag in notice.tags[:_TAGS] if tag.strip()],
        "details": _details(notice),
        "source": _SOURCE,
        "priority": _PRIORITIES[notice.severity],
    }
    if entity := notice.job or notice.agent:
        alert["entity"] = _line(entity, _ENTITY)
    return alert if notice.kind is Kind.OPEN else alert | _noted(notice)


def _details(notice: Notice) -> Mapping[str, str]:
    known = [
        ("class", notice.cls.value),
        ("tenant", notice.tenant),
        ("namespace", notice.namespace),
        ("job", notice.job),
        ("agent", notice.agent),
        words.since(notice),
        *words.acts(notice, _LONGEST_VALUE).items(),
        *words.facts(notice),
        *words.labels(notice),
    ]
    lines = [(_line(name, _LONGEST_NAME), _line(value, _LONGEST_VALUE)) for name, value in known if value]
    return words.clipped(lines, _DETAILS, _LONGEST_VALUE)


def _alone(notice: Notice) -> Parcel:
    return Parcel((notice,), notice.at)


def _shown(text: str) -> str:
    return text.translate(_NO_TAGS)


def _line(text: str, most: int) -> str:
    return _shown(words.line(text, most))


def _outcome(settings: Settings, parcel: Parcel, notice: Notice, answer: Answer) -> Outcome:
    said = answers.read(answer, dict[str, Any]) or {}
    if answer.is_success:
        is_its = isinstance(said.get("requestId"), str)
        return Delivered(str(notice.alert)) if is_its else answers.unreadable(TITLE, answer)
    why = said.get("message")
    return answers.outcome(TITLE, answer, parcel.sent_at, why if isinstance(why, str) else "", (settings.api_key,))
