"""Microsoft Teams: what its workflow is sent, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import teams
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.teams import SIGNATURE, Teams


@pytest.fixture
async def fake() -> AsyncIterator[Teams]:
    fake = Teams()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Teams) -> Channel:
    return Channel(teams, fake, teams.Settings(url=fake.webhook))


class TestTeams(Conformance):
    """As every channel."""


def _colour(fake: Teams) -> str:
    return fake.messages[-1].attachments[0].content.body[0].inlines[0].color


async def test_the_title_has_the_colour_of_the_worst(channel: Channel, fake: Teams) -> None:
    await channel.delivers(notices.single())
    assert _colour(fake) == "Attention"
    await channel.delivers(notices.single(Kind.RESOLVE))
    assert _colour(fake) == "Good"


async def test_no_card_has_more_buttons_than_are_shown(channel: Channel, fake: Teams) -> None:
    await channel.delivers(notices.group(20))
    assert len(fake.messages[0].attachments[0].content.actions) == 6


async def test_the_room_is_used(channel: Channel, fake: Teams) -> None:
    await channel.delivers(notices.talkative())
    assert len(fake.requests[0].body) > 25_000
    assert "line 4999" in channel.newest().text


async def test_a_failure_told_with_success_is_one(channel: Channel, fake: Teams) -> None:
    said = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error "
    fake.always = Reply(200, f"{said}429 with ContextId".encode())
    assert isinstance(await channel.send(notices.single()), TryAgain)
    fake.always = Reply(200, f"{said}413 with ContextId".encode())
    assert isinstance(await channel.send(notices.single()), GiveUp)


async def test_a_workflow_that_is_switched_off_breaks_the_channel(channel: Channel, fake: Teams) -> None:
    error = {"code": "WorkflowTriggerIsNotEnabled", "message": "Could not execute workflow: its state is 'Disabled'"}
    fake.always = Reply(400, {"error": error})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "Disabled" in outcome.why


async def test_an_address_without_its_signature_breaks_the_channel(channel: Channel) -> None:
    channel.settings = teams.Settings(url=channel.settings.url.replace(SIGNATURE, "wrong"))
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, query={**request.query, "sig": "x"}),
        spoiled(lambda body: body["attachments"][0].pop("contentType")),
        spoiled(lambda body: body["attachments"][0]["content"]["body"][0].update(type="TextBlock")),
        spoiled(lambda body: body["attachments"][0]["content"].update(fallback="x")),
        spoiled(lambda body: body.update(text="x" * 30_000)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Teams, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
