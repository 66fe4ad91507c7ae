"""The way out to the web: where it does not go, how long it waits, what it reads, and what it shows of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crontopus.notify import guarded
from crontopus.notify.addresses import may_reach
from crontopus.notify.contract import Unreachable
from crontopus.notify.guarded import EXCERPT, MOST_BYTES, Connections, Guarded, Trust
from tests.notify import notices
from tests.notify.fakes import HTML, Connection, Fake, Reply, Request, listening, read, say, served

LOOPBACK = [notices.LOOPBACK]
NAME = "alerts.test"


class Echo(Fake):
    """Says what it was sent."""

    def take(self, request: Request) -> Reply:
        return Reply(200, request.body)


def resolving(*addresses: str) -> guarded.Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with served(Echo()) as fake:
        yield fake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits a fraction of what it does."""
    monkeypatch.setattr(guarded, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(guarded, "WHOLE_SECONDS", 0.4)


async def refusal(http: Guarded, url: str) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await http.send("POST", url, content=b"{}")
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 # asked for, not listened on
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.1",
        "0",
        "2852039166",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fe80::a9fe:a9fe]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[100::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[::10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2002:c0a8:101::1]",
        "[2001:0:7f00:1:0:0:f7f7:f7f7]",
        "[2001:0:808:808::80ff:fffe]",
    ],
)
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
async def test_no_form_of_an_address_that_is_not_public_is_reached(host: str, proxy: str | None) -> None:
    error = await refusal(Guarded([], [], proxy), f"http://{host}:9/")
    assert error.refused
    assert "alert_networks" in str(error)


async def test_no_name_of_this_machine_is_reached() -> None:
    assert (await refusal(Guarded([], []), "http://localhost:9/")).refused


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_may_be_reached_in_every_form(address: str) -> None:
    assert may_reach(ip_address(address), [])


@pytest.mark.parametrize(
    ("address", "network", "may"),
    [
        ("192.168.1.7", "192.168.1.0/24", True),
        ("192.168.2.7", "192.168.1.0/24", False),
        ("::ffff:192.168.1.7", "192.168.1.0/24", True),
        ("64:ff9b::c0a8:107", "192.168.1.0/24", True),
        ("fd00::7", "fd00::/64", True),
        ("fd00:1::7", "fd00::/64", False),
        ("::1", "127.0.0.0/8", False),
    ],
)
def test_what_the_installation_allows_may_be_reached_and_nothing_beside_it(
    address: str, network: str, may: bool
) -> None:
    assert may_reach(ip_address(address), [ip_network(network)]) is may


async def test_an_allowed_network_is_reached(echo: Echo) -> None:
    http = Guarded(LOOPBACK, [])
    answer = await http.send("PUT", f"{echo.url}/a?b=c", headers={"X-Mine": "1"}, content=b"hello")
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.headers["content-length"] == "5"
    (request,) = echo.requests
    assert (request.method, request.path, request.query) == ("PUT", "/a", {"b": "c"})
    assert request.headers["x-mine"] == "1"
    assert request.headers["host"] == echo.url.removeprefix("http://")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:/secret",
        "http:///path",
        "//127.0.0.1/",
        "",
        "http://user@127.0.0.1/",
        "http://user:pass@127.0.0.1/",
        "http://evil.test\\@127.0.0.1/",
        "http://[::1/",
        "http://0177.0.0.1/",
        "http://1.2.3.4.5.6.7.8:70000/",
        "http://127.0.0.1:99999/",
    ],
)
async def test_an_address_that_is_none_or_holds_a_user_is_refused(url: str) -> None:
    assert (await refusal(Guarded(LOOPBACK, []), url)).refused


async def test_a_header_that_would_make_a_second_one_is_refused(echo: Echo) -> None:
    with pytest.raises(Unreachable) as caught:
        await Guarded(LOOPBACK, []).send("GET", echo.url, headers={"x": "a\r\nhost: evil"})
    assert caught.value.refused
    assert echo.requests == []


