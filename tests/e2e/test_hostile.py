"""A real server and those who mean it harm, or are merely broken: no answer of 5xx, nothing half-written, no memory
lost.

Whatever is sent, as many check-ins are stored as were acknowledged.
"""

import asyncio
import re
import resource
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from msgspec import Struct

from crontopus.api.bodies import MOST_SECONDS
from crontopus.client import Client
from crontopus.domain.errors import Unauthenticated, Unavailable
from crontopus.domain.watch import Mark
from crontopus.wire.accounts import SignIn
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import Run, StoredCheckIn
from tests.postgres import Postgres
from tests.scale import LONG, scaled
from tests.served import Served, SetUp, set_up

T = TypeVar("T")
MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 30
HEADERS_WITHIN_SECONDS = 10
STALLING = 5000
HUGE_BYTES = 2048 * MEBIBYTE if LONG else 200 * MEBIBYTE
JSON = "application/vnd.crontopus.check-in+json"


class Site(Struct, frozen=True):
    served: Served
    made: SetUp


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("hostile") / "data"
    url = "" if request.param == "sqlite" else postgres.fresh_database()
    made = set_up(data, url)
    with Served(data, url) as served:
        yield Site(served, made)
    if url:
        postgres.drop(url)


whatever_the_database = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""Of what is decided before a database is asked."""


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Client]:
    async with Client(site.served.url, token=site.made.token) as client:
        yield client


@pytest.fixture
async def job(api: Client) -> Job:
    return await api.add_job(NewJob(name=f"job {uuid4().hex[:8]}"))


def _path(job: Job) -> str:
    return urlsplit(job.ping_url).path


async def _check_ins(api: Client, job: Job) -> list[StoredCheckIn]:
    return (await api.job_check_ins(job.id)).items


async def _run(api: Client, job: Job) -> Run:
    (run,) = (await api.job_runs(job.id)).items
    return run


async def _until(wanted: Callable[[], Awaitable[T]]) -> T:
    """The first true answer of `wanted`, asked again and again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if found := await wanted():
                return found
            await asyncio.sleep(0.02)


