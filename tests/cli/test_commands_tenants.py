"""`crontopus tenants` and `crontopus admin tenants`, as somebody who has signed in."""

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from crontopus.domain.ids import NOWHERE
from tests.cli.serving import Person
from tests.served import PASSWORD

Ada = Any
"""Calls a command as the person who owns the tenant and runs the installation."""


@pytest.fixture
def ada(server: Person, tmp_path: Path) -> Ada:
    own = {"CRONTOPUS_URL": None, "CRONTOPUS_TOKEN": None, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    login = ("login", server.url, "--email", "ada@example.org", "--password-stdin", "--name", "home")
    server.ok(*login, text=PASSWORD + "\n", **own)

    def call(*arguments: str) -> Result:
        return server.call(*arguments, **own)

    return call


def test_an_owner_exports_all_that_the_tenant_has(server: Person, ada: Ada, tmp_path: Path) -> None:
    server.ok("jobs", "create", "exported")
    into = tmp_path / "acme.zip"
    done = ada("tenants", "export", "--into", str(into))
    assert done.exit_code == 0, done.output
    assert "has all of it" in done.stdout
    assert stat.S_IMODE(into.stat().st_mode) == 0o600
    with zipfile.ZipFile(into) as archive:
        assert archive.testzip() is None
        jobs = [json.loads(line) for line in archive.read("jobs.ndjson").splitlines()]
        assert "exported" in {job["slug"] for job in jobs}
    again = ada("tenants", "export", "--into", str(into))
    assert (again.exit_code, "there already" in again.stderr) == (5, True)
    assert "ada@example.org" in ada("tenants", "exports").stdout
    assert list(tmp_path.glob(".*.part")) == []


def test_an_owner_deletes_their_tenant_and_has_it_back(server: Person, ada: Ada) -> None:
    assert ada("tenants", "delete").exit_code == 2, "nobody can be asked here"
    assert "is deleted" in ada("tenants", "delete", "--yes").stdout
    refused = server.call("jobs", "list")
    assert (refused.exit_code, "crontopus tenants restore" in refused.stderr) == (4, True)
    assert "deleted" in ada("tenants", "show").stdout
    assert "is active again" in ada("tenants", "restore").stdout
    assert server.call("jobs", "list").exit_code == 0


def test_an_operator_makes_suspends_and_deletes_tenants(ada: Ada) -> None:
    made = ada("admin", "tenants", "create", "Initech", "--owner", "bill@initech.test")
    assert "/invitation?code=" in made.stdout
    assert "nobody else" in made.stderr
    assert "Initech" in ada("admin", "tenants", "list").stdout
    assert "is suspended" in ada("admin", "tenants", "suspend", "Initech", "--why", "the bill of June").stdout
    assert "the bill of June" in ada("admin", "tenants", "show", "Initech").stdout
    assert "is active again" in ada("admin", "tenants", "resume", "Initech").stdout
    assert "Initrode now" in ada("admin", "tenants", "rename", "Initech", "Initrode").stdout
    assert ada("admin", "tenants", "show", "Initech").exit_code == 3
    assert "is deleted" in ada("admin", "tenants", "delete", "Initrode", "--yes").stdout
    assert ada("admin", "tenants", "delete", "Initrode", "--yes").exit_code == 5
    assert "is active again" in ada("admin", "tenants", "restore", "Initrode").stdout


def test_a_name_that_two_tenants_have_names_neither(ada: Ada) -> None:
    for _ in range(2):
        assert ada("admin", "tenants", "create", "Twin", "--owner", "bill@initech.test").exit_code == 0
    refused = ada("admin", "tenants", "delete", "Twin", "--yes")
    assert (refused.exit_code, "name it by its id" in refused.stderr) == (3, True)


def test_an_operator_looks_at_people_and_disables_them(ada: Ada) -> None:
    assert "superadmin" in ada("admin", "users", "list", "--q", "ada").stdout
    assert "belongs to" in ada("admin", "users", "show", "ADA@example.org").stdout
    last = ada("admin", "users", "edit", "ada@example.org", "--system-role", "none")
    assert (last.exit_code, "last superadmin" in last.stderr) == (5, True)
    assert ada("admin", "users", "disable", "ada@example.org", "--yes").exit_code == 5
    assert ada("admin", "users", "show", "nobody@example.org").exit_code == 3
    assert "may come in again" in ada("admin", "users", "enable", "ada@example.org").stdout


def test_what_was_done_anywhere_is_listed_exported_and_checked(ada: Ada) -> None:
    ada("admin", "tenants", "create", "Audited", "--owner", "bill@initech.test")
    listed = ada("admin", "audit", "list", "--action", "tenant.create").stdout
    assert "Audited" in listed
    assert "the installation" in listed
    lines = [json.loads(line) for line in ada("admin", "audit", "export").stdout.splitlines()]
    assert "position,at,actor," in ada("admin", "audit", "export", "-o", "csv").stdout.splitlines()[0]
    some = ada("admin", "audit", "export", "--tenant", lines[0]["tenant"] or str(NOWHERE)).stdout.splitlines()
    assert {json.loads(line)["tenant"] for line in some} == {lines[0]["tenant"]}
    assert "tenant.create" in {line["action"] for line in lines}
    checked = ada("admin", "audit", "verify")
    assert (checked.exit_code, "the installation" in checked.stdout) == (0, True)


def test_without_a_mail_server_the_command_says_what_to_set(ada: Ada) -> None:
    assert "smtp_url" in ada("admin", "mail", "show").output
    refused = ada("admin", "mail", "try", "ops@example.org")
    assert refused.exit_code != 0
    assert "smtp_url" in refused.output


def test_backups_of_itself_are_listed_and_asked_for(ada: Ada) -> None:
    assert ada("admin", "backups", "list").exit_code == 0
    refused = ada("admin", "backups", "run")
    assert (refused.exit_code, "backup_into" in refused.stderr) == (5, True)


def test_the_health_of_the_installation_is_told(ada: Ada) -> None:
    done = ada("admin", "health")
    assert done.exit_code == 0, done.stdout
    assert "versions" in done.stdout


def test_the_settings_of_a_server_that_runs_are_shown_without_secrets(ada: Ada) -> None:
    assert "public_url" in ada("admin", "config").stdout


def test_an_operator_makes_tiers_and_gives_them_and_everybody_sees_what_is_used(server: Person, ada: Ada) -> None:
    made = ada("admin", "tiers", "create", "Small", "--quota", "jobs=1000", "--quota", "tokens=500")
    assert "the tier Small is there" in made.stdout
    assert ada("admin", "tiers", "create", "Small").exit_code == 5
    wrong = ada("admin", "tiers", "create", "Other", "--quota", "bananas=3")
    assert (wrong.exit_code, "there is no quota 'bananas'" in wrong.stderr) == (2, True)
    changed = ada("admin", "tiers", "edit", "Small", "--quota", "tokens=none", "-o", "json")
    assert json.loads(changed.stdout)["quotas"]["tokens"] is None
    assert "1,000" in ada("admin", "tiers", "show", "Small").stdout
    name = json.loads(ada("tenants", "show", "-o", "json").stdout)["name"]
    assert "is in the tier Small now" in ada("admin", "tiers", "give", "Small", name).stdout
    assert "jobs=1000" in ada("admin", "tiers", "list").stdout
    shown = server.call("tenants", "usage")
    assert (shown.exit_code, "tier Small" in shown.stdout) == (0, True), shown.stderr
    ranked = ada("admin", "usage", "--sort", "storage")
    assert (ranked.exit_code, name in ranked.stdout) == (0, True), ranked.stderr
    assert ada("admin", "tiers", "delete", "Small", "--yes").exit_code == 5
    ada("admin", "tiers", "give", "Unlimited", name)
    assert "is gone" in ada("admin", "tiers", "delete", "Small", "--yes").stdout


def test_what_holds_where_a_namespace_says_nothing_is_changed_and_followed(ada: Ada) -> None:
    shown = ada("tenants", "defaults", "--timezone", "Europe/Berlin", "--default-grace", "15m")
    assert (shown.exit_code, "Europe/Berlin" in shown.stdout) == (0, True)
    assert "Europe/Berlin (the tenant's)" in ada("namespaces", "show", "default").stdout
    refused = ada("tenants", "defaults")
    assert (refused.exit_code, "say what to change" in refused.stderr) == (2, True)