async def test_a_name_that_changes_after_it_was_judged_gains_nothing(echo: Echo) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    http = Guarded([ip_network("127.0.0.1/32")], [], resolve=rebinding)
    url = echo.url.replace("127.0.0.1", NAME)
    assert (await http.send("GET", url)).status == 200
    assert asked == [NAME]
    assert echo.requests[0].headers["host"] == url.removeprefix("http://")
    assert (await refusal(http, url)).refused


async def test_of_several_addresses_only_those_that_may_be_used_are(echo: Echo) -> None:
    http = Guarded([ip_network("127.0.0.1/32")], [], resolve=resolving("10.0.0.1", "127.0.0.1", "::1"))
    assert (await http.send("GET", echo.url.replace("127.0.0.1", NAME))).status == 200


async def test_where_one_address_takes_no_connection_the_next_is_tried(echo: Echo) -> None:
    http = Guarded(LOOPBACK, [], resolve=resolving("127.0.0.77", "127.0.0.1"))
    assert (await http.send("GET", echo.url.replace("127.0.0.1", NAME))).status == 200


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    error = await refusal(Guarded([], [], resolve=unknown), f"http://{NAME}/")
    assert not error.refused
    assert not error.arrived
    assert NAME in str(error)


async def test_a_redirect_is_an_answer_and_not_followed(echo: Echo) -> None:
    echo.replies.append(Reply(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"}))
    http = Guarded(LOOPBACK, [])
    assert (await http.send("GET", echo.url)).status == 302
    assert len(http.exchanges) == 1


@pytest.mark.usefixtures("impatient")
async def test_one_byte_at_a_time_is_waited_for_until_the_whole_takes_too_long() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with listening(trickle) as url:
        error = await refusal(Guarded(LOOPBACK, []), url)
    assert error.arrived
    assert "has not answered within" in str(error)


@pytest.mark.usefixtures("impatient")
async def test_who_takes_a_message_and_never_answers_may_have_got_it() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        await reader.read()

    async with listening(never) as url:
        error = await refusal(Guarded(LOOPBACK, []), url)
    assert error.arrived
    assert not error.refused


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_who_does_not_even_take_it_whole_has_not_got_it(scheme: str) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await gone.wait()

    gone = asyncio.Event()
    async with listening(deaf) as url:
        with pytest.raises(Unreachable) as caught:
            await Guarded(LOOPBACK, []).send("POST", url.replace("http", scheme), content=b"x" * 50_000_000)
        gone.set()
    assert not caught.value.arrived


@pytest.mark.usefixtures("impatient")
async def test_a_name_that_takes_too_long_to_resolve_is_not_waited_for() -> None:
    async def slow(host: str, port: int) -> Sequence[str]:
        await anyio.sleep_forever()
        raise AssertionError

    error = await refusal(Guarded([], [], resolve=slow), f"http://{NAME}/")
    assert str(error) == f"the name {NAME} cannot be resolved: no answer in time"
    assert not error.arrived


async def test_nobody_there_is_said_in_words() -> None:
    async with listening(_ignore) as url:
        pass
    error = await refusal(Guarded(LOOPBACK, []), url)
    assert str(error) == "127.0.0.1 cannot be reached: connection refused"
    assert not error.arrived


async def _ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up at once."""


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\n", b"\x00\x01\x02\r\n\r\n"],
)
async def test_an_answer_that_ends_half_way_leaves_open_whether_it_arrived(said: bytes) -> None:
    async def stops(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(said)
        await writer.drain()

    async with listening(stops) as url:
        error = await refusal(Guarded(LOOPBACK, []), url)
    assert error.arrived
    assert "has taken the message but not answered" in str(error)


async def test_what_is_no_http_is_not_repeated() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read(reader)
        assert request is not None
        writer.write(request.body + b"\r\n\r\n")

    async with listening(babble) as url:
        with pytest.raises(Unreachable) as caught:
            await Guarded(LOOPBACK, []).send("POST", url, content=b"a secret that comes back")
    assert str(caught.value).endswith("its answer breaks off, or is not HTTP")


async def test_who_does_not_speak_tls_is_said_not_to(echo: Echo) -> None:
    error = await refusal(Guarded(LOOPBACK, []), echo.url.replace("http", "https"))
    assert not error.arrived
    assert str(error).startswith("127.0.0.1 cannot be reached: ")


async def test_a_header_of_ours_can_be_replaced_in_whatever_case(echo: Echo) -> None:
    await Guarded(LOOPBACK, []).send("GET", echo.url, headers={"User-Agent": "mine"})
    assert echo.requests[0].headers["user-agent"] == "mine"


async def test_headers_without_end_are_no_answer() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    async with listening(endless) as url:
        assert (await refusal(Guarded(LOOPBACK, []), url)).arrived


async def test_more_than_is_of_use_is_neither_read_nor_waited_for() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:  # whoever reads on never comes to an end
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with listening(endless) as url:
        http = Guarded(LOOPBACK, [])
        answer = await http.send("GET", url)
    assert (answer.status, answer.text) == (200, "x" * MOST_BYTES)
    assert len(http.exchanges[0].response) == EXCERPT


async def test_an_answer_is_read_as_it_is_and_never_unpacked() -> None:
    async with served(Echo()) as echo:
        echo.replies.append(Reply(200, b"\x1f\x8b\xff", {"Content-Encoding": "gzip"}))
        answer = await Guarded(LOOPBACK, []).send("GET", echo.url)
    assert answer.text == "\x1f\ufffd\ufffd"
    assert echo.requests[0].headers["accept-encoding"] == "identity"


async def test_html_is_an_answer_like_any_other(echo: Echo) -> None:
    echo.replies.append(HTML)
    answer = await Guarded(LOOPBACK, []).send("GET", echo.url)
    assert answer.is_success
    assert answer.text.startswith("<!doctype html>")


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Of a server called `name`, and where it is believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made - timedelta(days=1))
        .not_valid_after(made + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, private)
    return context, chain


@pytest.mark.parametrize(
    ("named", "believed", "may"), [(NAME, True, True), ("other.test", True, False), (NAME, False, False)]
)
async def test_a_certificate_must_be_of_the_name_although_an_address_is_connected_to(
    named: str, believed: bool, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[Request | None] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await read(reader))
        await say(writer, Reply(204))

    context, chain = certificate(named, tmp_path)
    asked_for: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked_for.append(name)
    if believed:
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    async with listening(speak, ssl=context) as url:
        http = Guarded(LOOPBACK, [], resolve=resolving("127.0.0.1"))
        there = url.replace("http://127.0.0.1", f"https://{NAME}")
        if may:
            assert (await http.send("POST", there, content=b"{}")).status == 204
        else:
            error = await refusal(http, there)
            assert "its certificate is not valid" in str(error)
            assert not error.arrived
    assert asked_for[0] == NAME
    assert len([request for request in came if request]) == may


def keeping(connections: list[list[str]]) -> Connection:
    """Keeps each connection for what follows; the hosts that were asked for on each."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: list[str] = []
        connections.append(asked)
        while request := await read(reader):
            asked.append(request.headers["host"].partition(":")[0])
            await say(writer, Reply(204, headers={"Connection": "keep-alive"}))

    return speak


async def test_tries_that_follow_each_other_share_a_connection_of_their_host_alone() -> None:
    connections: list[list[str]] = []
    async with listening(keeping(connections)) as url, Connections(None, Trust()) as kept:
        for name in (NAME, NAME, "other.test", NAME):
            http = Guarded(LOOPBACK, [], resolve=resolving("127.0.0.1"), kept=kept)
            assert (await http.send("POST", url.replace("127.0.0.1", name), content=b"{}")).status == 204
    assert connections == [[NAME, NAME, NAME], ["other.test"]]


async def test_a_connection_that_is_kept_is_used_for_an_address_alone_that_is_judged_anew() -> None:
    connections: list[list[str]] = []
    async with listening(keeping(connections)) as url, Connections(None, Trust()) as kept:
        there = url.replace("127.0.0.1", NAME)
        public = Guarded(LOOPBACK, [], resolve=resolving("127.0.0.1"), kept=kept)
        assert (await public.send("POST", there)).status == 204
        private = Guarded(LOOPBACK, [], resolve=resolving("10.0.0.1"), kept=kept)
        assert (await refusal(private, there)).refused
    assert connections == [[NAME]]


async def test_a_certificate_is_asked_of_each_name_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, chain = certificate(NAME, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    connections: list[list[str]] = []
    async with listening(keeping(connections), ssl=context) as url, Connections(None, Trust()) as kept:
        http = Guarded(LOOPBACK, [], resolve=resolving("127.0.0.1"), kept=kept)
        there = url.replace("http:", "https:")
        for _ in range(2):
            assert (await http.send("POST", there.replace("127.0.0.1", NAME))).status == 204
        error = await refusal(http, there.replace("127.0.0.1", "other.test"))
    assert "its certificate is not valid" in str(error)
    assert connections[0] == [NAME, NAME]


async def test_by_a_proxy_a_name_stays_a_name(echo: Echo) -> None:
    http = Guarded([], [], proxy=echo.url)
    assert (await http.send("POST", f"http://{NAME}/hook", content=b"hello")).text == "hello"
    assert echo.requests[0].path == "/hook"
    assert echo.requests[0].headers["host"] == NAME


def tunnel(status: int, asked: list[str]) -> Connection:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0])
        writer.write(f"HTTP/1.1 {status} Said by the proxy\r\n\r\n".encode())
        await writer.drain()

    return speak


@pytest.mark.parametrize("status", [200, 403, 407])
async def test_a_proxy_that_leads_nowhere_has_not_delivered_anything(status: int) -> None:
    asked: list[str] = []
    async with listening(tunnel(status, asked)) as url:
        error = await refusal(Guarded([], ["secret"], proxy=url.replace("//", "//me:secret@")), f"https://{NAME}/hook")
    assert asked == [f"CONNECT {NAME}:443 HTTP/1.1"]
    assert str(error).startswith(f"{NAME} cannot be reached by the proxy of this installation: ")
    assert not error.arrived
    assert not error.refused
    assert "secret" not in str(error)


async def test_what_opens_something_is_seen_in_no_exchange(echo: Echo) -> None:
    secrets = ["s3cret/with+signs", "https://hooks.example.org/services/T0000/B0000/XXXXXXXXXXXXXXXX", 'quo"ted']
    http = Guarded(LOOPBACK, secrets)
    content = (
        b"s3cret/with+signs S3CRET%2Fwith%2Bsigns s3cret/with%2Bsigns services/T0000/B0000/XXXXXXXXXXXXXXXX "
        b'https://hooks.example.org/services/T0000/B0000/XXXXXXXXXXXXXXXX XXXXXXXXXXXXXXXX {"a":"quo\\"ted"}'
    )
    await http.send("POST", f"{echo.url}/services/T0000/B0000/XXXXXXXXXXXXXXXX?token=abc&b=", content=content)
    (exchange,) = http.exchanges
    assert exchange.url == f"{echo.url}/…?token=…&b=…"
    assert exchange.request == exchange.response == '… … … … … … {"a":"…"}'
    assert (exchange.method, exchange.status) == ("POST", 200)
    assert 0 <= exchange.seconds < 10


async def test_credentials_that_come_back_are_seen_in_no_exchange(echo: Echo) -> None:
    http = Guarded(LOOPBACK, ["password"])
    content = b"you sent: Basic bWU6cGFzc3dvcmQ="
    await http.send("POST", echo.url, headers={"Authorization": "Basic bWU6cGFzc3dvcmQ="}, content=content)
    assert http.exchanges[0].response == "you sent: Basic …"


async def test_an_excerpt_is_brief_and_does_not_end_within_a_secret(echo: Echo) -> None:
    secret = ("0123456789abcdef" * 4)[1:]
    http = Guarded(LOOPBACK, [secret])
    await http.send("POST", echo.url, content=secret.encode() * 2000)
    (exchange,) = http.exchanges
    assert set(exchange.response) == {"…"}
    await http.send("POST", echo.url, content="é".encode() * 5000)
    assert http.exchanges[1].request == "é" * (EXCERPT - 1) + "…"


async def test_a_request_without_an_answer_is_recorded_too() -> None:
    http = Guarded([], ["secret"])
    await refusal(http, "http://127.0.0.1/secret?a=secret")
    await refusal(http, "http://[::1/secret")
    assert [(each.url, each.status, each.response) for each in http.exchanges] == [
        ("http://127.0.0.1/…?a=…", None, ""),
        ("…", None, ""),
    ]
