"""Which server the client means: flag, environment, context."""

from pathlib import Path

import pytest

from crontopus.cli import settings
from crontopus.cli.proxy import Proxy, proxy_for
from crontopus.cli.settings import Context, Contexts
from crontopus.domain.errors import Invalid, NotFound

ONE, TWO = Context("https://one.example", "ctp_s_1"), Context("https://two.example:8443/base", "ctp_s_2")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("URL", "TOKEN", "TOKEN_FILE", "CONTEXT"):
        monkeypatch.delenv(f"CRONTOPUS_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def both() -> None:
    settings.save_contexts(Contexts().with_context("one", ONE).with_context("two.example:8443", TWO))


@pytest.mark.usefixtures("both")
def test_contexts_are_kept_privately_and_come_back(home: Path) -> None:
    assert settings.load_contexts() == Contexts("two.example:8443", {"one": ONE, "two.example:8443": TWO})
    assert settings.path() == home / "crontopus" / "config.toml"
    assert settings.path().stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.path().parent.iterdir()] == ["config.toml"]


def test_a_folder_that_cannot_be_written_is_told_in_words(home: Path) -> None:
    (home / "crontopus").write_text("no folder")
    with pytest.raises(Invalid, match=r"config\.toml cannot be written: .*; make its folder writable, or set XDG_"):
        settings.save_contexts(Contexts().with_context("one", ONE))


def test_odd_names_come_back() -> None:
    odd = Contexts('a "b" \\ ü.c', {'a "b" \\ ü.c': Context("https://x", "t\n😀")})
    settings.save_contexts(odd)
    assert settings.load_contexts() == odd


@pytest.mark.usefixtures("both")
def test_the_current_context_is_meant_without_another_word() -> None:
    assert settings.resolve() == TWO


@pytest.mark.usefixtures("both")
def test_a_named_context_is_meant_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONTOPUS_URL", "https://three.example")
    monkeypatch.setenv("CRONTOPUS_TOKEN", "ctp_s_3")
    assert settings.resolve(context="one") == ONE
    with pytest.raises(NotFound, match="no context 'four'"):
        settings.resolve(context="four")


@pytest.mark.usefixtures("both")
def test_the_environment_is_meant_before_the_current_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONTOPUS_CONTEXT", "one")
    assert settings.resolve() == ONE
    monkeypatch.setenv("CRONTOPUS_URL", "https://three.example/")
    monkeypatch.setenv("CRONTOPUS_TOKEN", "ctp_s_3")
    assert settings.resolve() == Context("https://three.example", "ctp_s_3")
    assert settings.resolve(url="https://three.example", token="ctp_s_4").token == "ctp_s_4"


def test_of_two_contexts_of_one_server_the_current_one_is_meant_by_its_address() -> None:
    ada, grace = Context("https://one.example", "ctp_u_ada"), Context("https://one.example/", "ctp_u_grace")
    known = Contexts().with_context("one", ada).with_context("one-2", grace)
    settings.save_contexts(known)
    assert settings.resolve(url="https://one.example").token == "ctp_u_grace"
    settings.save_contexts(Contexts("one", known.contexts))
    assert settings.resolve(url="https://one.example/").token == "ctp_u_ada"


@pytest.mark.usefixtures("both")
def test_a_token_goes_to_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.resolve(url="https://one.example/") == ONE
    assert settings.resolve(url="https://evil.example") == Context("https://evil.example", "")
    monkeypatch.setenv("CRONTOPUS_URL", "https://three.example")
    monkeypatch.setenv("CRONTOPUS_TOKEN", "ctp_s_3")
    assert settings.resolve(url="https://one.example") == ONE
    assert settings.resolve(url="https://evil.example").token == ""


def test_a_token_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / "token").write_text("ctp_s_5\n")
    monkeypatch.setenv("CRONTOPUS_URL", "https://x.example")
    monkeypatch.setenv("CRONTOPUS_TOKEN_FILE", str(home / "token"))
    assert settings.resolve().token == "ctp_s_5"
    monkeypatch.setenv("CRONTOPUS_TOKEN_FILE", str(home / "none"))
    with pytest.raises(Invalid, match="CRONTOPUS_TOKEN_FILE names cannot be read: No such file"):
        settings.resolve()


def test_where_nothing_is_known_it_says_what_to_do() -> None:
    with pytest.raises(Invalid, match="sign in with `crontopus login URL`"):
        settings.resolve()


@pytest.mark.parametrize("text", ["current = ", "contexts = 3", "[contexts.a]\ntoken = 'x'", "current = '\udcff'"])
def test_a_file_that_cannot_be_read_is_named(text: str) -> None:
    settings.path().parent.mkdir()
    settings.path().write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(Invalid, match=r"config\.toml cannot be read"):
        settings.resolve()


@pytest.mark.parametrize(
    ("scheme", "host", "environment", "proxy"),
    [
        ("http", "a.example", {}, None),
        ("http", "a.example", {"http_proxy": "http://p:1"}, Proxy("p", 1, {})),
        ("http", "a.example", {"HTTP_PROXY": "http://p:1"}, None),
        ("https", "a.example", {"HTTPS_PROXY": "p:1"}, Proxy("p", 1, {})),
        ("https", "a.example", {"ALL_PROXY": "http://p"}, Proxy("p", 3128, {})),
        ("https", "a.example", {"https_proxy": "http://p:1", "no_proxy": "b.example, .example"}, None),
        ("https", "a.example", {"https_proxy": "http://p:1", "NO_PROXY": "a.exam"}, Proxy("p", 1, {})),
        ("https", "a.example", {"https_proxy": "http://p:1", "no_proxy": "*"}, None),
        ("http", "h", {"http_proxy": "http://u%40:w@p:1"}, Proxy("p", 1, {"Proxy-Authorization": "Basic dUA6dw=="})),
    ],
)
def test_proxies_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, scheme: str, host: str, environment: dict[str, str], proxy: Proxy | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(scheme, host) == proxy


def test_a_proxy_of_another_kind_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://me:secret@p:1")
    with pytest.raises(OSError, match="socks5://p") as caught:
        proxy_for("https", "a.example")
    assert "secret" not in str(caught.value)
