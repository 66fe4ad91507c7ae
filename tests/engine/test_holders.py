"""What keeps an alert from being told: it opens and is shown with what holds it, and is told when that lets go."""

from datetime import timedelta

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.alerts import AlertClass, Ending, SubjectKind
from crontopus.domain.errors import Conflict, Invalid
from crontopus.domain.routing import HolderKind
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.alerts import Alert, Explain
from crontopus.wire.jobs import Job, JobPatch, NewJob
from crontopus.wire.schedules import Schedule
from crontopus.wire.silences import (
    CronTimes,
    MuteJob,
    NewSilence,
    NewWindow,
    OnceTimes,
    SilencePatch,
    WindowPatch,
    WindowTimes,
)
from tests.engine.test_alerts import Post, part, post

__all__ = ["post"]


async def open_alerts(client: Client) -> list[Alert]:
    return list((await client.alerts(only_open=True)).items)


async def holders(client: Client) -> list[str]:
    """Of the one open alert; empty where nothing holds it."""
    (alert,) = await open_alerts(client)
    return [holder.name for holder in alert.holders] if alert.held else []


async def happened(client: Client, alert: Alert) -> list[str]:
    return [event.what.value for event in (await client.alert(alert.id)).events]


async def test_a_silenced_alert_opens_tells_nobody_and_is_told_at_the_end(post: Post) -> None:
    job = await post.job()
    until = post.world.now + timedelta(hours=1)
    await post.client.add_silence(NewSilence(matcher="job:nightly-backup", reason="the disk is changed", until=until))
    await post.says(job, "fail")
    assert post.subjects() == []
    (alert,) = await open_alerts(post.client)
    assert await holders(post.client) == ["the disk is changed"]
    assert (alert.holders[0].kind, alert.holders[0].until) == (HolderKind.SILENCE, until)
    await post.passes(minutes=59)
    assert post.subjects() == []
    await post.passes(minutes=1)
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    text = part(post.box.taken[0], "plain")
    assert "held back from 2027-01-04 08:00 UTC until 2027-01-04 09:00 UTC by the silence" in " ".join(text.split())
    assert await happened(post.client, alert) == ["opened", "held", "released"]


async def test_what_recovers_while_it_is_held_is_told_to_nobody(post: Post) -> None:
    job = await post.job()
    await post.client.add_silence(NewSilence(until=post.world.now + timedelta(hours=1)))
    await post.says(job, "fail")
    assert await holders(post.client) == ["everything"]
    await post.passes(minutes=10)
    await post.says(job, "success")
    await post.passes(hours=2, minutes=-1)
    assert [subject for subject in post.subjects() if "RECOVERED" in subject] == []


async def test_a_silence_of_others_holds_nothing_of_this_job(post: Post) -> None:
    job = await post.job()
    await post.client.add_silence(NewSilence(matcher="ns:prod", until=post.world.now + timedelta(hours=1)))
    await post.client.add_silence(NewSilence(matcher="class:missed", until=post.world.now + timedelta(hours=1)))
    await post.says(job, "fail")
    assert post.subjects() == ["DOWN: Nightly backup in default"]


async def test_a_silence_that_is_ended_or_changed_lets_go_at_once(post: Post) -> None:
    job = await post.job()
    until = post.world.now + timedelta(hours=5)
    silence = await post.client.add_silence(NewSilence(until=until))
    other = await post.client.add_silence(NewSilence(until=until, reason="the other"))
    await post.says(job, "fail")
    await post.client.end_silence(silence.id)
    await post.goes_out()
    assert (post.subjects(), await holders(post.client)) == ([], ["the other"])
    await post.client.edit_silence(other.id, SilencePatch(matcher="ns:prod"))
    await post.goes_out()
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    assert [one.id for one in (await post.client.silences(over=True)).items] == [silence.id]
    with pytest.raises(Conflict, match="is over"):
        await post.client.end_silence(silence.id)


async def test_a_silence_says_what_it_hides_before_it_is_made(post: Post) -> None:
    job = await post.job()
    await post.job("Other job")
    await post.says(job, "fail")
    hidden = await post.client.preview_silence("job:nightly-backup -class:missed")
    assert (hidden.open, [one.subject.slug for one in hidden.alerts]) == (1, ["nightly-backup"])
    assert (hidden.jobs, hidden.names) == (1, ["default/nightly-backup"])
    everything = await post.client.preview_silence("")
    assert (everything.open, everything.jobs) == (1, 2)
    assert (await post.client.preview_silence("class:missed")).open == 0


