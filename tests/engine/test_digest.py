"""The digest: a letter a day or a week, at eight in the reader's zone, about the jobs they reach."""

from datetime import UTC, datetime, timedelta

import pytest

from crontopus.domain.access import Role
from crontopus.domain.digest import Every, next_at
from crontopus.domain.errors import Conflict, NotAllowed
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import MePatch
from crontopus.wire.schedules import Schedule
from crontopus.wire.silences import NewSilence
from tests.engine.test_alerts import Post, part, post
from tests.world import World

__all__ = ["post"]


async def goes_out(post: Post) -> list[str]:
    """The digests among what is mailed, as plain text."""
    while await post.world.appliance.digests.step():
        pass
    while await post.world.appliance.parts.post.mail.step():
        pass
    return [part(each, "plain") for each in post.box.taken if str(each["Subject"]).startswith("Digest")]


async def test_it_tells_what_opened_was_held_is_open_and_ran(post: Post) -> None:
    failing, fine = await post.job("Failing"), await post.job("Fine")
    held = await post.job("Held")
    await post.client.add_silence(
        NewSilence(matcher="job:held", reason="a known fault", until=post.world.now + timedelta(days=3))
    )
    async with post.world.person("acme", Role.OWNER) as owner:
        asked = await owner.ask_for_digest(Every.DAY)
        assert asked.next_at == post.world.now.replace(hour=8) + timedelta(days=1)
        for job, kind in ((failing, "fail"), (fine, "success"), (held, "fail")):
            await post.says(job, kind)
        await post.passes(minutes=30)
        await post.says(failing, "success")
        await post.passes(hours=23)
        assert await goes_out(post) == []
        await post.passes(minutes=31)
        (text,) = await goes_out(post)
    assert "Still open:" in text
    assert "  default/held: failed since 2027-01-04 08:00 UTC" in text
    assert "  default/failing: failed since 2027-01-04 08:00 UTC, recovered after 30 m" in text
    assert "  default/held: by the silence “a known fault”" in text
    assert "2 succeeded" in text
    assert "2 failed" in text
    assert "  default/held: 1 failed" in text
    assert "/me#digest" in text
    assert await goes_out(post) == [text]


async def test_who_reaches_a_part_is_told_of_that_part(post: Post) -> None:
    prod = await post.client.add_namespace(NewNamespace(slug="prod"))
    await post.says(await post.client.add_job(NewJob(slug="theirs", namespace="prod")), "fail")
    await post.says(await post.client.add_job(NewJob(slug="hidden")), "fail")
    async with post.world.person("acme", Role.VIEWER, prod.id) as person:
        await person.ask_for_digest(Every.DAY)
        await post.passes(days=1)
    (text,) = await goes_out(post)
    assert "prod/theirs" in text
    assert "hidden" not in text


async def test_none_goes_to_who_ended_it_or_left(post: Post) -> None:
    async with post.world.person("acme", Role.VIEWER) as person, post.world.person("acme", Role.OWNER) as owner:
        await person.ask_for_digest(Every.WEEK)
        await owner.ask_for_digest(Every.DAY)
        await owner.ask_for_digest(None)
        assert (await owner.own_digest()).every is None
        me = next(one for one in (await owner.members()).items if one.role is Role.VIEWER)
        await owner.remove_member(me.id)
        await post.passes(days=8)
    assert await goes_out(post) == []


async def test_a_program_gets_none(post: Post) -> None:
    with pytest.raises(NotAllowed):
        await post.client.ask_for_digest(Every.DAY)


async def test_nobody_gets_one_where_nothing_is_mailed(world: World) -> None:
    async with world.person("acme", Role.VIEWER) as person:
        with pytest.raises(Conflict, match="sends no e-mail"):
            await person.ask_for_digest(Every.DAY)


def test_it_comes_at_eight_on_the_wall_of_the_zone_whatever_the_clocks_do() -> None:
    friday = datetime(2026, 10, 23, 12, tzinfo=UTC)
    assert next_at(Every.DAY, "Europe/Berlin", friday) == datetime(2026, 10, 24, 6, tzinfo=UTC)
    assert next_at(Every.WEEK, "Europe/Berlin", friday) == datetime(2026, 10, 26, 7, tzinfo=UTC)


async def test_it_is_in_the_zone_that_one_chose(post: Post) -> None:
    async with post.world.person("acme", Role.OWNER) as owner:
        await owner.edit_me(MePatch(zone="Asia/Tokyo"))
        asked = await owner.ask_for_digest(Every.DAY)
        assert asked.next_at == datetime(2027, 1, 4, 23, tzinfo=UTC)
        await post.client.add_job(NewJob(slug="any", schedule=Schedule(every=3600)))
        await post.passes(hours=15)
        (text,) = await goes_out(post)
        assert "until 2027-01-05 08:00 Asia/Tokyo" in text
