"""E-mail: a letter over SMTP to the server that the installation names."""

import os
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from uuid import UUID

import aiosmtplib
import anyio
from aiosmtplib import SMTP

from crontopus.domain import text
from crontopus.domain.letters import Letter
from crontopus.domain.mail_server import MailServer, Security
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain

PATIENCE_SECONDS = 20.0
"""With each answer of the server."""
AT_MOST_SECONDS = 60.0
"""For one letter, from the first word to the last."""
_LONGEST_REASON = 300
_WIDTH_OF_A_NAME = 60
_FOR_GOOD = 500


async def send(server: MailServer, letter: Letter, id: UUID, now: datetime) -> Outcome:
    """`id` makes the Message-ID: who gets a letter twice can tell."""
    try:
        message = _message(server, letter, id, now)
    except ValueError as error:
        return GiveUp(f"no such address: {error}")
    return await deliver(server, message)


async def deliver(server: MailServer, message: EmailMessage) -> Outcome:
    """`Delivered` with its Message-ID."""
    try:
        with anyio.fail_after(AT_MOST_SECONDS):
            await _deliver(server, message)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _refused(error.recipients[0])
    except aiosmtplib.SMTPDataError as error:
        return _refused(error)
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        return TryAgain(_reason(server, error))
    return Delivered(message["Message-ID"])


async def _deliver(server: MailServer, message: EmailMessage) -> None:
    async with _connection(server) as smtp:
        if server.user:
            await smtp.login(server.user, server.password)
        await smtp.send_message(message)


def _connection(server: MailServer) -> SMTP:
    wanted = {Security.TLS: False, Security.STARTTLS: True, Security.OFFERED: None, Security.PLAIN: False}
    return SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security is Security.TLS,
        start_tls=wanted[server.security],
        local_hostname=server.us,
        timeout=PATIENCE_SECONDS,
        validate_certs=server.security is not Security.OFFERED,
    )


def _message(server: MailServer, letter: Letter, id: UUID, now: datetime) -> EmailMessage:
    message = written(server, letter.to, letter.subject, id, now)
    message.set_content(letter.text)
    return message


def written(server: MailServer, to: str, subject: str, id: UUID, now: datetime, *, tenant: str = "") -> EmailMessage:
    """Without content. `tenant`: on whose behalf, which stands in From. Raises ValueError for an address or a subject
    that is none.
    """
    message = EmailMessage()
    message["From"] = _on_behalf_of(tenant, server.sender) if tenant else server.sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{id}@{parseaddr(server.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message


def _on_behalf_of(tenant: str, sender: str) -> Address:
    name, address = parseaddr(sender)
    shown = " ".join(text.on_one_line(text.shown(tenant)).split())[:_WIDTH_OF_A_NAME]
    return Address(display_name=f"{shown} ({name})" if name else shown, addr_spec=address)


def _refused(error: aiosmtplib.SMTPResponseException) -> Outcome:
    why = f"the mail server refused it: {error.code} {_brief(error.message)}"
    return GiveUp(why) if error.code >= _FOR_GOOD else TryAgain(why)


def _reason(server: MailServer, error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"the mail server answered: {error.code} {_brief(error.message)}"
    return f"the mail server {server.host}:{server.port} cannot be used: {_brief(_cause(error))}"


def _cause(error: Exception) -> str:
    """asyncio puts words of its own in the place of the system's."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and (cause.errno or 0) > 0:
        return os.strerror(cause.errno or 0)
    return "no answer in time" if isinstance(cause, TimeoutError) else str(cause) or type(cause).__name__


def _brief(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
