"""What holds alerts, on its pages: silences, maintenance windows, mutes and dependencies; and the hours of routes."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from crontopus.client import Client
from crontopus.console import hours
from crontopus.console.forms import Form
from crontopus.domain.access import Role
from crontopus.domain.alerts import AlertClass
from crontopus.domain.errors import Invalid
from crontopus.wire.alerts import Alert, OpenTime, RouteHours
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from crontopus.wire.silences import CronTimes, MuteJob, NewSilence, NewWindow, OnceTimes, Window, WindowTimes
from tests.console.alerting import EVIL, Visits
from tests.console.conftest import Visitor, visiting
from tests.console.test_roles import browsing
from tests.console.test_roles import visiting as visiting_as
from tests.things import alert_of as told_alert
from tests.world import BEGINNING, Hands, World, world_in

WEEKDAYS = RouteHours(timezone="Europe/Berlin", open=[OpenTime(days=[0, 1, 2, 3, 4], since="09:00", until="17:00")])


@pytest.fixture
async def browser(visits: Visits) -> Visitor:
    return await visits("acme")


async def fails(world: World, client: Client, slug: str = "backup", name: str = "", **more: object) -> Job:
    job = await client.add_job(NewJob(name=name or slug, slug=slug, **more))  # type: ignore[arg-type]
    await client.check_in(CheckIn(kind="fail", job=str(job.id)))
    await decided(world)
    return job


async def decided(world: World) -> None:
    while await world.appliance.alerting.step():
        pass


async def alert_of(client: Client, job: Job, cls: AlertClass = AlertClass.FAILED) -> Alert:
    return next(one for one in (await client.alerts()).items if one.subject.job == job.id and one.cls is cls)


async def windows(client: Client) -> list[Window]:
    return (await client.maintenance_windows()).items


def preview_of(page: str) -> str:
    return page.partition('id="preview"')[2].partition("</aside>")[0]


def fault_at(page: str, field: str) -> str:
    return page.partition(f'id="{field}-hint"')[2].partition("</div>")[0]


async def test_a_silence_is_made_for_a_while_changed_and_ended(world: World, acme: Client, browser: Visitor) -> None:
    assert "Nothing is silenced" in (await browser.get("/silences")).text
    typed = {"matcher": "ns:default", "for": "4h", "reason": f"the disk is changed {EVIL}"}
    page = (await browser.post("/silences/new", typed)).text
    assert "Nobody is told of what it matches, until 12:00." in page
    assert "<code>ns:default</code>" in page
    assert "the disk is changed &lt;script&gt;" in page
    assert ">Holds</span>" in page
    (made,) = (await acme.silences()).items
    assert made.until == BEGINNING + timedelta(hours=4)

    own = f"/silences/{made.id}"
    form = (await browser.get(own)).text
    assert 'value="2027-01-04T12:00"' in form
    changed = {"matcher": "ns:prod", "for": "until", "until": "2027-01-05T09:30", "reason": "longer"}
    assert "until tomorrow\u00a009:30." in (await browser.post(own, changed)).text
    (made,) = (await acme.silences()).items
    assert (made.matcher, made.reason, made.until) == ("ns:prod", "longer", BEGINNING + timedelta(hours=25.5))

    assert "It is over" in (await browser.post(f"{own}/end")).text
    assert (await acme.silences()).items == []
    assert "It was over already." in (await browser.post(f"{own}/end")).text
    over = (await browser.get("/silences?over=1")).text
    assert "<code>ns:prod</code>" in over
    assert ">Over</span>" in over
    assert f"{own}/end" not in over
    assert (await browser.get(own)).status_code == 404


async def test_of_many_silences_that_are_over_the_older_stand_on_the_next_page(
    world: World, acme: Client, browser: Visitor
) -> None:
    for number in range(51):
        until = BEGINNING + timedelta(hours=1)
        await acme.end_silence((await acme.add_silence(NewSilence(reason=f"no. {number}", until=until))).id)
    page = (await browser.get("/silences?over=1")).text
    assert page.count('id="silence-') == 50
    more = page.partition('aria-label="Pages"><a class="btn" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await browser.get(more)).text.count('id="silence-') == 1


async def test_the_times_of_a_silence_are_on_the_clock_of_whoever_types_them(acme: Client, browser: Visitor) -> None:
    await browser.post("/me/zone", {"zone": "Pacific/Auckland"})
    typed = {"for": "until", "until": "2027-01-06T10:00", "since": "2027-01-05T22:00"}
    page = (await browser.post("/silences/new", typed)).text
    assert ">Will hold</span>" in page
    (made,) = (await acme.silences()).items
    assert (made.since.isoformat(), made.until.isoformat()) == (
        "2027-01-05T09:00:00+00:00",
        "2027-01-05T21:00:00+00:00",
    )
    assert 'value="2027-01-06T10:00"' in (await browser.get(f"/silences/{made.id}")).text


async def test_a_silence_that_begins_later_lasts_from_then(acme: Client, browser: Visitor) -> None:
    await browser.post("/silences/new", {"for": "1h", "since": "2027-01-05T08:00"})
    (made,) = (await acme.silences()).items
    assert (made.since, made.until - made.since) == (BEGINNING + timedelta(days=1), timedelta(hours=1))


async def test_the_form_shows_what_would_be_hidden_before_it_is(world: World, acme: Client, browser: Visitor) -> None:
    await fails(world, acme, "backup", f"Backup {EVIL}")
    await acme.add_job(NewJob(slug="other", name="Other"))
    page = (await browser.get("/silences/new?matcher=" + quote("job:default/backup class:failed"))).text
    shown = preview_of(page)
    assert 'value="job:default/backup class:failed"' in page
    assert "Backup &lt;script&gt;" in shown
    assert "default/backup" in shown
    assert "default/other" not in shown
    assert "until 09:00" in re.sub(r"<[^>]*>", "", shown)
    typed = {"matcher": "job:other", "for": "1d", "preview": "1"}
    shown = preview_of((await browser.post("/silences/new", typed)).text)
    assert "None now." in shown
    assert "default/other" in shown
    assert (await acme.silences()).items == []
    wide = preview_of((await browser.post("/silences/new", {"preview": "1", "for": "1h"})).text)
    assert "whatever is wrong anywhere" in wide
    assert "Nothing is like this" in preview_of((await browser.get("/silences/new?matcher=ns:nowhere")).text)
    assert "class: is one of" in preview_of((await browser.get("/silences/new?matcher=class:odd")).text)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"matcher": "status:down"}, "matcher", "status"),
        ({"for": "until"}, "until", "Say when."),
        ({"for": "until", "until": "later"}, "until", "Give a day and a time"),
        ({"for": "until", "until": "2027-01-04T07:00"}, "until", "still to come"),
        ({"for": "until", "until": "2029-01-04T07:00"}, "until", "within a year"),
        ({"for": "until", "until": "9999-12-31T23:59"}, "until", "of this age"),
        ({"since": "0001-01-01T00:00"}, "since", "of this age"),
        ({"reason": "x" * 300}, "reason", "200"),
    ],
)
async def test_what_is_wrong_with_a_silence_stands_at_its_field(
    acme: Client, browser: Visitor, typed: dict[str, str], field: str, said: str
) -> None:
    page = await browser.post("/silences/new", {"for": "1h"} | typed)
    assert (page.status_code, (await acme.silences()).items) == (400, [])
    assert said in fault_at(page.text, field)


async def test_a_silence_without_a_length_is_refused_in_words(browser: Visitor) -> None:
    page = await browser.post("/silences/new", {"matcher": "ns:prod", "for": "for ever"})
    assert (page.status_code, "Say for how long." in page.text) == (400, True)


async def test_a_window_is_planned_once_every_week_and_by_a_cron_line(acme: Client, browser: Visitor) -> None:
    await browser.post("/me/zone", {"zone": "Europe/Berlin"})
    once = {"name": "Move", "kind": "once", "from": "2027-01-05T20:00", "to": "2027-01-05T23:00"}
    assert "Move is planned." in (await browser.post("/maintenance-windows/new", once)).text
    weekly = {"name": "Nights", "kind": "weekly", "zone": "Europe/Berlin", "matcher": "ns:prod"}
    weekly |= {"days-0": ["0", "1"], "opens-0": "22:00", "closes-0": "06:00", "days-3": "6"}  # type: ignore[dict-item]
    await browser.post("/maintenance-windows/new", weekly)
    cron = {
        "name": f"Patches {EVIL}",
        "kind": "cron",
        "minute": "0 2 * * 7",
        "duration": "1 h 30 m",
        "zone": "Asia/Tokyo",
    }
    page = (await browser.post("/maintenance-windows/new", cron)).text
    assert "Once, tomorrow\u00a020:00 to 23:00" in page
    assert "Mon, Tue 22:00–06:00; Sun all day (Europe/Berlin)" in page
    assert "(Asia/Tokyo), for 1\u00a0h\u00a030\u00a0m" in page
    assert EVIL not in page
    by_name = {one.name: one for one in await windows(acme)}
    assert by_name["Move"].times.once == OnceTimes(
        since=datetime.fromisoformat("2027-01-05T19:00Z"), until=datetime.fromisoformat("2027-01-05T22:00Z")
    )
    assert by_name["Nights"].times.weekly == RouteHours(
        timezone="Europe/Berlin",
        open=[OpenTime(days=[0, 1], since="22:00", until="06:00"), OpenTime(days=[6], since="00:00", until="00:00")],
    )
    assert by_name[f"Patches {EVIL}"].times.cron == CronTimes(cron="0 2 * * 7", duration=5400.0, timezone="Asia/Tokyo")


async def test_a_window_stands_in_its_form_as_it_was_planned_and_is_changed(acme: Client, browser: Visitor) -> None:
    for times in (
        WindowTimes(once=OnceTimes(since=BEGINNING + timedelta(days=1), until=BEGINNING + timedelta(days=2))),
        WindowTimes(weekly=WEEKDAYS),
        WindowTimes(cron=CronTimes(cron="0 10 * * *", duration=7200.0, timezone="Europe/Berlin")),
    ):
        made = await acme.add_maintenance_window(NewWindow(name="Patches", times=times, matcher="ns:prod"))
        own = f"/maintenance-windows/{made.id}"
        typed = dict(fields_of((await browser.get(own)).text))
        assert "Renamed is changed." in (await browser.post(own, typed | {"name": "Renamed"})).text
        changed = next(one for one in await windows(acme) if one.id == made.id)
        assert (changed.name, changed.matcher, changed.times) == ("Renamed", "ns:prod", made.times)


def fields_of(page: str) -> dict[str, list[str]]:
    """What a browser would send of the form as it stands."""
    form = page.partition('class="form"')[2].partition("</form>")[0]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = (re.search(rf' {what}="([^"]*)"', tag) for what in ("name", "value"))
        if name and value and ("checked" in tag or not re.search(r'type="(radio|checkbox)"', tag)):
            found.setdefault(name[1], []).append(value[1])
    return found


async def test_a_window_holds_now_is_switched_off_and_on_and_removed(acme: Client, browser: Visitor) -> None:
    now = OnceTimes(since=BEGINNING, until=BEGINNING + timedelta(hours=4))
    made = await acme.add_maintenance_window(NewWindow(name="Move", times=WindowTimes(once=now)))
    own = f"/maintenance-windows/{made.id}"
    page = (await browser.get("/silences")).text
    assert ">Holds</span>" in page
    assert "now, until 12:00" in page
    page = (await browser.post(f"{own}/switch")).text
    assert "Move is off: it holds nothing." in page
    assert ">Switched off</span>" in page
    assert ">Holds</span>" in (await browser.post(f"{own}/switch")).text
    assert "Move is removed" in (await browser.post(f"{own}/remove")).text
    assert await windows(acme) == []
    for path in (own, f"{own}/nonsense"):
        assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": "", "kind": "cron", "minute": "@daily", "duration": "1h"}, "name", ""),
        ({"matcher": "status:down", "kind": "cron", "minute": "@daily", "duration": "1h"}, "matcher", "status"),
        ({"kind": "once"}, "from", "Say when."),
        ({"kind": "once", "from": "2027-01-05T20:00", "to": "2027-01-05T19:00"}, "to", "later than the beginning"),
        ({"kind": "weekly", "zone": "UTC"}, "opens-0", "Choose days and times."),
        ({"kind": "weekly", "zone": "UTC", "opens-2": "10:00"}, "opens-2", "Choose the days"),
        ({"kind": "weekly", "zone": "UTC", "days-1": "0", "opens-1": "99:00"}, "opens-1", "24:00"),
        ({"kind": "weekly", "zone": "", "days-0": "0"}, "zone", "in which zone"),
        ({"kind": "weekly", "zone": "Mars/Base", "days-0": "0"}, "zone", "Mars/Base"),
        ({"kind": "cron", "minute": "0 25 * * *", "duration": "1h"}, "cron", "25"),
        ({"kind": "cron", "minute": "@daily"}, "duration", "Say for how long"),
        ({"kind": "cron", "minute": "@daily", "duration": "soon"}, "duration", "Write a duration"),
    ],
)
async def test_what_is_wrong_with_a_window_stands_at_its_field(
    acme: Client, browser: Visitor, typed: dict[str, str], field: str, said: str
) -> None:
    page = await browser.post("/maintenance-windows/new", {"name": "Patches"} | typed)
    assert (page.status_code, await windows(acme)) == (400, [])
    assert said in fault_at(page.text, field)
    assert f'id="{field}-hint"' in page.text


async def test_a_window_says_when_it_opens_and_what_it_hides_before_it_is_planned(
    acme: Client, browser: Visitor
) -> None:
    await acme.add_job(NewJob(slug="backup"))
    typed = {"preview": "1", "kind": "cron", "minute": "0 2 * * *", "duration": "90m", "zone": "Europe/Berlin"}
    shown = preview_of((await browser.post("/maintenance-windows/new", typed)).text)
    assert "at 02:00" in shown
    assert "for 1\u00a0h\u00a030\u00a0m" in shown
    assert "Tue 5\u00a0Jan\u00a002:00" in shown
    assert "default/backup" in shown
    faulty = preview_of((await browser.post("/maintenance-windows/new", typed | {"minute": "0 25 * * *"})).text)
    assert 'class="fault"' in faulty
    weekly = {"preview": "1", "kind": "weekly", "zone": "UTC", "days-0": "2", "opens-0": "10:00"}
    assert "Wed 10:00–00:00 (UTC)" in preview_of((await browser.post("/maintenance-windows/new", weekly)).text)
    assert "Say when." in preview_of((await browser.get("/maintenance-windows/new")).text)
    assert await windows(acme) == []


async def test_an_alert_says_what_holds_it_and_leads_there(world: World, acme: Client, browser: Visitor) -> None:
    silence = await acme.add_silence(NewSilence(reason=f"the disk {EVIL}", until=BEGINNING + timedelta(hours=2)))
    now = OnceTimes(since=BEGINNING, until=BEGINNING + timedelta(hours=4))
    window = await acme.add_maintenance_window(NewWindow(name="Move", times=WindowTimes(once=now)))
    parent = await fails(world, acme, "database", "Database")
    child = await fails(world, acme, "dump", depends_on=["default/database"])
    await acme.mute_job(child.id, MuteJob(reason="being rebuilt"))
    await decided(world)
    alert = await alert_of(acme, child)
    page = (await browser.get(f"/alerts/{alert.id}")).text
    held = page.partition('id="held"')[2].partition("</section>")[0]
    for path, name in {
        f"/silences#silence-{silence.id}": "the disk &lt;script&gt;",
        f"/silences#window-{window.id}": "Move",
        f"/jobs/{child.id}": "being rebuilt",
        f"/jobs/{parent.id}": "Database",
    }.items():
        assert f'<a href="{path}">{name}' in held
    assert 'id="silence-' + str(silence.id) in (await browser.get("/silences")).text
    assert "10:00" in held
    assert "no end is known" in held
    assert "nobody: held by silence <a" in (await browser.get("/alerts")).text
    await acme.resolve_alert(alert.id)
    assert 'id="held"' not in (await browser.get(f"/alerts/{alert.id}")).text


async def test_an_alert_that_is_held_by_flapping_leads_to_the_alert_of_it(
    world: World, acme: Client, browser: Visitor
) -> None:
    job = await acme.add_job(NewJob(slug="flaps", schedule=Schedule(every=3600), grace=600))
    for kind in ("fail", "success", "fail", "success", "fail", "success", "fail"):
        await acme.check_in(CheckIn(kind=kind, job=str(job.id)))
        await decided(world)
        await world.passes(minutes=10)
    await decided(world)
    flapping, failed = await alert_of(acme, job, AlertClass.FLAPPING), await alert_of(acme, job)
    assert f'<a href="/alerts/{flapping.id}">' in (await browser.get(f"/alerts/{failed.id}")).text
    page = (await browser.get(f"/alerts/{flapping.id}")).text
    assert "It is up and down since" in page
    assert "It goes up and down" not in page.partition('id="told"')[0]


async def test_an_alert_leads_to_a_silence_of_what_is_like_it(world: World, acme: Client, browser: Visitor) -> None:
    alert = await alert_of(acme, await fails(world, acme))
    page = (await browser.get(f"/alerts/{alert.id}")).text
    path = re.search(r'href="(/silences/new[^"]*)"', page)
    assert path
    form = (await browser.get(path[1])).text
    assert 'value="job:default/backup class:failed"' in form
    assert "backup" in preview_of(form)


async def test_a_job_is_muted_and_unmuted_on_its_page(world: World, acme: Client, browser: Visitor) -> None:
    job = await acme.add_job(NewJob(slug="backup", name="Backup"))
    own = f"/jobs/{job.id}"
    assert "Mute…" in (await browser.get(own)).text
    page = (await browser.post(f"{own}/mute", {"for": "4h", "reason": f"rebuilt {EVIL}"})).text
    assert "Backup is muted until 12:00" in page
    assert "By owner@acme.test, since" in page
    assert "rebuilt &lt;script&gt;" in page
    assert "Mute…" not in page
    assert 'class="muted"' in (await browser.get("/jobs")).text
    muted = (await acme.job(job.id)).muted
    assert muted
    assert muted.until == BEGINNING + timedelta(hours=4)
    assert "is muted no longer" in (await browser.post(f"{own}/unmute")).text
    assert (await acme.job(job.id)).muted is None
    assert 'class="muted"' not in (await browser.get("/jobs")).text
    assert "until somebody ends it" in (await browser.post(f"{own}/mute", {"for": ""})).text


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"for": "until"}, "until", "Say when."),
        ({"for": "until", "until": "2027-01-04T07:00"}, "until", "still to come"),
        ({"for": "1h", "reason": "x" * 300}, "reason", "200"),
    ],
)
async def test_what_is_wrong_with_a_mute_stands_at_its_field(
    acme: Client, browser: Visitor, typed: dict[str, str], field: str, said: str
) -> None:
    job = await acme.add_job(NewJob(slug="backup"))
    page = await browser.post(f"/jobs/{job.id}/mute", typed)
    assert (page.status_code, said in fault_at(page.text, field)) == (400, True)
    assert (await acme.job(job.id)).muted is None


async def test_what_a_job_depends_on_is_edited_shown_and_refused_at_its_field(acme: Client, browser: Visitor) -> None:
    database = await acme.add_job(NewJob(slug="database"))
    job = await acme.add_job(NewJob(slug="dump", name="Dump"))
    form = {"name": "Dump", "slug": "dump", "kind": "none", "version": "1"}
    page = (
        await browser.post(f"/jobs/{job.id}/edit", form | {"depends_on": "default/database, default/database"})
    ).text
    assert f'<a href="/jobs/{database.id}">default/database</a>' in page
    assert 'value="default/database"' in (await browser.get(f"/jobs/{job.id}/edit")).text
    form["version"] = str((await acme.job(job.id)).version)
    for name, said in {"default/nothing": "there is no job", "default/dump": "that is a circle"}.items():
        faulty = await browser.post(f"/jobs/{job.id}/edit", form | {"depends_on": name})
        assert (faulty.status_code, said in fault_at(faulty.text, "depends_on")) == (400, True)
    assert (await acme.job(job.id)).depends_on == ["default/database"]
    await browser.post(f"/jobs/{job.id}/edit", form)
    assert (await acme.job(job.id)).depends_on == []


async def test_the_tester_says_what_would_hold_it(acme: Client, browser: Visitor) -> None:
    await acme.add_job(NewJob(slug="backup"))
    silence = await acme.add_silence(NewSilence(reason="the disk", until=BEGINNING + timedelta(hours=2)))
    asked = "/alert-routes?job=default/backup&class=failed"
    page = (await browser.get(asked)).text
    assert "At that time it is held" in page
    assert f'<a href="/silences#silence-{silence.id}">the disk</a>' in page
    assert "At that time it is held" not in (await browser.get(f"{asked}&at=2027-01-04T10:30")).text


async def test_a_route_has_its_hours_and_its_grouping_in_the_form(acme: Client, browser: Visitor) -> None:
    (root,) = (await acme.routes()).items
    typed: dict[str, object] = {"name": "By day", "parent": str(root.id), "matcher": "ns:prod"}
    typed |= {"group_by": ["ns", "class"], "group_labels": "team, site", "group_wait": "30s", "group_interval": "10m"}
    typed |= {"days-1": ["0", "1", "2", "3", "4"], "opens-1": "09:00", "closes-1": "17:00", "zone": "Europe/Berlin"}
    page = (await browser.post("/alert-routes/new", typed)).text
    assert "only Mon–Fri 09:00–17:00 (Europe/Berlin)" in page
    assert "together by ns, class, label:team, label:site" in page
    made = next(one for one in (await acme.routes()).items if one.parent)
    assert (made.hours, made.group_wait, made.group_interval) == (WEEKDAYS, 30, 600)
    assert made.group_by == ["ns", "class", "label:team", "label:site"]

    own = f"/alert-routes/{made.id}"
    stands = (await browser.get(own)).text
    for part in ('name="opens-0" type="time" value="09:00"', 'value="team site"', 'value="30s"', 'value="10m"'):
        assert part in stands
    kept: dict[str, object] = {"name": "By day", "parent": str(root.id), "zone": "Europe/Berlin"}
    await browser.post(own, kept)
    changed = next(one for one in (await acme.routes()).items if one.parent)
    assert (changed.hours, changed.group_by, changed.group_wait, changed.group_interval) == (None, [], 0, 300)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"opens-1": "09:00"}, "opens-1", "Choose the days"),
        ({"days-0": "1", "zone": "Mars/Base"}, "zone", "Mars/Base"),
        ({"group_labels": "x" * 101}, "group_by", ""),
        ({"group_wait": "soon"}, "group_wait", "Write a duration"),
        ({"group_interval": "soon"}, "group_interval", "Write a duration"),
    ],
)
async def test_what_is_wrong_with_hours_and_grouping_stands_at_its_field(
    acme: Client, browser: Visitor, typed: dict[str, str], field: str, said: str
) -> None:
    (root,) = (await acme.routes()).items
    given = {"name": "Prod", "parent": str(root.id), "zone": "UTC"} | typed
    page = await browser.post("/alert-routes/new", given)
    assert page.status_code == 400
    assert f'id="{field}-hint"' in page.text
    assert said in fault_at(page.text, field)


async def test_what_nobody_watched_is_of_the_organisation_and_names_its_jobs(tmp_path: Path) -> None:
    hands = Hands()
    async with world_in(tmp_path, hands=hands) as world, world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(slug="silent", schedule=Schedule(every=3600), grace=600))
        await acme.check_in(CheckIn(kind="success", job=str(job.id)))
        hands.set_by(timedelta(hours=2))
        await world.sweep()
        await world.passes(minutes=12)
        await world.appliance.absence.notices()
        await decided(world)
        (alert,) = [one for one in (await acme.alerts()).items if one.cls is AlertClass.UNOBSERVED]
        async with visiting(world, "acme") as browser:
            listed = (await browser.get("/alerts")).text
            assert "Not watched<span" in listed
            assert "The organisation" in listed
            page = (await browser.get(f"/alerts/{alert.id}")).text
            assert "It is unknown how some jobs are since" in page
            assert "1 job did not report in that time" in page
            assert f'<a href="/jobs/{job.id}">default/silent</a>' in page
            assert "class%3Aunobserved" in page


async def test_a_message_says_of_which_alert_it_is(world: World, acme: Client, browser: Visitor) -> None:
    (channel,) = (await acme.channels()).items
    alert, message = await told_alert(world, acme, f"Backup {EVIL}", channel.id)
    for path in ("/messages", f"/messages/{message}"):
        page = (await browser.get(path)).text
        assert f'<a href="/alerts/{alert}">Failed: Backup &lt;script&gt;' in page


async def test_each_role_sees_the_deeds_of_silences_that_are_its_own(world: World, acme: Client) -> None:
    await acme.add_silence(NewSilence(until=BEGINNING + timedelta(hours=2)))
    await acme.add_maintenance_window(NewWindow(name="Move", times=WindowTimes(weekly=WEEKDAYS)))
    job = await fails(world, acme)
    alert = await alert_of(acme, job)
    for role, operates, writes in (
        (Role.VIEWER, False, False),
        (Role.RESPONDER, True, False),
        (Role.EDITOR, True, True),
    ):
        async with visiting_as(world, "acme", role) as visitor:
            page = (await visitor.get("/silences")).text
            assert ("New silence" in page, "End it now" in page) == (operates, operates), role
            assert ("New maintenance window" in page, "Switch off" in page) == (writes, writes), role
            assert ("A responder silences alerts" in page) != operates
            assert ("Silence like this" in (await visitor.get(f"/alerts/{alert.id}")).text) == operates
            assert ("Mute…" in (await visitor.get(f"/jobs/{job.id}")).text) == operates
            refused = await visitor.post(f"/jobs/{job.id}/mute", {"for": "1h"})
            assert refused.status_code == (303 if operates else 403), role
            refused = await visitor.post("/silences/new", {"for": "1h"})
            assert refused.status_code == (303 if operates else 403), role
            await acme.unmute_job(job.id)


async def test_who_reaches_some_namespaces_mutes_their_jobs_and_sees_no_silences(world: World, acme: Client) -> None:
    silence = await acme.add_silence(NewSilence(reason="the disk", until=BEGINNING + timedelta(hours=2)))
    job = await fails(world, acme)
    alert = await alert_of(acme, job)
    place = (await acme.namespace("default")).id
    async with browsing(world.person("acme", Role.EDITOR, place)) as visitor:
        page = (await visitor.get(f"/alerts/{alert.id}")).text
        assert "the disk" in page
        assert f"/silences#silence-{silence.id}" not in page
        assert "Silence like this" not in page
        assert 'href="/silences"' not in (await visitor.get("/alerts")).text
        assert (await visitor.get("/silences")).status_code == 403
        assert (await visitor.post(f"/jobs/{job.id}/mute", {"for": "1h"})).status_code == 303


# Words, without a server.


@pytest.mark.parametrize(
    ("days", "since", "until", "said"),
    [
        ([0, 1, 2, 3, 4], "09:00", "17:00", "Mon–Fri 09:00–17:00 (UTC)"),
        ([5, 6], "00:00", "24:00", "Sat, Sun all day (UTC)"),
        ([0, 2, 3, 4, 6], "22:00", "06:00", "Mon, Wed–Fri, Sun 22:00–06:00 (UTC)"),
        ([6, 5, 4, 3, 2, 1, 0], "00:00", "00:00", "every day all day (UTC)"),
        ([], "09:00", "10:00", "never 09:00–10:00 (UTC)"),
    ],
)
def test_hours_are_said_as_people_write_them(days: list[int], since: str, until: str, said: str) -> None:
    assert hours.said(RouteHours(timezone="UTC", open=[OpenTime(days=days, since=since, until=until)])) == said


def test_hours_stand_in_the_form_again_and_twenty_four_is_midnight() -> None:
    given = RouteHours(timezone="Asia/Tokyo", open=[OpenTime(days=[0], since="09:00", until="24:00")])
    form = Form(hours.stored(given))
    read = hours.read(form, "/hours")
    assert read is not None
    assert (read.timezone, read.open) == ("Asia/Tokyo", [OpenTime(days=[0], since="09:00", until="00:00")])
    assert list(hours.shown(form)) == [0, 1]


def test_what_is_no_day_is_none() -> None:
    with pytest.raises(Invalid):
        hours.read(Form([("days-0", "7"), ("days-0", "56"), ("days-0", ""), ("zone", "UTC")]), "/hours")
