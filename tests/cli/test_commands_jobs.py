"""`crontopus jobs` against a real server."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.serving import Person, in_process

FULL = (
    *("--name", "Nightly backup", "--description", "pg_dump of prod", "--tag", "db", "--tag", "nightly"),
    *("--label", "team=data", "--label", "tier=1", "--cron", "0 2 * * *", "--tz", "Europe/Berlin", "--grace", "15m"),
    *("--clock", "systemd", "--max-runtime", "2h", "--min-runtime", "5s", "--fail-after", "2", "--miss-after", "3"),
    *("--recover-after", "4", "--overlap", "forbid", "--first-by", "2030-01-01T00:00:00Z", "--method", "POST"),
    *("--start-kw", "begin", "--success-kw", "done", "--failure-kw", "oops", "--manual-resume"),
    *("--severity", "critical", "--owner", "ada", "--runbook", "https://wiki.example.com/backup"),
)


@pytest.fixture
def backup(server: Person, namespace: str) -> str:
    """A job with every field set."""
    _, name, *rest = FULL
    server.ok("jobs", "create", name, "-n", namespace, "--slug", "backup", *rest)
    return f"{namespace}/backup"


@pytest.fixture
def three(server: Person, namespace: str) -> list[str]:
    for slug in ("a", "b", "c"):
        server.ok("jobs", "create", slug, "-n", namespace, "--every", "1h", "--tag", slug)
    return [f"{namespace}/{slug}" for slug in "abc"]


def test_a_job_needs_a_name_and_nothing_else(server: Person, namespace: str) -> None:
    made = server.json("jobs", "create", "Send the invoices", "-n", namespace)
    assert (made["slug"], made["status"], made["schedule"]) == ("send-the-invoices", "new", None)


def test_every_field_is_an_option(server: Person, backup: str) -> None:
    job = server.json("jobs", "show", backup)
    expected = {
        "name": "Nightly backup",
        "description": "pg_dump of prod",
        "tags": ["db", "nightly"],
        "labels": {"team": "data", "tier": "1"},
        "schedule": {"cron": "0 2 * * *"},
        "timezone": "Europe/Berlin",
        "grace": 900,
        "clock": "systemd",
        "max_runtime": 7200,
        "min_runtime": 5,
        "fail_after": 2,
        "miss_after": 3,
        "recover_after": 4,
        "overlap": "forbid",
        "methods": ["POST"],
        "start_kw": "begin",
        "success_kw": "done",
        "failure_kw": "oops",
        "manual_resume": True,
        "severity": "critical",
        "owner": "ada",
        "runbook": "https://wiki.example.com/backup",
    }
    assert {field: job[field] for field in expected} == expected
    assert job["first_by"] == "2030-01-01T00:00:00.000Z"


def test_several_schedules_are_united(server: Person, namespace: str) -> None:
    job = server.json("jobs", "create", "j", "-n", namespace, "--cron", "0 2 * * *", "--on-calendar", "Sun 12:00")
    assert job["schedule"] == [{"cron": "0 2 * * *"}, {"on_calendar": "Sun 12:00"}]


def test_a_job_is_shown_to_people_with_its_ping_url(server: Person, backup: str) -> None:
    shown = server.ok("jobs", "show", backup)
    assert shown.split()[:2] == ["job", backup]
    assert f"{server.url}/ping/" in shown


def test_jobs_are_listed_as_table_json_yaml_and_csv(server: Person, namespace: str, three: list[str]) -> None:
    def listed(form: str) -> str:
        return server.ok("jobs", "list", "-q", f"ns:{namespace}", "-o", form)

    table = listed("table").splitlines()
    assert table[0].split() == ["STATUS", "JOB", "SCHEDULE", "LAST", "RUN", "NEXT"]
    assert sorted(line.split()[1] for line in table[1:]) == three
    assert sorted(job["slug"] for job in json.loads(listed("json"))) == ["a", "b", "c"]
    assert yaml.safe_load(listed("yaml")) == json.loads(listed("json"))
    rows = list(csv.DictReader(io.StringIO(listed("csv"))))
    assert [row["id"] for row in rows] == [job["id"] for job in json.loads(listed("json"))]
    assert json.loads(rows[0]["schedule"]) == {"every": 3600}


def test_a_limit_says_that_there_is_more(server: Person, namespace: str, three: list[str]) -> None:
    result = server.call("jobs", "list", "-q", f"ns:{namespace}", "--limit", "2", "-o", "json")
    assert len(json.loads(result.stdout)) == 2
    assert "there are more" in result.stderr


def test_jobs_are_counted_by_status(server: Person, namespace: str, three: list[str]) -> None:
    server.ok("jobs", "pause", three[0])
    counts = server.json("jobs", "counts", "-q", f"ns:{namespace}")
    assert (counts["total"], counts["paused"], counts["new"]) == (3, 1, 2)


def test_what_is_not_mentioned_in_an_edit_stays(server: Person, backup: str) -> None:
    before = server.json("jobs", "show", backup)
    after = server.json("jobs", "edit", backup, "--grace", "1h", "--label", "tier=2", "--unset-label", "team")
    changed = {field for field in before if before[field] != after[field]}
    assert changed - {"updated_at", "version", "due_at"} == {"grace", "labels"}
    assert after["labels"] == {"tier": "2"}


def test_unset_puts_the_default_back(server: Person, backup: str) -> None:
    after = server.json("jobs", "edit", backup, "--unset", "schedule", "--unset", "tags", "--unset", "max_runtime")
    assert (after["schedule"], after["tags"], after["max_runtime"]) == (None, [], None)


def test_an_edit_comes_from_a_file_or_standard_input(server: Person, backup: str, tmp_path: Path) -> None:
    file = tmp_path / "patch.yaml"
    file.write_text("owner: grace\n")
    assert server.json("jobs", "edit", backup, "-f", str(file))["owner"] == "grace"
    assert server.json("jobs", "edit", backup, "-f", "-", text="severity: info\n")["severity"] == "info"


def test_an_edit_in_an_editor_changes_what_was_changed_there(server: Person, backup: str, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i -e 's/^owner: .*/owner: grace/' -e '/^runbook/d' -e '/team: data/d' \"$1\"\n")
    editor.chmod(0o755)
    server.ok("jobs", "edit", backup, "--editor", EDITOR=str(editor), VISUAL=None)
    job = server.json("jobs", "show", backup)
    assert (job["owner"], job["runbook"], job["labels"]) == ("grace", "", {"tier": "1"})


def test_an_editor_that_was_given_nonsense_opens_again_with_what_was_wrong(
    server: Person, backup: str, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\n"
        f'cat "$1" >> {tmp_path}/seen\n'
        "if grep -q '^owner: ada' \"$1\"; then sed -i 's/^owner: ada/grace: forever/' \"$1\"\n"
        "else sed -i 's/^grace: forever/owner: bob/' \"$1\"; fi\n"
    )
    editor.chmod(0o755)
    server.ok("jobs", "edit", backup, "--editor", EDITOR=str(editor), VISUAL=None)
    assert server.json("jobs", "show", backup)["owner"] == "bob"
    assert "# " in (tmp_path / "seen").read_text()


def test_an_edit_must_say_what_to_change(server: Person, backup: str) -> None:
    assert server.call("jobs", "edit", backup).exit_code == 2


def test_what_export_prints_create_takes_back(server: Person, namespace: str, backup: str, three: list[str]) -> None:
    before = {job["slug"]: job for job in server.json("jobs", "list", "-q", f"ns:{namespace}")}
    exported = server.ok("jobs", "export", "-q", f"ns:{namespace}")
    server.ok("jobs", "delete", "-q", f"ns:{namespace}", "--yes")
    server.ok("jobs", "create", "-f", "-", text=exported)
    after = {job["slug"]: job for job in server.json("jobs", "list", "-q", f"ns:{namespace}")}
    assert after.keys() == before.keys()
    fields = yaml.safe_load(exported)
    for definition in fields:
        slug = definition["slug"]
        assert {field: after[slug][field] for field in definition} == {
            field: before[slug][field] for field in definition
        }
    assert yaml.safe_load(server.ok("jobs", "export", backup)) == [d for d in fields if d["slug"] == "backup"]


def test_a_file_of_definitions_names_every_fault_and_makes_nothing(server: Person, namespace: str) -> None:
    text = f"- {{namespace: {namespace}, name: good}}\n- {{name: bad, fail_after: no}}\n- just words\n"
    result = server.call("jobs", "create", "-f", "-", text=text)
    assert result.exit_code == 1
    assert "/1: fail_after: write a whole number, not true or false" in result.stderr
    assert "/2: " in result.stderr
    assert server.json("jobs", "list", "-q", f"ns:{namespace}") == []


def test_jobs_of_a_file_that_are_there_already_are_named_and_the_others_made(server: Person, backup: str) -> None:
    namespace = backup.partition("/")[0]
    result = server.call("jobs", "create", "-n", namespace, "-f", "-", text="- slug: backup\n- slug: other\n")
    assert result.exit_code == 5
    assert f"{namespace}/backup: " in result.stderr
    assert "1 of 2 jobs were not made" in result.stderr
    assert server.json("jobs", "show", f"{namespace}/other")["slug"] == "other"


def test_one_job_is_paused_until_later_and_resumed(server: Person, backup: str) -> None:
    assert server.ok("jobs", "pause", backup, "--until", "2h") == f"paused {backup}\n"
    paused = server.json("jobs", "show", backup)
    assert paused["status"] == "paused"
    assert paused["paused_until"]
    assert server.json("jobs", "resume", backup)["status"] == "new"


def test_a_dry_run_says_what_would_happen_and_changes_nothing(server: Person, namespace: str, three: list[str]) -> None:
    result = server.call("jobs", "pause", "-q", f"ns:{namespace} tag:a,b", "--dry-run", "-o", "json")
    assert [item["changed"] for item in json.loads(result.stdout)] == [True, True]
    assert "dry run" in result.stderr
    assert server.json("jobs", "counts", "-q", f"ns:{namespace}").get("paused", 0) == 0


def test_many_jobs_are_paused_tagged_and_deleted_at_once(server: Person, namespace: str, three: list[str]) -> None:
    server.ok("jobs", "pause", *three[:2])
    server.ok("jobs", "tag", *three, "--tag", "web")
    server.ok("jobs", "untag", "-q", f"ns:{namespace}", "--tag", "a")
    jobs = {job["slug"]: job for job in server.json("jobs", "list", "-q", f"ns:{namespace}")}
    assert [jobs[slug]["status"] for slug in "abc"] == ["paused", "paused", "new"]
    assert [jobs[slug]["tags"] for slug in "abc"] == [["web"], ["b", "web"], ["c", "web"]]
    server.ok("jobs", "resume", "-q", f"ns:{namespace}")
    server.ok("jobs", "delete", *three[:2], "--yes")
    assert [job["slug"] for job in server.json("jobs", "list", "-q", f"ns:{namespace}")] == ["c"]


def test_jobs_are_chosen_by_name_or_by_query_and_never_by_both(server: Person, three: list[str]) -> None:
    assert server.call("jobs", "pause", *three, "-q", "tag:a").exit_code == 2
    assert server.call("jobs", "pause").exit_code == 2


def test_nothing_is_deleted_where_nobody_can_be_asked(server: Person, three: list[str]) -> None:
    result = server.call("jobs", "delete", three[0])
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert server.json("jobs", "show", three[0])


def test_the_next_runs_are_shown_before_and_after_a_job_has_the_schedule(server: Person, namespace: str) -> None:
    asked = ("--cron", "0 2 * * *", "--tz", "Europe/Berlin", "--clock", "systemd", "--grace", "15m")
    preview = server.json("jobs", "check", *asked, "--count", "3")
    server.ok("jobs", "create", "j", "-n", namespace, *asked)
    assert len(preview["next"]) == 3
    assert server.json("jobs", "next", f"{namespace}/j", "--count", "3") == preview
    table = server.ok("jobs", "check", *asked)
    assert preview["in_words"] in table
    assert table.splitlines()[1].startswith("RUN")


def test_a_schedule_that_cannot_be_read_is_said_to_be_so(server: Person) -> None:
    result = server.call("jobs", "check", "--cron", "61 * * * *")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_watches_of_a_job_are_listed(server: Person, backup: str) -> None:
    assert [watch["status"] for watch in server.json("jobs", "watches", backup)] == ["new"]


@pytest.mark.parametrize("command", [("show",), ("edit", "--owner", "x"), ("pause",), ("delete", "--yes"), ("runs",)])
def test_a_job_that_is_not_there_is_exit_code_3(server: Person, command: tuple[str, ...]) -> None:
    name, *options = command
    result = server.call("jobs", name, "default/nothing", *options)
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: ")


def test_a_job_that_is_there_already_is_exit_code_5(server: Person, backup: str) -> None:
    assert server.call("jobs", "create", "-n", backup.partition("/")[0], "--slug", "backup").exit_code == 5


def test_a_wrong_token_is_exit_code_4(server: Person) -> None:
    assert server.call("jobs", "list", CRONTOPUS_TOKEN="ctp_s_wrong").exit_code == 4


def test_a_server_that_is_away_is_exit_code_69(server: Person) -> None:
    result = server.call("jobs", "list", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 69
    assert "127.0.0.1" in result.stderr


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "http://", "http://[::1"])
def test_an_address_that_is_none_is_said_to_be_so(server: Person, url: str) -> None:
    result = server.call("jobs", "list", "--url", url)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_job_names_are_completed_from_the_server(server: Person, backup: str) -> None:
    words = f"crontopus jobs show {backup[:-3]}"
    completing = {"_CRONTOPUS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}
    result = in_process(environment={**server.environment, **completing})
    assert result.stdout.split() == [f"plain,{backup}"]


@pytest.mark.parametrize(("command", "form"), [("show", "json"), ("show", "yaml"), ("show", "csv"), ("export", "yaml")])
def test_instants_have_milliseconds_in_every_form(server: Person, backup: str, command: str, form: str) -> None:
    printed = (
        server.ok("jobs", command, backup, "-o", form) if command == "show" else server.ok("jobs", command, backup)
    )
    found = re.findall(r"\d{4}-\d\d-\d\dT[\d:.+Z]*", printed)
    assert "2030-01-01T00:00:00.000Z" in found
    assert [one for one in found if not re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", one)] == []
