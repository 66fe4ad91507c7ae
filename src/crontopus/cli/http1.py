"""HTTP/1.1 as far as a report needs it: a POST and its answer, over a connection that is kept.

The libraries for it take longer to load than all the rest of `crontopus run`; this is for `run` and `ping` alone.
"""

from __future__ import annotations

import socket
import time

from crontopus.cli.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_MOST_HEAD_BYTES = 64 * 1024
_MOST_BODY_BYTES = 64 * 1024
_CHUNK_BYTES = 16 * 1024
_PORTS = {"http": 80, "https": 443}


class Unreadable(ValueError):
    """What came is no answer of HTTP/1.1, or not the whole of one."""


class Closed(ConnectionError):
    """The other side closed the connection before it answered."""


class Url(Record):
    """An http or https URL in its parts. `authority`: host and port as written, without credentials."""

    scheme: str
    authority: str
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def endpoint(self) -> str:
        """Host and port, also where the port is the usual one."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split(url: str) -> Url:
    """Raises ValueError, which does not repeat the URL: it may be a secret."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    before, _, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    authority = authority.rpartition("@")[2]
    host, _, port = authority[1:].partition("]") if authority.startswith("[") else authority.partition(":")
    scheme, number = scheme.lower(), port.lstrip(":")
    if scheme not in _PORTS or not host or not (number == "" or (number.isascii() and number.isdecimal())):
        raise ValueError("this is no address of http:// or https://")
    return Url(scheme, authority, host.lower(), int(number or _PORTS[scheme]), slash + path, query)


class Answer(Record):
    """Names of headers are in lower case. A body that is too long is cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def is_json(self) -> bool:
        return self.headers.get("content-type", "").partition(";")[0].endswith("json")


class Connection:
    """To one server or proxy. `reusable`: whether another request can follow on it."""

    def __init__(self, host: str, port: int, timeout_seconds: float) -> None:
        named: str | bytes = host.encode() if host.isascii() else host  # bytes are not prepared for by a codec of 4 ms
        self._socket = socket.create_connection((named, port), timeout_seconds)  # type: ignore[arg-type]
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._until = time.monotonic() + timeout_seconds
        self._came = bytearray()
        self.reusable = True

    def close(self) -> None:
        self._socket.close()

    def tunnel(self, authority: str, headers: Mapping[str, str]) -> None:
        """Through the proxy at the other end, to `authority`. Raises OSError where it does not want to."""
        self._socket.sendall(_head(f"CONNECT {authority}", {"Host": authority, **headers}))
        status, _ = self._status_and_headers()
        if not 200 <= status < 300:
            raise OSError(f"the proxy answered {status}")

    def secure(self, trust: ssl.SSLContext, host: str) -> None:
        self._socket = trust.wrap_socket(self._socket, server_hostname=host)

    def post(self, target: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> Answer:
        """All within `timeout_seconds`. Raises OSError, Closed where it is worth another try at once, and ValueError,
        Unreadable among them."""
        self._until = time.monotonic() + timeout_seconds
        self._socket.settimeout(timeout_seconds)
        self._socket.sendall(_head(f"POST {target}", {**headers, "Content-Length": str(len(body))}) + body)
        status, said = self._status_and_headers()
        while 100 <= status < 200:
            status, said = self._status_and_headers()
        if "close" in said.get("connection", "").lower():
            self.reusable = False
        return Answer(status, said, self._body(status, said))

    def _status_and_headers(self) -> tuple[int, dict[str, str]]:
        version, _, rest = self._line(_MOST_HEAD_BYTES).partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdecimal() and len(code) == 3):
            raise Unreadable("what answers does not speak HTTP/1.1")
        self.reusable = self.reusable and version != "HTTP/1.0"
        return int(code), self._headers()

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        left = _MOST_HEAD_BYTES
        while line := self._line(left):
            left -= len(line) + 2
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return headers

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = headers.get("content-length", "")
        if length.isascii() and length.isdecimal() and int(length) <= _MOST_BODY_BYTES:
            return self._taken(int(length))
        self.reusable = False
        return self._taken(_MOST_BODY_BYTES, whole=bool(length))

    def _chunks(self) -> bytes:
        body = b""
        while size := self._size(self._line(_MOST_HEAD_BYTES)):
            if len(body) + size > _MOST_BODY_BYTES:
                self.reusable = False
                return body + self._taken(_MOST_BODY_BYTES - len(body))
            body += self._taken(size)
            self._line(2)
        self._headers()
        return body

    @staticmethod
    def _size(line: str) -> int:
        digits = line.partition(";")[0].strip()
        if not digits or digits.strip("0123456789abcdefABCDEF"):
            raise Unreadable("what answers does not speak HTTP/1.1")
        return int(digits, 16)

    def _line(self, most: int) -> str:
        while (end := self._came.find(b"\n")) < 0 and len(self._came) <= most:
            self._more()
        if not 0 <= end <= most:
            raise Unreadable("what answers does not speak HTTP/1.1")
        return self._cut(end + 1).rstrip(b"\r\n").decode("latin-1")

    def _taken(self, count: int, *, whole: bool = True) -> bytes:
        """So many bytes; where `whole` is false, less if the connection ends before."""
        while len(self._came) < count:
            try:
                self._more()
            except Closed:
                if whole:
                    raise
                break
        return self._cut(count)

    def _cut(self, count: int) -> bytes:
        taken = bytes(self._came[:count])
        del self._came[:count]
        return taken

    def _more(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        came = self._socket.recv(_CHUNK_BYTES)
        if not came:
            raise Closed("closed without an answer")
        self._came += came


def _head(request: str, headers: Mapping[str, str]) -> bytes:
    """Raises ValueError where a word of it would be more than a word."""
    if not request.isascii() or not request.isprintable() or request.count(" ") != 1:
        raise ValueError("the address has letters that an address cannot have")
    if not all(f"{name}{value}".isprintable() for name, value in headers.items()):
        raise ValueError("a token or a name has letters that a header cannot have")
    lines = [f"{request} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")
