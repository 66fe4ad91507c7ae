"""What those who run the installation tell people: whom, from when, until when, and until they have put it away."""

from datetime import timedelta
from uuid import UUID

import pytest

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.announcements import Weight
from crontopus.domain.errors import Invalid, NotAllowed, NotFound
from crontopus.wire.announcements import AnnouncementPatch, NewAnnouncement
from tests.world import World

SUNDAY = "On Sunday there is an upgrade."


def _tenant(world: World, name: str) -> UUID:
    return world.tenants[name].principal.tenant


async def _read(client: Client) -> list[str]:
    return [one.text for one in (await client.announcements()).items]


async def test_everybody_reads_it_from_its_beginning_until_its_end(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as operator, world.person("acme", Role.VIEWER) as person:
        since = world.now + timedelta(minutes=1)
        made = await operator.announce(NewAnnouncement(text=SUNDAY, since=since, until=since + timedelta(minutes=2)))
        assert (made.active, await _read(person)) == (False, [])
        world.hands.turn_to(since)
        assert await _read(person) == await _read(operator) == [SUNDAY]
        async with world.signed_in("globex") as program:
            assert await _read(program) == [SUNDAY]
        world.hands.turn_to(since + timedelta(minutes=2))
        assert await _read(person) == []


async def test_what_is_for_one_tenant_is_read_there_alone(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        made = await operator.announce(NewAnnouncement(text=SUNDAY, tenants=[_tenant(world, "acme")]))
        assert await _read(operator) == []
        async with world.person("acme", Role.VIEWER) as here, world.person("globex", Role.OWNER) as there:
            assert (await _read(here), await _read(there)) == ([SUNDAY], [])
            with pytest.raises(NotFound):
                await there.dismiss_announcement(made.id)


async def test_who_puts_it_away_sees_it_again_only_where_it_says_something_else(world: World) -> None:
    async with (
        world.operator(SystemRole.SUPERADMIN) as operator,
        world.person("acme", Role.VIEWER) as person,
        world.person("acme", Role.VIEWER) as other,
    ):
        made = await operator.announce(NewAnnouncement(text=SUNDAY))
        for _ in range(2):
            await person.dismiss_announcement(made.id)
            assert (await _read(person), await _read(other)) == ([], [SUNDAY])
        await operator.edit_announcement(made.id, AnnouncementPatch(until=world.now + timedelta(days=1)))
        assert await _read(person) == []
        await operator.edit_announcement(made.id, AnnouncementPatch(severity=Weight.WARNING))
        assert await _read(person) == [SUNDAY]
        await operator.delete_announcement(made.id)
        assert await _read(person) == await _read(other) == []
        told = [one.action for one in (await operator.admin_audit(limit=20)).items]
        assert [one for one in told if one.startswith("ann")] == [
            "announcement.delete",
            "announcement.edit",
            "announcement.edit",
            "announcement.create",
        ]


async def test_a_program_puts_nothing_away(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as operator, world.signed_in("acme") as program:
        made = await operator.announce(NewAnnouncement(text=SUNDAY))
        with pytest.raises(NotAllowed, match="come as a person"):
            await program.dismiss_announcement(made.id)


async def test_what_cannot_be_is_refused_with_its_place(world: World) -> None:
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        made = await operator.announce(NewAnnouncement(text=SUNDAY))
        for wrong, pointer in (
            (NewAnnouncement(text="  \n "), "/text"),
            (NewAnnouncement(text=SUNDAY, until=world.now), "/until"),
            (NewAnnouncement(text=SUNDAY, tenants=[UUID(int=1)]), "/tenants/0"),
        ):
            with pytest.raises(Invalid) as refused:
                await operator.announce(wrong)
            assert [fault.pointer for fault in refused.value.faults] == [pointer]
        with pytest.raises(Invalid):
            await operator.edit_announcement(made.id, AnnouncementPatch(until=made.since))
    async with world.operator(SystemRole.SUPPORT) as support:
        assert [one.text for one in (await support.admin_announcements()).items] == [SUNDAY]
        with pytest.raises(NotAllowed):
            await support.announce(NewAnnouncement(text=SUNDAY))
