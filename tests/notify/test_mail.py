"""Letters over SMTP: on which ways they go, which they do not take, and what becomes of them."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crontopus.config import Config, load
from crontopus.domain import letters
from crontopus.domain.errors import Invalid
from crontopus.domain.mail_server import MailServer, Security, mail_server
from crontopus.notify import mail
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from crontopus.storage.identity import new_id
from tests import smtp

NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
SENDER = "Crontopus <crontopus@example.org>"
LETTER = letters.trial("ada@example.com", NOW)
LOGIN = "crontopus:p%40ss%20word@"


def server(url: str) -> MailServer:
    found = mail_server(url, SENDER, "cron.example.org")
    assert found is not None
    return found


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server that this machine trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    made = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made - timedelta(days=1))
        .not_valid_after(made + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, private)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    return context


async def test_a_letter_goes_by_tls_from_the_first_byte_with_the_password(tls: ssl.SSLContext) -> None:
    async with smtp.mail_server(tls, wrapped=True) as box:
        assert isinstance(await mail.send(server(f"smtps://127.0.0.1:{box.port}"), LETTER, new_id(NOW), NOW), Delivered)
        assert box.encrypted == [True]


async def test_a_letter_goes_by_starttls_and_logs_in(tls: ssl.SSLContext) -> None:
    async with smtp.mail_server(tls, login=True) as box:
        there = server(f"smtp://{LOGIN}127.0.0.1:{box.port}")
        assert isinstance(await mail.send(there, LETTER, new_id(NOW), NOW), Delivered)
        assert box.encrypted == [True]


async def test_a_wrong_password_is_no_end_since_it_can_be_mended(tls: ssl.SSLContext) -> None:
    async with smtp.mail_server(tls, login=True) as box:
        there = server(f"smtp://crontopus:wrong@127.0.0.1:{box.port}")
        outcome = await mail.send(there, LETTER, new_id(NOW), NOW)
    assert isinstance(outcome, TryAgain)
    assert "535" in outcome.why
    assert "wrong" not in outcome.why


async def test_a_server_whose_certificate_is_somebody_elses_gets_nothing(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with smtp.mail_server(tls, wrapped=True) as box:
        outcome = await mail.send(server(f"smtps://127.0.0.1:{box.port}"), LETTER, new_id(NOW), NOW)
        assert box.taken == []
    assert isinstance(outcome, TryAgain)
    assert "certificate" in outcome.why.lower()


async def test_a_server_that_cannot_encrypt_gets_nothing_where_that_is_asked_for() -> None:
    async with smtp.mail_server() as box:
        there = MailServer(
            host="127.0.0.1",
            port=box.port,
            security=Security.STARTTLS,
            user="",
            password="",
            sender=SENDER,
            us="cron.example.org",
        )
        assert isinstance(await mail.send(there, LETTER, new_id(NOW), NOW), TryAgain)
        assert box.taken == []


async def test_a_server_on_this_machine_may_do_without_encryption() -> None:
    async with smtp.mail_server() as box:
        assert isinstance(await mail.send(server(f"smtp://127.0.0.1:{box.port}"), LETTER, new_id(NOW), NOW), Delivered)


@pytest.mark.parametrize(("said", "ends"), [("554 5.7.1 never", GiveUp), ("452 4.3.1 no room", TryAgain)])
async def test_what_is_refused_for_good_ends_and_what_is_refused_for_now_is_tried_again(
    said: str, ends: type[GiveUp | TryAgain]
) -> None:
    async with smtp.mail_server() as box:
        box.refuses = said
        outcome = await mail.send(server(f"smtp+plain://127.0.0.1:{box.port}"), LETTER, new_id(NOW), NOW)
    assert type(outcome) is ends
    assert said in outcome.why


async def test_names_with_line_ends_make_no_second_header() -> None:
    evil = letters.invitation(
        "ada@example.com", "acme\r\nBcc: all@example.com\u202e", "x\ny", "viewer", "http://link", NOW
    )
    async with smtp.mail_server() as box:
        assert isinstance(
            await mail.send(server(f"smtp+plain://127.0.0.1:{box.port}"), evil, new_id(NOW), NOW), Delivered
        )
        assert box.taken[0]["Bcc"] is None
        assert box.taken[0]["Subject"] == "Invitation to acme Bcc: all@example.com on Crontopus"


@pytest.mark.parametrize(
    ("tenant", "shown"),
    [
        ("Acme", "Acme (Crontopus)"),
        ('Acme, "Ltd" <evil@example.org>', 'Acme, "Ltd" <evil@example.org> (Crontopus)'),
        ("Größe\r\nBcc: evil@example.org", "Größe␍ Bcc: evil@example.org (Crontopus)"),
    ],
)
def test_a_letter_of_an_organisation_names_it_and_comes_from_our_address(tenant: str, shown: str) -> None:
    message = mail.written(server("smtp+plain://127.0.0.1:25"), "ada@example.com", "x", new_id(NOW), NOW, tenant=tenant)
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (shown, "crontopus@example.org")
    assert message["Bcc"] is None
    assert b"\nBcc" not in message.as_bytes()


async def test_the_same_letter_sent_twice_can_be_told_by_its_id() -> None:
    async with smtp.mail_server() as box:
        there, id = server(f"smtp+plain://127.0.0.1:{box.port}"), new_id(NOW)
        await mail.send(there, LETTER, id, NOW)
        await mail.send(there, LETTER, id, NOW)
    assert {letter["Message-ID"] for letter in box.taken} == {f"<{id}@example.org>"}


@pytest.mark.parametrize(
    ("url", "sender", "why"),
    [
        ("mail.example.org", SENDER, "must look like smtps://"),
        ("http://mail.example.org", SENDER, "must look like smtps://"),
        ("smtp://mail.example.org:mail", SENDER, "must look like smtps://"),
        ("smtp://mail.example.org/box", SENDER, "must look like smtps://"),
        ("smtp+plain://me:secret@mail.example.org", SENDER, "in the clear"),
        ("smtps://mail.example.org", "", "mail_from"),
        ("smtps://mail.example.org", "Crontopus", "mail_from"),
        ("smtps://mail.example.org", "a@b.example\nBcc: c@d.example", "mail_from"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start_without_its_password(
    url: str, sender: str, why: str
) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        load({"smtp_url": url, "mail_from": sender}, environment={})
    assert "secret" not in str(caught.value)


def test_each_kind_of_address_has_its_usual_port() -> None:
    assert [server(f"{kind}://mail.example.org").port for kind in ("smtps", "smtp", "smtp+plain")] == [465, 587, 25]
    assert server("smtps://[::1]:2465").host == "::1"
    assert Config().mail_server is None


def test_pauses_grow_up_to_eight_hours() -> None:
    pauses = [letters.pause(tries, 1) for tries in range(1, 13)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=10), timedelta(hours=8))
    assert letters.pause(3, 0) == timedelta(0)
