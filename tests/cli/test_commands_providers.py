"""Sign-in providers at the command line: kept, asked and shown there, against one that answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.serving import Person, serving
from tests.providers import CLIENT_ID, SECRET, Hostile, hostile
from tests.served import PASSWORD


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """One that may ask this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRONTOPUS_PROVIDER_HOSTS", "127.0.0.1")
        with serving(tmp_path_factory.mktemp("with-providers")) as server:
            yield server


@pytest.fixture
def by() -> Iterator[Hostile]:
    with hostile(lambda: datetime.now(UTC)) as provider:
        yield provider


@pytest.fixture
def owner(server: Person, tmp_path: Path) -> dict[str, str | None]:
    """Has shown just now who they are."""
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)
    return own


def test_a_provider_from_the_first_day_to_the_last(
    server: Person, owner: dict[str, str | None], by: Hostile, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    known = ("--issuer", by.issuer, "--client-id", CLIENT_ID, "--domain", "example.org")
    assert "--secret-file" in server.call("providers", "add", "Example", *known, **owner).stderr
    group = ("--group", "ops=editor:default")
    made = server.ok("providers", "add", "Example", *known, *group, "--secret-file", str(secret), **owner)
    assert "/sign-in/callback" in made
    assert SECRET not in made
    assert "ops=editor:default" in server.ok("providers", "show", "Example", **owner)
    assert "it answers as it should" in server.ok("providers", "check", "Example", **owner)
    server.ok("providers", "edit", "Example", "--default-role", "viewer", "--disabled", **owner)
    assert "off" in server.ok("providers", "list", **owner)
    assert server.call("providers", "edit", "Example", "--group", "ops=editor:nowhere", **owner).exit_code == 3
    assert server.call("providers", "remove", "Example", **owner).exit_code == 2, "nobody is asked here"
    assert "is removed" in server.ok("providers", "remove", "Example", "--yes", **owner)
    assert server.call("providers", "show", "Example", **owner).exit_code == 3


def test_whoever_checks_a_provider_that_is_away_is_told_so_by_the_exit_code(
    server: Person, owner: dict[str, str | None], by: Hostile
) -> None:
    known = ("--issuer", by.issuer, "--client-id", CLIENT_ID, "--domain", "example.org")
    server.ok("providers", "add", "Away", *known, "--secret-file", "-", text=SECRET, **owner)
    by.statuses["/.well-known/openid-configuration"] = 503
    by.bodies["/.well-known/openid-configuration"] = b""
    checked = server.call("providers", "check", "Away", **owner)
    assert checked.exit_code == 1
    assert "nobody comes in by Away now" in checked.stderr
    assert "keys" in checked.stdout
    server.ok("providers", "remove", "Away", "--yes", **owner)
