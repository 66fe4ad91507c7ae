"""Slack by an incoming webhook: one message for each thing that is told."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import slack_webhook
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.slack_webhook import Settings
from tests.notify.fakes import HTML, Reply, Request, served, spoiled, too_many
from tests.notify.fakes.slack import HOOK, Webhook, words_of
from tests.notify.notices import FAR_TOO_LONG, HOSTILE, guarded, overgrown, parcel, several, single

SECRET = HOOK.rpartition("/")[2]


@pytest.fixture
async def there() -> AsyncIterator[Webhook]:
    async with served(Webhook()) as fake:
        yield fake


async def send(there: Webhook, what: Parcel, hook: str = HOOK) -> Outcome:
    settings = msgspec.convert({"url": there.url + hook}, Settings)
    http = guarded(settings.url)
    outcome = await slack_webhook.send(settings, what, http)
    assert SECRET not in f"{outcome} {http.exchanges}"
    return outcome


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (Kind.OPEN, "🔴 DOWN: nightly backup 1"),
        (Kind.REMINDER, "🔴 STILL DOWN: nightly backup 1"),
        (Kind.FAILURE, "🔴 FAILED AGAIN: nightly backup 1"),
        (Kind.UPDATE, "🔴 CHANGED: nightly backup 1"),
        (Kind.ACKNOWLEDGE, "🟡 ACKNOWLEDGED: nightly backup 1"),
        (Kind.RESOLVE, "🟢 RECOVERED: nightly backup 1"),
    ],
)
async def test_each_kind_of_message_is_a_message(there: Webhook, kind: Kind, heading: str) -> None:
    assert await send(there, single(kind)) == Delivered()
    (message,) = there.messages
    assert words_of(message).startswith(heading)
    assert words_of(message).endswith("giving up")


async def test_what_began_and_ended_is_one_green_message(there: Webhook) -> None:
    await send(there, single(ended=True))
    assert words_of(there.messages[0]).startswith("🟢 WAS DOWN")


async def test_several_are_one_message(there: Webhook) -> None:
    assert await send(there, parcel(*several(3))) == Delivered()
    (message,) = there.messages
    assert words_of(message).startswith("3 alerts: 2 DOWN, 1 RECOVERED")


async def test_of_thirty_some_are_named_and_the_others_counted(there: Webhook) -> None:
    assert await send(there, parcel(*several(30), summary=True)) == Delivered()
    assert words_of(there.messages[0]).endswith("and 10 more")


@pytest.mark.parametrize("text", [HOSTILE, FAR_TOO_LONG])
async def test_what_others_wrote_is_nothing_but_text_and_fits(there: Webhook, text: str) -> None:
    assert await send(there, parcel(overgrown(text=text))) == Delivered()
    assert not set(words_of(there.messages[0])) & set("\x1b\u202e\u0000\u200b")


async def test_too_many_messages_are_sent_when_slack_says(there: Webhook) -> None:
    there.replies.append(too_many("7", b"rate_limited"))
    outcome = await send(there, single())
    assert outcome == TryAgain("Slack answered 429 Too Many Requests: rate_limited", timedelta(seconds=7))


@pytest.mark.parametrize(
    ("status", "said", "broken"),
    [
        (400, "invalid_payload", False),
        (400, "invalid_blocks", False),
        (400, "user_not_found", True),
        (403, "action_prohibited", True),
        (403, "invalid_token", True),
        (404, "no_service", True),
        (404, "channel_not_found", True),
        (410, "channel_is_archived", True),
    ],
)
async def test_a_refusal_is_judged_by_its_name(there: Webhook, status: int, said: str, broken: bool) -> None:
    there.replies.append(Reply(status, said.encode()))
    outcome = await send(there, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken is broken
    assert f": {said}" in outcome.why


async def test_a_webhook_that_was_removed_breaks_the_channel(there: Webhook) -> None:
    assert await send(there, single(), hook="/services/T0/B0/removed") == GiveUp(
        "Slack answered 404 Not Found: no_service: check the address and the credentials of this channel", broken=True
    )


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again_and_not_repeated(there: Webhook, status: int) -> None:
    there.replies.append(Reply(status, f"rollup_error at {HOOK}".encode()))
    assert isinstance(await send(there, single()), TryAgain)


@pytest.mark.parametrize("garbage", [HTML, Reply(200, b""), Reply(204)])
async def test_an_answer_that_slack_does_not_give_is_tried_again(there: Webhook, garbage: Reply) -> None:
    there.replies.append(garbage)
    outcome = await send(there, single())
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived


async def test_nobody_there_is_tried_again() -> None:
    settings = Settings(url=f"http://127.0.0.1:9{HOOK}")
    outcome = await slack_webhook.send(settings, single(), guarded(settings.url))
    assert outcome == TryAgain("127.0.0.1 cannot be reached: connection refused")


@pytest.mark.parametrize(
    "mistake",
    [
        lambda request: replace(request, path="/services/other"),
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, headers={"content-type": "text/plain"}),
        spoiled(lambda message: message.update(channel="#other")),
        spoiled(lambda message: message["blocks"][0]["text"].update(text="x" * 151)),
        spoiled(lambda message: message["blocks"].append({"type": "image"})),
        spoiled(lambda message: (message.pop("text"), message.pop("blocks"))),
    ],
)
async def test_slack_would_see_a_mistake(there: Webhook, mistake: Callable[[Request], Request]) -> None:
    await send(there, single())
    assert there.judge(there.requests[0]).body == b"ok"
    assert there.judge(mistake(there.requests[0])).status >= 400


@pytest.mark.parametrize("given", [{"url": "hooks.slack.com"}, {"url": ""}, {}, {"url": "https://a.test", "more": 1}])
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)
