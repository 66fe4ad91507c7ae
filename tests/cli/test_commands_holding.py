"""What holds alerts back, at the command line: silences, maintenance windows, mutes, and jobs that others depend on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.serving import Person
from tests.cli.test_commands_alerts import line_of, trouble, until

NOTHING = "0190f5e0-0000-7000-8000-000000000000"
TOMORROW = ("--from", "1d", "--to", "2d")


@pytest.fixture
def alert(server: Person, namespace: str) -> Iterator[dict[str, Any]]:
    """Of the job `backup` of the namespace, which has just failed."""
    found = trouble(server, namespace)
    yield found
    server.call("alerts", "resolve", found["id"])


@pytest.fixture
def silence(server: Person, namespace: str) -> Iterator[dict[str, Any]]:
    """Of all alerts of the namespace, for two hours."""
    made = server.json(
        "silences", "add", "--match", f"ns:{namespace}", "--for", "2h", "--reason", "the disk is changed"
    )
    yield made
    server.call("silences", "end", made["id"])


@pytest.fixture
def windows(server: Person) -> Iterator[list[str]]:
    """Names of maintenance windows that are removed at the end."""
    made: list[str] = []
    yield made
    for one in made:
        server.call("maintenance-windows", "remove", one, "--yes")


def held(server: Person, alert: dict[str, Any]) -> dict[str, Any]:
    """Once something holds it."""
    return until(lambda: [one for one in [server.json("alerts", "show", alert["id"])["alert"]] if one["held"]])


def let_go(server: Person, alert: dict[str, Any]) -> dict[str, Any]:
    return until(lambda: [one for one in [server.json("alerts", "show", alert["id"])["alert"]] if not one["held"]])


def test_a_silence_says_what_it_would_hide_and_what_it_hides(
    server: Person, namespace: str, alert: dict[str, Any]
) -> None:
    server.ok("jobs", "create", "Dump", "--namespace", namespace)
    asked = ("silences", "add", "--match", f"ns:{namespace}")
    shown = server.ok(*asked, "--dry-run")
    assert "it hides 1 open alert and concerns 2 jobs" in shown
    assert f"jobs: {namespace}/backup, {namespace}/dump" in shown
    assert line_of(shown, alert["id"])
    hidden = server.json(*asked, "--dry-run")
    assert (hidden["open"], hidden["jobs"], hidden["alerts"][0]["id"]) == (1, 2, alert["id"])
    assert namespace not in server.ok("silences", "list"), "nothing was silenced"
    made = server.ok(*asked, "--for", "2h", "--reason", "the disk is changed")
    assert "hides 1 open alert and concerns 2 jobs" in made
    (id,) = [one["id"] for one in server.json("silences", "list") if one["matcher"] == f"ns:{namespace}"]
    assert id in made
    held(server, alert)
    server.ok("silences", "end", id)


def test_an_alert_says_what_holds_it_and_who_would_be_told_says_so_too(
    server: Person, namespace: str, silence: dict[str, Any], alert: dict[str, Any]
) -> None:
    assert held(server, alert)["holders"][0]["id"] == silence["id"]
    assert line_of(server.ok("alerts", "list", "--limit", "0"), alert["id"]).endswith(
        "held by the silence “the disk is changed”"
    )
    by = f"by the silence “the disk is changed” until {silence['until']}"
    assert by in line_of(server.ok("alerts", "show", alert["id"]), "held      since ")
    told = server.ok("routes", "explain", f"{namespace}/backup")
    assert f"nobody would be told: it would be held {by}" in told
    later = server.ok("routes", "explain", f"{namespace}/backup", "--at", "3h")
    assert "held" not in later
    assert "what it held is told" in server.call("silences", "end", silence["id"]).stderr
    let_go(server, alert)
    assert line_of(server.ok("alerts", "list", "--limit", "0"), alert["id"]).endswith("open")


def test_a_silence_is_listed_changed_and_ended(server: Person, namespace: str, silence: dict[str, Any]) -> None:
    line = line_of(server.ok("silences", "list"), silence["id"])
    assert all(word in line for word in (f"ns:{namespace}", silence["until"], "the disk is changed"))
    longer = server.json("silences", "edit", silence["id"], "--for", "3h", "--match", "class:missed")
    assert longer["until"] > silence["until"]
    assert (longer["matcher"], longer["reason"]) == ("class:missed", "the disk is changed")
    assert "hides 0 open alerts" in server.ok("silences", "edit", silence["id"], "--match", f"ns:{namespace}")
    server.ok("silences", "end", silence["id"])
    assert silence["id"] not in server.ok("silences", "list")
    assert silence["id"] in server.ok("silences", "list", "--over", "--limit", "0")
    over = server.call("silences", "end", silence["id"])
    assert over.exit_code == 5
    assert "is over" in over.stderr


def test_a_silence_begins_when_it_is_told_to(server: Person, namespace: str) -> None:
    made = server.json("silences", "add", "--match", f"ns:{namespace}", "--since", "2h", "--for", "1h")
    assert made["since"] > made["created_at"]
    assert made["until"] > made["since"]
    server.ok("silences", "end", made["id"])


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["add"], 2, "--for 2h"),
        (["add", "--for", "2h", "--until", "3h"], 2, "choose one of --for and --until"),
        (["add", "--until", "2001-01-01T00:00Z"], 1, "still to come"),
        (["add", "--for", "400d"], 1, "within a year"),
        (["add", "--for", "2h", "--match", "colour:red"], 1, "colour"),
        (["add", "--dry-run", "--match", "colour:red"], 1, "colour"),
        (["edit", NOTHING], 2, "say what to change"),
        (["edit", NOTHING, "--for", "2h"], 3, "no such silence"),
        (["end", NOTHING], 3, "no such silence"),
        (["end", "nothing"], 3, "nothing"),
    ],
)
def test_what_is_wrong_with_a_silence_is_said(server: Person, typed: list[str], code: int, told: str) -> None:
    before = server.json("silences", "list")
    result = server.call("silences", *typed)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert server.json("silences", "list") == before


def test_maintenance_is_planned_once_weekly_and_by_a_cron_line(
    server: Person, namespace: str, windows: list[str]
) -> None:
    windows += ["Move", "Nights", "Patches"]
    add = ("maintenance-windows", "add")
    matching = ("--match", f"ns:{namespace}", "--timezone", "Europe/Berlin")
    assert "Move is planned: while it holds it hides 0 open alerts" in server.ok(*add, "Move", *TOMORROW)
    hours = ("--hours", "mon-fri 22:00-06:00", "--hours", "sat 00:00-24:00")
    nights = server.json(*add, "Nights", *hours, *matching)
    assert [one["days"] for one in nights["times"]["weekly"]["open"]] == [[0, 1, 2, 3, 4], [5]]
    patches = server.json(*add, "Patches", "--cron", "0 2 * * 2#2", "--for", "3h", *matching)
    assert patches["times"]["cron"] == {"cron": "0 2 * * 2#2", "duration": 10_800, "timezone": "Europe/Berlin"}
    listed = server.ok("maintenance-windows", "list")
    assert "everything" in line_of(listed, "Move")
    move = server.json("maintenance-windows", "list")[0]["times"]["once"]
    assert f"{move['from']} to {move['to']}  waits" in line_of(listed, "Move")
    assert "mon-fri 22:00-06:00, sat 00:00-24:00 Europe/Berlin" in line_of(listed, "Nights")
    assert "3h from '0 2 * * 2#2' on, Europe/Berlin" in line_of(listed, "Patches")
    shown = server.ok("maintenance-windows", "preview", "Patches")
    assert shown.count(" to ") == len(patches["upcoming"]) == 3
    assert "hides 0 open alerts and concerns 0 jobs" in shown


def test_a_maintenance_window_holds_is_switched_off_and_removed(
    server: Person, namespace: str, windows: list[str], alert: dict[str, Any]
) -> None:
    windows.append("Move")
    made = server.ok("maintenance-windows", "add", "Move", "--for", "2h", "--match", f"ns:{namespace}")
    assert "Move is planned: while it holds it hides 1 open alert and concerns 1 job" in made
    assert "  holds  " in line_of(server.ok("maintenance-windows", "list"), "Move")
    assert held(server, alert)["holders"][0]["name"] == "Move"
    assert line_of(server.ok("maintenance-windows", "preview", "--match", f"ns:{namespace}"), alert["id"])
    changed = server.json("maintenance-windows", "edit", "Move", "--disabled", "--name", "Moved")
    windows.append("Moved")
    assert (changed["enabled"], changed["matcher"]) == (False, f"ns:{namespace}")
    let_go(server, alert)
    assert "  off  " in line_of(server.ok("maintenance-windows", "list"), "Moved")
    weekly = ("--hours", "22:00-06:00", "--timezone", "UTC")
    assert server.json("maintenance-windows", "edit", changed["id"], *weekly)["times"].keys() == {"weekly"}
    assert server.call("maintenance-windows", "remove", "Moved").exit_code == 2, "nobody is asked here"
    assert "Moved is removed" in server.ok("maintenance-windows", "remove", "Moved", "--yes")


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["add", "X"], 2, "say when"),
        (["add", "X", *TOMORROW, "--cron", "0 2 * * *"], 2, "choose one of"),
        (["add", "X", *TOMORROW, "--for", "2h"], 2, "choose one of --for and --to"),
        (["add", "X", "--from", "2h"], 2, "say when it ends"),
        (["add", "X", *TOMORROW, "--timezone", "UTC"], 2, "an offset of its own"),
        (["add", "X", "--hours", "mon 08:00-09:00"], 2, "--timezone Europe/Berlin"),
        (["add", "X", "--hours", "mon 08:00-09:00", "--for", "2h"], 2, "how long"),
        (["add", "X", "--hours", "always"], 2, "mon-fri 08:00-18:00"),
        (["add", "X", "--hours", "mon 08:00-09:00", "--timezone", "Mars"], 1, "no time zone 'Mars'"),
        (["add", "X", "--hours", "mon 08:00-27:00", "--timezone", "UTC"], 1, "time of day"),
        (["add", "X", "--cron", "0 2 * * *", "--timezone", "UTC"], 2, "--for 3h"),
        (["add", "X", "--cron", "0 2 * * *", "--for", "2h"], 2, "--timezone"),
        (["add", "X", "--cron", "often", "--for", "2h", "--timezone", "UTC"], 1, "often"),
        (["edit", "X"], 2, "say what to change"),
        (["edit", "X", "--disabled"], 3, "crontopus maintenance-windows list"),
        (["remove", "X", "--yes"], 3, "no maintenance window 'X'"),
        (["preview"], 2, "give either"),
        (["preview", "X"], 3, "no maintenance window 'X'"),
    ],
)
def test_what_is_wrong_with_a_maintenance_window_is_said(
    server: Person, typed: list[str], code: int, told: str
) -> None:
    result = server.call("maintenance-windows", *typed)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert server.json("maintenance-windows", "list") == []


def test_a_job_is_muted_for_a_while_or_until_somebody_ends_it(
    server: Person, namespace: str, alert: dict[str, Any]
) -> None:
    job = f"{namespace}/backup"
    assert f"{job} is muted until 2" in server.ok("jobs", "mute", job, "--for", "1d", "--reason", "being rebuilt")
    assert line_of(server.ok("jobs", "show", job), "muted").endswith(": being rebuilt")
    assert held(server, alert)["holders"][0]["kind"] == "mute"
    assert "until somebody ends it" in server.ok("jobs", "mute", job)
    assert server.json("jobs", "show", job)["muted"]["until"] is None
    assert f"{job} is not muted" in server.ok("jobs", "unmute", job)
    assert "muted" not in server.ok("jobs", "show", job)
    let_go(server, alert)
    assert server.call("jobs", "mute", job, "--until", "2001-01-01T00:00Z").exit_code == 1
    assert server.call("jobs", "mute", f"{namespace}/nothing").exit_code == 3


def test_a_job_that_depends_on_one_that_is_down_says_so(server: Person, namespace: str, alert: dict[str, Any]) -> None:
    copy = server.json("jobs", "create", "Copy", "--namespace", namespace, "--depends-on", f"{namespace}/backup")
    assert line_of(server.ok("jobs", "show", copy["id"]), "depends on").endswith(f"{namespace}/backup")
    told = server.ok("routes", "explain", f"{namespace}/copy")
    assert "it would be held by “Backup”, which it depends on" in told
    circle = server.call("jobs", "edit", f"{namespace}/backup", "--depends-on", f"{namespace}/copy")
    assert circle.exit_code == 1
    assert "that is a circle" in circle.stderr
