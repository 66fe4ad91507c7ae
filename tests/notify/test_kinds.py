"""What every kind of channel says of itself, and what its settings must be like."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.errors import Invalid
from crontopus.notify import kinds
from crontopus.notify.kinds import API, KINDS, Ways
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from tests.notify.fakes import Reply, served
from tests.notify.fakes.gotify import TOKEN, Gotify
from tests.notify.fakes.webhook import Receiver
from tests.notify.notices import ACTS, CODE, NOW, guarded, offering, parcel, single

WHSEC = "whsec_" + "A" * 32
GIVEN: dict[str, dict[str, Any]] = {
    "email": {"to": "ada@example.org"},
    "webhook": {"url": "https://example.org/hook", "secret": WHSEC, "headers": {"X-Key": "a key", "X-Other": "b"}},
    "slack": {"token": "xoxb-123456", "channel": "#alerts"},
    "slack_webhook": {"url": "https://hooks.slack.com/services/T/B/x"},
    "teams": {"url": "https://example.org/workflows/x?sig=y"},
    "discord": {"url": "https://discord.com/api/webhooks/1/x"},
    "telegram": {"token": f"1:{'A' * 30}", "chat": "-100"},
    "matrix": {"server": "https://matrix.org", "token": "x" * 10, "room": "!room:example.org"},
    "mattermost": {"url": "https://example.org/hooks/abc"},
    "rocketchat": {"url": "https://example.org/hooks/abc/def"},
    "googlechat": {"url": "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"},
    "zulip": {"site": "https://acme.zulipchat.com", "email": "a@b.c", "key": "x" * 32, "channel": "ops"},
    "ntfy": {"topic": "alerts", "server": "https://ntfy.sh", "token": "tk_1"},
    "gotify": {"server": "https://push.example.org", "token": "x" * 15},
    "pushover": {"token": "a" * 30, "user": "u" * 30},
    "twilio": {"account": f"AC{'0' * 32}", "token": "0" * 32, "sender": "+15551234567", "to": "+15557654321"},
    "pagerduty": {"routing_key": "x" * 32},
    "opsgenie": {"api_key": "x" * 30},
    "alertmanager": {"url": "https://example.org"},
    "issues": {"repository": "acme/ops", "token": "x" * 20},
    "apprise": {"urls": "json://x.example/a json://y.example/b"},
    "log": {"name": "alerts"},
}

each = pytest.mark.parametrize("kind", KINDS)


def properties(kind: str) -> dict[str, Any]:
    """Of the JSON schema of its settings."""
    found = msgspec.json.schema(KINDS[kind].settings)["$defs"]["Settings"]
    assert found["additionalProperties"] is False
    told: dict[str, Any] = found["properties"]
    return told


def patterns(schema: Any) -> Iterator[str]:
    """All that stand in it, however deep."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns(inner)


@each
def test_a_kind_has_a_name_and_says_which_settings_open_something(kind: str) -> None:
    assert KINDS[kind].title
    assert set(KINDS[kind].settings.__struct_fields__) >= KINDS[kind].secrets


@each
def test_each_setting_is_described_but_the_one_that_nobody_can_give(kind: str) -> None:
    assert {name for name, each in properties(kind).items() if not each.get("description")} <= {API}


@each
def test_settings_come_back_as_they_were_stored(kind: str) -> None:
    settings = kinds.read(kind, GIVEN[kind])
    assert kinds.stored(kind, msgspec.json.encode(settings)) == settings


@each
def test_settings_that_nobody_knows_are_refused(kind: str) -> None:
    with pytest.raises(Invalid, match="'unknown'") as refused:
        kinds.read(kind, GIVEN[kind] | {"unknown": 1})
    assert [fault.pointer for fault in refused.value.faults] == ["/settings"]


@each
def test_no_setting_that_has_a_form_may_end_with_a_newline(kind: str) -> None:
    found = msgspec.to_builtins(kinds.read(kind, GIVEN[kind]))
    formed = [name for name, each in properties(kind).items() if "pattern" in each and name != API]
    assert formed
    for name in formed:
        with pytest.raises(Invalid) as refused:
            kinds.read(kind, {**GIVEN[kind], name: f"{found[name]}\n"})
        assert refused.value.faults[0].pointer == f"/settings/{name}"
        assert "regex" not in str(refused.value)
    for pattern in patterns(properties(kind)):
        assert pattern.endswith(r"$(?!\n)"), pattern


@each
def test_where_a_kind_goes_is_known_of_each_that_has_an_address(kind: str) -> None:
    found = {name for name, each in properties(kind).items() if re.match(r"\^\(?https\?://", each.get("pattern", ""))}
    assert KINDS[kind].addresses == found - {API}


@each
def test_where_a_provider_is_can_be_stored_but_nobody_can_give_it(kind: str) -> None:
    given = GIVEN[kind] | {API: "http://127.0.0.1:1"}
    with pytest.raises(Invalid) as refused:
        kinds.read(kind, given)
    assert [fault.pointer for fault in refused.value.faults] == ["/settings/api"]
    with pytest.raises(Invalid) as refused:
        kinds.patched(kind, GIVEN[kind], given)
    assert [fault.pointer for fault in refused.value.faults] == ["/settings/api"]
    if API in KINDS[kind].settings.__struct_fields__:
        assert kinds.stored(kind, msgspec.json.encode(given)).api == "http://127.0.0.1:1"
        assert kinds.patched(kind, given, {}).api == "http://127.0.0.1:1"


