"""Alerts by the API: what people make of them, and what that does to whom is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.alerts import AlertClass, Ending, Happening, Severity
from crontopus.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from crontopus.domain.routing import Also, MessageState, Verdict
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.alerts import (
    ChannelPatch,
    Explain,
    NewChannel,
    NewRoute,
    OpenTime,
    RouteHours,
    RoutePatch,
    RouteStep,
)
from crontopus.wire.jobs import Job, JobPatch, NewJob
from tests.engine.test_alerts import Post, part, posting


@pytest.fixture
async def post(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    async with posting(world_data) as found:
        yield found


async def failing(post: Post, name: str = "Nightly backup") -> Job:
    job = await post.job(name)
    await post.says(job, "exit", exit_code=1)
    return job


async def only(client: Client) -> str:
    (found,) = (await client.alerts(only_open=True)).items
    return str(found.id)


async def test_an_alert_says_what_it_is_of_and_whom_it_was_told_to(post: Post) -> None:
    job = await failing(post)
    found = await post.client.alert(await only(post.client))
    assert (found.alert.cls, found.alert.severity) == (AlertClass.FAILED, Severity.WARNING)
    assert (found.alert.subject.job, found.alert.subject.slug) == (job.id, "nightly-backup")
    assert [one.what for one in found.events] == [Happening.OPENED]
    (told,) = found.notifications
    assert (told.channel_name, told.state, told.tries) == ("owner@acme.test", MessageState.DELIVERED, 1)
    tried = await post.client.notification(told.id)
    assert [one.outcome for one in tried.attempts] == ["Delivered"]


async def test_messages_are_narrowed_to_those_about_one_alert(post: Post) -> None:
    for name in ("one", "two"):
        await failing(post, name)
    first, second = (await post.client.alerts()).items
    (message,) = (await post.client.notifications(alert=first.id)).items
    assert message.alert == first.id
    assert [one.alert for one in (await post.client.notifications(alert=second.id, status="delivered")).items] == [
        second.id
    ]
    assert (await post.client.notifications(alert=uuid4())).items == []


async def test_who_acknowledges_is_named_and_the_end_is_told_all_the_same(post: Post) -> None:
    job = await failing(post)
    known = await post.client.acknowledge_alert(await only(post.client))
    assert known.acknowledged_by == "token tests"
    await post.passes(minutes=30)
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    await post.says(job, "success")
    assert post.subjects()[1:] == ["RECOVERED: Nightly backup in default"]
    with pytest.raises(Conflict, match="is over"):
        await post.client.acknowledge_alert(known.id)


async def test_what_is_taken_back_is_told_again(post: Post) -> None:
    await failing(post)
    alert = await only(post.client)
    with pytest.raises(Conflict, match="nobody has acknowledged"):
        await post.client.unacknowledge_alert(alert)
    await post.client.acknowledge_alert(alert)
    await post.passes(minutes=1)
    await post.client.unacknowledge_alert(alert)
    await post.goes_out()
    assert post.subjects()[1:] == ["STILL DOWN: Nightly backup in default"]


async def test_a_snooze_ends_by_itself(post: Post) -> None:
    await failing(post)
    alert = await only(post.client)
    for wrong in (timedelta(), timedelta(days=400)):
        with pytest.raises(Invalid, match="within a year"):
            await post.client.snooze_alert(alert, post.world.now + wrong)
    await post.client.snooze_alert(alert, post.world.now + timedelta(hours=1))
    await post.passes(minutes=59)
    assert len(post.box.taken) == 1
    await post.passes(minutes=2)
    assert post.subjects()[1:] == ["STILL DOWN: Nightly backup in default"]
    events = (await post.client.alert(alert)).events
    assert [(one.what, one.who) for one in events][1:] == [
        (Happening.SNOOZED, "token tests"),
        (Happening.UNACKNOWLEDGED, ""),
    ]


async def test_resolved_by_hand_the_next_failure_is_told_anew(post: Post) -> None:
    job = await failing(post)
    over = await post.client.resolve_alert(await only(post.client))
    assert over.ending is Ending.BY_HAND
    assert (await post.client.job(job.id)).reasons == []
    await post.goes_out()
    assert post.subjects()[1:] == ["RESOLVED: Nightly backup in default"]
    await post.passes(minutes=10)
    await post.says(job, "exit", exit_code=2)
    assert post.subjects()[2:] == ["DOWN: Nightly backup in default"]
    again = (await post.client.alerts(only_open=True)).items[0]
    assert (again.id != over.id, again.opening) == (True, 1)


async def test_what_comes_back_within_five_minutes_is_the_same_alert(post: Post) -> None:
    job = await failing(post)
    alert = await only(post.client)
    await post.says(job, "success")
    await post.passes(minutes=3)
    await post.says(job, "exit", exit_code=1)
    assert await only(post.client) == alert
    assert [one.split(":")[0] for one in post.subjects()] == ["DOWN", "RECOVERED", "DOWN"]
    assert post.box.taken[2]["In-Reply-To"] is None, "a thread for each time that it is open"


async def test_the_alert_of_a_job_that_is_deleted_ends(post: Post) -> None:
    job = await failing(post)
    alert = await only(post.client)
    await post.client.delete_job(job.id)
    await post.goes_out()
    found = (await post.client.alert(alert)).alert
    assert (found.ending, found.subject.job, found.subject.name) == (Ending.DELETED, None, "Nightly backup")
    assert post.subjects()[1:] == ["DELETED: Nightly backup in default"]


async def test_a_job_that_is_paused_is_told_as_such(post: Post) -> None:
    job = await failing(post)
    await post.client.pause_job(job.id)
    await post.goes_out()
    assert post.subjects()[1:] == ["PAUSED: Nightly backup in default"]


async def test_a_note_stands_in_the_log_of_the_alert(post: Post) -> None:
    await failing(post)
    alert = await only(post.client)
    await post.client.note_alert(alert, "the disk is full")
    last = (await post.client.alert(alert)).events[-1]
    assert (last.what, last.who, last.why) == (Happening.NOTED, "token tests", "the disk is full")


async def test_another_severity_is_taken_over_and_told_of(post: Post) -> None:
    job = await failing(post)
    await post.client.edit_job(job.id, JobPatch(severity=Severity.CRITICAL))
    await post.goes_out()
    found = await post.client.alert(await only(post.client))
    assert (found.alert.severity, found.events[-1].what) == (Severity.CRITICAL, Happening.REGRADED)


async def test_who_reaches_some_namespaces_sees_their_alerts_alone(post: Post) -> None:
    await failing(post)
    mine = await post.client.add_namespace(NewNamespace(slug="mine"))
    job = await post.client.add_job(NewJob(name="Mine", namespace="mine"))
    await post.says(job, "exit", exit_code=1)
    async with post.world.person("acme", Role.RESPONDER, mine.id) as grace:
        (seen,) = (await grace.alerts()).items
        assert seen.subject.slug == "mine"
        other = next(one for one in (await post.client.alerts()).items if one.id != seen.id)
        with pytest.raises(NotFound):
            await grace.acknowledge_alert(other.id)
        await grace.acknowledge_alert(seen.id)
        for call in (grace.channels(), grace.routes(), grace.notifications()):
            with pytest.raises(NotAllowed):
                await call


# ---- channels


async def test_a_channel_is_made_changed_and_tested(post: Post) -> None:
    made = await post.client.add_channel(NewChannel(kind="email", name=" On call ", settings={"to": "a@example.com"}))
    assert (made.name, made.settings, made.hidden, made.usable) == ("On call", {"to": "a@example.com"}, [], True)
    tested = await post.client.test_channel(made.id)
    assert (tested.outcome, tested.why) == ("Delivered", "")
    assert (post.box.taken[0]["To"], post.subjects()) == ("a@example.com", ["TEST: The channel On call of acme"])
    changed = await post.client.edit_channel(made.id, ChannelPatch(settings={"to": "b@example.com"}, enabled=False))
    assert (changed.settings, changed.usable) == ({"to": "b@example.com"}, False)
    await post.client.remove_channel(made.id)
    with pytest.raises(NotFound):
        await post.client.channel(made.id)


async def test_what_a_channel_must_be(post: Post) -> None:
    first = (await post.client.channels()).items[0]
    for wrong, place in (
        (NewChannel(kind="pigeon", name="x", settings={}), "/kind"),
        (NewChannel(kind="email", name=first.name.upper(), settings={"to": "a@b.c"}), "/name"),
        (NewChannel(kind="email", name="x", settings={"to": "a@b.c"}, fallback=uuid4()), "/fallback"),
    ):
        with pytest.raises((Invalid, Conflict, NotFound)) as refused:
            await post.client.add_channel(wrong)
        assert [fault.pointer for fault in refused.value.faults] == [place]
    for settings in ({}, {"to": "nobody"}, {"to": "a@b.c", "cc": "d@e.f"}, {"to": 7}):
        with pytest.raises(Invalid):
            await post.client.add_channel(NewChannel(kind="email", name="x", settings=settings))


async def test_fallbacks_make_no_circle_and_a_channel_in_use_stays(post: Post) -> None:
    first = (await post.client.channels()).items[0]
    second = await post.client.add_channel(
        NewChannel(kind="email", name="second", settings={"to": "a@b.c"}, fallback=first.id)
    )
    with pytest.raises(Invalid, match="lead back to itself"):
        await post.client.edit_channel(first.id, ChannelPatch(fallback=second.id))
    with pytest.raises(Conflict, match="the route 'Everything' tells on this channel"):
        await post.client.remove_channel(first.id)
    await post.client.remove_channel(second.id)


async def test_an_unsubscribed_channel_tells_nothing_until_it_is_switched_on(post: Post) -> None:
    job = await failing(post)
    link = str(post.box.taken[0]["List-Unsubscribe"]).strip("<>")
    code = link.partition("code=")[2]
    said = await post.client.open_unsubscribe(code)
    assert (said.channel, said.tenant, said.enabled) == ("owner@acme.test", "acme", True)
    assert not (await post.client.unsubscribe(code)).enabled
    await post.says(job, "success")
    assert len(post.box.taken) == 1
    for wrong in ("", code[:-2], code[::-1], "ä"):
        with pytest.raises((NotFound, Invalid)):
            await post.client.unsubscribe(wrong)
    channel = (await post.client.channels()).items[0]
    await post.client.edit_channel(channel.id, ChannelPatch(enabled=True))
    await post.says(job, "exit", exit_code=1)
    assert len(post.box.taken) >= 2


# ---- routes


async def second_channel(post: Post) -> UUID:
    made = await post.client.add_channel(NewChannel(kind="email", name="second", settings={"to": "second@example.com"}))
    return made.id


async def test_a_route_below_the_root_takes_what_it_matches(post: Post) -> None:
    second = await second_channel(post)
    made = await post.client.add_route(
        NewRoute(name="Critical", matcher="severity:critical", steps=[RouteStep(channels=[second])], repeat="1h")
    )
    assert (made.matcher, made.repeat, made.parent is None) == ("severity:critical", 3600, False)
    await failing(post)
    assert [one["To"] for one in post.box.taken] == ["owner@acme.test"]
    grave = await post.client.add_job(NewJob(name="Grave", severity=Severity.CRITICAL))
    await post.says(grave, "exit", exit_code=1)
    assert [one["To"] for one in post.box.taken][1:] == ["second@example.com"]
    await post.passes(minutes=61)
    assert post.subjects()[2:] == ["STILL DOWN: Grave in default"]


async def test_a_step_later_is_told_unless_somebody_knows(post: Post) -> None:
    second = await second_channel(post)
    root = (await post.client.routes()).items[0]
    first = root.steps[0].channels[0]
    steps = [RouteStep(channels=[first]), RouteStep(after="15m", channels=[second])]
    await post.client.edit_route(root.id, RoutePatch(steps=steps, also=[Also.ACKNOWLEDGE]))
    await failing(post)
    await post.passes(minutes=14)
    assert len(post.box.taken) == 1
    await post.passes(minutes=2)
    assert [one["To"] for one in post.box.taken][1:] == ["second@example.com"]
    await post.client.acknowledge_alert(await only(post.client))
    await post.goes_out()
    assert sorted(post.subjects()[2:]) == ["ACKNOWLEDGED: Nightly backup in default"] * 2


async def test_every_failure_is_told_where_the_route_says_so(post: Post) -> None:
    job = await failing(post)
    await post.passes(minutes=5)
    await post.says(job, "exit", exit_code=2)
    assert len(post.box.taken) == 1, "nobody asked for each"
    root = (await post.client.routes()).items[0]
    await post.client.edit_route(root.id, RoutePatch(also=[Also.EVERY_FAILURE]))
    await post.goes_out()
    await post.passes(minutes=5)
    await post.says(job, "exit", "out of memory", exit_code=3)
    assert post.subjects()[-1] == "FAILED AGAIN: Nightly backup in default"
    assert "exit status 3" in part(post.box.taken[-1], "plain")
    await post.client.acknowledge_alert(await only(post.client))
    before = len(post.box.taken)
    await post.passes(minutes=5)
    await post.says(job, "exit", exit_code=4)
    assert len(post.box.taken) == before, "somebody knows"


async def test_several_alerts_of_a_group_are_one_letter(post: Post) -> None:
    root = (await post.client.routes()).items[0]
    await post.client.edit_route(root.id, RoutePatch(group_by=["ns"], group_wait="30s"))
    for name in ("one", "two", "three"):
        await failing(post, name)
    assert post.box.taken == []
    await post.passes(seconds=31)
    assert post.subjects() == ["3 ALERTS: 3 down"]


async def test_more_than_twenty_at_once_are_told_as_one_summary(post: Post) -> None:
    for number in range(21):
        job = await post.job(f"job {number}")
        await post.world.ping(job.ping_url + "/fail")
    await post.goes_out()
    assert post.subjects() == ["21 ALERTS: 21 down"]


async def test_what_a_route_must_be(post: Post) -> None:
    root = (await post.client.routes()).items[0]
    child = await post.client.add_route(NewRoute(name="child"))
    for wrong, place in (
        (NewRoute(name="x", matcher="colour:red"), "/matcher"),
        (NewRoute(name="x", steps=[RouteStep(channels=[uuid4()])]), "/steps/0/channels/0"),
        (NewRoute(name="x", steps=[RouteStep(channels=[], after="soon")]), "/steps/0/after"),
        (NewRoute(name="x", repeat="1s"), "/repeat"),
        (NewRoute(name="x", parent=uuid4()), "/parent"),
        (
            NewRoute(
                name="x",
                hours=RouteHours(timezone="Atlantis", open=[OpenTime(days=[0], since="09:00", until="17:00")]),
            ),
            "/hours/timezone",
        ),
    ):
        with pytest.raises((Invalid, NotFound)) as refused:
            await post.client.add_route(wrong)
        assert [fault.pointer for fault in refused.value.faults] == [place]
    with pytest.raises(Conflict, match="the root matches everything"):
        await post.client.edit_route(root.id, RoutePatch(matcher="ns:prod"))
    with pytest.raises(Conflict, match="cannot be removed"):
        await post.client.remove_route(root.id)
    below = await post.client.add_route(NewRoute(name="below", parent=child.id))
    with pytest.raises(Conflict, match="routes below"):
        await post.client.remove_route(child.id)
    with pytest.raises(Invalid, match="below itself"):
        await post.client.edit_route(child.id, RoutePatch(parent=below.id))


async def test_the_tester_says_who_is_told_when_and_why(post: Post) -> None:
    second = await second_channel(post)
    await post.job()
    hours = RouteHours(timezone="UTC", open=[OpenTime(days=[0, 1, 2, 3, 4], since="09:00", until="17:00")])
    await post.client.add_route(NewRoute(name="Office", hours=hours, steps=[RouteStep(channels=[second])]))
    monday = post.world.now.replace(hour=10)
    told = await post.client.explain_routes(Explain(job="nightly-backup", at=monday))
    assert [(one.route_name, one.channel_name, one.verdict) for one in told.lines] == [
        ("Office", "second", Verdict.DUE)
    ]
    sunday = monday + timedelta(days=6)
    told = await post.client.explain_routes(Explain(job="nightly-backup", at=sunday))
    assert [(one.verdict, one.at) for one in told.lines] == [
        (Verdict.CLOSED, (monday + timedelta(days=7)).replace(hour=9))
    ]
    with pytest.raises(NotFound):
        await post.client.explain_routes(Explain(job="nowhere"))


# ---- messages


async def test_a_letter_that_is_refused_is_dead_until_somebody_sends_it_again(post: Post) -> None:
    post.box.refuses = "554 5.7.1 we do not like it"
    await failing(post)
    (dead,) = (await post.client.notifications(status="dead")).items
    assert "we do not like it" in dead.why
    post.box.refuses = ""
    await post.client.retry_notification(dead.id)
    await post.goes_out()
    (sent,) = (await post.client.notifications()).items
    assert (sent.state, len(post.box.taken)) == (MessageState.DELIVERED, 1)
    with pytest.raises(Conflict, match="nothing to send again"):
        await post.client.retry_notification(sent.id)
    with pytest.raises(Conflict, match="nothing to put away"):
        await post.client.discard_notification(sent.id)


async def test_one_that_waits_can_be_put_away(post: Post) -> None:
    post.box.refuses = "451 4.3.0 later"
    await failing(post)
    (waits,) = (await post.client.notifications(status="waiting")).items
    assert waits.next_at is not None
    gone = await post.client.discard_notification(waits.id)
    assert (gone.state, gone.next_at) == (MessageState.DISCARDED, None)
    post.box.refuses = ""
    await post.passes(minutes=30)
    assert not any(one.startswith("DOWN") for one in post.subjects())


async def test_a_state_that_is_none_is_refused(post: Post) -> None:
    with pytest.raises(Invalid) as refused:
        await post.client.notifications(status="lost")
    assert [fault.pointer for fault in refused.value.faults] == ["/status"]
