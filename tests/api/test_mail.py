"""E-mail by a real mail server: invitations, new passwords, and what becomes of letters that nobody takes."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from msgspec import Struct

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.domain.errors import (
    Conflict,
    CrontopusError,
    Invalid,
    NotFound,
    Throttled,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
)
from crontopus.engine.resets import LIFE, PAUSE
from crontopus.storage import letters
from crontopus.storage.sealing import rotate
from crontopus.wire.accounts import NewOwnToken, SignIn
from crontopus.wire.people import Acceptance, Mailed, NewInvitation
from crontopus.wire.tenants import NewTenant
from tests.smtp import Mailbox, mail_server
from tests.world import BASE, World, world_in

PASSWORD = "a long sentence"
OTHER = "quite another sentence"
GRACE = "grace@example.com"
SENDER = "Crontopus <crontopus@example.org>"


class Site(Struct, frozen=True):
    """An installation that sends e-mail, and the server that takes it."""

    world: World
    box: Mailbox

    def visitor(self, session: str = "") -> Client:
        return Client(BASE, session=session, transport=httpx.ASGITransport(self.world.appliance.app))

    async def post(self) -> None:
        """Whatever waits goes out."""
        while await self.world.appliance.parts.resets.step():
            pass
        while await self.world.appliance.parts.post.mail.step():
            pass

    async def code(self) -> str:
        """Of the link in the newest letter."""
        await self.post()
        found = re.search(r"http\S+code=(\S+)", self.box.last())
        assert found, self.box.last()
        return found[1]

    async def grace(self, role: Role = Role.ADMIN) -> str:
        """Her session: she was invited by letter, and came."""
        async with self.world.person("acme", Role.OWNER) as owner:
            await owner.invite(NewInvitation(email=GRACE, role=role))
        form = Acceptance(code=await self.code(), password=PASSWORD, name="Grace")
        async with self.visitor() as anybody:
            return (await anybody.accept_invitation(form)).session

    async def ask(self, email: str = GRACE) -> None:
        async with self.visitor() as anybody:
            await anybody.ask_for_password(email)


@pytest.fixture
async def site(world_data: tuple[Path, str]) -> AsyncIterator[Site]:
    async with (
        mail_server() as box,
        world_in(*world_data, smtp_url=f"smtp+plain://127.0.0.1:{box.port}", mail_from=SENDER) as world,
    ):
        yield Site(world, box)


async def failed(deed: object) -> type[BaseException]:
    with pytest.raises(CrontopusError) as caught:
        await deed  # type: ignore[misc] # whatever can be awaited
    return caught.type


async def test_whoever_is_invited_gets_the_link_and_nobody_else_does(site: Site) -> None:
    async with site.world.person("acme", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email=GRACE, role=Role.EDITOR))
        assert (made.link, made.mailed) == (None, Mailed.WAITING)
        code = await site.code()
        [letter] = site.box.taken
        assert (letter["To"], letter["From"]) == (GRACE, SENDER)
        assert letter["Auto-Submitted"] == "auto-generated"
        assert "acme" in letter["Subject"]
        assert "as editor" in site.box.last()
        assert (await owner.invitations()).items[0].mailed is Mailed.DELIVERED
    async with site.visitor() as anybody:
        assert (await anybody.open_invitation(code)).email == GRACE
        await anybody.accept_invitation(Acceptance(code=code, password=PASSWORD))


async def test_an_invitation_that_is_taken_back_is_not_mailed_any_more(site: Site) -> None:
    async with site.world.person("acme", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email=GRACE))
        await owner.uninvite(made.id)
        await site.post()
        assert site.box.taken == []
        await owner.invite(NewInvitation(email=GRACE))
        await owner.invite(NewInvitation(email=GRACE, role=Role.EDITOR))
        await site.post()
    [letter] = site.box.taken
    assert "as editor" in str(letter.get_content())


async def test_a_new_tenant_is_handed_to_its_owner_by_letter(site: Site) -> None:
    async with site.world.operator(SystemRole.SUPERADMIN) as operator:
        made = await operator.add_tenant(NewTenant(name="Initech", owner="bill@example.com"))
    assert made.link is None
    code = await site.code()
    async with site.visitor() as anybody:
        assert (await anybody.open_invitation(code)).tenant == "Initech"


async def test_a_letter_that_nobody_takes_now_is_tried_again_until_somebody_does(site: Site) -> None:
    site.box.refuses = "451 4.3.0 come again later"
    async with site.world.person("acme", Role.OWNER) as owner:
        await owner.invite(NewInvitation(email=GRACE))
        await site.post()
        [one] = (await owner.invitations()).items
        assert (one.mailed, one.mail_why) == (Mailed.WAITING, "the mail server refused it: 451 4.3.0 come again later")
        site.box.refuses = ""
        site.world.hands.turn_to(site.world.now + timedelta(seconds=10))
        await site.post()
        assert (await owner.invitations()).items[0].mailed is Mailed.DELIVERED
    assert len(site.box.taken) == 1


async def test_a_letter_to_an_address_that_nobody_has_is_given_up_and_its_inviter_sees_why(site: Site) -> None:
    site.box.strangers.add(GRACE)
    async with site.world.person("acme", Role.OWNER) as owner:
        await owner.invite(NewInvitation(email=GRACE))
        await site.post()
        [one] = (await owner.invitations()).items
        assert one.mailed is Mailed.GIVEN_UP
        assert "nobody has this address" in one.mail_why


async def test_a_mail_server_that_is_away_is_told_to_operators_and_what_it_missed_goes_out_later(
    world_data: tuple[Path, str],
) -> None:
    async with mail_server() as box:
        port = box.port
    async with world_in(*world_data, smtp_url=f"smtp+plain://127.0.0.1:{port}", mail_from=SENDER) as world:
        site = Site(world, box)
        async with world.person("acme", Role.OWNER) as owner, world.operator(SystemRole.SUPERADMIN) as operator:
            await owner.invite(NewInvitation(email=GRACE))
            await site.post()
            world.hands.turn_to(world.now + timedelta(minutes=11))
            await site.post()
            state = await operator.admin_mail()
            assert (state.waiting, state.server, state.letters[0].tries) == (1, f"127.0.0.1:{port}", 2)
            assert "cannot be used: Connection refused" in state.letters[0].why
            vitals = (await operator.admin_health()).items
            assert next(one for one in vitals if one.area == "mail").condition == "bad"
        async with world.operator(SystemRole.SUPERADMIN) as operator:
            assert await failed(operator.try_mail(GRACE)) is Unavailable
        async with mail_server(port=port) as back:
            world.hands.turn_to(world.now + timedelta(minutes=1))
            await site.post()
            assert back.taken[0]["To"] == GRACE


async def test_an_operator_sees_that_letters_arrive(site: Site) -> None:
    async with site.world.operator(SystemRole.SUPERADMIN) as operator:
        await operator.try_mail("ops@example.com")
        assert site.box.taken[-1]["To"] == "ops@example.com"
        assert (await operator.admin_mail()).letters == []


async def test_whoever_has_lost_their_password_chooses_another_by_a_letter(site: Site) -> None:
    session = await site.grace()
    async with site.visitor(session) as grace:
        token = await grace.add_own_token(NewOwnToken(name="laptop"))
    await site.ask(GRACE.upper())
    code = await site.code()
    async with site.visitor() as anybody:
        assert (await anybody.open_password_reset(code)).email == GRACE
        assert await failed(anybody.use_password_reset(code, "short")) is Invalid
        await anybody.use_password_reset(code, OTHER)
        assert await failed(anybody.sign_in(SignIn(email=GRACE, password=PASSWORD))) is Unauthenticated
        await anybody.sign_in(SignIn(email=GRACE, password=OTHER))
        assert await failed(anybody.use_password_reset(code, PASSWORD)) is NotFound
    async with site.visitor(session) as gone:
        assert await failed(gone.me()) is Unauthenticated
    async with Client(BASE, token=token.token, transport=httpx.ASGITransport(site.world.appliance.app)) as program:
        assert await failed(program.me()) is Unauthenticated
    await site.post()
    assert site.box.taken[-1]["Subject"] == "Your password for Crontopus was changed"
    async with site.world.person("acme", Role.OWNER) as owner:
        actions = [one.action for one in (await owner.audit(limit=50)).items]
        assert {"password.ask", "password.reset"} <= set(actions)


async def test_asking_tells_nobody_who_has_an_account(site: Site) -> None:
    await site.ask("nobody@example.com")
    await site.post()
    assert site.box.taken == []


async def test_asking_again_at_once_mails_nothing_more_and_later_the_older_link_opens_nothing(site: Site) -> None:
    await site.grace()
    await site.ask()
    older = await site.code()
    letters = len(site.box.taken)
    await site.ask()
    await site.post()
    assert len(site.box.taken) == letters
    site.world.hands.turn_to(site.world.now + PAUSE)
    await site.ask()
    newer = await site.code()
    assert newer != older
    async with site.visitor() as anybody:
        assert await failed(anybody.open_password_reset(older)) is NotFound
        site.world.hands.turn_to(site.world.now + LIFE)
        assert await failed(anybody.open_password_reset(newer)) is NotFound


@pytest.mark.both_databases
async def test_one_link_changes_one_password_once(site: Site) -> None:
    await site.grace()
    await site.ask()
    code = await site.code()
    async with site.visitor() as anybody:
        uses = [anybody.use_password_reset(code, f"{OTHER} {number}") for number in range(4)]
        ended = await asyncio.gather(*uses, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "NotFound", "NotFound", "NotFound"]


async def test_whoever_asks_for_many_waits(site: Site) -> None:
    for _ in range(10):
        await site.ask()
    assert await failed(site.ask()) is Throttled


async def test_a_changed_password_makes_a_link_to_change_it_worthless_and_is_told(site: Site) -> None:
    session = await site.grace()
    await site.ask()
    code = await site.code()
    async with site.visitor(session) as grace:
        await grace.change_password(PASSWORD, OTHER)
    await site.post()
    assert "changed on 2027-01-04" in site.box.last()
    async with site.visitor() as anybody:
        assert await failed(anybody.open_password_reset(code)) is NotFound


async def test_a_disabled_account_gets_no_link(site: Site) -> None:
    await site.grace()
    async with site.world.operator(SystemRole.SUPERADMIN) as operator:
        user = next(one for one in (await operator.admin_users(q=GRACE)).items if one.email == GRACE)
        await operator.disable_user(user.id)
    letters = len(site.box.taken)
    await site.ask()
    await site.post()
    assert len(site.box.taken) == letters


async def test_a_second_factor_is_still_asked_for_after_a_new_password(site: Site) -> None:
    session = await site.grace()
    async with site.visitor(session) as grace:
        secret = (await grace.enrol_authenticator()).secret
        await grace.confirm_authenticator(pyotp.TOTP(secret).at(site.world.hands.now))
    await site.ask()
    code = await site.code()
    async with site.visitor() as anybody:
        await anybody.use_password_reset(code, OTHER)
        assert (await anybody.sign_in(SignIn(email=GRACE, password=OTHER))).pending


async def test_what_a_letter_says_is_sealed_while_it_waits_and_gone_afterwards(site: Site) -> None:
    await site.grace()
    await site.ask()
    await site.world.appliance.parts.resets.step()
    async with site.world.appliance.db.read_all() as tx:
        [waiting] = await letters.sealed(tx)
    assert b"code=" not in (waiting.sealed or b"")
    await site.post()
    async with site.world.appliance.db.read_all() as tx:
        assert await letters.sealed(tx) == []


async def test_a_letter_that_waits_outlives_a_new_secret_key(world_data: tuple[Path, str]) -> None:
    data, url = world_data
    async with mail_server() as box:
        mail: dict[str, Any] = {"smtp_url": f"smtp+plain://127.0.0.1:{box.port}", "mail_from": SENDER}
        async with world_in(data, url, **mail) as world, world.person("acme", Role.OWNER) as owner:
            await owner.invite(NewInvitation(email=GRACE))
        key = rotate(data)
        async with world_in(data, url, **mail) as world:
            only_newest = key.read_text().split()[0]
            key.write_text(only_newest + "\n")
        async with world_in(data, url, **mail) as world:
            site = Site(world, box)
            await site.post()
            assert box.taken[0]["To"] == GRACE


async def test_without_a_mail_server_links_are_shown_and_nobody_can_ask_for_one(world: World) -> None:
    async with world.person("acme", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email=GRACE))
        assert made.link is not None
        assert (made.mailed, made.mail_why) == (None, "")
    site = Site(world, Mailbox())
    assert await failed(site.ask()) is Conflict
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        assert (await operator.admin_mail()).server == ""
        assert await failed(operator.try_mail(GRACE)) is Conflict


async def test_trying_asks_again_for_the_password(site: Site) -> None:
    async with site.world.operator(SystemRole.SUPERADMIN) as operator:
        site.world.hands.turn_to(site.world.now + timedelta(minutes=11))
        assert await failed(operator.try_mail(GRACE)) is Unconfirmed
