"""Channels with words of their own: what is kept and seen before, what arrives, and what does where they fail."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from crontopus.client import Client
from crontopus.console.channel_kinds import NAMES
from crontopus.domain.access import Role
from crontopus.domain.errors import Invalid, NotAllowed, NotFound
from crontopus.storage import channels
from crontopus.wire.alerts import Channel, ChannelPatch, NewChannel, NewRoute, PreviewChannel, RouteStep
from tests.engine.test_alerts import Post, part, posting
from tests.notify.fakes import served
from tests.notify.test_templates import Anything

TITLE = "{{ job_name }} is {{ state | lower }}"


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with posting((tmp_path, ""), alert_networks=["127.0.0.0/8"]) as found:
        yield found


async def made(post: Post, templates: dict[str, Any], kind: str = "email", **settings: Any) -> Channel:
    """A channel that is told of everything."""
    given = settings or {"to": "oncall@acme.test"}
    channel = await post.client.add_channel(NewChannel(kind=kind, name="On call", settings=given, templates=templates))
    await post.client.add_route(NewRoute(name="All of it", steps=[RouteStep(channels=[channel.id])]))
    return channel


async def faults(client: Client, channel: Channel, **templates: str) -> list[tuple[str, str]]:
    """With which a change is refused, and a preview likewise."""
    found = []
    for ask in (
        client.edit_channel(channel.id, ChannelPatch(templates=dict(templates))),
        client.preview_channel(channel.id, PreviewChannel(templates=dict(templates))),
    ):
        with pytest.raises(Invalid) as error:
            await ask
        found.append([(fault.pointer, fault.detail) for fault in error.value.faults])
    assert found[0] == found[1]
    return found[0]


async def spoil(post: Post, channel: Channel, templates: dict[str, str]) -> None:
    """As a template that went well with every sample, and does not with what happens."""
    async with post.world.appliance.db.write(post.world.tenants["acme"].principal.tenant) as tx:
        await channels.change(tx, channel.id, {"templates": templates})


async def test_a_letter_says_what_the_channel_would_have_it_say(post: Post) -> None:
    text = "{{ got }} in {{ namespace }}\n{{ output }}\nexit {{ exit_code }}, expected {{ expected or 'whenever' }}"
    channel = await made(post, {"title": TITLE, "text": text})
    assert (channel.templates, channel.fault) == ({"title": TITLE, "text": text}, "")
    job = await post.job()
    await post.says(job, "exit", "dumping\ndisk full\n", exit_code=3)
    (letter,) = post.box.taken
    assert letter["Subject"] == "Nightly backup is down"
    words = "the last run failed with exit status 3 in default\ndumping\ndisk full\nexit 3, expected whenever"
    assert words in part(letter, "plain").replace("\r\n", "\n")
    assert "Down since" not in part(letter, "plain")
    assert f"/jobs/{job.id}" in part(letter, "html")
    (message,) = (await post.client.notifications(channel=channel.id)).items
    assert (message.state, message.why) == ("delivered", "")


async def test_where_a_template_fails_the_alert_is_told_in_our_words_and_it_is_seen(post: Post) -> None:
    channel = await made(post, {"title": TITLE})
    await spoil(post, channel, {"title": "{{ 1 / 0 }}", "text": "{{ got }}"})
    await post.says(await post.job(), "exit", exit_code=1)
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    assert "the last run failed with exit status 1\n" in part(post.box.taken[0], "plain").replace("\r\n", "\n")
    (message,) = (await post.client.notifications(channel=channel.id)).items
    why = "the template of the title failed, and our own words were sent: line 1: this divides by zero"
    assert (message.state, message.why) == ("delivered", why)
    found = await post.client.channel(channel.id)
    assert (found.fault, found.failures) == (why, 0)
    mended = await post.client.edit_channel(channel.id, ChannelPatch(templates={"title": TITLE}))
    assert mended.fault == ""
    assert (await post.client.test_channel(channel.id)).title == "is test"


async def test_a_template_that_never_ends_keeps_nobody_waiting(post: Post) -> None:
    """Neither the message, nor whoever sends others meanwhile."""
    channel = await made(post, {})
    loops = "{% for a in output | lines %}" * 6 + "{{ a }}" + "{% endfor %}" * 6
    await spoil(post, channel, {"text": loops, "title": "{{ 'x' * 10 ** 9 }}"})
    await post.says(await post.job(), "exit", "line\n" * 20, exit_code=1)
    assert post.subjects() == ["DOWN: Nightly backup in default"]
    assert "more than 20,000 steps" in (await post.client.channel(channel.id)).fault


async def test_bad_templates_are_refused_with_the_line_and_what_is_wrong(post: Post) -> None:
    channel = await made(post, {})
    assert await faults(post.client, channel, text="one\n{{ 'x' * 3 }}") == [
        ("/templates/text", "line 2: * takes two numbers")
    ]
    assert (await faults(post.client, channel, body="x"))[0][0] == "/templates/body"
    with pytest.raises(Invalid) as error:
        await post.client.add_channel(
            NewChannel(kind="email", name="b", settings={"to": "a@b.c"}, templates={"title": "{% if %}"})
        )
    assert [fault.pointer for fault in error.value.faults] == ["/templates/title"]
    with pytest.raises(Invalid):
        await post.client.edit_channel(channel.id, ChannelPatch(templates={"text": "x" * 8001}))
    with pytest.raises(Invalid, match="it has none"):
        await post.client.add_channel(
            NewChannel(kind="pagerduty", name="c", settings={"routing_key": "x" * 32}, templates={"title": "x"})
        )
    assert (await post.client.channel(channel.id)).templates == {}


async def test_what_is_named_is_replaced_and_null_or_nothing_takes_it_away(post: Post) -> None:
    channel = await made(post, {"title": TITLE, "text": "{{ got }}"})
    changed = await post.client.edit_channel(channel.id, ChannelPatch(templates={"text": "{{ summary }}"}))
    assert changed.templates == {"title": TITLE, "text": "{{ summary }}"}
    changed = await post.client.edit_channel(channel.id, ChannelPatch(templates={"text": None, "title": ""}))
    assert changed.templates == {}


async def test_a_preview_is_of_the_newest_alert_and_sends_and_saves_nothing(post: Post) -> None:
    channel = await made(post, {"title": TITLE})
    before = await post.client.preview_channel(channel.id, PreviewChannel())
    assert (before.alert, before.title) == (None, "Nightly backup is down")
    assert "because the last run failed with exit status 1" in before.text
    await post.says(await post.job("Weekly"), "exit", exit_code=4)
    sent = len(post.box.taken)
    found = await post.client.preview_channel(channel.id, PreviewChannel(templates={"text": "{{ exit_code }}!"}))
    (alert,) = (await post.client.alerts()).items
    assert (found.alert, found.title) == (alert.id, "Weekly is down")
    assert found.text.splitlines()[0] == "4!"
    assert "The alert: http" in found.text
    assert len(post.box.taken) == sent
    assert (await post.client.channel(channel.id)).templates == {"title": TITLE}


async def test_a_preview_is_for_who_may_change_channels_of_the_tenant(post: Post) -> None:
    channel = await made(post, {"title": TITLE})
    async with post.world.signed_in("globex") as globex:
        with pytest.raises(NotFound):
            await globex.preview_channel(channel.id, PreviewChannel())
    async with post.world.person("acme", Role.VIEWER) as viewer:
        with pytest.raises(NotAllowed):
            await viewer.preview_channel(channel.id, PreviewChannel())


async def test_a_body_of_ones_own_reaches_any_interface(post: Post) -> None:
    body = '{"message": {{ title | tojson }}, "done": {{ over | tojson }}}'
    async with served(Anything()) as there:
        channel = await made(post, {"body": body}, kind="webhook", url=f"{there.url}/x", headers={"X-Key": "k"})
        assert channel.templates == {"body": body}
        job = await post.job('The "big" one\\')
        await post.says(job, "exit", exit_code=1)
        await post.says(job, "success")
        first, second = there.requests
        seen = await post.client.preview_channel(channel.id, PreviewChannel(templates={"content_type": "text/json"}))
    assert first.json == {"message": 'The "big" one\\ in default', "done": False}
    assert second.json["done"] is True
    assert first.headers["x-key"] == "k"
    assert (json.loads(seen.body)["done"], seen.content_type, seen.title) == (True, "text/json", "")


async def test_no_template_sees_what_opens_something(post: Post) -> None:
    """The settings of the channel are no part of what it is rendered with."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    names = "".join(f"{{{{ {name} | tojson }}}},\n" for name in NAMES)
    async with served(Anything()) as there:
        body = f"[{names} 1]"
        await made(post, {"body": body}, kind="webhook", url=f"{there.url}/x", secret=secret, headers={"X-Key": "kkkk"})
        await post.says(await post.job(), "exit", exit_code=1)
        (request,) = there.requests
    assert isinstance(request.json, list)
    assert secret not in request.body.decode()
    assert "kkkk" not in request.body.decode()


async def test_templates_outlive_the_server_and_are_written_down_in_the_audit_log(
    world_data: tuple[Path, str],
) -> None:
    id: UUID
    async with posting(world_data) as post:
        id = (await made(post, {"title": TITLE})).id
    async with posting(world_data) as post:
        assert (await post.client.channel(id)).templates == {"title": TITLE}
        await post.client.edit_channel(id, ChannelPatch(templates={"title": "{{ job }}"}))
        async with post.world.person("acme", Role.OWNER) as owner:
            (edited,) = [one for one in (await owner.audit()).items if one.action == "channel.edit"]
    assert "{{ job }}" in f"{edited.changes}"
