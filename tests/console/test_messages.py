"""The pages of messages about alerts: what became of each, and what a person does about one that did not arrive."""

from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.console import alert_words
from crontopus.domain.routing import MessageState
from crontopus.domain.routing.claiming import SENT, Sending
from tests.console.alerting import MESSAGE, READER, down
from tests.console.conftest import Post


async def test_whom_it_was_told_to_stands_on_its_page_with_each_message(post: Post) -> None:
    _, alert = await down(post.world, post.client)
    await post.goes_out()
    page = (await post.browser.get(f"/alerts/{alert.id}")).text
    assert "owner@acme.test" in page
    assert "Delivered</span>" in page
    (message,) = (await post.client.notifications()).items
    assert f'href="/messages/{message.id}"' in page
    assert "that it began" in page
    assert f'href="/alerts/{alert.id}"' in (await post.browser.get("/messages")).text
    assert "Tries" in (await post.browser.get(f"/messages/{message.id}")).text
    assert "No message is in this state." in (await post.browser.get("/messages?status=dead")).text


async def test_a_message_that_was_refused_says_why_and_is_sent_once_more(post: Post) -> None:
    post.box.strangers.add("owner@acme.test")
    _, alert = await down(post.world, post.client)
    await post.goes_out()
    (message,) = (await post.client.notifications()).items
    assert message.state is MessageState.DEAD
    page = (await post.browser.get(f"/alerts/{alert.id}")).text
    assert "Not delivered</span>" in page
    assert "nobody has this address" in page
    assert "nobody has this address" in (await post.browser.get("/messages?status=dead")).text
    post.box.strangers.clear()
    await post.browser.post(f"/messages/{message.id}/retry")
    await post.goes_out()
    assert (await post.client.notification(message.id)).notification.state is MessageState.DELIVERED


async def test_a_message_that_could_not_be_delivered_is_put_away(post: Post) -> None:
    post.box.strangers.add("owner@acme.test")
    await down(post.world, post.client)
    await post.goes_out()
    (message,) = (await post.client.notifications()).items
    assert "Put away</span>" in (await post.browser.post(f"/messages/{message.id}/discard")).text


@pytest.mark.parametrize(
    ("changes", "word", "more"),
    [
        ({}, "On its way", ""),
        ({"tries": 2, "why": "it is full"}, "Delayed", "it is full; it is tried again at 08:05"),
        ({"state": MessageState.DELIVERED}, "Delivered", ""),
        ({"state": MessageState.DELIVERED, "why": "the template failed"}, "Delivered", "the template failed"),
        ({"state": MessageState.DEAD, "why": "gone"}, "Not delivered", "gone"),
        ({"state": MessageState.OVERTAKEN, "why": "over"}, "Not needed", "it was over by then"),
        ({"state": MessageState.DISCARDED}, "Put away", ""),
    ],
)
def test_the_state_of_a_message_says_what_became_of_it(changes: dict[str, Any], word: str, more: str) -> None:
    found = alert_words.message_state(replace(MESSAGE, **changes), READER)
    assert (found.word, found.more) == (word, more)


def test_whatever_overtakes_a_message_is_said_in_words() -> None:
    for how in set(Sending) - SENT:
        overtaken = replace(MESSAGE, state=MessageState.OVERTAKEN, why=how.value)
        assert len(alert_words.message_state(overtaken, READER).more) > len(how.value)