def test_a_kind_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(Invalid, match="'pigeon': there are email, webhook, ") as refused:
        kinds.read("pigeon", {})
    assert refused.value.faults[0].pointer == "/kind"


def test_what_is_wrong_is_said_of_the_field_in_words() -> None:
    with pytest.raises(Invalid) as refused:
        kinds.read("gotify", {"server": "push.example.org", "token": "x" * 15})
    (fault,) = refused.value.faults
    assert fault.pointer == "/settings/server"
    assert fault.detail == "this is not of the form that it must have: The server, as `https://push.example.org`."
    with pytest.raises(Invalid) as refused:
        kinds.read("telegram", GIVEN["telegram"] | {"topic": "general"})
    assert refused.value.faults[0].detail == "write a whole number, not text"
    with pytest.raises(Invalid, match="the field token is missing"):
        kinds.read("gotify", {"server": "https://push.example.org"})


def test_what_is_no_text_may_be_written_as_text_and_text_is_text_alone() -> None:
    assert kinds.read("telegram", GIVEN["telegram"] | {"topic": "7"}).topic == 7
    with pytest.raises(Invalid) as refused:
        kinds.read("telegram", GIVEN["telegram"] | {"chat": -1001234567890})
    assert refused.value.faults[0].pointer == "/settings/chat"


def test_what_is_given_anew_takes_the_place_and_null_takes_it_away() -> None:
    before = {"topic": "alerts", "token": "tk_1", "user": "ada"}
    settings = kinds.patched("ntfy", before, {"token": None, "topic": "others"})
    assert (settings.topic, settings.token, settings.user) == ("others", "", "ada")


class Known(list[str]):
    """The secrets that a client was made with."""


def ways(known: Known, folder: Path | None = None) -> Ways:
    def http(secrets: Any) -> Any:
        known.extend(secrets)
        return guarded(*secrets)

    return Ways(mail=None, unsubscribe="https://cron.example.org/u", http=http, folder=folder)


async def test_what_was_sent_and_answered_is_told_without_what_is_secret() -> None:
    known, fake = Known(), Gotify()
    async with served(fake):
        settings = kinds.read("gotify", {"server": fake.url, "token": TOKEN})
        outcome, exchanges = await kinds.send("gotify", settings, single(), ways(known))
    assert isinstance(outcome, Delivered)
    assert known == [TOKEN]
    assert [(each.method, each.status) for each in exchanges] == [("POST", 200)]
    assert TOKEN not in str(exchanges)


async def test_who_looks_at_a_try_cannot_act_by_its_links() -> None:
    fake = Gotify()
    async with served(fake):
        settings = kinds.read("gotify", {"server": fake.url, "token": TOKEN})
        fake.always = Reply(400, {"error": "Bad Request", "errorDescription": f"no such link: {ACTS[0].url}"})
        outcome, exchanges = await kinds.send("gotify", settings, parcel(offering()), ways(Known()))
    assert isinstance(outcome, GiveUp)
    assert "no such link: https://cron.example.org/alert-link/acknowledge?code=…" in outcome.why
    assert ACTS[0].url in fake.requests[0].body.decode()
    assert "Acknowledge: https://cron.example.org/alert-link/acknowledge?code=…" in exchanges[0].request
    assert CODE[:40] not in f"{exchanges} {outcome}"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("email", "log", "apprise")])
async def test_of_no_kind_a_try_shows_what_lets_one_act(kind: str) -> None:
    """However the address stands in what it sends, and wherever that is cut."""
    async with served(Gotify()) as fake:
        fake.always = Reply(418, f"what is {ACTS[0].url}?".encode())
        settings = replace(kinds.read(kind, GIVEN[kind]), **{name: fake.url for name in _where(kind)})
        for long in range(0, 2000, 90):
            what = parcel(offering(summary="x" * long))
            outcome, exchanges = await kinds.send(kind, settings, what, ways(Known()))
            assert exchanges
            assert CODE[:16] not in f"{exchanges} {outcome}"


def _where(kind: str) -> list[str]:
    fields = KINDS[kind].settings.__struct_fields__
    return [name for name in ("api", "server", "site", "url") if name in fields]


async def test_what_is_secret_within_a_setting_is_hidden_too() -> None:
    known, receiver = Known(), Receiver(WHSEC, NOW)
    async with served(receiver):
        settings = kinds.read("webhook", GIVEN["webhook"] | {"url": f"{receiver.url}/hook"})
        await kinds.send("webhook", settings, single(), ways(known))
    assert {"a key", "b", WHSEC, settings.url} <= set(known)


async def test_a_file_is_written_where_there_is_a_folder(tmp_path: Path) -> None:
    settings = kinds.read("log", GIVEN["log"])
    assert await kinds.send("log", settings, single(), ways(Known(), tmp_path)) == (Delivered(), [])
    assert (tmp_path / "alerts.jsonl").exists()
    outcome, _ = await kinds.send("log", settings, single(), ways(Known()))
    assert isinstance(outcome, GiveUp)
    assert "alert_log" in outcome.why


async def test_an_installation_without_mail_sends_none() -> None:
    outcome, exchanges = await kinds.send("email", kinds.read("email", GIVEN["email"]), single(), ways(Known()))
    assert isinstance(outcome, TryAgain)
    assert exchanges == []
