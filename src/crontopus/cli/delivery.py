"""Reports to the server: one attempt, and what became of it. It loads little, for a quick start.

An answer counts only if it is one of Crontopus: a captive portal's page is no receipt, and a proxy's 404 no refusal.
"""

from __future__ import annotations

import json

from crontopus import __version__
from crontopus.cli.http1 import Answer, Connection, split
from crontopus.cli.lazily import invalid
from crontopus.cli.proxy import proxy_for
from crontopus.cli.record import Record
from crontopus.cli.report import Address, Report, as_sent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_USER_AGENT = f"crontopus/{__version__}"
CHECK_IN = "application/vnd.crontopus.check-in+json"
_PASSES = frozenset({408, 425, 429})


class Delivered(Record):
    """It is on the server's disk."""


class Away(Record):
    """Not now: the report is to be kept. `wait_seconds`: when the server asks to be asked again."""

    reason: str
    wait_seconds: float = 0.0


class Refused(Record):
    """Never: the server has understood and does not want it. `status` is that of HTTP."""

    reason: str
    status: int


if TYPE_CHECKING:
    Outcome = Delivered | Away | Refused


class Server:
    """One server, its connection kept open between reports. `token` is for its API, not for ping URLs."""

    def __init__(self, url: str, token: str = "") -> None:
        """Raises CrontopusError for what is no address."""
        try:
            self._url = split(url)
        except ValueError as error:
            raise invalid(f"{error}: mend CRONTOPUS_URL, the context or the ping URL") from error
        self.origin = self._url.origin
        self._base = f"{self._url.path.rstrip('/')}/api/v1"
        self._token = token
        self._connection: Connection | None = None
        self._extra: dict[str, str] = {}
        self._prefix = ""

    def deliver(self, report: Report, timeout_seconds: float) -> Outcome:
        """Makes the job first, where it is missing and the report says how."""
        outcome = self._attempt(report, timeout_seconds)
        if isinstance(outcome, Refused) and outcome.status == 404 and report.address.creation:
            made = self._create(report.address, timeout_seconds)
            return self._attempt(report, timeout_seconds) if isinstance(made, Delivered) else made
        return outcome

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, report: Report, timeout_seconds: float) -> Outcome:
        address = report.address
        if not address.by_ping:
            return self._ask_api("/check-ins", as_sent(report), timeout_seconds)
        suffix, query = ("/start", {"rid": report.run_id}) if report.kind == "start" and report.run_id else ("", {})
        return self._ask(
            _ping_path(address.url, suffix, query), as_sent(report), {"Content-Type": CHECK_IN}, timeout_seconds
        )

    def _create(self, address: Address, timeout_seconds: float) -> Outcome:
        """By a note that changes nothing, where a ping URL is all we have; an existing job is left as it is."""
        if address.by_ping:
            return self._ask(_ping_path(address.url, "/log", address.creation), b"", {}, timeout_seconds)
        made = self._ask_api("/jobs", _new_job(address), timeout_seconds)
        return Delivered() if isinstance(made, Refused) and made.status == 409 else made

    def _ask_api(self, path: str, body: bytes, timeout_seconds: float) -> Outcome:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        return self._ask(self._base + path, body, headers, timeout_seconds)

    def _ask(self, path: str, body: bytes, headers: dict[str, str], timeout_seconds: float) -> Outcome:
        try:
            answer = self._exchange(path, body, headers | {"User-Agent": _USER_AGENT}, timeout_seconds)
        except (OSError, ValueError) as error:
            self.close()
            return Away(_reason(error, self.origin))
        return _judged(answer, self.origin, by_api="Authorization" in headers)

    def _exchange(self, path: str, body: bytes, headers: dict[str, str], timeout_seconds: float) -> Answer:
        """Once more on a new connection, where one that was kept open turns out to be closed."""
        kept = self._connection is not None
        try:
            return self._sent(path, body, headers, timeout_seconds)
        except ConnectionError:
            self.close()
            if not kept:
                raise
        return self._sent(path, body, headers, timeout_seconds)

    def _sent(self, path: str, body: bytes, headers: dict[str, str], timeout_seconds: float) -> Answer:
        connection = self._connection = self._connection or self._connected(timeout_seconds)
        told = {"Host": self._url.authority, **self._extra, **headers}
        answer = connection.post(self._prefix + path, told, body, timeout_seconds)
        if not connection.reusable:
            self.close()
        return answer

    def _connected(self, timeout_seconds: float) -> Connection:
        url = self._url
        proxy = proxy_for(url.scheme, url.host)
        host, port = (proxy.host, proxy.port) if proxy else (url.host, url.port)
        connection = Connection(host, port, timeout_seconds)
        try:
            if url.scheme == "https":
                if proxy:
                    connection.tunnel(url.endpoint, proxy.headers)
                connection.secure(_trust(), url.host)
            elif proxy:
                self._prefix, self._extra = self.origin, proxy.headers
        except BaseException:
            connection.close()
            raise
        return connection