async def test_a_maintenance_window_by_cron_holds_for_its_time_every_time(post: Post) -> None:
    job = await post.job()
    times = WindowTimes(cron=CronTimes(cron="0 10 * * *", duration="2h", timezone="Europe/Berlin"))
    window = await post.client.add_maintenance_window(NewWindow(name="patches", times=times))
    assert not window.holds
    assert [(one.since, one.until) for one in window.upcoming[:1]] == [
        (post.world.now + timedelta(hours=1), post.world.now + timedelta(hours=3))
    ]
    await post.passes(hours=1)
    post.box.taken.clear()
    await post.says(job, "fail")
    assert (post.subjects(), await holders(post.client)) == ([], ["patches"])
    await post.passes(hours=2)
    assert post.subjects() == ["DOWN: Nightly backup in default", "DOWN: Nightly backup in default"]


async def test_a_window_that_is_switched_off_or_over_holds_nothing(post: Post) -> None:
    job = await post.job()
    now = post.world.now
    once = WindowTimes(once=OnceTimes(since=now, until=now + timedelta(hours=4)))
    window = await post.client.add_maintenance_window(NewWindow(name="move", times=once))
    await post.says(job, "fail")
    assert post.subjects() == []
    await post.client.edit_maintenance_window(window.id, WindowPatch(enabled=False))
    await post.goes_out()
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    await post.client.remove_maintenance_window(window.id)
    assert (await post.client.maintenance_windows()).items == []


async def test_a_muted_job_tells_nobody_until_its_mute_ends(post: Post) -> None:
    job = await post.job()
    muted = await post.client.mute_job(
        job.id, MuteJob(reason="being rebuilt", until=post.world.now + timedelta(days=1))
    )
    assert muted.muted is not None
    await post.says(job, "fail")
    assert (post.subjects(), await holders(post.client)) == ([], ["being rebuilt"])
    assert (await post.client.unmute_job(job.id)).muted is None
    await post.goes_out()
    assert post.subjects() == ["DOWN: Nightly backup in default"]


async def chain(post: Post) -> tuple[Job, Job, Job]:
    """A database, what dumps it, and what copies the dump away."""
    database = await post.job("Database")
    dump = await post.client.add_job(
        NewJob(name="Dump", schedule=Schedule(every=3600), grace=600, depends_on=["default/database"])
    )
    copy = await post.client.add_job(
        NewJob(name="Copy", schedule=Schedule(every=3600), grace=600, depends_on=[str(dump.id)])
    )
    assert copy.depends_on == ["default/dump"]
    return database, dump, copy


async def test_what_depends_on_a_job_that_is_down_is_held_near_and_far(post: Post) -> None:
    database, _, copy = await chain(post)
    await post.says(database, "fail")
    await post.says(copy, "fail")
    assert post.subjects() == ["DOWN: Database in default"]
    held = next(one for one in await open_alerts(post.client) if one.subject.slug == "copy")
    assert [(one.kind, one.name) for one in held.holders] == [(HolderKind.PARENT, "Database")]


async def test_a_parent_holds_until_the_child_has_shown_how_it_fares(post: Post) -> None:
    database, _, copy = await chain(post)
    await post.says(database, "fail")
    await post.says(copy, "fail")
    await post.passes(minutes=5)
    await post.says(database, "success")
    assert "DOWN: Copy in default" not in post.subjects()
    await post.passes(minutes=5)
    await post.says(copy, "fail")
    assert post.subjects()[-1] == "DOWN: Copy in default"
    assert "by “Database”, which it depends on" in part(post.box.taken[-1], "plain").replace("\n", " ")


async def test_a_parent_that_has_let_go_does_so_once_however_often_the_child_fails(post: Post) -> None:
    database, _, copy = await chain(post)
    await post.says(database, "fail")
    await post.says(copy, "fail")
    await post.passes(minutes=5)
    await post.says(database, "success")
    for _ in range(3):
        await post.passes(minutes=5)
        await post.says(copy, "fail")
    assert [subject for subject in post.subjects() if "Copy" in subject] == ["DOWN: Copy in default"]


