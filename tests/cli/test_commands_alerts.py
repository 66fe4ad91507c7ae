"""Alerts at the command line: what is wrong, whom it is told to by which way, and what became of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.request import urlopen

import pytest
from anyio.from_thread import start_blocking_portal

from tests.cli.conftest import NUMBERS
from tests.cli.serving import Person, serving
from tests.smtp import Mailbox, mail_server

OWNER = "ada@example.org"
NOBODY = "nobody@example.org"
PATIENCE_SECONDS = 10


@pytest.fixture
def alert(server: Person, namespace: str) -> Iterator[dict[str, Any]]:
    """Of the job `backup` of the namespace, which has just failed."""
    found = trouble(server, namespace)
    yield found
    server.call("alerts", "resolve", found["id"])


@pytest.fixture
def channel(server: Person) -> Iterator[str]:
    name = f"Mail {next(NUMBERS)}"
    server.ok("channels", "create", name, "--kind", "email", "--set", f"to={name.split()[1]}@example.org")
    yield name
    server.call("channels", "remove", name, "--yes")


@pytest.fixture
def routes(server: Person) -> Iterator[list[str]]:
    """Ids of routes that are removed at the end, the last one first."""
    made: list[str] = []
    yield made
    for one in reversed(made):
        server.call("routes", "remove", one, "--yes")


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(mail_server()) as box:
        box.strangers.add(NOBODY)
        yield box


@pytest.fixture(scope="module")
def posting(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Person]:
    """At a server that sends e-mail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRONTOPUS_SMTP_URL", f"smtp+plain://127.0.0.1:{box.port}")
        patch.setenv("CRONTOPUS_MAIL_FROM", "crontopus@example.org")
        with serving(tmp_path_factory.mktemp("posting")) as server:
            yield server


