"""Who takes what Apprise posts as JSON (`json://`), after plugins/custom_json.py, apprise.py and result.py of Apprise
2.2.0, read on 28 November 2026.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

PATH, KEY = "/told/0Zx8cV7bN6mQ", "s3cr3t-of-the-receiver"


class Message(Struct, forbid_unknown_fields=True):
    version: str
    title: Annotated[str, Meta(min_length=1)]
    message: Annotated[str, Meta(min_length=1, max_length=32_768)]
    type: Literal["info", "success", "warning", "failure"]
    attachments: Annotated[list[msgspec.Raw], Meta(max_length=0)]


class Receiver(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    @property
    def as_apprise(self) -> str:
        return f"{self.url.replace('http://', 'json://')}{PATH}/?+X-Key={KEY}"

    def take(self, request: Request) -> Reply:
        if (request.method, request.path.rstrip("/")) != ("POST", PATH):
            raise Refused(Reply(404))
        if request.headers.get("x-key") != KEY:
            raise Refused(Reply(401))
        self.messages.append(decoded(request.body, Message, lambda why: Refused(Reply(400, why.encode()))))
        return Reply(200, b"")

    def seen(self) -> list[Seen]:
        return [Seen(f"{each.title}\n{each.message}") for each in self.messages]
