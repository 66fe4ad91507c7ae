"""Where reports go: a ping URL, or a job of a server with a token; by flag, then environment, then context."""

from __future__ import annotations

from crontopus.cli import settings
from crontopus.cli.delivery import Server
from crontopus.cli.environment import secret
from crontopus.cli.lazily import invalid
from crontopus.cli.options import ping_url
from crontopus.cli.report import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Destination:
    """`address` of reports, and `server` to deliver them and older ones to. `secrets` stand in no report."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address = address
        self._token = token
        self.secrets = tuple(filter(None, (token, address.url if address.by_ping else "")))

    def server(self, address: Address) -> Server:
        """For an address of now or of older reports, whose token the settings must know. Raises CrontopusError."""
        if address.url == self.address.url:
            return Server(address.url, self._token)
        return server_of(address)


def server_of(address: Address) -> Server:
    """For the address of a report that waits. Raises CrontopusError where no token for it is known."""
    if address.by_ping:
        return Server(address.url)
    found = settings.resolve(url=address.url)
    if not found.token:
        raise invalid(f"no token is known for {address.url}: sign in again, or set CRONTOPUS_URL and CRONTOPUS_TOKEN")
    return Server(address.url, found.token)


def destination(job: str, url: str, context: str, creation: Mapping[str, str]) -> Destination:
    """Raises CrontopusError, in words for whoever configured it."""
    if not job and not url:
        url = _from_environment()
    if url:
        return Destination(Address(url, "", creation))
    found = settings.resolve(context=context or None)
    if not found.token:
        raise invalid(f"no token is known for {found.url}: sign in, or set CRONTOPUS_TOKEN")
    return Destination(Address(found.url, job, creation), found.token)


def _from_environment() -> str:
    try:
        return ping_url(secret("CRONTOPUS_PING_URL"))
    except OSError as error:
        raise invalid(f"the file that CRONTOPUS_PING_URL_FILE names cannot be read: {error.strerror}") from error
    except ValueError:
        raise invalid("no job is named: give --job or --url, or set CRONTOPUS_JOB or CRONTOPUS_PING_URL") from None