def _ping_path(url: str, suffix: str, query: Mapping[str, str]) -> str:
    """What is asked of the server; a query that the URL has stays."""
    parts = split(url)
    asked = "&".join(filter(None, (parts.query, _encoded(query))))
    return parts.path.rstrip("/") + suffix + (f"?{asked}" if asked else "")


def _encoded(query: Mapping[str, str]) -> str:
    if not query:
        return ""
    from urllib.parse import urlencode

    return urlencode(query)


def _new_job(address: Address) -> bytes:
    namespace, _, slug = address.job.rpartition("/")
    said = address.creation
    job: dict[str, object] = {"namespace": namespace or "default", "slug": slug}
    if line := said.get("schedule"):
        job["schedule"] = {"cron": line} if line.startswith("@") or _is_cron(line) else {"on_calendar": line}
    if "every" in said:
        job["schedule"] = {"every": said["every"]}
    if "tags" in said:
        job["tags"] = [tag for tag in said["tags"].replace(",", " ").split() if tag]
    job |= {name: said[key] for key, name in (("tz", "timezone"), ("grace", "grace")) if key in said}
    return json.dumps(job).encode()


def _is_cron(line: str) -> bool:
    """A calendar event has a colon in its time, or no five fields; a cron line has neither."""
    return len(line.split()) in (5, 6) and ":" not in line


def _judged(answer: Answer, origin: str, *, by_api: bool) -> Outcome:
    status = answer.status
    if status in (200, 201):
        ours = answer.is_json() if by_api else answer.body.strip() in (b"OK", b"Created")
        return Delivered() if ours else Away(f"what answers at {origin} is not Crontopus")
    if status in _PASSES or status >= 500:
        return Away(f"{origin} answered {status}", _retry_after(answer))
    if 300 <= status < 400:
        return Away(f"{origin} sends on to {_elsewhere(answer)}: use that address")
    if by_api and status in (401, 403):
        return Away(f"{origin} does not accept the token: sign in again, or mend CRONTOPUS_TOKEN")
    if answer.is_json() or answer.headers.get("content-type", "").startswith("text/plain"):
        return Refused(_said(answer), status)
    return Away(f"{origin} answered {status}, and not as Crontopus does")


def _elsewhere(answer: Answer) -> str:
    try:
        return split(answer.headers.get("location", "")).origin
    except ValueError:
        return "another path"


def _said(answer: Answer) -> str:
    """The server's own sentence."""
    if answer.is_json():
        try:
            problem = json.loads(answer.body)
            return str(problem.get("detail") or problem.get("title"))[:500]
        except (ValueError, AttributeError):
            return f"status {answer.status}"
    return answer.body.decode(errors="replace").strip()[:500]


def _retry_after(answer: Answer) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdecimal() else 0.0


def _reason(error: Exception, origin: str) -> str:
    if isinstance(error, TimeoutError):
        return f"{origin} does not answer"
    said = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return f"{origin} cannot be reached: {said}"


def _trust() -> ssl.SSLContext:
    """The system's authorities; where the program was built for another system, those that come with it."""
    import ssl
    from pathlib import Path

    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return ssl.create_default_context()
    import certifi

    return ssl.create_default_context(cafile=certifi.where())