def until(found: Callable[[], Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """The first that is found, asked again and again until there is one."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if several := found():
            return several[0]
    raise AssertionError(f"nothing within {PATIENCE_SECONDS} s")


def trouble(server: Person, namespace: str) -> dict[str, Any]:
    """The alert of a new job there that fails."""
    job = server.json("jobs", "create", "Backup", "--namespace", namespace)
    with urlopen(f"{job['ping_url']}/fail", data=b"", timeout=10) as answer:  # noqa: S310
        assert answer.status == 200

    def opened() -> list[dict[str, Any]]:
        listed = server.json("alerts", "list", "--limit", "0")
        return [one for one in listed if one["subject"]["namespace"] == namespace]

    return until(opened)


def line_of(table: str, word: str) -> str:
    (line,) = [line for line in table.splitlines() if word in line]
    return line


def test_an_alert_is_listed_and_shown_with_what_happened_to_it(
    server: Person, namespace: str, alert: dict[str, Any]
) -> None:
    line = line_of(server.ok("alerts", "list", "--limit", "0"), alert["id"]).split()
    assert line[1:4] == ["failed", alert["severity"], f"{namespace}/backup"]
    assert line[-1] == "open"
    shown = server.ok("alerts", "show", alert["id"])
    assert f"{namespace}/backup" in shown
    assert "opened" in shown
    assert "nobody was told" in shown, "this server sends no e-mail"
    detail = server.json("alerts", "show", alert["id"])
    assert [event["what"] for event in detail["events"]] == ["opened"]
    assert server.ok("alerts", "list", "-o", "csv").startswith("id,subject,class,severity,opened_at,")
    assert f"id: {alert['id']}" in server.ok("alerts", "list", "-o", "yaml", "--limit", "0")


def test_alerts_are_found_by_job_class_severity_and_query_and_counted(
    server: Person, namespace: str, alert: dict[str, Any]
) -> None:
    job = f"{namespace}/backup"

    def found(*options: str) -> list[str]:
        return [one["id"] for one in server.json("alerts", "list", *options)]

    assert found("--job", job) == [alert["id"]]
    assert found("--job", job, "--class", "failed", "--severity", "warning") == [alert["id"]]
    assert found("--job", job, "--class", "missed") == []
    assert found("-q", f"ns:{namespace} class:failed") == [alert["id"]]
    assert server.call("alerts", "list", "--job", f"{namespace}/nothing").exit_code == 1
    assert server.call("alerts", "list", "--class", "late").exit_code == 2
    counted = server.json("alerts", "counts")
    assert counted["open"] >= 1
    assert counted["total"] == counted["open"] + counted["acknowledged"] + counted["held"]


def test_an_alert_is_acknowledged_snoozed_noted_and_resolved(
    server: Person, namespace: str, alert: dict[str, Any]
) -> None:
    id, called = alert["id"], f"{namespace}/backup (failed)"

    def state() -> str:
        return line_of(server.ok("alerts", "list", "--all", "--limit", "0"), id)

    assert f"{called} is acknowledged" in server.ok("alerts", "acknowledge", id)
    assert "acknowledged by" in state()
    assert f"{called} is open again" in server.ok("alerts", "unacknowledge", id)
    assert state().endswith("open")
    assert f"{called} is snoozed until 2" in server.ok("alerts", "snooze", id, "--until", "2h")
    assert "snoozed until 2" in state()
    assert "noted" in server.call("alerts", "note", id, "the disk is full").stderr
    assert "the disk is full" in server.ok("alerts", "show", id)
    assert server.json("alerts", "resolve", id)["ending"] == "by_hand"
    assert state().endswith("resolved")
    assert "by hand" in server.ok("alerts", "show", id)
    assert id not in server.ok("alerts", "list", "--limit", "0"), "it is over"
    over = server.call("alerts", "acknowledge", id)
    assert over.exit_code == 5
    assert "over" in over.stderr


def test_an_alert_that_is_none_and_a_time_that_is_over_are_refused(server: Person, alert: dict[str, Any]) -> None:
    for command in (("show",), ("acknowledge",), ("resolve",), ("snooze", "--until", "2h")):
        assert server.call("alerts", *command, "0190f5e0-0000-7000-8000-000000000000").exit_code == 3, command
        assert server.call("alerts", *command, "nothing").exit_code == 3, command
    assert server.call("alerts", "snooze", alert["id"]).exit_code == 2
    assert server.call("alerts", "snooze", alert["id"], "--until", "soon").exit_code == 2
    past = server.call("alerts", "snooze", alert["id"], "--until", "2001-01-01")
    assert past.exit_code == 1
    assert "still to come" in past.stderr
    assert server.call("alerts", "note", alert["id"], " ").exit_code == 1


def test_a_channel_from_the_first_day_to_the_last(server: Person) -> None:
    made = server.ok("channels", "create", "Night", "--kind", "email", "--set", "to=night@example.org", "--disabled")
    assert "nothing is told on it before a route names it" in made
    assert "off" in line_of(server.ok("channels", "list"), "Night")
    assert "off" in server.ok("channels", "edit", "Night", "--fallback", OWNER)
    (night, owner) = server.json("channels", "list")
    assert (owner["name"], night["name"]) == (OWNER, "Night")
    assert night["fallback"] == owner["id"]
    shown = server.ok("channels", "show", night["id"])
    assert "night@example.org" in shown
    assert OWNER in line_of(shown, "fallback"), "by its name"
    changed = server.json("channels", "edit", "Night", "--no-fallback", "--enabled", "--name", "Day")
    assert (changed["fallback"], changed["enabled"], changed["name"]) == (None, True, "Day")
    server.ok("channels", "edit", "Day", "--set-stdin", "to", text="day@example.org\n")
    assert server.json("channels", "show", "Day")["settings"] == {"to": "day@example.org"}
    assert "and there are more" in server.call("channels", "list", "--limit", "1").stderr
    assert server.call("channels", "remove", "Day").exit_code == 2, "nobody is asked here"
    assert "Day is removed" in server.ok("channels", "remove", "Day", "--yes")
    gone = server.call("channels", "show", "Day")
    assert gone.exit_code == 3
    assert "there is no channel 'Day'" in gone.stderr


def test_a_setting_is_text_unless_it_is_something_else_in_json(server: Person, channel: str) -> None:
    assert server.call("channels", "edit", channel, "--set", 'to=["a@example.org"]').exit_code == 1, "a list"
    assert server.call("channels", "edit", channel, "--unset", "to").exit_code == 1, "it needs one"
    for text in ('["a@example.org"', '"a@example.org"', "a=b@example.org"):
        server.ok("channels", "edit", channel, "--set", f"to={text}")
        assert server.json("channels", "show", channel)["settings"] == {"to": text}


@pytest.mark.usefixtures("alert")
def test_a_channel_says_what_its_templates_say_and_shows_it_before(server: Person, channel: str) -> None:
    title = "title={{ job_name }} is {{ state | lower }}"
    server.ok("channels", "edit", channel, "--template", title)
    assert server.json("channels", "show", channel)["templates"] == {"title": "{{ job_name }} is {{ state | lower }}"}
    assert "{{ job_name }} is" in line_of(server.ok("channels", "show", channel), "template title")
    found = server.json("channels", "preview", channel, "--template", "text={{ class }}, {{ exit_code }}")
    assert found["title"].endswith(" is down")
    assert server.json("channels", "show", channel)["templates"].keys() == {"title"}, "nothing is saved"
    refused = server.call("channels", "preview", channel, "--template", "text=one\n{{ nobody }}")
    assert refused.exit_code == 1
    assert "line 2: there is no 'nobody'" in refused.stderr
    server.ok("channels", "edit", channel, "--template", "title=")
    assert server.json("channels", "show", channel)["templates"] == {}
    assert "DOWN: " in line_of(server.ok("channels", "preview", channel), "title")


def test_a_setting_that_looks_like_a_number_is_what_its_kind_says(server: Person) -> None:
    token = f"token=123456:{'a' * 35}"
    made = server.json(
        "channels", "create", "Chat", "--kind", "telegram", "--set", token, "--set", "chat=-1001234567890"
    )
    assert made["settings"]["chat"] == "-1001234567890"
    keys = ("--set", f"token={'a' * 30}", "--set", f"user={'b' * 30}", "--set", "device=7")
    more = ("--set", "emergency=true", "--set", "retry_seconds=90")
    pushed = server.json("channels", "create", "Push", "--kind", "pushover", *keys, *more)["settings"]
    assert (pushed["device"], pushed["emergency"], pushed["retry_seconds"]) == ("7", True, 90)
    again = server.json("channels", "edit", "Push", "--unset", "device", "--unset", "retry_seconds")["settings"]
    assert (again["device"], again["retry_seconds"], again["emergency"]) == ("", 60, True)
    wrong = server.call("channels", "edit", "Push", "--set", "retry_seconds=often")
    assert wrong.exit_code == 1
    assert "write a whole number" in wrong.stderr
    for name in ("Chat", "Push"):
        server.ok("channels", "remove", name, "--yes")


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["create", "X", "--set", "to=x@example.org"], 2, "--kind"),
        (["create", "X", "--kind", "pigeon", "--set", "to=x@example.org"], 1, "no kind of channel 'pigeon'"),
        (["create", "X", "--kind", "email"], 1, "settings"),
        (["create", "X", "--kind", "email", "--set", "to"], 2, "key=value"),
        (["create", "X", "--kind", "email", "--set", "=x"], 2, "key=value"),
        (["create", "X", "--kind", "email", "--set", "to=x@example.org", "--set", "color=red"], 1, "color"),
        (["create", "X", "--kind", "email", "--set", "to=a", "--set", "to=b"], 1, "'to' is given twice"),
        (["create", "X", "--kind", "email", "--set", "to=a", "--set-stdin", "to"], 1, "'to' is given twice"),
        (["create", "X", "--kind", "email", "--set-stdin", "to"], 1, "nothing came on standard input"),
        (["create", "X", "--kind", "email", "--set", "to=x@example.org", "--fallback", "Y"], 3, "no channel 'Y'"),
        (["create", OWNER, "--kind", "email", "--set", "to=x@example.org"], 5, "another channel has this name"),
        (["edit", OWNER], 2, "say what to change"),
        (["edit", OWNER, "--fallback", OWNER, "--no-fallback"], 2, "choose one of"),
        (["edit", OWNER, "--fallback", OWNER], 1, "lead back to itself"),
        (["edit", "nobody", "--disabled"], 3, "crontopus channels list"),
        (["test", "nobody"], 3, "no channel 'nobody'"),
        (["remove", OWNER, "--yes"], 5, "tells on this channel"),
    ],
)
def test_what_is_wrong_with_a_channel_is_said(server: Person, typed: list[str], code: int, told: str) -> None:
    before = server.json("channels", "list")
    result = server.call("channels", *typed, text="")
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert server.json("channels", "list") == before


def test_whoever_tests_a_channel_that_cannot_send_is_told_so_by_the_exit_code(server: Person) -> None:
    tested = server.call("channels", "test", OWNER)
    assert tested.exit_code == 1
    assert "not now" in tested.stdout
    assert f"{OWNER} did not take it: this installation sends no e-mail" in tested.stderr
    assert "not usable" in line_of(server.ok("channels", "list"), OWNER)


def test_routes_are_made_changed_and_listed_as_a_tree(server: Person, channel: str, routes: list[str]) -> None:
    steps = ("--tell", channel, "--tell", f"15m:{channel},{OWNER}")
    more = ("--repeat", "4h", "--continue", "--group-by", "ns", "--also", "acknowledge", "--group-wait", "30s")
    made = server.json("routes", "create", "Grave", "--match", "severity:critical", *steps, *more)
    routes.append(made["id"])
    assert [(step["after"], len(step["channels"])) for step in made["steps"]] == [(0, 1), (900, 2)]
    assert (made["repeat"], made["continue"], made["group_by"], made["group_wait"]) == (14_400, True, ["ns"], 30)
    below = server.json("routes", "create", "Grave there", "--below", "Grave", "--match", "ns:prod")
    routes.append(below["id"])
    assert below["parent"] == made["id"]
    root, grave, there = server.ok("routes", "list").splitlines()[1:]
    assert (root[0], grave[:3], there[:5]) == ("E", "  G", "    G")
    assert OWNER in root
    assert f"severity:critical  {channel}; after 15m: {channel}, {OWNER}  every 4h" in grave
    assert "continues; grouped by ns; also acknowledge" in grave
    assert "as above" in there
    plain = ("--no-repeat", "--no-continue", "--no-tell", "--no-group-by", "--no-also", "--match", "")
    changed = server.json("routes", "edit", made["id"], *plain, "--name", "Calm")
    assert (changed["repeat"], changed["continue"], changed["matcher"], changed["name"]) == (None, False, "", "Calm")
    assert (changed["steps"], changed["group_by"], changed["also"], changed["group_wait"]) == ([], [], [], 30)
    assert "is changed" in server.ok("routes", "edit", "Grave there", "--below", "Everything")
    assert "Calm is removed" in server.ok("routes", "remove", "Calm", "--yes")
    assert [one["name"] for one in server.json("routes", "list")] == ["Everything", "Grave there"]


def test_a_route_tells_in_its_hours_alone(server: Person, routes: list[str]) -> None:
    hours = ("--hours", "mon-fri 08:00-18:00", "--hours", "sat 09:00-12:00")
    made = server.json("routes", "create", "Office", *hours, "--timezone", "Europe/Berlin", "--group-interval", "1h")
    routes.append(made["id"])
    week = [{"days": [0, 1, 2, 3, 4], "from": "08:00", "to": "18:00"}, {"days": [5], "from": "09:00", "to": "12:00"}]
    assert made["hours"] == {"timezone": "Europe/Berlin", "open": week}
    shown = line_of(server.ok("routes", "list"), "Office")
    assert "only mon-fri 08:00-18:00, sat 09:00-12:00 Europe/Berlin" in shown
    changed = server.json("routes", "edit", "Office", "--hours", "18:00-08:00", "--tz", "UTC")
    assert changed["hours"] == {"timezone": "UTC", "open": [{"days": [*range(7)], "from": "18:00", "to": "08:00"}]}
    assert server.json("routes", "edit", "Office", "--no-hours")["hours"] is None


def test_a_channel_whose_name_holds_commas_and_colons_can_be_told(server: Person, routes: list[str]) -> None:
    name = "Ops: day, night"
    server.ok("channels", "create", name, "--kind", "email", "--set", "to=x@example.org")
    made = server.json("routes", "create", "Commas", "--tell", name, "--tell", f"1h:{name}")
    assert [(step["after"], len(step["channels"])) for step in made["steps"]] == [(0, 1), (3600, 1)]
    server.ok("routes", "remove", "Commas", "--yes")
    server.ok("channels", "remove", name, "--yes")


def test_of_several_routes_with_one_name_the_id_is_asked_for(server: Person, routes: list[str]) -> None:
    routes += [server.json("routes", "create", "Twin")["id"] for _ in range(2)]
    refused = server.call("routes", "remove", "Twin", "--yes")
    assert refused.exit_code == 5
    assert "2 routes are called 'Twin'" in refused.stderr
    assert all(one in refused.stderr for one in routes)
    server.ok("routes", "remove", routes.pop(), "--yes")
    server.ok("routes", "edit", "Twin", "--name", "Alone")


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["create", "X", "--tell", "nobody"], 3, "no channel 'nobody'"),
        (["create", "X", "--tell", f"{OWNER},nobody"], 3, "no channel 'nobody'"),
        (["create", "X", "--tell", "soon:nobody"], 3, "no channel 'soon:nobody'"),
        (["create", "X", "--tell", "15m:"], 2, "names no channel"),
        (["create", "X", "--tell", f"{OWNER},"], 2, "names no channel"),
        (["create", "X", "--below", "nowhere"], 3, "no route 'nowhere'"),
        (["create", "X", "--match", "colour:red"], 1, "colour"),
        (["create", "X", "--group-by", "colour"], 1, "write one of ns, job, class"),
        (["create", "X", "--also", "everything"], 2, "acknowledge"),
        (["create", "X", "--repeat", "often"], 2, "duration"),
        (["create", "X", "--hours", "mon-fri"], 2, "mon-fri 08:00-18:00"),
        (["create", "X", "--hours", "mon-fri 08:00-18:00"], 2, "--timezone Europe/Berlin"),
        (["create", "X", "--hours", "mon-fri 08:00-18:00", "--tz", "Mars"], 1, "no time zone 'Mars'"),
        (["create", "X", "--timezone", "UTC"], 2, "--timezone goes with --hours"),
        (["edit", "Everything"], 2, "say what to change"),
        (["edit", "Everything", "--tell", OWNER, "--no-tell"], 2, "choose one of --tell and --no-tell"),
        (["edit", "Everything", "--repeat", "1h", "--no-repeat"], 2, "choose one of --repeat and --no-repeat"),
        (["edit", "Everything", "--hours", "8:00-9:00", "--tz", "UTC", "--no-hours"], 2, "--hours and --no-hours"),
        (["edit", "Everything", "--match", "ns:prod"], 5, "the root matches everything"),
        (["edit", "nowhere", "--continue"], 3, "crontopus routes list"),
        (["remove", "Everything"], 2, "--yes"),
        (["remove", "Everything", "--yes"], 5, "the root cannot be removed"),
        (["explain", "nothing/here"], 3, "nothing/here"),
        (["explain", "backup", "--class", "odd"], 2, "failed"),
        (["explain", "backup", "--at", "soon"], 2, "2h"),
    ],
)
def test_what_is_wrong_with_a_route_is_said(server: Person, typed: list[str], code: int, told: str) -> None:
    before = server.json("routes", "list")
    result = server.call("routes", *typed)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert server.json("routes", "list") == before


def test_there_are_no_messages_where_nothing_was_sent(server: Person) -> None:
    assert server.json("notifications", "list") == []
    assert server.ok("notifications", "list", "-o", "csv").startswith("id,alert,channel,")
    assert server.call("notifications", "list", "--channel", "nobody").exit_code == 3
    assert server.call("notifications", "list", "--alert", "nonsense").exit_code == 1
    assert server.call("notifications", "list", "--status", "lost").exit_code == 2
    for command in ("show", "retry", "discard"):
        assert server.call("notifications", command, "nothing").exit_code == 3


def test_an_alert_is_told_and_the_message_can_be_looked_at(posting: Person, box: Mailbox) -> None:
    alert = trouble(posting, "default")

    def delivered() -> list[dict[str, Any]]:
        return [
            one
            for one in posting.json("notifications", "list", "--status", "delivered", "--channel", OWNER)
            if one["alert"] == alert["id"]
        ]

    message = until(delivered)
    assert "DOWN: Backup in default" in [letter["Subject"] for letter in box.taken]
    line = line_of(posting.ok("notifications", "list"), message["id"])
    assert all(word in line for word in (alert["id"], OWNER, "open", "delivered"))
    shown = posting.ok("notifications", "show", message["id"])
    assert OWNER in shown
    assert "TRIED" in shown
    assert len(posting.json("notifications", "show", message["id"])["attempts"]) == 1
    assert message["id"] in posting.ok("alerts", "show", alert["id"])
    for command in ("retry", "discard"):
        refused = posting.call("notifications", command, message["id"])
        assert refused.exit_code == 5
        assert "is delivered" in refused.stderr


def test_a_message_that_nobody_took_is_put_away_or_sent_again(posting: Person, box: Mailbox) -> None:
    posting.ok("namespaces", "create", "lost")
    posting.ok("channels", "create", "Lost", "--kind", "email", "--set", f"to={NOBODY}")
    posting.ok("routes", "create", "Lost", "--match", "ns:lost", "--tell", "Lost")
    trouble(posting, "lost")
    of_channel = ("notifications", "list", "--channel", "Lost", "--status")
    message = until(lambda: posting.json(*of_channel, "dead"))
    assert "nobody has this address" in posting.ok("notifications", "show", message["id"])
    assert "is not sent any more" in posting.ok("notifications", "discard", message["id"])
    assert until(lambda: posting.json(*of_channel, "discarded"))["id"] == message["id"]
    box.strangers.discard(NOBODY)
    try:
        assert "is sent again" in posting.ok("notifications", "retry", message["id"])
        assert until(lambda: posting.json(*of_channel, "delivered"))["id"] == message["id"]
    finally:
        box.strangers.add(NOBODY)


def test_a_channel_is_tested_and_says_whether_it_was_taken(posting: Person, box: Mailbox) -> None:
    assert "delivered" in posting.ok("channels", "test", OWNER)
    assert str(box.taken[-1]["Subject"]).startswith("TEST")
    posting.ok("channels", "create", "Nobody", "--kind", "email", "--set", f"to={NOBODY}")
    refused = posting.call("channels", "test", "Nobody")
    assert refused.exit_code == 1
    assert "refused" in refused.stdout
    assert "Nobody did not take it: " in refused.stderr
    assert "nobody has this address" in refused.stderr
    assert posting.call("channels", "test", "Nobody", "-o", "json").exit_code == 1


def test_it_is_explained_who_would_be_told(posting: Person) -> None:
    posting.ok("namespaces", "create", "explained")
    posting.ok("jobs", "create", "Sums", "--namespace", "explained")
    posting.ok("channels", "create", "Boss", "--kind", "email", "--set", "to=boss@example.org", "--disabled")
    posting.ok("channels", "edit", "Boss", "--fallback", OWNER)
    steps = ("--tell", OWNER, "--tell", "15m:Boss")
    posting.ok("routes", "create", "Sums", "--match", "ns:explained class:missed", *steps)
    asked = ("routes", "explain", "explained/sums", "--class", "missed", "--severity", "critical")
    told = posting.ok(*asked, "--at", "2027-01-04T08:00:00+00:00")
    first = line_of(told, "due").split()
    assert first == ["Sums", "1", OWNER, "due", "2027-01-04T08:00:00.000Z"]
    assert f"{OWNER}, in place of Boss  later    2027-01-04T08:15:00.000Z" in told
    explained = posting.json(*asked)
    assert explained["severity"] == "critical"
    assert {line["route_name"] for line in explained["lines"]} == {"Sums"}
    assert posting.ok(*asked, "-o", "csv").startswith("route,route_name,step,")
    failed = posting.json("routes", "explain", "explained/sums")
    assert {line["route_name"] for line in failed["lines"]} == {"Everything"}
    posting.ok("channels", "edit", "Boss", "--no-fallback")
    assert line_of(posting.ok(*asked), "Boss").split() == ["Sums", "2", "Boss", "off", "–"]
