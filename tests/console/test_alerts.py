"""The pages of alerts: what they show, what their forms do and say where one is wrong, and what each role sees."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from msgspec.structs import fields, replace

from crontopus.client import Client
from crontopus.console import alert_words, ways
from crontopus.console.alert_routes import tree
from crontopus.console.channel_kinds import WAYS, Field, Shape, Way
from crontopus.console.forms import Form
from crontopus.console.words import Reader
from crontopus.domain.access import Role
from crontopus.domain.alerts import AlertClass, Ending, Happening, Severity, SubjectKind
from crontopus.domain.errors import Invalid
from crontopus.domain.routing import Also, Kind, MessageState, Verdict
from crontopus.domain.routing.claiming import SENT, Sending
from crontopus.notify.kinds import KINDS
from crontopus.wire.alerts import (
    Alert,
    AlertEvent,
    AlertSubject,
    Channel,
    ChannelPatch,
    ExplainedLine,
    NewChannel,
    NewRoute,
    Notification,
    Route,
    RoutePatch,
    RouteStep,
)
from crontopus.wire.jobs import Job, NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.api.test_tiers import limited
from tests.console.conftest import Visitor, visiting
from tests.console.test_roles import browsing
from tests.console.test_roles import visiting as visiting_as
from tests.smtp import Mailbox, mail_server
from tests.world import BEGINNING, World, world_in

Visits = Callable[[str], Awaitable[Visitor]]
EVIL = "<script>alert('x')</script>"


class Post:
    """A world that mails, a client of its tenant, and a browser of its owner."""

    def __init__(self, world: World, box: Mailbox, client: Client, browser: Visitor) -> None:
        self.world, self.box, self.client, self.browser = world, box, client, browser

    async def goes_out(self) -> None:
        while await self.world.appliance.alerting.step() or await self.world.appliance.outbox.step():
            pass


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mail_server())
        mail: dict[str, Any] = {
            "smtp_url": f"smtp+plain://127.0.0.1:{box.port}",
            "mail_from": "Crontopus <crontopus@example.org>",
        }
        world = await stack.enter_async_context(world_in(tmp_path, **mail))
        client = await stack.enter_async_context(world.signed_in("acme"))
        yield Post(world, box, client, await stack.enter_async_context(visiting(world, "acme")))


@pytest.fixture
async def acme(world: World) -> AsyncIterator[Client]:
    async with world.signed_in("acme") as client:
        yield client


async def down(world: World, client: Client, name: str = "Nightly backup") -> tuple[Job, Alert]:
    """A job that failed, and its alert."""
    job = await client.add_job(NewJob(name=name, slug=f"job-{len((await client.jobs()).items)}"))
    await client.check_in(CheckIn(kind="exit", job=str(job.id), exit_code=1))
    await world.appliance.alerting.step()
    return job, next(one for one in (await client.alerts()).items if one.subject.job == job.id)


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


async def test_a_channel_is_made_tested_switched_off_and_on_edited_and_removed(post: Post) -> None:
    browser = post.browser
    assert 'name="settings-to"' in (await browser.get("/channels/new?kind=email")).text
    typed = {"kind": "email", "name": "On call", "settings-to": "oncall@example.org"}
    made = (await browser.post("/channels/new", typed)).text
    assert "Nothing is told on it before a route names it." in made
    assert "no route names it" in made
    channel = next(one for one in (await post.client.channels()).items if one.name == "On call")
    own = f"/channels/{channel.id}"
    assert "Never tried</span>" in made

    tested = (await browser.post(f"{own}/test")).text
    assert "On call took a test message" in tested
    assert [str(each["To"]) for each in post.box.taken] == ["oncall@example.org"]

    assert "Switched off</span>" in (await browser.post(f"{own}/switch")).text
    assert "On call is on again." in (await browser.post(f"{own}/switch")).text

    page = (await browser.get(own)).text
    assert 'value="oncall@example.org"' in page
    owner = next(one for one in (await post.client.channels()).items if one.id != channel.id)
    changes = {"name": "Night", "settings-to": "night@example.org", "fallback": str(owner.id)}
    await browser.post(own, changes)
    changed = await post.client.channel(channel.id)
    assert (changed.name, changed.settings, changed.fallback) == ("Night", {"to": "night@example.org"}, owner.id)

    assert "Night is removed." in (await browser.post(f"{own}/remove")).text
    assert [one.id for one in (await post.client.channels()).items] == [owner.id]


async def test_a_test_that_does_not_arrive_says_why(post: Post) -> None:
    post.box.strangers.add("nobody@example.org")
    made = await post.client.add_channel(NewChannel(kind="email", name="Gone", settings={"to": "nobody@example.org"}))
    page = await post.browser.post(f"/channels/{made.id}/test")
    assert (page.status_code, "The test message on Gone did not arrive" in page.text) == (200, True)
    assert "nobody has this address" in page.text


async def test_a_template_is_previewed_beside_the_form_saved_and_taken_away(acme: Client, visits: Visits) -> None:
    browser, (owner,) = await visits("acme"), (await acme.channels()).items
    own = f"/channels/{owner.id}"
    page = (await browser.get(own)).text
    assert f'formaction="{own}/preview#said"' in page
    assert '<textarea id="templates-text"' in page
    typed = {
        "name": owner.name,
        "settings-to": "a@b.c",
        "templates-title": "{{ job_name }} <b>",
        "templates-text": EVIL,
    }
    page = (await browser.post(f"{own}/preview", typed)).text
    assert "Of an alert that never was" in page
    assert "<strong>Nightly backup &lt;b&gt;</strong>\n&lt;script&gt;" in page
    assert 'value="{{ job_name }} &lt;b&gt;"' in page, "what was typed stays"
    assert (await acme.channel(owner.id)).templates == {}
    await browser.post(own, typed)
    assert (await acme.channel(owner.id)).templates == {"title": "{{ job_name }} <b>", "text": EVIL}
    assert EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;") in (await browser.get(own)).text
    await browser.post(own, typed | {"templates-title": "", "templates-text": ""})
    assert (await acme.channel(owner.id)).templates == {}


async def test_what_is_wrong_with_a_template_is_said_at_its_field(acme: Client, visits: Visits) -> None:
    browser, (owner,) = await visits("acme"), (await acme.channels()).items
    typed = {"name": owner.name, "settings-to": "a@b.c", "templates-text": "one\r\n{{ 1 / 0 }}"}
    for path in (f"/channels/{owner.id}", f"/channels/{owner.id}/preview"):
        page = await browser.post(path, typed)
        assert page.status_code == 400
        assert '<details class="more field" id="words" open>' in page.text
        assert "line 2: this divides by zero" in page.text
        assert 'aria-invalid="true"' in page.text
    new = {"kind": "webhook", "name": "Hook", "settings-url": "https://x.example/y", "templates-body": '{"a": {{ b }}}'}
    assert "there is no &#39;b&#39;" in (await browser.post("/channels/new", new)).text
    new["templates-body"] = '{"a": {{ title | tojson }}}'
    await browser.post("/channels/new", new)
    made = next(one for one in (await acme.channels()).items if one.name == "Hook")
    assert made.templates == {"body": new["templates-body"]}
    seen = (await browser.post(f"/channels/{made.id}/preview", new)).text
    assert "{&#34;a&#34;: &#34;Nightly backup in default&#34;}" in seen
    assert "Posted as <code>application/json</code>" in seen


async def test_a_channel_cannot_be_removed_as_long_as_a_route_tells_on_it(acme: Client, visits: Visits) -> None:
    (channel,) = (await acme.channels()).items
    refused = await (await visits("acme")).post(f"/channels/{channel.id}/remove")
    assert refused.status_code == 400
    assert "tells on this channel: change it first" in refused.text


async def test_an_installation_without_mail_says_so_at_the_channel(acme: Client, visits: Visits) -> None:
    assert "This installation sends no e-mail." in (await (await visits("acme")).get("/channels")).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"settings-to": ""}, "Fill this in."),
        ({"name": "owner@acme.test"}, "another channel has this name"),
        ({"fallback": "nonsense"}, "Choose one of these."),
        ({"settings-to": "not an address"}, "The address it goes to"),
    ],
)
async def test_what_is_wrong_with_a_channel_is_said_and_what_was_typed_stays(
    acme: Client, visits: Visits, typed: dict[str, str], said: str
) -> None:
    browser = await visits("acme")
    await acme.add_channel(NewChannel(kind="email", name="Other", settings={"to": "other@example.org"}))
    wish = {"kind": "email", "name": "On call", "settings-to": "oncall@example.org"} | typed
    page = await browser.post("/channels/new", wish)
    assert (page.status_code, said in page.text) == (400, True)
    assert f'value="{wish["name"]}"' in page.text
    assert len((await acme.channels()).items) == 2


async def test_one_channel_more_than_the_organisation_may_have_is_said_on_the_form(
    world: World, acme: Client, visits: Visits
) -> None:
    await limited(world, channels=1)
    typed = {"kind": "email", "name": "On call", "settings-to": "oncall@example.org"}
    page = await (await visits("acme")).post("/channels/new", typed)
    assert (page.status_code, 'role="alert"' in page.text, 'value="On call"' in page.text) == (400, True, True)
    assert len((await acme.channels()).items) == 1


async def test_channels_and_routes_are_found_from_the_settings(visits: Visits) -> None:
    page = (await (await visits("acme")).get("/settings")).text
    assert '<a href="/channels">Channels</a> and <a href="/alert-routes">Routes</a>' in page


async def test_there_is_no_form_of_a_kind_that_is_not_there(visits: Visits) -> None:
    browser = await visits("acme")
    assert (await browser.get("/channels/new?kind=pigeon")).status_code == 404
    assert (await browser.post("/channels/new", {"kind": "pigeon", "name": "x"})).status_code == 404


async def test_a_fallback_that_leads_back_is_said_at_its_field(acme: Client, visits: Visits) -> None:
    (owner,) = (await acme.channels()).items
    second = await acme.add_channel(
        NewChannel(kind="email", name="Second", settings={"to": "second@example.org"}, fallback=owner.id)
    )
    typed = {"name": owner.name, "settings-to": "owner@acme.test", "fallback": str(second.id)}
    page = await (await visits("acme")).post(f"/channels/{owner.id}", typed)
    assert (page.status_code, "its fallback would lead back to itself" in page.text) == (400, True)
    assert 'id="fallback-hint"' in page.text


async def test_a_route_is_made_edited_and_removed(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    (root,), (owner,) = (await acme.routes()).items, (await acme.channels()).items
    oncall = await acme.add_channel(NewChannel(kind="email", name="On call", settings={"to": "oncall@example.org"}))
    typed = {
        "name": "Production",
        "parent": str(root.id),
        "matcher": "ns:prod",
        "channels-0": str(owner.id),
        "after-2": "15 m",
        "channels-2": str(oncall.id),
        "repeat": "4h",
        "also": "acknowledge",
        "proceeds": "yes",
    }
    page = (await browser.post("/alert-routes/new", typed)).text
    assert "<code>ns:prod</code>" in page
    assert "at once: owner@acme.test" in page
    assert "after 15\u00a0m: On call" in page
    assert "again every 4\u00a0h; when somebody acknowledges it; goes on to the next" in page
    made = next(one for one in (await acme.routes()).items if one.parent)
    assert [(step.after, step.channels) for step in made.steps] == [(0, [owner.id]), (900, [oncall.id])]
    assert (made.repeat, made.also, made.proceeds) == (14400, [Also.ACKNOWLEDGE], True)

    own = f"/alert-routes/{made.id}"
    form = (await browser.get(own)).text
    assert 'name="after-1" type="text" value="15m"' in form
    edited = {"name": "Prod", "parent": str(root.id), "place": "3", "channels-0": str(oncall.id)}
    assert "Prod is changed." in (await browser.post(own, edited)).text
    changed = next(one for one in (await acme.routes()).items if one.id == made.id)
    assert (changed.name, changed.matcher, changed.repeat, changed.place, changed.proceeds) == (
        "Prod",
        "",
        None,
        3,
        False,
    )
    assert [step.channels for step in changed.steps] == [[oncall.id]]

    assert "Prod is removed." in (await browser.post(f"{own}/remove")).text
    assert [one.id for one in (await acme.routes()).items] == [root.id]


async def test_the_root_keeps_its_place_and_takes_steps_alone(acme: Client, visits: Visits) -> None:
    browser = await visits("acme")
    (root,), (owner,) = (await acme.routes()).items, (await acme.channels()).items
    form = (await browser.get(f"/alert-routes/{root.id}")).text
    assert 'name="matcher"' not in form
    assert "/remove" not in form
    typed = {"name": "All", "after-0": "5m", "channels-0": str(owner.id)}
    assert "All is changed." in (await browser.post(f"/alert-routes/{root.id}", typed)).text
    (changed,) = (await acme.routes()).items
    assert (changed.name, [step.after for step in changed.steps]) == ("All", [300])
    refused = await browser.post(f"/alert-routes/{root.id}/remove")
    assert (refused.status_code, "the root cannot be removed" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"matcher": "status:down"}, "matcher", "status"),
        ({"repeat": "soon"}, "repeat", "Write a duration as seconds"),
        ({"repeat": "1s"}, "repeat", "Choose a duration from 1 min"),
        ({"after-3": "15m"}, "after-3", "Choose who is told then, or empty the time."),
        ({"parent": "nonsense"}, "parent", "Choose one of these."),
        ({"place": "first"}, "place", "Give a whole number"),
    ],
)
async def test_what_is_wrong_with_a_route_stands_at_its_field(
    acme: Client, visits: Visits, typed: dict[str, str], field: str, said: str
) -> None:
    (root,) = (await acme.routes()).items
    page = await (await visits("acme")).post("/alert-routes/new", {"name": "Prod", "parent": str(root.id)} | typed)
    assert page.status_code == 400
    fault = page.text.partition(f'id="{field}-hint"')[2].partition("</div>")[0]
    assert said in fault
    assert len((await acme.routes()).items) == 1


async def test_a_time_that_cannot_be_read_is_said_at_the_step_where_it_was_typed(acme: Client, visits: Visits) -> None:
    (root,), (owner,) = (await acme.routes()).items, (await acme.channels()).items
    typed = {"name": "Prod", "parent": str(root.id), "after-2": "soon", "channels-2": str(owner.id)}
    page = (await (await visits("acme")).post("/alert-routes/new", typed)).text
    assert "Write a duration" in page.partition('id="after-2-hint"')[2].partition("</fieldset>")[0]


async def test_a_route_with_more_steps_than_the_form_begins_with_keeps_them(acme: Client, visits: Visits) -> None:
    (root,), (owner,) = (await acme.routes()).items, (await acme.channels()).items
    steps = [RouteStep(channels=[owner.id], after=60 * number) for number in range(6)]
    await acme.edit_route(root.id, RoutePatch(steps=steps))
    form = (await (await visits("acme")).get(f"/alert-routes/{root.id}")).text
    assert 'name="after-5" type="text" value="5m"' in form


async def test_a_route_that_is_not_there_is_an_error_in_words(visits: Visits) -> None:
    page = await (await visits("acme")).get("/alert-routes/nonsense")
    assert (page.status_code, "There is no such route." in page.text) == (404, True)


async def test_the_tester_says_who_is_told_and_when(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Backup", slug="backup", schedule=Schedule(every=3600)))
    (root,), (owner,) = (await post.client.routes()).items, (await post.client.channels()).items
    oncall = await post.client.add_channel(
        NewChannel(kind="email", name="On call", settings={"to": "oncall@example.org"})
    )
    steps = [RouteStep(channels=[owner.id]), RouteStep(channels=[oncall.id], after="15m")]
    await post.client.edit_route(root.id, RoutePatch(steps=steps))
    page = (await post.browser.get("/alert-routes?job=default/backup&class=missed&at=2027-01-04T22:00")).text
    assert '<option value="missed" selected>' in page
    assert "<td>at once</td>" in page
    assert "<td>at 22:15, if it lasts</td>" in page
    assert "Everything, step 2" in page
    await post.client.edit_channel(owner.id, ChannelPatch(enabled=False))
    assert "not: it is switched off" in (await post.browser.get(f"/alert-routes?job={job.id}")).text


@pytest.mark.parametrize(
    ("asked", "said"),
    [("job=nothing", "There is no such job."), ("job=default/backup&at=later", "Give a day and a time")],
)
async def test_what_the_tester_does_not_know_is_said_at_its_field(
    acme: Client, visits: Visits, asked: str, said: str
) -> None:
    await acme.add_job(NewJob(name="Backup", slug="backup"))
    page = await (await visits("acme")).get(f"/alert-routes?{asked}")
    assert (page.status_code, said in page.text, 'aria-invalid="true"' in page.text) == (400, True, True)


async def test_nobody_is_told_where_no_step_names_a_channel(acme: Client, visits: Visits) -> None:
    await acme.add_job(NewJob(name="Backup", slug="backup"))
    await acme.edit_route((await acme.routes()).items[0].id, RoutePatch(steps=[]))
    assert "Nobody is told" in (await (await visits("acme")).get("/alert-routes?job=default/backup")).text


async def link_of(world: World, tenant: str = "acme") -> str:
    """The link that stands in every message of the tenant's first channel."""
    async with world.signed_in(tenant) as client:
        channel = (await client.channels()).items[0]
    link = world.appliance.parts.links.unsubscribe(world.tenants[tenant].principal.tenant, channel.id)
    return f"{urlsplit(link).path}?{urlsplit(link).query}"


