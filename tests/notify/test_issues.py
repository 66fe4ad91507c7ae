"""Issues of GitHub and Forgejo: when they are opened, commented and closed, and what errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import issues
from crontopus.notify.contract import Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Cut, Reply, Request, served, spoiled
from tests.notify.fakes.issues import REPOSITORY, TOKEN, Issues


@pytest.fixture(params=["github", "forgejo"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[Issues]:
    fake = Issues(request.param)
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Issues) -> Channel:
    return Channel(issues, fake, issues.Settings(repository=REPOSITORY, token=TOKEN, url=fake.url, forge=fake.forge))


class TestIssues(Conformance):
    """As every channel."""

    async def test_it_is_known_whether_it_may_have_arrived(self, channel: Channel) -> None:
        """The first that is request changes nothing."""
        cut = Cut(Unreachable("cut off", arrived=True))
        assert await channel.send(notices.single(), cut) == TryAgain("cut off")


async def test_an_alert_is_one_issue_from_its_beginning_to_its_end(channel: Channel, fake: Issues) -> None:
    reference = await channel.delivers(notices.single())
    for kind in (Kind.REMINDER, Kind.FAILURE, Kind.UPDATE, Kind.ACKNOWLEDGE, Kind.RESOLVE):
        assert await channel.delivers(notices.single(kind, reference=reference)) == reference
    (issue,) = fake.issues.values()
    assert issue.title == "DOWN: nightly backup 1"
    assert issue.labels == ["crontopus"]
    assert len(issue.comments) == 5
    assert issue.state == "closed"


async def test_an_alert_that_is_opened_again_opens_its_issue_again(channel: Channel, fake: Issues) -> None:
    first = await channel.delivers(notices.single())
    await channel.delivers(notices.single(Kind.RESOLVE, reference=first))
    assert await channel.delivers(notices.single(opening=2)) == first
    (issue,) = fake.issues.values()
    assert issue.state == "open"
    assert len(issue.comments) == 2


async def test_a_try_whose_answer_got_lost_opens_no_second_issue(channel: Channel, fake: Issues) -> None:
    assert await channel.delivers(notices.single()) == await channel.delivers(notices.single())
    assert len(fake.issues) == 1


async def test_the_issue_is_found_behind_many_others(channel: Channel, fake: Issues) -> None:
    first = await channel.delivers(notices.single())
    for number in range(2, 18):
        await channel.delivers(notices.single(number=number))
    assert await channel.delivers(notices.single(Kind.REMINDER)) == first


async def test_a_mark_in_text_of_others_is_none(channel: Channel, fake: Issues) -> None:
    mark = f"<!-- crontopus alert {notices.notice(number=2).alert} -->"
    await channel.delivers(notices.hostile(mark))
    await channel.delivers(notices.single(number=2))
    assert len(fake.issues) == 2


async def test_what_is_over_already_is_opened_and_closed(channel: Channel, fake: Issues) -> None:
    await channel.delivers(notices.single(ended=True))
    (issue,) = fake.issues.values()
    assert issue.state == "closed"
    assert "WAS DOWN" in issue.body


async def test_an_issue_that_somebody_deleted_is_opened_anew(channel: Channel, fake: Issues) -> None:
    reference = await channel.delivers(notices.single())
    fake.issues.clear()
    reached = await channel.send(notices.single(Kind.REMINDER, reference=reference))
    assert not isinstance(reached, TryAgain | GiveUp)
    assert len(fake.issues) == 1


async def test_a_reminder_does_not_open_what_a_person_closed(channel: Channel, fake: Issues) -> None:
    reference = await channel.delivers(notices.single())
    next(iter(fake.issues.values())).state = "closed"
    await channel.delivers(notices.single(Kind.REMINDER, reference=reference))
    assert next(iter(fake.issues.values())).state == "closed"


async def test_a_group_is_an_issue_for_each(channel: Channel, fake: Issues) -> None:
    assert await channel.delivers(notices.group()) == ""
    assert [each.title[-1] for each in fake.issues.values()] == ["1", "2", "3"]


async def test_a_label_of_forgejo_is_made_once(channel: Channel, fake: Issues) -> None:
    await channel.delivers(notices.group())
    assert fake.labels == (["bug", "crontopus"] if fake.forge == "forgejo" else ["bug"])
    assert {each.labels[0] for each in fake.issues.values()} == {"crontopus"}


async def test_a_label_among_many_is_found_and_not_made_again(channel: Channel, fake: Issues) -> None:
    fake.labels = [f"area/{number}" for number in range(120)]
    await channel.delivers(notices.group())
    assert fake.labels.count("crontopus") == (1 if fake.forge == "forgejo" else 0)


async def test_too_much_is_told_as_forbidden_and_is_waited_for(channel: Channel, fake: Issues) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(notices.NOW.timestamp()) + 60)}
    fake.always = Reply(403, {"message": "API rate limit exceeded"}, reset)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(minutes=1)
    fake.always = Reply(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "60"})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(minutes=1)


async def test_too_much_at_once_is_waited_for_a_minute_where_nothing_says_how_long(
    channel: Channel, fake: Issues
) -> None:
    left = {"X-RateLimit-Remaining": "4990", "X-RateLimit-Reset": str(int(notices.NOW.timestamp()) + 3000)}
    fake.always = Reply(403, {"message": "You have exceeded a secondary rate limit."}, left)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(minutes=1)


async def test_a_fault_of_theirs_is_not_waited_for_until_its_count_begins_anew(channel: Channel, fake: Issues) -> None:
    left = {"X-RateLimit-Remaining": "4990", "X-RateLimit-Reset": str(int(notices.NOW.timestamp()) + 3000)}
    fake.always = Reply(502, b"<html>Unicorn</html>", left)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after is None


async def test_what_waits_for_other_issues_stays_open_and_tells_its_end(channel: Channel, fake: Issues) -> None:
    reference = await channel.delivers(notices.single())
    fake.waiting.add(int(reference))
    outcome = await channel.send(notices.single(Kind.RESOLVE, reference=reference))
    assert outcome == Delivered(reference)
    (issue,) = fake.issues.values()
    assert issue.state == "open"
    assert "RECOVERED" in issue.comments[-1]


async def test_a_repository_that_is_archived_breaks_the_channel(channel: Channel, fake: Issues) -> None:
    fake.is_archived = True
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "archived" in outcome.why


@pytest.mark.parametrize("change", [{"token": "ghp_another"}, {"repository": "acme/gone"}])
async def test_a_wrong_token_or_repository_breaks_the_channel(channel: Channel, change: dict[str, str]) -> None:
    channel.settings = replace(channel.settings, **change)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers={**request.headers, "authorization": f"Basic {TOKEN}"}),
        spoiled(lambda body: body.update(title="x" * 256)),
        spoiled(lambda body: body.update(body="x" * 65_537)),
        spoiled(lambda body: body.update(labels=[{"name": "crontopus"}])),
        spoiled(lambda body: body.update(state="closed")),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Issues, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    (opened,) = (each for each in fake.requests if each.method == "POST" and each.path.endswith("/issues"))
    assert 400 <= fake.answer(spoil(opened)).status < 500
