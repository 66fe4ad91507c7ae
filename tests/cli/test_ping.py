"""`crontopus ping`: one check-in, whatever becomes of it."""

import datetime
import ipaddress
import ssl
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crontopus.wire.runs import CheckIn
from tests.cli.launch import Launcher
from tests.cli.recorder import ACCEPTED, KEY, NOT_FOUND, Answer, Recorder, recording

RUN = str(UUID(int=5))
SECRET = "hunter2222"


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        ([], "success", None),
        (["--success"], "success", None),
        (["--start"], "start", None),
        (["--fail"], "fail", None),
        (["--log"], "log", None),
        (["--skipped"], "skipped", None),
        (["--exit", "0"], "exit", 0),
        (["--exit=7"], "exit", 7),
    ],
)
def test_each_word_is_one_check_in(
    crontopus: Launcher, recorder: Recorder, words: list[str], kind: str, code: int | None
) -> None:
    done = crontopus("ping", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (request,) = recorder.requests
    said = msgspec.json.decode(request.body, type=CheckIn)
    assert (said.kind, said.exit_code, said.run_id) == (kind, code, None)


def test_a_run_is_named_by_its_id(crontopus: Launcher, recorder: Recorder) -> None:
    crontopus("ping", "--start", "--rid", RUN.upper())
    assert recorder.check_ins[0]["run_id"] == RUN
    assert recorder.requests[0].path == f"/ping/{KEY}/backup/start?rid={RUN}"


def test_message_metrics_and_place_go_with_it(crontopus: Launcher, recorder: Recorder) -> None:
    crontopus("ping", "-m", f"copied; password={SECRET}", "--metric", "rows=3", "--env", "prod")
    said = recorder.check_ins[0]
    assert said["output"]["head"] == "copied; password=[redacted]"
    assert (said["metrics"], said["env"]) == ({"rows": 3.0}, "prod")


def test_the_message_can_be_standard_input_of_any_length(crontopus: Launcher, recorder: Recorder) -> None:
    given = b"".join(b"line %d\n" % number for number in range(100_000))
    crontopus.fed(given, "ping", "--fail", "-m", "-")
    output = recorder.check_ins[0]["output"]
    assert output["head"].startswith("line 0\n")
    assert output["tail"].endswith("line 99999\n")
    assert len(output["head"]) + len(output["tail"]) + output["dropped_bytes"] == len(given)


def test_a_job_is_pinged_by_token(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = ACCEPTED
    by_token = {"CRONTOPUS_URL": recorder.base, "CRONTOPUS_TOKEN": "ctp_c_x"}
    assert crontopus("ping", "--job", "prod/nightly", **by_token).returncode == 0
    assert recorder.requests[0].path == "/api/v1/check-ins"
    assert recorder.check_ins[0]["job"] == "prod/nightly"


def test_the_run_around_it_is_meant_only_where_the_job_is_the_same(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = ACCEPTED
    inside = {
        "CRONTOPUS_URL": recorder.base,
        "CRONTOPUS_TOKEN": "ctp_c_x",
        "CRONTOPUS_JOB": "prod/nightly",
        "CRONTOPUS_RUN_ID": RUN,
    }
    crontopus("ping", "--log", **inside)
    crontopus("ping", "--log", "--job", "prod/nightly", **inside)
    crontopus("ping", "--log", "--job", "prod/other", **inside)
    assert [said.get("run_id") for said in recorder.check_ins] == [RUN, RUN, None]


def test_a_job_of_the_environment_is_named_as_on_the_command_line(crontopus: Launcher, recorder: Recorder) -> None:
    recorder.usual = ACCEPTED
    short = {"CRONTOPUS_URL": recorder.base, "CRONTOPUS_TOKEN": "ctp_c_x", "CRONTOPUS_JOB": "nightly"}
    crontopus("ping", "--log", "--job", "nightly", **short, CRONTOPUS_RUN_ID=RUN)
    crontopus("run", "-c", "echo $CRONTOPUS_JOB", **short)
    assert recorder.check_ins[0].get("run_id") == RUN
    assert {said["job"] for said in recorder.check_ins} == {"default/nightly"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NOT_FOUND, 3),
        (Answer(400, b"invalid url format"), 1),
        (Answer(403, b"job quota reached"), 4),
    ],
)
def test_a_refusal_has_an_exit_code(crontopus: Launcher, recorder: Recorder, answer: Answer, code: int) -> None:
    recorder.usual = answer
    done = crontopus("ping")
    assert done.returncode == code
    assert b"the server refused the report: " + answer.body in done.stderr
    assert crontopus.waiting() == []


def test_a_server_that_is_away_gets_it_later(tmp_path: Path) -> None:
    with recording() as server:
        crontopus = Launcher(tmp_path, server.url)
    done = crontopus("ping", "--exit", "3")
    assert done.returncode == 0
    assert b"the report waits here" in done.stderr
    assert KEY.encode() not in done.stderr
    assert len(crontopus.waiting()) == 1
    assert crontopus("ping", "--no-spool").returncode == 69
    with recording(server.port) as back:
        crontopus("ping")
        assert [said["kind"] for said in back.check_ins] == ["success", "exit"]
    assert crontopus.waiting() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strat"], b"did you mean --start?"),
        (["--start", "--fail"], b"choose one of"),
        (["--fail", "--exit", "1"], b"choose one of"),
        (["--exit", "256"], b"from 0 to 255"),
        (["--exit", "-1"], b"from 0 to 255"),
        (["--rid", "5"], b"is not a UUID"),
        (["nightly"], b"'nightly' is not understood"),
        (["--job", "a/b", "--url", "http://h/ping/k"], b"not both"),
    ],
)
def test_wrong_usage_sends_nothing(crontopus: Launcher, recorder: Recorder, words: list[str], said: bytes) -> None:
    done = crontopus("ping", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert recorder.requests == []


def test_without_a_destination_it_says_what_to_do(crontopus: Launcher) -> None:
    done = crontopus("ping", CRONTOPUS_PING_URL="")
    assert done.returncode == 2
    assert b"give --job or --url" in done.stderr


def test_help_tells_the_exit_codes(crontopus: Launcher) -> None:
    assert b"69 neither delivered nor kept" in crontopus("ping", "--help").stdout


def test_a_url_can_stand_in_a_file(crontopus: Launcher, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{recorder.url}\n")
    assert crontopus("ping", CRONTOPUS_PING_URL="", CRONTOPUS_PING_URL_FILE=str(tmp_path / "url")).returncode == 0
    assert len(recorder.requests) == 1


def test_https_is_trusted_by_the_systems_authorities_only(tmp_path: Path) -> None:
    authority, trust = _self_signed(tmp_path)
    with recording(trust=trust) as server:
        crontopus = Launcher(tmp_path, server.url)
        known = crontopus("ping", SSL_CERT_FILE=str(authority))
        assert (known.returncode, len(server.requests)) == (0, 1)
        unknown = crontopus("ping", "--no-spool")
        assert unknown.returncode == 69
        assert b"self-signed certificate" in unknown.stderr
        assert len(server.requests) == 1


def _self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(pem))
    (folder / "authority.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return folder / "authority.pem", context