async def test_the_link_asks_first_and_its_button_switches_the_channel_off(
    world: World, acme: Client, visits: Visits
) -> None:
    stranger, link = await visits(""), await link_of(world)
    page = (await stranger.get(link)).text
    assert "The channel owner@acme.test of acme sent you this." in page
    assert (await acme.channels()).items[0].enabled
    action = page.partition('<form method="post" action="')[2].partition('"')[0].replace("&amp;", "&")
    off = await stranger.post(action)
    assert (off.status_code, "It is off" in off.text) == (200, True)
    assert "can switch it on again" in off.text
    assert not (await acme.channels()).items[0].enabled
    assert "It is off" in (await stranger.get(link)).text


async def test_a_mail_program_unsubscribes_by_one_post_as_rfc_8058_says(world: World, acme: Client) -> None:
    answer = await world.http.post(await link_of(world), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert not (await acme.channels()).items[0].enabled
    again = await world.http.post(await link_of(world), files={"List-Unsubscribe": (None, "One-Click")})
    assert again.status_code == 200


@pytest.mark.parametrize("code", ["", "nonsense", "x" * 600, "%F0%9F%90%99"])
async def test_a_code_that_is_none_is_a_page_in_words(world: World, visits: Visits, code: str) -> None:
    stranger = await visits("")
    for answer in (await stranger.get(f"/unsubscribe?code={code}"), await stranger.post(f"/unsubscribe?code={code}")):
        assert (answer.status_code, "This link opens nothing" in answer.text) == (404, True)


async def test_the_link_of_a_channel_that_is_gone_opens_nothing(world: World, acme: Client, visits: Visits) -> None:
    link, (root,), (owner,) = await link_of(world), (await acme.routes()).items, (await acme.channels()).items
    await acme.edit_route(root.id, RoutePatch(steps=[]))
    await acme.remove_channel(owner.id)
    assert "This link opens nothing" in (await (await visits("")).post(link)).text


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


# Words and settings, without a server.

READER = Reader(BEGINNING, UTC)
ALERT = Alert(
    id=UUID(int=1),
    subject=AlertSubject(kind=SubjectKind.JOB, job=None, namespace=None, slug=None, name="Backup"),
    cls=AlertClass.FAILED,
    severity=Severity.WARNING,
    opened_at=BEGINNING - timedelta(hours=2),
    opening=1,
    held=False,
    acknowledged_at=None,
    acknowledged_by="",
    snoozed_until=None,
    resolved_at=None,
    ending=None,
    run=None,
)
MESSAGE = Notification(
    id=UUID(int=2),
    alert=ALERT.id,
    channel=UUID(int=3),
    channel_name="On call",
    kind=Kind.OPEN,
    number=1,
    state=MessageState.WAITING,
    made_at=BEGINNING,
    tries=0,
    next_at=BEGINNING + timedelta(minutes=5),
    settled_at=None,
    arrived=False,
    why="",
)
CHANNEL = Channel(
    id=UUID(int=3),
    kind="email",
    name="On call",
    settings={"to": "a@b.c"},
    hidden=[],
    fallback=None,
    enabled=True,
    usable=True,
    broken_at=None,
    closed_until=None,
    delivered_at=None,
    failures=0,
    why="no such room",
    templates={},
    fault="",
    monthly=None,
    sent_this_month=0,
    created_at=BEGINNING,
    updated_at=BEGINNING,
)


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


@pytest.mark.parametrize(
    ("changes", "word", "more"),
    [
        ({}, "Never tried", ""),
        ({"delivered_at": BEGINNING}, "Works", "Last at 08:00."),
        ({"enabled": False, "broken_at": BEGINNING}, "Switched off", "Nothing is told on it."),
        ({"usable": False}, "Cannot send", "This installation sends no e-mail."),
        ({"broken_at": BEGINNING}, "Broken", "Since 08:00. No such room"),
        ({"closed_until": BEGINNING + timedelta(minutes=5)}, "Closed", "Nothing is sent before 08:05. No such room"),
        ({"failures": 1}, "Failing", "The last message failed. No such room"),
        ({"closed_until": BEGINNING, "failures": 5}, "Failing", "The last 5 messages failed. No such room"),
        ({"fault": "line 2: no"}, "Works, in our words", "Line 2: no"),
        ({"monthly": 9, "delivered_at": BEGINNING}, "Works", "Last at 08:00. 0 of 9 messages of this month are sent."),
        (
            {"monthly": 9, "sent_this_month": 9},
            "Used up",
            "9 of 9 messages of this month are sent. Nothing more goes out in it.",
        ),
    ],
)
def test_the_state_of_a_channel_says_whether_it_works(changes: dict[str, Any], word: str, more: str) -> None:
    found = alert_words.channel_state(replace(CHANNEL, **changes), READER)
    assert (found.word, found.more) == (word, more)


def test_every_verdict_is_said_with_and_without_a_time() -> None:
    line = ExplainedLine(
        route=UUID(int=4),
        route_name="Everything",
        step=0,
        channel=CHANNEL.id,
        channel_name="On call",
        verdict=Verdict.DUE,
        at=None,
        fallback_of=None,
    )
    for verdict in Verdict:
        never = alert_words.verdict(replace(line, verdict=verdict), READER)
        once = alert_words.verdict(replace(line, verdict=verdict, at=BEGINNING + timedelta(hours=1)), READER)
        assert never
        assert ("09:00" in once) == (verdict in {Verdict.LATER, Verdict.TOLD, Verdict.CLOSED, Verdict.HELD})


WAY = Way(
    "Pigeon",
    (
        Field(name="loft", label="Loft"),
        Field(name="ring", label="Ring", secret=True),
        Field(name="height", label="Height", shape=Shape.NUMBER, optional=True),
        Field(name="night", label="Flies by night", shape=Shape.CHECK),
        Field(name="colour", label="Colour", shape=Shape.CHOICE, choices=(("grey", "Grey"), ("white", "White"))),
        Field(name="marks", label="Marks", shape=Shape.PAIRS, optional=True),
        Field(name="song", label="Song", shape=Shape.LINES, optional=True),
    ),
)
TYPED = {
    "settings-loft": "North",
    "settings-ring": "7",
    "settings-height": "30",
    "settings-song": "coo\ncoo",
    "settings-night": "yes",
    "settings-colour": "grey",
    "settings-marks": "left: red\n\nright: none: at all",
}
READ = {
    "loft": "North",
    "ring": "7",
    "height": 30,
    "song": "coo\ncoo",
    "night": True,
    "colour": "grey",
    "marks": {"left": "red", "right": "none: at all"},
}


def test_settings_of_every_shape_are_read_and_stand_in_the_form_again() -> None:
    assert ways.settings(WAY, Form(list(TYPED.items()))) == READ
    again = Form(ways.stored(WAY, replace(CHANNEL, settings=READ)))
    assert ways.settings(WAY, again) == READ


def test_what_is_hidden_stays_where_nothing_is_written_and_is_needed_where_it_is_new() -> None:
    empty = Form(list((TYPED | {"settings-ring": ""}).items()))
    assert "ring" not in ways.settings(WAY, empty, ["ring"])
    assert ways.settings(WAY, Form(list(TYPED.items())), ["ring"])["ring"] == "7"
    with pytest.raises(Invalid) as refused:
        ways.settings(WAY, empty)
    assert [fault.pointer for fault in refused.value.faults] == ["/settings/ring"]


@pytest.mark.parametrize(("field", "text"), [("height", "high"), ("marks", "no mark")])
def test_settings_that_cannot_be_read_name_their_field(field: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        ways.settings(WAY, Form(list((TYPED | {f"settings-{field}": text}).items())))
    assert [fault.pointer for fault in refused.value.faults] == [f"/settings/{field}"]


def test_where_a_channel_goes_never_shows_a_secret() -> None:
    assert ways.goes_to(CHANNEL) == "a@b.c"
    assert ways.goes_to(replace(CHANNEL, kind="of a newer server")) == ""


def test_routes_stand_below_their_parents_in_their_order() -> None:
    def route(number: int, parent: int, place: int = 0) -> Route:
        return Route(
            id=UUID(int=number),
            name=str(number),
            parent=UUID(int=parent) if parent else None,
            place=place,
            matcher="",
            proceeds=False,
            steps=[],
            group_by=[],
            group_wait=0,
            group_interval=0,
            repeat=None,
            also=[],
            hours=None,
        )

    found = tree([route(1, 0), route(4, 1, 2), route(2, 1, 1), route(3, 2)])
    assert [(one.route.name, one.depth) for one in found] == [("1", 0), ("2", 1), ("3", 2), ("4", 1)]


def test_every_kind_of_channel_has_its_form() -> None:
    """As the server knows them, but for where a provider is, which nobody is asked."""
    for kind, known in KINDS.items():
        asked = {one.name: (one.secret, one.optional) for one in WAYS[kind].fields}
        wanted = {one.name: (one.name in known.secrets, not one.required) for one in fields(known.settings)}
        assert asked == {name: each for name, each in wanted.items() if name != "api"}, kind
        assert WAYS[kind].title == known.title
        assert tuple(one.name for one in WAYS[kind].templates) == known.templates, kind
    assert WAYS.keys() == KINDS.keys()
