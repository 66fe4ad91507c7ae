"""Twilio: a text message or a call. Each costs money, so both are short."""

import html
import re
from base64 import b64encode
from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta, Struct
from msgspec.structs import replace

from crontopus.notify import answers, markup, words
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.fields import Address
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "Twilio"
KEEPS = False
SECRETS = frozenset({"token"})

_TEXT = 459
"""Three parts of a text message, as long as it holds no character that halves them; Twilio takes 1,600 characters."""
_LINK = 250
_SPOKEN = 400
_UNHEARD = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for."""
_SHUT = {
    20003,  # the account or its token is wrong
    20005,  # the account is not active
    21210,  # the number to call from is not verified
    21211,  # the number to reach is none
    21212,  # the number to send from is none
    21214,  # the number to call cannot be reached
    21215,  # the account may not call there
    21219,  # a trial account may not call there
    21408,  # the account may not send there
    21601,  # the number to send from is not the account's
    21603,  # there is no number to send from
    21606,  # the number to send from cannot send
    21608,  # a trial account may not send there
    21610,  # whoever is to be reached has said STOP
    21614,  # the number to reach is no mobile phone
    21659,  # likewise
    21660,  # likewise
    21701,  # the messaging service is not there, or not the account's
    21705,  # the messaging service is none
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """An account, and from which number it reaches which."""

    account: Annotated[str, Meta(pattern=r"^AC[0-9a-fA-F]{32}$(?!\n)", description="The account's SID.")]
    token: Annotated[
        str,
        Meta(pattern=r"^[0-9A-Za-z]{20,64}$(?!\n)", description="The account's auth token, or the secret of a key."),
    ]
    sender: Annotated[
        str,
        Meta(
            pattern=r"^(\+[1-9][0-9]{1,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$(?!\n)",
            description="The number it comes from, as `+15551234567`; for text messages also the SID of a messaging "
            "service, or a name.",
        ),
    ]
    to: Annotated[
        str, Meta(pattern=r"^\+[1-9][0-9]{1,14}$(?!\n)", description="The number to reach, as `+15557654321`.")
    ]
    key: Annotated[
        str,
        Meta(pattern=r"^(SK[0-9a-fA-F]{32})?$(?!\n)", description="The SID of an API key, if `token` is its secret."),
    ] = ""
    voice: Annotated[
        bool,
        Meta(description="Calls, and speaks. What is over or acknowledged is still sent as text: it can wait."),
    ] = False
    monthly: Annotated[
        int, Meta(ge=1, le=1_000_000, description="So many texts and calls in a month at most: each costs money.")
    ] = 300
    api: Annotated[Address, Meta(description="Where Twilio's API is.")] = "https://api.twilio.com"


class _Said(Struct):
    sid: str = ""
    code: int = 0
    message: str = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    speaks = settings.voice and not words.is_quiet(parcel)
    form = _call(settings, parcel) if speaks else _message(settings, parcel)
    url = f"{settings.api.rstrip('/')}/2010-04-01/Accounts/{settings.account}/{'Calls' if speaks else 'Messages'}.json"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {_account(settings)}"}
    try:
        answer = await http.send("POST", url, headers=headers, content=urlencode(form).encode())
    except Unreachable as error:
        return answers.unreachable(error)
    return _judged(settings, parcel, answer)


def _account(settings: Settings) -> str:
    return b64encode(f"{settings.key or settings.account}:{settings.token}".encode()).decode()


def _judged(settings: Settings, parcel: Parcel, answer: Answer) -> Outcome:
    said = answers.read(answer, _Said)
    if answer.is_success and said and said.sid:
        return Delivered(said.sid)
    if answer.is_success and not (said and said.code):
        return answers.unreadable(TITLE, answer)
    said = said or _Said()
    if answer.is_success:
        answer = replace(answer, status=400)
    why = f"{said.code} {said.message}".strip() if said.code else said.message
    found = answers.outcome(TITLE, answer, parcel.sent_at, why, [settings.token, _account(settings)])
    return GiveUp(found.why, broken=True) if said.code in _SHUT else found


# ---- what it says


def _message(settings: Settings, parcel: Parcel) -> dict[str, str]:
    sender = "MessagingServiceSid" if settings.sender.startswith("MG") and len(settings.sender) > 11 else "From"
    text = markup.written(_shortest(parcel), markup.PLAIN, _TEXT)
    return {"To": settings.to, sender: settings.sender, "Body": text.strip() or "Alert"}


def _shortest(parcel: Parcel) -> Parcel:
    """Of one alert with one link at most, and none that would leave no room for words."""
    briefly = markup.brief(parcel)
    if not parcel.is_single:
        return briefly
    link = words.handiest(words.links(briefly.first, _LINK))
    return replace(briefly, notices=(replace(briefly.first, links=tuple(link)),))


def _call(settings: Settings, parcel: Parcel) -> dict[str, str]:
    """Said twice: whoever answers is not listening yet."""
    said = words.cut(_sentence(parcel), _SPOKEN)
    spoken = f"<Say>{html.escape(_UNHEARD.sub(' ', said))}</Say>"
    return {
        "To": settings.to,
        "From": settings.sender,
        "Twiml": f'<Response>{spoken}<Pause length="1"/>{spoken}</Response>',
    }


def _sentence(parcel: Parcel) -> str:
    head = words.cut(words.title(parcel), _SPOKEN // 2)
    if parcel.is_single:
        return f"Crontopus. {head}. {words.line(words.why(parcel.first))}"
    named = "; ".join(words.heading(each) for each in parcel.notices)
    return f"Crontopus. {head}. {named}"