async def test_what_is_opened_again_while_it_is_held_says_since_when(post: Post) -> None:
    job = await post.job()
    await post.client.add_silence(NewSilence(reason="the disk is changed", until=post.world.now + timedelta(hours=1)))
    for minutes in (0, 2):
        await post.passes(minutes=minutes)
        await post.says(job, "fail")
        (alert,) = await open_alerts(post.client)
        assert (alert.held, alert.held_since) == (True, post.world.now)
        await post.passes(minutes=2)
        await post.says(job, "success")
    assert (await happened(post.client, alert))[-3:] == ["reopened", "held", "resolved"]


async def test_a_child_that_says_nothing_more_is_told_at_its_next_deadline(post: Post) -> None:
    database, dump, copy = await chain(post)
    await post.says(database, "fail")
    await post.says(copy, "fail")
    await post.says(database, "success")
    await post.passes(minutes=60)
    for above in (database, dump):
        await post.says(above, "success")
    await post.passes(minutes=9)
    assert "DOWN: Copy in default" not in post.subjects()
    await post.passes(minutes=2)
    assert "DOWN: Copy in default" in post.subjects()


async def test_parent_and_child_that_fail_at_once_are_told_once_whatever_their_order(post: Post) -> None:
    database, dump, copy = await chain(post)
    for job in (copy, dump, database):
        assert (await post.world.ping(f"{job.ping_url}/fail")).status_code == 200
    await post.goes_out()
    assert post.subjects() == ["DOWN: Database in default"]


async def test_a_muted_parent_holds_nobody(post: Post) -> None:
    database, _, copy = await chain(post)
    await post.client.mute_job(database.id, MuteJob())
    await post.says(database, "fail")
    await post.says(copy, "fail")
    assert post.subjects() == ["DOWN: Copy in default"]
    await post.client.unmute_job(database.id)
    await post.goes_out()
    assert post.subjects() == ["DOWN: Copy in default", "DOWN: Database in default"]


async def test_what_holds_it_is_not_named_to_whom_that_is_out_of_reach(post: Post) -> None:
    parent = await post.job("The merger")
    mine = await post.client.add_namespace(NewNamespace(slug="mine"))
    job = await post.client.add_job(NewJob(name="Mine", namespace="mine", depends_on=["default/the-merger"]))
    await post.says(parent, "fail")
    await post.says(job, "fail")
    async with post.world.person("acme", Role.RESPONDER, mine.id) as grace:
        (seen,) = (await grace.alerts()).items
        detail, acknowledged = await grace.alert(seen.id), await grace.acknowledge_alert(seen.id)
        for alert in (seen, detail.alert, acknowledged):
            assert [holder.name for holder in alert.holders] == ["a job out of reach"]
        assert [(event.what.value, event.why) for event in detail.events] == [("opened", ""), ("held", "")]
    assert "held: “The merger”, which it depends on" in [
        f"{event.what.value}: {event.why}" for event in (await post.client.alert(seen.id)).events
    ]


async def test_a_parent_that_is_deleted_lets_go(post: Post) -> None:
    database, _, copy = await chain(post)
    await post.says(database, "fail")
    await post.says(copy, "fail")
    await post.client.delete_job(database.id)
    await post.goes_out()
    assert "DOWN: Copy in default" in post.subjects()


async def test_a_circle_is_refused_and_a_job_that_is_not_there(post: Post) -> None:
    database, _, copy = await chain(post)
    with pytest.raises(Invalid, match="that is a circle"):
        await post.client.edit_job(database.id, JobPatch(depends_on=["default/copy"]))
    with pytest.raises(Invalid, match="that is a circle"):
        await post.client.edit_job(copy.id, JobPatch(depends_on=["default/copy"]))
    with pytest.raises(Invalid, match="there is no job 'default/nothing'"):
        await post.client.edit_job(copy.id, JobPatch(depends_on=["default/nothing"]))
    assert (await post.client.job(copy.id)).depends_on == ["default/dump"]
    await post.client.edit_job(database.id, JobPatch(slug="db"))
    assert (await post.client.job("default/dump")).depends_on == ["default/db"]


