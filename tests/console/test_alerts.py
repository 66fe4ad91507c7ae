"""The pages of alerts: what they show, what their forms do and say where one is wrong, and what each role sees."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from crontopus.client import Client
from crontopus.console import alert_words
from crontopus.console.view import ENVIRONMENT
from crontopus.domain.access import Role
from crontopus.domain.alerts import AlertClass, Ending, Happening
from crontopus.engine.retention import Kept, Retention
from crontopus.wire.alerts import Alert, AlertEvent, NewChannel, NewRoute, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn, OutputText
from tests.console.alerting import ALERT, EVIL, READER, Visits, down
from tests.console.test_roles import browsing
from tests.console.test_roles import visiting as visiting_as
from tests.world import BEGINNING, World


async def now(client: Client, alert: Alert) -> Alert:
    return (await client.alert(alert.id)).alert


async def test_nothing_is_wrong_until_something_is(world: World, acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    assert "Nothing is wrong." in (await browser.get("/alerts")).text
    job, alert = await down(world, acme)
    page = (await browser.get("/alerts")).text
    assert "Nothing is wrong." not in page
    assert f'href="/alerts/{alert.id}"' in page
    assert f'href="/jobs/{job.id}"' in page
    assert 'class="st st-down"' in page
    assert 'href="/alerts" aria-current="page"' in page
    assert f"/alerts/{alert.id}" not in (await (await visits("globex")).get("/alerts")).text


async def test_what_is_over_stands_under_all_and_no_more_among_the_open(
    world: World, acme: Client, visits: Visits
) -> None:
    _, alert = await down(world, acme)
    await acme.resolve_alert(alert.id)
    browser = await visits("acme")
    assert "Nothing is wrong." in (await browser.get("/alerts")).text
    page = (await browser.get("/alerts?all=1")).text
    assert f'href="/alerts/{alert.id}"' in page
    assert "Resolved</span>" in page


async def test_of_many_alerts_the_older_stand_on_the_next_page_of_the_same_list(
    world: World, acme: Client, visits: Visits
) -> None:
    for number in range(51):
        job = await acme.add_job(NewJob(name=f"job {number}", slug=f"n{number}"))
        await acme.check_in(CheckIn(kind="fail", job=str(job.id)))
    while await world.appliance.alerting.step():
        pass
    browser = await visits("acme")
    for path in ("/alerts", "/alerts?all=1"):
        page = (await browser.get(path)).text
        assert page.count('href="/alerts/') == 50
        more = page.partition('aria-label="Pages"><a class="btn" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert urlsplit(more).path == "/alerts"
        assert parse_qs(urlsplit(more).query).get("all") == (["1"] if "all" in path else None)
        assert (await browser.get(more)).text.count('href="/alerts/') == 1


async def test_a_filter_narrows_the_list_and_stays_in_its_links(world: World, acme: Client, visits: Visits) -> None:
    _, dump = await down(world, acme, "dump")
    _, mail = await down(world, acme, "mail")
    browser = await visits("acme")
    page = (await browser.get("/alerts?q=dump")).text
    assert (f"/alerts/{dump.id}" in page, f"/alerts/{mail.id}" in page) == (True, False)
    assert 'value="dump"' in page
    assert 'href="/alerts?all=1&amp;q=dump"' in page
    none = (await browser.get("/alerts?all=1&q=class:missed")).text
    assert "No alert matches <code>class:missed</code>" in none
    assert 'href="/alerts?all=1">Clear the filter' in none
    wrong = await browser.get("/alerts?q=status:down")
    assert (wrong.status_code, "there is no field" in wrong.text) == (400, True)


async def test_the_end_of_what_the_run_printed_stands_on_the_page(world: World, acme: Client, visits: Visits) -> None:
    job = await acme.add_job(NewJob(name="Talks"))
    printed = "\n".join(f"line {number} {EVIL}" for number in range(1, 31))
    await acme.check_in(CheckIn(kind="fail", job=str(job.id), output=OutputText(head=printed)))
    await world.appliance.alerting.step()
    (alert,) = (await acme.alerts()).items
    browser = await visits("acme")
    page = (await browser.get(f"/alerts/{alert.id}")).text
    assert "Its last 20 lines." in page
    assert ("line 10 " in page, "line 11 " in page, "line 30 " in page) == (False, True, True)
    assert EVIL not in page
    assert f'href="/runs/{alert.run}#L30"' in page
    assert f'href="/jobs/{job.id}/runs"' in page
    world.hands.turn_to(world.now + timedelta(days=91))
    retention = Retention(world.appliance.db, Kept())
    while await retention.prune():
        pass
    page = (await browser.get(f"/alerts/{alert.id}")).text
    assert f"/runs/{alert.run}" not in page, "the run has gone with its time"


async def test_the_bell_counts_what_nobody_knows_of_on_every_page(world: World, acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    assert 'aria-label="No open alerts"' in (await browser.get("/settings")).text
    _, first = await down(world, acme, "one")
    await down(world, acme, "two")
    page = (await browser.get("/settings")).text
    assert page.count('aria-label="2 open alerts"') == 2, "one in the rail, one in the bar of a phone"
    assert "<b>2</b></a>" in page
    await acme.acknowledge_alert(first.id)
    bell = (await browser.get("/bell", HX_Request="true")).text
    assert ('aria-label="1 open alert"' in bell, "<html" in bell) == (True, False)
    assert "<h1>Alerts</h1>" in (await browser.get("/bell")).text
    assert 'aria-label="No open alerts"' in (await (await visits("globex")).get("/jobs")).text


def test_many_alerts_do_not_widen_the_bell() -> None:
    view = ENVIRONMENT.get_template("console/bell.html").render(rings=1204, view=None)
    assert ('aria-label="1,204 open alerts"' in view, "<b>99+</b>" in view) == (True, True)


async def test_an_alert_is_acknowledged_taken_back_snoozed_noted_and_resolved(
    world: World, acme: Client, visits: Visits
) -> None:
    job, alert = await down(world, acme)
    browser, own = await visits("acme"), f"/alerts/{alert.id}"
    page = (await browser.get(own)).text
    assert "It is down since 08:00" in page
    assert "because its last run failed" in page
    assert f'href="/jobs/{job.id}"' in page
    assert f'href="/runs/{alert.run}"' in page

    page = (await browser.post(f"{own}/acknowledge")).text
    assert "owner@acme.test acknowledged it at 08:00" in page
    assert (await now(acme, alert)).acknowledged_at
    page = (await browser.post(f"{own}/unacknowledge")).text
    assert "Nobody has acknowledged it." in page
    assert (await now(acme, alert)).acknowledged_at is None

    page = (await browser.post(f"{own}/snooze", {"for": "4h"})).text
    assert "nobody is told until 12:00" in page
    assert ">Snoozed</span>" in page
    page = (await browser.post(f"{own}/note", {"text": f"The disk is full. {EVIL}"})).text
    assert "The disk is full. &lt;script&gt;" in page

    page = (await browser.post(f"{own}/resolve")).text
    assert "Somebody resolved it by hand." in page
    assert "Acknowledge</button>" not in page
    assert (await now(acme, alert)).ending is Ending.BY_HAND


@pytest.mark.parametrize(("zone", "at"), [("UTC", "2027-01-05T09:00"), ("Pacific/Auckland", "2027-01-04T20:00")])
async def test_tomorrow_morning_is_that_of_whoever_snoozes(
    world: World, acme: Client, visits: Visits, zone: str, at: str
) -> None:
    _, alert = await down(world, acme)
    browser = await visits("acme")
    await browser.post("/me/zone", {"zone": zone})
    assert "until tomorrow\u00a009:00" in (await browser.get(f"/alerts/{alert.id}")).text
    await browser.post(f"/alerts/{alert.id}/snooze", {"for": "morning"})
    until = (await now(acme, alert)).snoozed_until
    assert until is not None
    assert until.isoformat().startswith(at)


async def test_a_deed_that_came_too_late_is_said_on_the_page_and_an_empty_note_at_its_field(
    world: World, acme: Client, visits: Visits
) -> None:
    _, alert = await down(world, acme)
    await acme.resolve_alert(alert.id)
    browser, own = await visits("acme"), f"/alerts/{alert.id}"
    for deed in ("acknowledge", "unacknowledge", "snooze", "resolve"):
        late = await browser.post(f"{own}/{deed}")
        assert (late.status_code, "this alert is over" in late.text) == (400, True), deed
    empty = await browser.post(f"{own}/note", {"text": "  "})
    assert empty.status_code == 400
    assert "Write something down first." in empty.text
    assert 'aria-invalid="true"' in empty.text
    endless = await browser.post(f"{own}/note", {"text": "x" * 2001})
    assert endless.status_code == 400
    assert 'id="text-hint"' in endless.text


async def test_each_role_sees_the_deeds_that_are_its_own(world: World, acme: Client) -> None:
    _, alert = await down(world, acme)
    for role, operates, writes in (
        (Role.VIEWER, False, False),
        (Role.RESPONDER, True, False),
        (Role.EDITOR, True, True),
    ):
        async with visiting_as(world, "acme", role) as visitor:
            page = (await visitor.get(f"/alerts/{alert.id}")).text
            assert ("Acknowledge</button>" in page, "Write it down" in page) == (operates, operates), role
            assert ("a responder acknowledges" in page) != operates
            channels = (await visitor.get("/channels")).text
            assert ("New channel" in channels, "Test</button>" in channels) == (writes, writes), role
            assert ("An editor makes and changes channels." in channels) != writes
            assert ("New route" in (await visitor.get("/alert-routes")).text) == writes, role
            refused = await visitor.post(f"/alerts/{alert.id}/acknowledge")
            assert refused.status_code == (303 if operates else 403), role
            if operates:
                await acme.unacknowledge_alert(alert.id)


async def test_who_reaches_some_namespaces_sees_their_alerts_and_no_channels(world: World, acme: Client) -> None:
    _, alert = await down(world, acme)
    place = (await acme.namespace("default")).id
    async with browsing(world.person("acme", Role.EDITOR, place)) as visitor:
        page = await visitor.get(f"/alerts/{alert.id}")
        assert page.status_code == 200
        listed = (await visitor.get("/alerts")).text
        for path in ("/channels", "/alert-routes", "/messages"):
            assert f'href="{path}"' not in listed + page.text
            assert (await visitor.get(path)).status_code == 403


async def test_what_others_wrote_is_text_on_every_page_of_alerts(world: World, acme: Client, visits: Visits) -> None:
    _, alert = await down(world, acme, EVIL)
    channel = await acme.add_channel(NewChannel(kind="email", name=EVIL, settings={"to": "a@b.c"}))
    route = await acme.add_route(
        NewRoute(name=EVIL, matcher='name:"<b>x</b>"', steps=[RouteStep(channels=[channel.id])])
    )
    await acme.note_alert(alert.id, EVIL)
    browser = await visits("acme")
    paths = ("/alerts", f"/alerts/{alert.id}", "/channels", f"/channels/{channel.id}", "/alert-routes")
    for path in (*paths, f"/alert-routes/{route.id}"):
        text = (await browser.get(path)).text
        assert EVIL not in text, path
        assert "<b>x" not in text, path


def test_every_class_has_a_word_and_a_sentence_now_and_afterwards() -> None:
    for cls in AlertClass:
        assert alert_words.CLASSES[cls]
        assert " since 06:00, for 2\u00a0h" in alert_words.sentence(replace(ALERT, cls=cls), READER)
        for ending in Ending:
            over = replace(ALERT, cls=cls, resolved_at=BEGINNING, ending=ending)
            assert " from 06:00 to 08:00, for 2\u00a0h" in alert_words.sentence(over, READER)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Open"),
        ({"held": True}, "Held"),
        ({"acknowledged_at": BEGINNING}, "Acknowledged"),
        ({"acknowledged_at": BEGINNING, "held": True}, "Acknowledged"),
        ({"acknowledged_at": BEGINNING, "snoozed_until": BEGINNING + timedelta(hours=1)}, "Snoozed"),
        ({"acknowledged_at": BEGINNING, "snoozed_until": BEGINNING}, "Open"),
        ({"resolved_at": BEGINNING, "ending": Ending.RECOVERED}, "Recovered"),
        ({"resolved_at": BEGINNING, "ending": Ending.PAUSED}, "Paused"),
    ],
)
def test_the_state_of_an_alert_is_one_word(changes: dict[str, Any], word: str) -> None:
    assert alert_words.state(replace(ALERT, **changes), BEGINNING).word == word


def test_an_alert_that_came_back_says_how_often() -> None:
    assert "It came back 2 times." in alert_words.sentence(replace(ALERT, opening=3), READER)


def test_every_event_is_a_sentence() -> None:
    reasons = {
        Happening.SNOOZED: "2027-01-04T12:00:00+00:00",
        Happening.HELD: "the upgrade",
        Happening.NOTED: "The disk is full.",
        Happening.REGRADED: "critical",
        Happening.RESOLVED: "recovered",
    }
    said = {
        what: alert_words.happened(AlertEvent(at=BEGINNING, what=what, who="a", why=reasons.get(what, "")), READER)
        for what in Happening
    }
    assert said[Happening.SNOOZED] == "Put off until 12:00: nobody is told before."
    assert said[Happening.HELD] == "Held by the upgrade: nobody is told."
    assert said[Happening.RESOLVED] == "It recovered."
    assert len(set(said.values())) == len(Happening)
