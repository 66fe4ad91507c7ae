"""HTTP/1.1 as reports speak it, with servers that answer by the letter, oddly, or never."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Event, Thread

import pytest

from crontopus.cli.http1 import Answer, Closed, Connection, Unreadable, split

LIMIT = 64 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Scripted:
    """A server with one connection that says each of `answers` after a request, whatever that is, then hangs up."""

    def __init__(self, *answers: bytes, hang: bool = False) -> None:
        self.heard: list[bytes] = []
        self._answers, self._hang = answers, hang
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as taken:  # whoever asked may go at any time
            for answer in self._answers:
                self.heard.append(taken.recv(LIMIT))
                taken.sendall(answer)
            if self._hang:
                taken.recv(1)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever still waits for a connection
        self._listener.close()
        self._thread.join()


@contextmanager
def connected(*answers: bytes, hang: bool = False) -> Iterator[tuple[Connection, Scripted]]:
    with (
        closing(Scripted(*answers, hang=hang)) as server,
        closing(Connection("127.0.0.1", server.port, 5)) as connection,
    ):
        yield connection, server


def post(connection: Connection, seconds: float = 5, **headers: str) -> Answer:
    return connection.post("/ping/k/j", {"Host": "h", **headers}, b"body", seconds)


def test_a_request_is_written_by_the_letter_and_the_next_goes_over_the_same_connection() -> None:
    with connected(OK, OK) as (connection, server):
        assert [post(connection).body for _ in range(2)] == [b"OK", b"OK"]
        assert server.heard == [b"POST /ping/k/j HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"] * 2
        assert connection.reusable


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200\r\ncontent-length:2\r\n\r\nOK",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nOK",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nO\r\n01\r\nK\r\n0\r\nTrailer: t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nOK",
        b"HTTP/1.0 200 OK\r\n\r\nOK",
    ],
)
def test_an_answer_is_read_in_every_form(said: bytes) -> None:
    with connected(said) as (connection, _):
        answer = post(connection)
        assert (answer.status, answer.body) == (200, b"OK")
        assert connection.reusable == (b"close" not in said and b"HTTP/1.0" not in said)


def test_an_answer_without_a_body_ends_at_once() -> None:
    with connected(b"HTTP/1.1 204 No Content\r\n\r\n", hang=True) as (connection, _):
        assert post(connection) == Answer(204, {}, b"")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 2 * LIMIT,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2 * LIMIT,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 2 * LIMIT,
    ],
)
def test_a_body_without_end_is_cut_and_nothing_follows_on_the_connection(said: bytes) -> None:
    with connected(said, hang=True) as (connection, _):
        assert post(connection).body == b"x" * LIMIT
        assert not connection.reusable


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n",
        b"x" * 2 * LIMIT,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * LIMIT,
        b"HTTP/1.1 200 OK\r\n" + b"X: 1234567890\r\n" * 10_000,
    ],
)
def test_what_is_no_answer_is_told(said: bytes) -> None:
    with connected(said, hang=True) as (connection, _), pytest.raises(Unreadable, match=r"does not speak HTTP/1\.1"):
        post(connection)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Len", OK[:-1]])
def test_a_connection_that_ends_before_its_answer_is_worth_another_try(said: bytes) -> None:
    with connected(said) as (connection, _), pytest.raises(Closed):
        post(connection)


def test_one_byte_now_and_then_does_not_hold_it_up_for_longer_than_was_said() -> None:
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            taken, _ = listener.accept()
            with taken, suppress(OSError):
                while not over.wait(0.05):
                    taken.sendall(b"H")

        Thread(target=trickle, daemon=True).start()
        connection = Connection("127.0.0.1", listener.getsockname()[1], 5)
        with closing(connection), pytest.raises(TimeoutError):
            post(connection, seconds=0.3)
        over.set()


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0"])
def test_a_header_cannot_bring_another_one(value: str) -> None:
    with connected(OK) as (connection, _), pytest.raises(ValueError, match="a header cannot have"):
        post(connection, Authorization=value)


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/ä", "/a\x7f"])
def test_an_address_cannot_bring_a_header(target: str) -> None:
    with connected(OK) as (connection, _), pytest.raises(ValueError, match="an address cannot have"):
        connection.post(target, {}, b"", 5)


def test_a_proxy_is_asked_for_a_tunnel() -> None:
    with connected(b"HTTP/1.1 200 Connection established\r\n\r\n") as (connection, server):
        connection.tunnel("crontopus.example:443", {"Proxy-Authorization": "Basic x"})
        assert server.heard[0].startswith(
            b"CONNECT crontopus.example:443 HTTP/1.1\r\nHost: crontopus.example:443\r\nProxy"
        )


def test_a_proxy_that_does_not_want_to_is_named() -> None:
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with connected(refused) as (connection, _), pytest.raises(OSError, match="the proxy answered 407"):
        connection.tunnel("crontopus.example:443", {})


@pytest.mark.parametrize(
    ("url", "origin", "endpoint", "path", "query"),
    [
        ("http://a.example", "http://a.example", "a.example:80", "", ""),
        ("HTTPS://me:pw@A.example:8443/b/c?d=e&f#g", "https://A.example:8443", "a.example:8443", "/b/c", "d=e&f"),
        ("http://[::1]:8000/x", "http://[::1]:8000", "[::1]:8000", "/x", ""),
        ("http://a.example?x", "http://a.example", "a.example:80", "", "x"),
    ],
)
def test_an_address_is_taken_apart(url: str, origin: str, endpoint: str, path: str, query: str) -> None:
    parts = split(url)
    assert (parts.origin, parts.endpoint, parts.path, parts.query) == (origin, endpoint, path, query)


@pytest.mark.parametrize("url", ["", "a.example", "ftp://a", "http://", "http://:80", "http://a:b", "http://a:-1/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        split(url)