async def _spoken(site: Site, sent: bytes) -> bytes:
    """All that the server says to `sent`, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    writer.write(sent)
    async with asyncio.timeout(PATIENCE_SECONDS):
        said = await _read_until_hung_up(reader)
    writer.close()
    return said


def _statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)]


async def _answers(site: Site, job: Job) -> None:
    """It still serves those who mean well."""
    said = await _spoken(site, f"GET {_path(job)}/log HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n".encode())
    assert _statuses(said) == [200]


def _request(
    line: str, *headers: str, body: str = "", version: str = "HTTP/1.1", surroundings: str = "Host: [::1]"
) -> bytes:
    head = "\r\n".join([f"{line} {version}", surroundings, "Connection: close", *headers])
    return f"{head}\r\n\r\n{body}".encode("latin-1")


def _get(suffix: str, *headers: str) -> bytes:
    return _request("GET PATH" + suffix, *headers)


def _post(body: str, *headers: str, suffix: str = "") -> bytes:
    return _request("POST PATH" + suffix, *headers, body=body)


def _json(document: str) -> bytes:
    return _post(document, f"Content-Type: {JSON}", f"Content-Length: {len(document)}")


RID = "00000000-0000-0000-0000-000000000001"
CASES: dict[str, tuple[bytes, list[int]]] = {
    # the request line
    "HTTP/1.0": (b"GET PATH HTTP/1.0\r\n\r\n", [200]),
    "no host": (b"GET PATH HTTP/1.1\r\nConnection: close\r\n\r\n", [200]),
    "an absolute address": (_request("GET http://elsewherePATH"), [200]),
    "HTTP/9.9": (_request("GET PATH", version="HTTP/9.9"), [400]),
    "HTTP/2 by prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
    "no request": (b"hello\r\n\r\n", [400]),
    "a method nobody knows": (_request("BREW PATH"), [405]),
    "a method that means something elsewhere": (_request("DELETE PATH"), [405]),
    # the path
    "NUL in the path": (_get("\0"), [400]),
    "NUL in the path, encoded": (_get("%00"), [404]),
    "no UTF-8 in the path": (_get("\xff\xfe"), [400]),
    "no UTF-8 in the path, encoded": (_get("%ff%fe"), [404]),
    "an encoded suffix": (_get("/%66ail"), [200]),
    "an encoded slash": (_get("%2Ffail"), [200]),
    "encoded twice": (_get("%252Ffail"), [404]),
    "half an encoding": (_get("%2"), [404]),
    "dots": (_get("/../../livez"), [404]),
    "a superscript two": (_get("/%C2%B2"), [404]),
    "an Arabic one": (_get("/%D9%A1"), [404]),
    "an exit status of 5,000 digits": (_get("/" + "9" * 5000), [400]),
    # the query
    "no UTF-8 in the query": (_get("?env=\xff\xfe"), [400]),
    "no UTF-8 in the query, encoded": (_get("?env=%ff%fe&host=%ED%A0%80&metric.%ff=1"), [200]),
    "NUL in the query": (_get("?env=a\0"), [400]),
    "NUL in the query, encoded": (_get("?env=%00"), [400]),
    "NUL in the name of a metric": (_get("?metric.%00=1"), [400]),
    "NUL as a run id": (_get("?rid=%00"), [400]),
    "two run ids": (_get(f"?rid=nonsense&rid={RID}"), [200]),
    "15,000 parameters": (_get("?" + "a=b&" * 15_000), [400]),
    "a query of a megabyte": (_get("?env=" + "a" * 1_000_000), [431]),
    "a metric beyond all numbers": (_get("?metric.a=1e309"), [400]),
    "a metric that is no number": (_get("?metric.a=nan"), [400]),
    "a metric as Python writes numbers": (_get("?metric.a=1_0"), [400]),
    "a metric in Arabic digits": (_get("?metric.a=%D9%A1"), [400]),
    "a thousand metrics": (_get("?" + "&".join(f"metric.{n}=1" for n in range(1000))), [400]),
    "the first instant of clocks": (_get("?at=1970-01-01T00:00:00Z"), [200]),
    "before all clocks": (_get("?at=1969-12-31T23:59:59Z"), [400]),
    "the first instant": (_get("?at=0001-01-01T00:00:00Z"), [400]),
    "before the first instant": (_get("?at=0001-01-01T00:00:00%2B14:00"), [400]),
    "after the last instant": (_get("?at=9999-12-31T23:59:59-14:00"), [400]),
    "create with NUL": (_get("?create=1&tags=%00&tz=%00&schedule=%00&every=%00&grace=%00"), [200, 400]),
    # the headers
    "an unknown expectation": (_post("abc", "Expect: a-miracle", "Content-Length: 3"), [200]),
    "100-continue": (_post("abc", "Expect: 100-continue", "Content-Length: 3"), [100, 200]),
    "headers that contradict nothing twice": (_post("abc", "Content-Length: 3", "Content-Length: 3"), [200]),
    "lengths that contradict each other": (_post("abc", "Content-Length: 3", "Content-Length: 4"), [400]),
    "a length below zero": (_post("abc", "Content-Length: -3"), [400]),
    "a length beyond all numbers": (_post("abc", "Content-Length: " + "9" * 30), [400]),
    "a length and chunks": (
        _post("3\r\nabc\r\n0\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked"),
        [200, 400],
    ),
    "an unknown encoding": (_post("abc", "Transfer-Encoding: rot13"), [400]),
    "two user agents": (_get("", "User-Agent: a", "User-Agent: b"), [200]),
    "no UTF-8 in headers": (_get("", "User-Agent: \xff\xfe", "X-Forwarded-For: \xff", "Content-Type: \xe9"), [200]),
    "NUL in a header": (_get("", "User-Agent: a\0b"), [400]),
    "a header of 60 kB": (_get("", "X-Long: " + "a" * 60_000), [200]),
    "a header of a megabyte": (_get("", "X-Long: " + "a" * 1_000_000), [431]),
    "500 headers": (_get("", *["X-Many: 1"] * 500), [431]),
    "a web socket": (
        _get("", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
        [200],
    ),
    # the body
    "a body with GET": (_request("GET PATH", "Content-Length: 5", body="hello"), [200]),
    "bytes that are no text": (_post("\xff\0\xed\xa0\x80", "Content-Length: 5"), [200]),
    "chunks that are none": (_post("zz\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), [200]),
    "a chunk of negative size": (_post("-3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), [200]),
    "JSON of a thousand lists": (_json("[" * 1000), [400]),
    "JSON with a lone surrogate": (_json(r'{"kind":"log","host":"\ud800"}'), [400]),
    "JSON with NUL": (_json(r'{"kind":"log","host":"\u0000"}'), [400]),
    "JSON with NUL in the output": (_json(r'{"kind":"log","output":{"head":"\u0000"}}'), [200]),
    "JSON that is no UTF-8": (_json('{"kind":"log","host":"\xff"}'), [400]),
    "JSON with a number beyond all": (_json('{"kind":"exit","exit_code":' + "9" * 400 + "}"), [400]),
    "JSON with a negative duration": (_json('{"kind":"success","duration":-1}'), [400]),
    "JSON from before the first instant": (_json('{"kind":"log","occurred_at":"0001-01-01T00:00:00+14:00"}'), [400]),
    "JSON begun at the first instant": (_json('{"kind":"success","started_at":"0001-01-01T00:00:00+14:00"}'), [400]),
    "JSON begun after the last instant": (_json('{"kind":"log","started_at":"9999-12-31T23:59:59-14:00"}'), [200]),
    "JSON sent after the last instant": (_json('{"kind":"log","sent_at":"9999-12-31T23:59:59-14:00"}'), [200]),
    "JSON of an age": (_json('{"kind":"success","duration":9e15}'), [400]),
    "JSON of a long duration": (_json('{"kind":"success","duration":34560000}'), [200, 400]),
    "JSON that dropped too much": (_json('{"kind":"log","output":{"dropped_bytes":9223372036854775807}}'), [200, 400]),
    "JSON with a metric beyond all numbers": (_json('{"kind":"log","metrics":{"a":1e999}}'), [400]),
    "JSON from the future": (_json('{"kind":"success","occurred_at":"9999-01-01T00:00:00Z"}'), [400]),
}


@pytest.mark.parametrize("case", CASES)
async def test_as_many_are_stored_as_were_acknowledged(site: Site, api: Client, job: Job, case: str) -> None:
    sent, expected = CASES[case]
    statuses = _statuses(await _spoken(site, sent.replace(b"PATH", _path(job).encode())))
    assert set(statuses) <= set(expected)
    assert statuses or not expected
    assert len(await _check_ins(api, job)) == statuses.count(200)
    await _answers(site, job)


@whatever_the_database
async def test_pipelined_pings_are_answered_in_order(site: Site, api: Client, job: Job) -> None:
    line = f"GET {_path(job)}%s HTTP/1.1\r\nHost: [::1]\r\n%s\r\n"
    sent = "".join(line % (suffix, "") for suffix in ("/start", "/log", "/256", "/fail")) + line % (
        "/no",
        "Connection: close\r\n",
    )
    assert _statuses(await _spoken(site, sent.encode())) == [200, 200, 400, 200, 404]
    assert sorted(check_in.kind for check_in in await _check_ins(api, job)) == ["fail", "log", "start"]


# ---- bodies without measure


@whatever_the_database
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_gigabytes_is_cut_committed_and_hung_up_on(
    site: Site, api: Client, job: Job, chunked: bool
) -> None:
    before = _memory_from_now(site)
    block = b"x" * MEBIBYTE
    head = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {HUGE_BYTES}"
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    writer.write(f"POST {_path(job)}/fail HTTP/1.1\r\nHost: [::1]\r\n{head}\r\n\r\n".encode())
    sent = 0
    try:
        while sent < HUGE_BYTES:
            writer.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
            await writer.drain()
            sent += len(block)
    except ConnectionError:
        assert sent >= 60 * MEBIBYTE
    finally:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await _read_until_hung_up(reader)
        writer.close()
    assert _statuses(said) in ([200], [])
    (check_in,) = await _until(lambda: _check_ins(api, job))
    run = await _run(api, job)
    assert (check_in.kind, run.marks) == ("fail", [Mark.TRUNCATED])
    assert 60 * MEBIBYTE < check_in.output_bytes < 70 * MEBIBYTE
    assert _peak(site) - before < 100 * MEBIBYTE
    await _answers(site, job)


@whatever_the_database
async def test_curl_learns_that_its_huge_body_was_taken(site: Site, api: Client, job: Job, tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(HUGE_BYTES)
    command = ["curl", "-sS", "--max-time", str(PATIENCE_SECONDS), "-T", str(huge), job.ping_url]
    curl = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
    said, complaint = await curl.communicate()
    assert (said, complaint.decode()) == (b"OK", "")
    assert (await _run(api, job)).marks == [Mark.TRUNCATED]


@pytest.mark.parametrize("rude", [False, True])
async def test_a_client_that_breaks_off_within_its_body_has_pinged(
    site: Site, api: Client, job: Job, rude: bool
) -> None:
    writer = await _begun(site, job, 1000)
    writer.write(b"the begin")
    await writer.drain()
    if rude:
        linger = struct.pack("ii", 1, 0)  # A reset, as when a machine is switched off.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()
    (check_in,) = await _until(lambda: _check_ins(api, job))
    assert check_in.kind == "fail"
    assert check_in.output_bytes == 9 or rude
    run = await _run(api, job)
    assert run.marks == [Mark.TRUNCATED]
    await _answers(site, job)


async def test_a_client_that_does_not_wait_for_the_answer_has_pinged(site: Site, api: Client, job: Job) -> None:
    writer = await _begun(site, job, 9)
    writer.write(b"the whole")
    await writer.drain()
    writer.close()
    (check_in,) = await _until(lambda: _check_ins(api, job))
    assert (check_in.kind, check_in.output_bytes) == ("fail", 9)
    assert (await _run(api, job)).marks == []


@whatever_the_database
async def test_who_stops_within_the_headers_has_not_pinged(site: Site, api: Client, job: Job) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    writer.write(f"POST {_path(job)}/fail HTTP/1.1\r\nHost: [::1]\r\nContent-Le".encode())
    await writer.drain()
    writer.close()
    await _answers(site, job)
    assert [check_in.kind for check_in in await _check_ins(api, job)] == ["log"]


# ---- slow ones


@whatever_the_database
async def test_slow_headers_are_hung_up_on_and_hold_up_nobody(site: Site, job: Job) -> None:
    loop = asyncio.get_running_loop()
    slow = await asyncio.gather(*[asyncio.open_connection("127.0.0.1", site.served.port) for _ in range(scaled(1000))])
    begun = loop.time()
    for _, writer in slow:
        writer.write(f"GET {_path(job)} HTTP/1.1\r\nHost: [::1]\r\nX-Slow: ".encode())
    dripping = asyncio.gather(*[_drip(reader, writer) for reader, writer in slow])
    for _ in range(20):
        async with asyncio.timeout(2):
            await _answers(site, job)
    async with asyncio.timeout(HEADERS_WITHIN_SECONDS + PATIENCE_SECONDS):
        said = await dripping
    assert HEADERS_WITHIN_SECONDS - 1 < loop.time() - begun < HEADERS_WITHIN_SECONDS + 10
    assert set(map(tuple, map(_statuses, said))) <= {(), (408,)}


@whatever_the_database
@pytest.mark.skipif(not LONG, reason="takes half a minute: CRONTOPUS_TEST_LONG=1")
async def test_chunks_without_end_are_cut_after_half_a_minute(site: Site, api: Client, job: Job) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    writer.write(f"POST {_path(job)} HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    loop = asyncio.get_running_loop()
    begun = loop.time()
    said = await _drip(reader, writer, b"1\r\nx\r\n")
    assert 29 < loop.time() - begun < 40
    assert _statuses(said) == [200]
    (check_in,) = await _check_ins(api, job)
    assert 10 < check_in.output_bytes < 100
    assert (await _run(api, job)).marks == [Mark.TRUNCATED]


STALLED = {
    "connections": "",
    "headers": "POST /sign-in HTTP/1.1\r\nHost: [::1]\r\n",
    "a form": "POST /sign-in HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 100\r\n\r\nemail=",
    "a request to the API": "POST /api/v1/sessions HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 100\r\n\r\n{",
    "a form in chunks": "POST /setup HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    "the body of a ping": f"POST /ping/{uuid4()} HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 100\r\n\r\n",
    "the end of a ping": f"POST /ping/{uuid4()} HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 100\r\n\r\nthe beginning",
}
"""What thousands begin to send, and never finish."""


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process opens thousands of connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 2 * STALLING:
        pytest.skip(f"needs {2 * STALLING} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@whatever_the_database
@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("what", STALLED)
async def test_thousands_who_stall_hold_up_no_ping(site: Site, job: Job, what: str) -> None:
    async with _stalling(site, STALLED[what].encode(), STALLING):
        for _ in range(5):
            async with asyncio.timeout(2):
                await _answers(site, job)


@whatever_the_database
@pytest.mark.usefixtures("many_files")
async def test_of_thousands_who_stall_beside_pings_most_are_told_to_come_again(site: Site) -> None:
    async with _stalling(site, STALLED["a request to the API"].encode(), 1000) as stalling:
        async with asyncio.timeout(PATIENCE_SECONDS):
            heads = [await reader.readuntil(b"\r\n\r\n") for reader in stalling[-400:]]
    assert {status for head in heads for status in _statuses(head)} == {503}
    assert all(b"retry-after: 2\r\n" in head for head in heads)
    async with Client(site.served.url) as anybody:
        assert await _until(lambda: _is_served(anybody)), "there is room again"
    assert "request failed" not in site.served.log()


@whatever_the_database
@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize(
    ("kind", "size"), [("text/plain", 290_000), (JSON, 500_000)], ids=["of any kind", "check-ins in JSON"]
)
async def test_what_those_hold_who_stall_is_bounded(site: Site, kind: str, size: int) -> None:
    """It is held before it is known whether there is such a job; so most of them are answered before their time."""
    before = _memory_from_now(site)
    head = f"POST /ping/{uuid4()} HTTP/1.1\r\nHost: [::1]\r\nContent-Type: {kind}\r\nContent-Length: 9999999\r\n\r\n"
    async with _stalling(site, head.encode() + b" " * size, 4000) as stalling:
        async with asyncio.timeout(MOST_SECONDS / 2):
            await _answered(stalling, 3000)
        assert _peak(site) - before < 1100 * MEBIBYTE


# ---- many


async def test_distinct_unknown_keys_cost_no_memory(site: Site, api: Client) -> None:
    jobs = (await api.job_counts())["total"]
    await _unknown(site, 1000)
    before = _memory_from_now(site)
    statuses = await _unknown(site, scaled(100_000))
    assert statuses == {404}
    assert _peak(site) - before < 30 * MEBIBYTE
    assert (await api.job_counts())["total"] == jobs


# ---- what they say


async def test_a_run_id_used_for_another_job_is_another_run(api: Client) -> None:
    one, other = [await api.add_job(NewJob(name=f"twin {uuid4().hex[:8]}")) for _ in range(2)]
    rid = uuid4()
    await api.http.get(f"{one.ping_url}/start?rid={rid}")
    await api.http.get(f"{other.ping_url}/fail?rid={rid}")
    assert (await api.job(one.id)).running == 1
    first, second = await _run(api, one), await _run(api, other)
    assert first.id != second.id
    assert (first.run_id, second.run_id) == (rid, rid)
    assert (first.state, second.state) == ("running", "failed")


async def test_what_is_a_week_late_is_history(api: Client, job: Job) -> None:
    await api.http.get(job.ping_url)
    before = await api.job(job.id)
    late = datetime.now(UTC) - timedelta(days=8)
    for suffix in ("/fail", "/start", "/7"):
        answer = await api.http.get(job.ping_url + suffix, params={"at": late.isoformat(timespec="seconds")})
        assert answer.text == "OK"
    after = await api.job(job.id)
    assert (after.status, after.next_expected_at, after.running) == (before.status, before.next_expected_at, 0)
    assert len(await _check_ins(api, job)) == 4


async def test_what_comes_from_the_future_is_now_or_refused(api: Client, job: Job) -> None:
    now = datetime.now(UTC)
    soon = await api.http.get(job.ping_url, params={"at": (now + timedelta(minutes=4)).isoformat()})
    later = await api.http.get(job.ping_url, params={"at": (now + timedelta(minutes=10)).isoformat()})
    assert (soon.status_code, later.status_code) == (200, 400)
    assert "future" in later.text
    (check_in,) = await _check_ins(api, job)
    assert check_in.marks == [Mark.CLOCK]
    assert check_in.occurred_at <= check_in.received_at


async def _is_served(anybody: Client) -> bool:
    try:
        await anybody.sign_in(SignIn(email=f"{uuid4().hex}@example.org", password="x"))
    except Unavailable:
        return False
    except Unauthenticated:
        return True
    raise AssertionError


@asynccontextmanager
async def _stalling(site: Site, sent: bytes, count: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections on which `sent` is said, and nothing more."""
    found: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(count // 100):
            found += await asyncio.gather(*[_stalled(site, sent) for _ in range(100)])
        yield [reader for reader, _ in found]
    finally:
        for _, writer in found:
            writer.transport.abort()
        await asyncio.gather(*[writer.wait_closed() for _, writer in found], return_exceptions=True)


async def _answered(readers: list[asyncio.StreamReader], count: int) -> None:
    """Until so many of them have been told something."""
    told = asyncio.Semaphore(0)

    async def listen(reader: asyncio.StreamReader) -> None:
        if await reader.read(1):
            told.release()

    listening = [asyncio.ensure_future(listen(reader)) for reader in readers]
    try:
        for _ in range(count):
            await told.acquire()
    finally:
        for one in listening:
            one.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _stalled(site: Site, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    writer.write(sent)
    with suppress(ConnectionError):
        await writer.drain()
    return reader, writer


async def _begun(site: Site, job: Job, length: int) -> asyncio.StreamWriter:
    """A failure whose headers the server has taken: it asks for the body, of `length` bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    head = f"POST {_path(job)}/fail HTTP/1.1\r\nHost: [::1]\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    return writer


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes = b"x") -> bytes:
    """Sends a drop each second until the server hangs up; what it said."""
    reading = asyncio.ensure_future(_read_until_hung_up(reader))
    while not reading.done():
        if not writer.is_closing():
            writer.write(drop)
        await asyncio.wait([reading], timeout=1)
    writer.close()
    return reading.result()


async def _read_until_hung_up(reader: asyncio.StreamReader) -> bytes:
    """What was said before counts, where the server hangs up on what it has not read."""
    said = b""
    with suppress(ConnectionError):
        while some := await reader.read(65536):
            said += some
    return said


async def _unknown(site: Site, count: int) -> set[int]:
    """The statuses of `count` pings, each with a key or an id that nobody has, over 16 connections."""
    found = await asyncio.gather(*[_unknown_by_one(site, count // 16) for _ in range(16)])
    return set().union(*found)


async def _unknown_by_one(site: Site, count: int) -> set[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.served.port)
    statuses = set()
    for number in range(count):
        name = str(uuid4()) if number % 2 else f"{uuid4().hex[:22]}/job-{number}?create=1"
        writer.write(f"GET /ping/{name} HTTP/1.1\r\nHost: [::1]\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        statuses |= set(_statuses(head))
        await reader.readexactly(len(b"not found"))
    writer.close()
    return statuses


def _memory_from_now(site: Site) -> int:
    """The server's resident bytes; its peak is counted anew from here."""
    assert site.served.process is not None
    Path(f"/proc/{site.served.process.pid}/clear_refs").write_text("5")
    return _status(site, "VmRSS")


def _peak(site: Site) -> int:
    return _status(site, "VmHWM")


def _status(site: Site, name: str) -> int:
    assert site.served.process is not None
    text = Path(f"/proc/{site.served.process.pid}/status").read_text()
    kibibytes = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    assert kibibytes is not None
    return int(kibibytes[1]) * 1024
