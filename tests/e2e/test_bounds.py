"""What a request to the API or the console may be like, byte by byte over a socket: beyond it, each is told why."""

import socket
from collections.abc import Iterator

import pytest
from msgspec import Struct

from tests.scale import LONG
from tests.served import Served, SetUp, set_up

ANSWER_WITHIN_SECONDS = 90
KIBIBYTE = 1024
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Site(Struct, frozen=True):
    served: Served
    made: SetUp

    def answer(self, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status, and the body as far as it comes at once."""
        head = "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", "Connection: close", *headers])
        with socket.create_connection(("127.0.0.1", self.served.port), timeout=ANSWER_WITHIN_SECONDS) as server:
            server.sendall(f"{head}\r\n\r\n".encode() + body)
            said = b"".join(iter(lambda: server.recv(65536), b""))
        start, _, rest = said.partition(b"\r\n\r\n")
        return int(start.split()[1]), rest

    def post(self, path: str, body: bytes, kind: str = JSON, length: int = 0) -> tuple[int, bytes]:
        """`length`: what is said of it, where more is said than sent."""
        size = length or len(body)
        told = (f"Content-Type: {kind}", f"Content-Length: {size}", f"Authorization: Bearer {self.made.token}")
        return self.answer(f"POST {path}", *told, body=body)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("bounds") / "data"
    made = set_up(data)
    with Served(data) as served:
        yield Site(served, made)


@pytest.mark.parametrize(
    ("size", "status"), [(8 * KIBIBYTE, 400), (60 * KIBIBYTE, 400), (65 * KIBIBYTE, 414), (1024 * KIBIBYTE, 431)]
)
def test_an_address_has_an_end(site: Site, size: int, status: int) -> None:
    """What is longer than its parameter may be is refused by name, what is longer than any by the server."""
    line = f"GET /api/v1/jobs?q={'a' * size}"
    assert site.answer(line, f"Authorization: Bearer {site.made.token}")[0] == status


@pytest.mark.parametrize("path", ["/livez", "/api/v1/setup", "/sign-in"])
def test_headers_are_so_many_and_so_long(site: Site, path: str) -> None:
    assert site.answer(f"GET {path}", *["X-Many: 1"] * 90)[0] == 200
    assert site.answer(f"GET {path}", *["X-Many: 1"] * 101)[0] == 431
    assert site.answer(f"GET {path}", "X-Long: " + "a" * 50 * KIBIBYTE)[0] == 200
    assert site.answer(f"GET {path}", "X-Long: " + "a" * 1024 * KIBIBYTE)[0] == 431


@pytest.mark.parametrize("nested", [b"[" * 50_000, b'{"a":' * 10_000, b"[" * 25_000 + b"]" * 25_000])
@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/jobs", "/api/v1/check-ins", "/api/v1/bulk/pause"])
def test_json_is_not_nested_without_end(site: Site, path: str, nested: bytes) -> None:
    status, told = site.post(path, nested)
    assert (status, b"/docs/problems#" in told) in [(400, True), (404, True), (405, True)]
    assert site.answer("GET /livez")[0] == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/sessions", 64 * KIBIBYTE),
        ("/api/v1/jobs", 1024 * KIBIBYTE),
        ("/api/v1/schedules/preview", 1024 * KIBIBYTE),
        ("/api/v1/check-ins", 10 * 1024 * KIBIBYTE),
    ],
)
def test_each_route_takes_bodies_up_to_its_size(site: Site, path: str, most: int) -> None:
    status, told = site.post(path, b'"' + b"a" * (most - 2) + b'"')
    assert (status, b"too-large" in told) == (400, False)
    status, told = site.post(path, b'"a', length=most + 1)
    assert (status, b"too-large" in told) == (413, True)


def test_a_form_has_an_end_and_few_fields(site: Site) -> None:
    assert site.post("/sign-in", b"password=", FORM, length=64 * KIBIBYTE + 1)[0] == 413
    assert site.post("/sign-in", b"a=1&" * 5000, FORM)[0] == 400


def test_a_body_has_one_length(site: Site) -> None:
    for told in (["Content-Length: -1"], ["Content-Length: 1", "Content-Length: 2"], ["Content-Length: 1e3"]):
        assert site.answer("POST /api/v1/sessions", *told, body=b"{}")[0] == 400


@pytest.mark.skipif(not LONG, reason="takes half a minute: CRONTOPUS_TEST_LONG=1")
def test_a_body_that_does_not_come_is_told_so(site: Site) -> None:
    for path in ("/api/v1/sessions", "/sign-in"):
        status, told = site.answer(f"POST {path}", f"Content-Type: {JSON}", "Content-Length: 10", body=b"{")
        assert status == 408
        assert b"too" in told
