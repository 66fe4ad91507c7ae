"""The pages of routes: the tree, its forms, and the tester."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from crontopus.client import Client
from crontopus.console import alert_words
from crontopus.console.alert_routes import tree
from crontopus.domain.access import Role
from crontopus.domain.routing import Also, Verdict
from crontopus.wire.alerts import ChannelPatch, ExplainedLine, NewChannel, Route, RoutePatch, RouteStep
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.console.alerting import CHANNEL, READER, Visits, down
from tests.console.conftest import Post
from tests.console.test_roles import browsing
from tests.world import BEGINNING, World


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


async def test_the_page_of_a_job_says_who_is_told_and_leads_to_the_tester(post: Post) -> None:
    job = await post.client.add_job(NewJob(name="Backup", slug="backup"))
    (root,), (owner,) = (await post.client.routes()).items, (await post.client.channels()).items
    await post.client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=[owner.id], after="15m")]))
    page = (await post.browser.get(f"/jobs/{job.id}")).text
    told = page.partition('id="told"')[2].partition("</section>")[0]
    assert "owner@acme.test" in told
    assert "<td>at 08:15, if it lasts</td>" in told
    assert "Everything, step 1" in told
    assert 'id="alerts"' not in page
    link = 'href="/alert-routes?job=default/backup&amp;class=failed#who"'
    assert link in told
    tester = (await post.browser.get("/alert-routes?job=default/backup&class=failed")).text
    assert "<td>at 08:15, if it lasts</td>" in tester
    await post.client.edit_route(root.id, RoutePatch(steps=[]))
    assert "Nobody: no step of its route" in (await post.browser.get(f"/jobs/{job.id}")).text


async def test_the_page_of_a_job_shows_its_open_alerts_and_the_last_that_are_over(
    world: World, acme: Client, visits: Visits
) -> None:
    job, first = await down(world, acme)
    await acme.resolve_alert(first.id)
    world.hands.turn_to(world.now + timedelta(hours=1))
    await acme.check_in(CheckIn(kind="fail", job=str(job.id)))
    await world.appliance.alerting.step()
    _, theirs = await down(world, acme, "Other")
    page = (await (await visits("acme")).get(f"/jobs/{job.id}")).text
    own = page.partition('id="alerts"')[2].partition("</section>")[0]
    assert own.count('href="/alerts/') == 2
    assert own.index("Open</span>") < own.index("Resolved</span>")
    assert f"/alerts/{theirs.id}" not in page
    assert f'href="/alerts?all=1&amp;q=job%3Adefault/{job.slug}"' in own


async def test_who_reaches_some_namespaces_sees_a_job_s_alerts_and_no_routes(world: World, acme: Client) -> None:
    job, alert = await down(world, acme)
    place = (await acme.namespace("default")).id
    async with browsing(world.person("acme", Role.EDITOR, place)) as visitor:
        page = (await visitor.get(f"/jobs/{job.id}")).text
        assert (f"/alerts/{alert.id}" in page, "Who is told" in page) == (True, False)


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
