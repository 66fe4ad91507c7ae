"""`crontopus members`, `tenants` and `audit`."""

import json

from tests.cli.serving import Person


def test_members_are_invited_listed_and_taken_back(server: Person) -> None:
    made = server.call("members", "invite", "Grace@Example.com", "--role", "editor", "--namespace", "default")
    link = made.stdout.strip()
    assert "/invitation?code=" in link
    assert "to nobody else" in made.stderr
    listed = server.call("members", "invitations").stdout
    assert "grace@example.com" in listed
    assert "editor" in listed
    assert "default" in listed
    assert link.rpartition("=")[2] not in listed
    assert server.call("members", "uninvite", "grace@example.com").exit_code == 0
    gone = server.call("members", "uninvite", "grace@example.com")
    assert gone.exit_code == 3
    assert "nobody of the address" in gone.stderr


def test_a_member_is_shown_by_address_and_by_id(server: Person) -> None:
    (member,) = json.loads(server.call("members", "list", "-o", "json").stdout)
    assert member["role"] == "owner"
    for name in (member["email"], member["id"]):
        assert member["email"] in server.call("members", "show", name).stdout
    assert server.call("members", "show", "nobody@example.com").exit_code == 3


def test_what_is_to_change_must_be_said(server: Person) -> None:
    assert server.call("members", "edit", "x").exit_code == 2
    assert server.call("members", "edit", "x", "--everywhere", "--namespace", "default").exit_code == 2


def test_a_token_removes_no_owner(server: Person) -> None:
    (member,) = json.loads(server.call("members", "list", "-o", "json").stdout)
    refused = server.call("members", "remove", member["email"], "--yes")
    assert refused.exit_code == 4
    assert "only an owner" in refused.stderr


def test_the_tenant_is_listed_and_renamed(server: Person) -> None:
    (tenant,) = json.loads(server.call("tenants", "list", "-o", "json").stdout)
    assert tenant["current"]
    assert "Acme Ltd." in server.call("tenants", "rename", "Acme Ltd.").stdout
    assert "Acme Ltd." in server.call("tenants", "list").stdout
    assert server.call("tenants", "rename", tenant["name"]).exit_code == 0


def test_the_audit_log_is_listed_exported_and_checked(server: Person) -> None:
    assert server.call("jobs", "create", "audited").exit_code == 0
    listed = server.call("audit", "list", "--action", "job.create", "--limit", "1")
    assert "job.create" in listed.stdout
    assert "default/audited" in listed.stdout
    tokens = server.ok("audit", "list", "--action", "token.create", "--limit", "1")
    assert '["' in tokens
    assert "['" not in tokens
    exported = [json.loads(line) for line in server.call("audit", "export").stdout.splitlines()]
    assert exported[0]["target"] == "default/audited"
    assert [entry["position"] for entry in exported] == list(range(len(exported), 0, -1))
    for csv in (("--format", "csv"), ("-o", "csv")):
        assert server.call("audit", "export", *csv).stdout.startswith("position,at,actor,")
    assert server.call("audit", "export", "-o", "csv", "--format", "ndjson").stdout.startswith("{")
    some = server.call("audit", "export", "--action", "job.create", "--since", exported[-1]["at"]).stdout.splitlines()
    assert {json.loads(line)["action"] for line in some} == {"job.create"}
    assert server.call("audit", "export", "--since", "2999-01-01").stdout == ""
    assert f"{len(exported)} entries" in server.call("audit", "verify").stdout


def test_a_token_is_limited_to_a_network_and_replaced(server: Person) -> None:
    made = server.json("tokens", "create", "host", "--address", "127.0.0.0/8", "--address", "::1")
    assert made["addresses"] == ["127.0.0.0/8", "::1/128"]
    replaced = server.call("tokens", "rotate", made["id"], "--overlap", "1h")
    assert "not shown again" in replaced.stderr
    assert replaced.stdout.strip().startswith("ctp_s_")
    wrong = server.call("tokens", "create", "host", "--address", "here")
    assert wrong.exit_code == 1
    assert "neither an address nor a network" in wrong.stderr
    assert server.ok("tokens", "mine") is not None


def test_a_tenant_that_one_comes_to_with_a_program_is_neither_exported_nor_deleted(server: Person) -> None:
    assert "active" in server.call("tenants", "show").stdout
    for refused in (["delete", "--yes"], ["restore"], ["exports"], ["export", "--into", "acme.zip"]):
        done = server.call("tenants", *refused)
        assert done.exit_code == 4, refused
        assert "only an owner" in done.stderr
