"""The mail server that a setting names."""

from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from crontopus.domain.errors import Invalid

WANTED = "smtps://user:password@host, smtp://user:password@host, or smtp+plain://host"


class Security(StrEnum):
    """How the way there is kept from others' eyes."""

    TLS = "tls"
    STARTTLS = "starttls"
    OFFERED = "starttls, where it is offered"
    PLAIN = "none"


class MailServer(Struct, frozen=True, kw_only=True):
    """`sender`: as it stands in From, such as `Crontopus <cron@example.org>`. `us`: the name we come by."""

    host: str
    port: int
    security: Security
    user: str
    password: str
    sender: str
    us: str


_KINDS = {
    "smtps": (Security.TLS, 465),
    "smtp": (Security.STARTTLS, 587),
    "smtp+plain": (Security.PLAIN, 25),
}


def mail_server(url: str, sender: str, us: str) -> MailServer | None:
    """None where `url` is empty: nothing is mailed. Raises Invalid; what it says holds nothing of `url`."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(f"the setting smtp_url must look like {WANTED}") from None
    if parts.scheme not in _KINDS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"the setting smtp_url must look like {WANTED}")
    security, usual_port = _KINDS[parts.scheme]
    if security is Security.STARTTLS and _is_here(parts):
        security = Security.OFFERED
    if security is Security.PLAIN and parts.password and not _is_here(parts):
        raise Invalid("the setting smtp_url would send its password in the clear: begin it with smtp:// or smtps://")
    return MailServer(
        host=parts.hostname,
        port=port or usual_port,
        security=security,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        sender=_sender(sender),
        us=us,
    )


def _sender(text: str) -> str:
    address = text.rpartition("<")[2].rstrip(">").strip()
    if not is_address(address) or not text.isprintable():
        raise Invalid("the setting mail_from must name who mails, such as `Crontopus <crontopus@example.org>`")
    return text


def is_address(text: str) -> bool:
    local, at, host = text.rpartition("@")
    return bool(local and at and host) and text.isprintable() and not any(each.isspace() for each in text)


def _is_here(parts: SplitResult) -> bool:
    """Whether the way does not leave this machine."""
    host = parts.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
