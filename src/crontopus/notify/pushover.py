"""Pushover: a push message each. What is critical may repeat by itself until somebody has seen it, or it is over."""

from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.fields import Address
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.words import Tone

TITLE = "Pushover"
KEEPS = False
SECRETS = frozenset({"token", "user"})

_MESSAGE, _TITLE, _ADDRESS, _ADDRESS_TITLE = 1024, 250, 512, 100
_EMERGENCY = 2
_PRIORITIES = {Tone.GOOD: -1, Tone.QUIET: -1, Tone.INFO: 0, Tone.WARNING: 0, Tone.BAD: 1}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An application, and whom it reaches."""

    token: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{30}$(?!\n)", description="The API token of the application.")]
    user: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{30}$(?!\n)", description="The key of the user or group.")]
    device: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_,-]{0,250}$(?!\n)", description="Names of devices, if not all; with commas between."
        ),
    ] = ""
    emergency: Annotated[
        bool, Meta(description="What is critical repeats until somebody acknowledges it in Pushover, or it is over.")
    ] = False
    retry_seconds: Annotated[int, Meta(ge=30, le=10_800, description="How often an emergency repeats.")] = 60
    expire_seconds: Annotated[int, Meta(ge=30, le=10_800, description="How long an emergency repeats at most.")] = 3600
    api: Annotated[Address, Meta(description="Where Pushover's API is.")] = "https://api.pushover.net"


class _Said(Struct):
    status: int = 0
    request: str = ""
    receipt: str = ""
    errors: list[str] = []
    token: str = ""
    user: str = ""
    device: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    try:
        if settings.emergency and parcel.is_single and words.is_quiet(parcel):
            silenced = await _silence(settings, parcel, http)
            if not isinstance(silenced, Delivered):
                return silenced
        return _judged(settings, parcel, await _ask(settings, http, "messages.json", _message(settings, parcel)))
    except Unreachable as error:
        return answers.unreachable(error)


async def _silence(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """Ends what repeats about this alert. That nothing does is no error; twice does no harm."""
    found = _judged(settings, parcel, await _ask(settings, http, f"receipts/cancel_by_tag/{_tag(parcel)}.json", {}))
    return Delivered() if isinstance(found, GiveUp) and not found.broken else found


async def _ask(settings: Settings, http: Http, path: str, form: dict[str, str]) -> Answer:
    content = urlencode({"token": settings.token, **form}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await http.send("POST", f"{settings.api.rstrip('/')}/1/{path}", headers=headers, content=content)


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.status == 1:
        return Delivered(said.receipt or said.request)
    if answer.is_success and not (said and said.errors):
        return answers.unreadable(TITLE, answer)
    said = said or _Said()
    if answer.is_success:
        answer = replace(answer, status=400)
    why = "; ".join(said.errors)
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.token, settings.user])
    if isinstance(found, TryAgain) and answer.status == 429:
        return replace(found, after=found.after or answers.until(answer, "x-limit-app-reset", parcel.sent_at))
    is_shut = "invalid" in (said.token, said.user, said.device)
    return GiveUp(found.why, broken=True) if is_shut else found


# ---- what it looks like


def _message(settings: Settings, parcel: Parcel) -> dict[str, str]:
    found = {
        "user": settings.user,
        "title": words.cut(words.title(parcel), _TITLE).strip() or "Alert",
        "message": markup.body(parcel, _MARKUP, _MESSAGE).strip() or "-",
        "priority": str(_priority(settings, parcel)),
        "timestamp": str(int(parcel.first.at.timestamp())),
    }
    if settings.device:
        found["device"] = settings.device
    if found["priority"] == str(_EMERGENCY):
        found["retry"], found["expire"] = str(settings.retry_seconds), str(settings.expire_seconds)
        if parcel.is_single:
            found["tags"] = _tag(parcel)
    links = words.handiest(words.links_of_all(parcel, _ADDRESS))
    if links:
        found["url"], found["url_title"] = links[0].url, words.cut(links[0].text, _ADDRESS_TITLE) or "Open"
    return found


def _priority(settings: Settings, parcel: Parcel) -> int:
    tone = words.tone(parcel)
    return _EMERGENCY if settings.emergency and tone is Tone.BAD else _PRIORITIES[tone]


def _tag(parcel: Parcel) -> str:
    return parcel.first.alert.hex


_MARKUP = replace(markup.PLAIN, link=None)
