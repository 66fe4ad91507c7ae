"""Twilio, after pages of its "Error and Warning Dictionary" (21601, 21603, 21605, 21617, 21658, 21701, 21705, 32018),
read on 28 November 2026, and excerpts of "Messages resource" and "Calls resource" as clients are generated from them
(names and types of what is created). From knowledge: the other errors, and "TwiML for Programmable Voice" (Say, Pause).
"""

from base64 import b64encode
from functools import partial
from typing import Annotated, Any
from xml.etree import ElementTree

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, converted

ACCOUNT, TOKEN = "AC0123456789abcdef0123456789abcdef", "0f1e2d3c4b5a69788796a5b4c3d2e1f9"
KEY, SERVICE = "SK0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"
SENDER, TO, STOPPED = "+15005550006", "+15557654321", "+15005550004"
Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{1,14}$")]


class Message(Struct, forbid_unknown_fields=True, rename="pascal"):
    to: Number
    body: Annotated[str, Meta(min_length=1, max_length=1600)]
    from_: str = ""
    messaging_service_sid: str = ""


class Call(Struct, forbid_unknown_fields=True, rename="pascal"):
    to: Number
    from_: Number
    twiml: Annotated[str, Meta(min_length=1, max_length=4000)]


def _error(status: int, code: int, message: str) -> Refused:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Refused(Reply(status, {"code": code, "message": message, "more_info": more, "status": status}))


class Twilio(Fake):
    """`users`: who may log in: the account, or a key of it."""

    def __init__(self) -> None:
        super().__init__()
        self.users = {ACCOUNT: TOKEN, KEY: TOKEN[::-1]}
        self.told: list[Message | Call] = []

    def take(self, request: Request) -> Reply:
        logins = {f"Basic {b64encode(f'{user}:{token}'.encode()).decode()}" for user, token in self.users.items()}
        if request.headers.get("authorization") not in logins:
            raise _error(401, 20003, "Authenticate")
        if request.method != "POST":
            raise _error(405, 20004, "Method not allowed")
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise _error(400, 21604, "A 'To' phone number is required.")
        kinds: dict[str, Any] = {"Messages": (Message, 21617), "Calls": (Call, 32018)}
        for name, (kind, too_long) in kinds.items():
            if request.path == f"/2010-04-01/Accounts/{ACCOUNT}/{name}.json":
                return self._take(converted(request.form, kind, partial(_error, 400, too_long)))
        raise _error(404, 20404, "The requested resource was not found")

    def _take(self, told: Message | Call) -> Reply:
        if told.to == STOPPED:
            raise _error(400, 21610, "Attempt to send to unsubscribed recipient")
        if isinstance(told, Message):
            _let_send(told)
        elif told.from_ != SENDER:
            raise _error(400, 21210, f"'From' phone number not verified: {told.from_}")
        if isinstance(told, Call):
            _spoken(told.twiml)
        self.told.append(told)
        return Reply(201, {"sid": f"SM{len(self.told)}", "status": "queued", "error_code": None})

    def seen(self) -> list[Seen]:
        return [Seen(_spoken(each.twiml) if isinstance(each, Call) else each.body) for each in self.told]


def _let_send(told: Message) -> None:
    """A service may be given instead of a number or with one."""
    if not told.from_ and not told.messaging_service_sid:
        raise _error(400, 21603, "A 'From' or 'MessagingServiceSid' parameter is required to send a message")
    if told.from_ not in (SENDER, "Crontopus", ""):
        raise _error(400, 21659, f"'From' {told.from_} is not a Twilio phone number")
    if told.messaging_service_sid not in (SERVICE, ""):
        raise _error(400, 21701, "The Messaging Service does not exist")


def _spoken(twiml: str) -> str:
    """Refuses what is no XML, or holds another verb than we have a use for."""
    try:
        root = ElementTree.fromstring(twiml)  # noqa: S314 - it is our own
    except ElementTree.ParseError as error:
        raise _error(400, 12100, f"Document parse failure: {error}") from None
    if root.tag != "Response" or {each.tag for each in root} - {"Say", "Pause"} or any(len(each) for each in root):
        raise _error(400, 12200, "Schema validation warning")
    return "\n".join(each.text or "" for each in root if each.tag == "Say")
