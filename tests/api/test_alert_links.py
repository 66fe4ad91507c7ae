"""What whoever has the link in a message can do by it, and for how long; and what they cannot."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.alerts import Ending, Happening
from crontopus.domain.errors import Invalid, NotFound
from crontopus.domain.routing import Also
from crontopus.wire.alerts import LinkedAlert, RoutePatch
from crontopus.wire.audit import AuditEntry
from tests.api.test_alerts import failing, only
from tests.engine.test_alerts import Post, link_in, posting
from tests.world import BASE

BY_LINK = "owner@acme.test, by a link"


@pytest.fixture
async def post(world_data: tuple[Path, str]) -> AsyncIterator[Post]:
    async with posting(world_data) as found:
        yield found


@pytest.fixture
async def stranger(post: Post) -> AsyncIterator[Client]:
    """Nobody whom the server knows."""
    async with Client(BASE, transport=httpx.ASGITransport(post.world.appliance.app)) as client:
        yield client


def code_of(post: Post, letter: int = -1) -> str:
    return link_in(post.box.taken[letter], "Acknowledge").partition("code=")[2]


async def events(post: Post, alert: UUID | str) -> list[tuple[Happening, str]]:
    return [(one.what, one.who) for one in (await post.client.alert(alert)).events]


async def audited(post: Post, action: str) -> list[AuditEntry]:
    return [one for one in (await post.client.audit()).items if one.action == action]


async def changes_nothing(post: Post, client: Client, code: str, *, why: str) -> None:
    alert = (await post.client.alerts()).items[0]
    for ask in (client.open_alert_link, client.acknowledge_by_link, client.silence_by_link):
        with pytest.raises((NotFound, Invalid), match=why):
            await ask(code)
    assert (await post.client.alerts()).items[0] == alert


async def left(done: LinkedAlert, post: Post) -> bool:
    """Whether it is as it was."""
    return not done.changed and (await events(post, done.alert.id))[-1][1] != BY_LINK


async def test_a_link_shows_how_the_alert_is_and_no_more(post: Post, stranger: Client) -> None:
    job = await failing(post)
    found = await stranger.open_alert_link(code_of(post))
    assert (found.tenant, found.channel, found.changed) == ("acme", "owner@acme.test", False)
    assert (found.alert.subject.job, found.alert.acknowledged_at) == (job.id, None)
    await post.client.acknowledge_alert(found.alert.id)
    known = (await stranger.open_alert_link(code_of(post))).alert
    assert known.acknowledged_at is not None
    assert known.acknowledged_by == ""
    assert await events(post, found.alert.id) == [(Happening.OPENED, ""), (Happening.ACKNOWLEDGED, "token tests")]


async def test_who_acknowledges_by_it_is_named_by_the_channel(post: Post, stranger: Client) -> None:
    await failing(post)
    done = await stranger.acknowledge_by_link(code_of(post))
    assert done.changed
    assert done.alert.acknowledged_at == post.world.now
    assert (await events(post, done.alert.id))[1:] == [(Happening.ACKNOWLEDGED, BY_LINK)]
    (entry,) = await audited(post, "alert.acknowledge")
    assert (entry.actor, entry.user, entry.target_id) == (BY_LINK, None, done.alert.id)


async def test_what_is_acknowledged_or_over_stays_so(post: Post, stranger: Client) -> None:
    job = await failing(post)
    code, alert = code_of(post), await only(post.client)
    await post.client.acknowledge_alert(alert)
    assert await left(await stranger.acknowledge_by_link(code), post)
    assert await left(await stranger.silence_by_link(code), post)
    await post.says(job, "success")
    for ask in (stranger.acknowledge_by_link, stranger.silence_by_link):
        done = await ask(code)
        assert done.alert.ending is Ending.RECOVERED
        assert await left(done, post)
    assert await audited(post, "silence.create") == []
    assert len(await audited(post, "alert.acknowledge")) == 1


async def test_silenced_by_it_the_alert_is_told_again_after_an_hour(post: Post, stranger: Client) -> None:
    job = await failing(post)
    done = await stranger.silence_by_link(code_of(post))
    assert done.changed
    assert done.alert.held
    (silence,) = (await post.client.silences()).items
    assert (silence.matcher, silence.made_by) == ("job:default/nightly-backup class:failed", BY_LINK)
    assert silence.until == post.world.now + timedelta(hours=1)
    (entry,) = await audited(post, "silence.create")
    assert (entry.actor, entry.target_id) == (BY_LINK, silence.id)
    await post.passes(minutes=30)
    await post.says(job, "fail")
    await post.passes(minutes=29)
    assert len(post.box.taken) == 1
    await post.passes(minutes=2)
    assert post.subjects()[1:] == ["STILL DOWN: Nightly backup in default"]
    assert (await stranger.acknowledge_by_link(code_of(post))).changed


async def test_what_is_quiet_for_longer_is_not_silenced_by_it(post: Post, stranger: Client) -> None:
    await failing(post)
    code, alert = code_of(post), await only(post.client)
    await post.client.snooze_alert(alert, post.world.now + timedelta(hours=8))
    assert await left(await stranger.silence_by_link(code), post)
    await post.client.unacknowledge_alert(alert)
    assert (await stranger.silence_by_link(code)).changed
    await post.goes_out()
    again = await stranger.silence_by_link(code)
    assert not again.changed
    assert len((await post.client.silences()).items) == 1


async def test_it_ends_after_seven_days(post: Post, stranger: Client) -> None:
    await failing(post)
    code = code_of(post)
    await post.passes(days=6, hours=23)
    assert (await stranger.open_alert_link(code)).alert.resolved_at is None
    await post.passes(hours=1)
    await changes_nothing(post, stranger, code, why="seven days")


async def test_one_that_was_tampered_with_does_nothing(post: Post, stranger: Client) -> None:
    await failing(post)
    code = code_of(post)
    for wrong in (code[:-4], code[::-1], code.swapcase(), code + "AAAA", "ä"):
        await changes_nothing(post, stranger, wrong, why="not whole")
    for wrong in ("", "x" * 501):
        await changes_nothing(post, stranger, wrong, why="character")


async def test_one_of_another_tenant_does_nothing(post: Post, stranger: Client) -> None:
    await failing(post)
    alert, links = UUID(await only(post.client)), post.world.appliance.parts.links
    acme, globex = (post.world.tenants[name].principal.tenant for name in ("acme", "globex"))
    own = (await post.client.channels()).items[0].id
    async with post.world.signed_in("globex") as other:
        theirs = (await other.channels()).items[0].id
    for tenant, channel in ((globex, own), (globex, theirs), (acme, theirs)):
        code = links.acting(tenant, alert, channel, post.world.now).code
        await changes_nothing(post, stranger, code, why="is gone")


async def test_it_ends_with_its_channel(post: Post, stranger: Client) -> None:
    await failing(post)
    code, (root,), (owner,) = code_of(post), (await post.client.routes()).items, (await post.client.channels()).items
    await post.client.edit_route(root.id, RoutePatch(steps=[]))
    await post.client.remove_channel(owner.id)
    await changes_nothing(post, stranger, code, why="is gone")


async def test_it_does_nothing_while_the_organisation_is_closed(post: Post, stranger: Client) -> None:
    await failing(post)
    code = code_of(post)
    async with post.world.person("acme", Role.OWNER) as owner:
        await owner.delete_tenant()
        for ask in (stranger.open_alert_link, stranger.acknowledge_by_link, stranger.silence_by_link):
            with pytest.raises(NotFound, match="closed"):
                await ask(code)
        await owner.restore_tenant()
    assert (await stranger.acknowledge_by_link(code)).changed


async def test_whoever_knows_of_it_is_offered_nothing(post: Post, stranger: Client) -> None:
    """A failure that is told of all the same, while somebody is on it."""
    (root,) = (await post.client.routes()).items
    await post.client.edit_route(root.id, RoutePatch(also=[Also.ACKNOWLEDGE]))
    await failing(post)
    await stranger.acknowledge_by_link(code_of(post))
    await post.goes_out()
    assert post.subjects()[1:] == ["ACKNOWLEDGED: Nightly backup in default"]
    assert link_in(post.box.taken[1], "The alert")
    assert not link_in(post.box.taken[1], "Acknowledge")