async def test_a_job_that_goes_up_and_down_is_told_as_flapping_once_and_its_alerts_are_held(post: Post) -> None:
    job = await post.job()
    for _ in range(3):
        await post.says(job, "fail")
        await post.passes(minutes=10)
        await post.says(job, "success")
        await post.passes(minutes=10)
    assert post.subjects()[-1] == "FLAPPING: Nightly backup in default"
    told = len(post.subjects())
    assert "goes up and down again and again" in part(post.box.taken[-1], "plain") or told
    await post.says(job, "fail")
    await post.passes(minutes=10)
    assert len(post.subjects()) == told
    by_class = {one.cls: one for one in await open_alerts(post.client)}
    assert [one.kind for one in by_class[AlertClass.FAILED].holders] == [HolderKind.FLAPPING]
    for _ in range(5):
        await post.says(job, "fail")
        await post.passes(minutes=10)
    ended = next(one for one in (await post.client.alerts()).items if one.cls is AlertClass.FLAPPING)
    assert ended.ending is Ending.RECOVERED
    assert post.subjects()[told:] == ["RECOVERED: Nightly backup in default", "DOWN: Nightly backup in default"]
    assert "It is calm again, and down now." in part(post.box.taken[told], "plain")


async def test_flapping_ends_a_day_after_the_last_crossing_and_with_a_pause(post: Post) -> None:
    first = await post.client.add_job(NewJob(name="Rare"))
    for _ in range(3):
        await post.says(first, "fail")
        await post.passes(minutes=10)
        await post.says(first, "success")
        await post.passes(minutes=10)
    assert [one.cls for one in await open_alerts(post.client)] == [AlertClass.FLAPPING]
    await post.passes(days=1, minutes=1)
    assert await open_alerts(post.client) == []
    ended = (await post.client.alerts()).items[0]
    assert ended.ending is Ending.EXPIRED


async def test_the_tester_says_what_would_hold_it(post: Post) -> None:

    job = await post.job()
    until = post.world.now + timedelta(hours=1)
    await post.client.add_silence(NewSilence(reason="later", since=post.world.now, until=until))
    now = await post.client.explain_routes(Explain(job=str(job.id)))
    assert [holder.name for holder in now.holders] == ["later"]
    then = await post.client.explain_routes(Explain(job=str(job.id), at=until))
    assert then.holders == []


async def test_what_nobody_observed_is_one_alert_with_the_jobs_it_is_of(post: Post) -> None:
    jobs = [await post.job(name) for name in ("First", "Second", "Third")]
    for job in jobs:
        await post.says(job, "success")
    await nobody_watches(post)
    assert post.subjects() == ["NOT WATCHED: 3 jobs"]
    assert "First in default, Second in default, Third in default" in " ".join(part(post.box.taken[0], "plain").split())
    (alert,) = await open_alerts(post.client)
    assert (alert.cls, alert.subject.kind) == (AlertClass.UNOBSERVED, SubjectKind.SYSTEM)
    for job in jobs:
        await post.says(job, "success")
    await post.passes(minutes=2)
    assert post.subjects()[-1] == "RECOVERED: Some jobs"
    assert await open_alerts(post.client) == []


async def test_a_further_gap_adds_to_it_and_after_a_day_it_is_over(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Yearly", schedule=Schedule(every=3600 * 24 * 300), grace=600))
    often = await post.job("Often")
    await post.says(often, "success")
    await nobody_watches(post)
    await nobody_watches(post)
    (alert,) = [one for one in await open_alerts(post.client) if one.cls is AlertClass.UNOBSERVED]
    assert await happened(post.client, alert) == ["opened"]
    await post.passes(hours=24)
    ended = next(one for one in (await post.client.alerts()).items if one.id == alert.id)
    assert ended.ending is Ending.EXPIRED
    assert (await post.client.job(job.id)).last_run is None


async def nobody_watches(post: Post) -> None:
    """For two hours; then so long that what was silent meanwhile is known."""
    post.world.hands.set_by(timedelta(hours=2))
    await post.world.sweep()
    await post.passes(minutes=12)
    await post.world.appliance.absence.notices()
    await post.goes_out()
