"""The pages of channels: their forms, their state, their test, and the link that switches one off."""

import sys
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import fields, replace

from crontopus.client import Client
from crontopus.console import alert_words, ways
from crontopus.console.channel_kinds import WAYS, Field, Shape, Way
from crontopus.console.forms import Form
from crontopus.domain.errors import Invalid
from crontopus.notify.kinds import KINDS
from crontopus.wire.alerts import NewChannel, RoutePatch
from tests.api.test_tiers import limited
from tests.console.alerting import CHANNEL, EVIL, READER, Visits
from tests.console.conftest import Post
from tests.world import BEGINNING, World


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


async def test_a_kind_whose_package_is_not_installed_is_not_offered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = 'value="apprise"'
    assert offered in (await post.browser.get("/channels/new?kind=email")).text
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert offered not in (await post.browser.get("/channels/new?kind=email")).text
    typed = {"kind": "apprise", "name": "On call", "settings-urls": "json://x.example"}
    assert "pip install" in (await post.browser.post("/channels/new", typed)).text


def test_every_kind_of_channel_has_its_form() -> None:
    """As the server knows them, but for where a provider is, which nobody is asked."""
    for kind, known in KINDS.items():
        asked = {one.name: (one.secret, one.optional) for one in WAYS[kind].fields}
        wanted = {one.name: (one.name in known.secrets, not one.required) for one in fields(known.settings)}
        assert asked == {name: each for name, each in wanted.items() if name != "api"}, kind
        assert WAYS[kind].title == known.title
        assert tuple(one.name for one in WAYS[kind].templates) == known.templates, kind
    assert WAYS.keys() == KINDS.keys()
