"""A real mail server on loopback: what it takes, and what it refuses."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from msgspec import Struct, field

PASSWORD = "p@ss word"


class Mailbox(Struct):
    """`refuses` is the answer to DATA; empty: taken. `strangers`: addresses that nobody has."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: str = ""
    strangers: set[str] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(self, _: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.strangers:
            return "550 5.1.1 nobody has this address"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuses:
            return self.refuses
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.taken.append(found)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        self.came.set()
        return "250 OK"

    def last(self) -> str:
        """What the newest letter says."""
        return str(self.taken[-1].get_content())


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, wrapped: bool = False, login: bool = False, port: int = 0
) -> AsyncIterator[Mailbox]:
    """`tls`: offers STARTTLS by it; `wrapped`: from the first byte. `login`: takes letters from `crontopus` alone."""
    box = Mailbox()

    def _is_ours(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (b"crontopus", PASSWORD.encode()), handled=False)

    def speak() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            tls_context=None if wrapped else tls,
            require_starttls=tls is not None and not wrapped,
            authenticator=_is_ours if login else None,
            auth_required=login,
            auth_require_tls=tls is not None,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(speak, "127.0.0.1", port, ssl=tls if wrapped else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
