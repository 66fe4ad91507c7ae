"""Members, invitations, one's own account and the audit log, as pages."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from crontopus.client import Client
from crontopus.domain.access import Role, SystemRole
from crontopus.wire.accounts import NewNamespace
from crontopus.wire.people import Acceptance, NewInvitation
from tests.api.test_people import code_of
from tests.console.conftest import Visitor
from tests.console.test_roles import browsing
from tests.world import BASE, World

Visits = Callable[[str], Awaitable[Visitor]]
PASSWORD = "a long sentence"
INVITE = {"email": "Grace@Example.com", "role": "editor", "reach": "all"}


def link_of(page: httpx.Response) -> str:
    found = re.search(r'id="link"[^>]*><code>([^<]+)', page.text)
    assert found, page.text
    return found[1].replace("&amp;", "&").removeprefix(BASE)


async def grace(world: World, role: Role = Role.OWNER) -> str:
    """The session of a person of acme whose password is known."""
    async with world.person("acme", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email="grace@example.com", role=role))
    async with Client(BASE, transport=httpx.ASGITransport(world.appliance.app)) as anybody:
        form = Acceptance(code=code_of(made.link), password=PASSWORD)
        return (await anybody.accept_invitation(form)).session


async def as_grace(world: World, visits: Visits) -> Visitor:
    visitor = await visits("")
    visitor.http.cookies.set("crontopus_session", await grace(world))
    return visitor


async def test_an_invitation_is_made_shown_once_and_opened(world: World, visits: Visits) -> None:
    owner, guest = await visits("acme"), await visits("")
    link = link_of(await owner.post("/members/invite", INVITE))
    code = link.partition("code=")[2]
    listed = (await owner.get("/members")).text
    assert "grace@example.com" in listed
    assert code not in listed
    door = (await guest.get(link)).text
    assert "Join acme" in door
    assert "editor: makes and changes jobs" in door
    differ = {"code": code, "name": "Grace", "password": PASSWORD, "again": "something else"}
    assert "not the same password" in (await guest.post("/invitation", differ)).text
    short = await guest.post("/invitation", {"code": code, "password": "short", "again": "short"})
    assert "at least 12 characters" in short.text
    joined = await guest.post("/invitation", {**differ, "again": PASSWORD})
    assert joined.url.path == "/jobs"
    assert "Grace" in (await guest.get("/me")).text
    assert "opens nothing" in (await (await visits("")).get(link)).text


async def test_what_is_wrong_with_an_invitation_stands_at_its_field(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    for fields, fault in (
        ({"email": "nobody"}, "E-mail address"),
        ({"reach": "some"}, "Pick at least one"),
        ({"email": "owner@acme.test"}, "a member already"),
        ({"role": "owner", "reach": "some", "namespaces": "default"}, "an owner is not limited"),
    ):
        page = await owner.post("/members/invite", {**INVITE, **fields})
        assert page.status_code == 400
        assert fault in page.text


async def test_an_invitation_is_taken_back(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    link = link_of(await owner.post("/members/invite", INVITE))
    action = re.search(r'action="(/invitations/[^"]+/revoke)"', (await owner.get("/members")).text)
    assert action
    assert "taken back" in (await owner.post(action[1])).text
    assert (await (await visits("")).get(link)).status_code == 404


async def test_a_member_is_changed_limited_and_removed(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="mine"))
    async with world.person("acme", Role.VIEWER) as viewer:
        email = str((await viewer.me()).email)
        path = re.search(rf'href="(/members/[^"]+)">{email}', (await owner.get("/members")).text)
        assert path
        saved = await owner.post(path[1], {"role": "editor", "reach": "some", "namespaces": "mine"})
        assert f"{email} is editor now." in saved.text
        assert (await viewer.me()).namespaces == ["mine"]
        assert "Pick at least one" in (await owner.post(path[1], {"role": "editor", "reach": "some"})).text
        assert (await viewer.me()).namespaces == ["mine"]
        assert "no member any more" in (await owner.post(f"{path[1]}/remove")).text


async def test_the_last_owner_stays(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    path = re.search(r'href="(/members/[^"]+)">owner@acme.test', (await owner.get("/members")).text)
    assert path
    assert "last owner" in (await owner.post(f"{path[1]}/remove")).text


async def test_an_admin_is_not_offered_what_only_owners_may(world: World, visits: Visits) -> None:
    async with world.person("acme", Role.ADMIN) as admin:
        visitor = await visits("")
        visitor.http.cookies.set("crontopus_session", admin.http.headers["cookie"].partition("=")[2])
        page = (await visitor.get("/members/invite")).text
        assert 'value="admin"' in page
        assert 'value="owner"' not in page
        owners = re.search(r'href="(/members/[^"]+)">owner@acme.test', (await visitor.get("/members")).text)
        assert owners
        assert "Only an owner changes an owner." in (await visitor.get(owners[1])).text


async def test_a_session_of_a_while_ago_gives_its_password_once_more(world: World, visits: Visits) -> None:
    visitor = await as_grace(world, visits)
    world.hands.turn_to(world.now + timedelta(minutes=11))
    for path, fields in (("/members/invite", INVITE), ("/tokens/new", {"name": "x", "kind": "s", "days": ""})):
        for answer in (await visitor.get(path), await visitor.post(path, fields)):
            assert answer.url.path == "/me/confirm"
            assert answer.url.params["next"] == path
    wrong = await visitor.post("/me/confirm", {"next": "/tokens/new", "password": "no"})
    assert "not your password" in wrong.text
    onward = await visitor.post("/me/confirm", {"next": "/tokens/new", "password": PASSWORD})
    assert onward.url.path == "/tokens/new"
    elsewhere = await visitor.post("/me/confirm", {"next": "https://evil.example/", "password": PASSWORD})
    assert elsewhere.url.path == "/jobs"


async def test_ones_own_name_password_and_sessions_are_changed(world: World, visits: Visits) -> None:
    visitor = await as_grace(world, visits)
    assert "Your name is changed." in (await visitor.post("/me/name", {"name": "Grace"})).text
    new = {"old": PASSWORD, "new": "another long sentence", "again": "another long sentence"}
    assert "not the same password" in (await visitor.post("/me/password", {**new, "again": "x"})).text
    assert "not your password" in (await visitor.post("/me/password", {**new, "old": "x"})).text
    assert "Your password is changed." in (await visitor.post("/me/password", new)).text
    other = await visits("")
    signed_in = await other.post("/sign-in", {"email": "grace@example.com", "password": "another long sentence"})
    assert signed_in.url.path == "/jobs"
    action = re.search(r'action="(/me/sessions/[^"]+/end)"', (await visitor.get("/me")).text)
    assert action
    await visitor.post(action[1])
    assert (await other.get("/jobs")).url.path == "/sign-in"


async def test_whoever_belongs_to_several_goes_from_one_to_the_other(world: World, visits: Visits) -> None:
    visitor = await as_grace(world, visits)
    assert "Organisations" not in (await visitor.get("/me")).text
    async with world.person("globex", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email="grace@example.com"))
    code = code_of(made.link)
    assert "has an account here" in (await visitor.get(f"/invitation?code={code}")).text
    assert "not the password" in (await visitor.post("/invitation", {"code": code, "password": "no"})).text
    await visitor.post("/invitation", {"code": code, "password": PASSWORD})
    page = (await visitor.get("/me")).text
    assert "Viewer in globex" in page
    acme = re.search(r'name="tenant" value="([^"]+)"', page)
    assert acme
    assert "You are in acme now." in (await visitor.post("/me/tenant", {"tenant": acme[1]})).text
    for other in ("nonsense", str(world.tenants["globex"].principal.user)):
        assert (await visitor.post("/me/tenant", {"tenant": other})).status_code == 404


async def test_whoever_belongs_to_a_closed_organisation_and_another_finds_the_way_there(
    world: World, visits: Visits
) -> None:
    visitor = await as_grace(world, visits)
    async with world.person("globex", Role.OWNER) as owner:
        made = await owner.invite(NewInvitation(email="grace@example.com"))
    await visitor.post("/invitation", {"code": code_of(made.link), "password": PASSWORD})
    async with world.operator(SystemRole.SUPERADMIN) as operator:
        await operator.suspend_tenant(world.tenants["globex"].principal.tenant, "run `pay` first")
    page = (await visitor.get("/jobs")).text
    assert "This organisation is closed" in page
    assert "<code>pay</code>" in page
    assert "You are in acme, too." in page
    assert 'href="/me"' in page
    assert 'action="/sign-out"' in page
    assert "closed: suspended" in (await visitor.get("/me")).text
    acme = re.search(r'name="tenant" value="([^"]+)"', page)
    assert acme
    assert "You are in acme now." in (await visitor.post("/me/tenant", {"tenant": acme[1]})).text


async def test_the_audit_log_says_who_did_what(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    await owner.post("/settings/name", {"name": "<b>Acme</b>"})
    page = (await owner.get("/audit")).text
    assert "&lt;b&gt;Acme&lt;/b&gt;" in page
    assert "<b>Acme" not in page
    assert "tenant.edit" in page
    assert "owner@acme.test" in page
    assert "Nothing like that was done" in (await owner.get("/audit?actor=nobody")).text
    assert "token.create" not in (await owner.get("/audit?action=tenant.edit")).text.partition("<tbody>")[2]
    assert (await owner.get("/audit?target=nonsense")).status_code == 200


async def test_the_audit_log_is_read_page_by_page(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    async with world.signed_in("acme") as acme:
        for number in range(60):
            await acme.add_namespace(NewNamespace(slug=f"n{number}"))
    first = (await owner.get("/audit?action=namespace.create")).text
    older = re.search(r'href="(/audit\?cursor=[^"&]+&amp;action=namespace.create)"', first)
    assert older
    second = (await owner.get(older[1].replace("&amp;", "&"))).text
    assert ">n59</a>" in first
    assert ">n59</a>" not in second
    assert ">n0</a>" in second
    assert "Older" not in second


async def test_an_export_of_the_audit_log_is_of_what_the_page_shows(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    await owner.post("/settings/name", {"name": "A & me"})
    async with world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="n1"))
    page = (await owner.get("/audit?action=tenant.edit&actor=owner%40acme.test&target=nonsense")).text
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/api/v1/audit/export[^"]+)"', page)]
    assert [link.partition("&")[2] for link in links] == ["actor=owner%40acme.test&action=tenant.edit"] * 2
    for link in links:
        told = (await owner.get(link)).text
        assert "tenant.edit" in told
        assert "namespace.create" not in told


@pytest.mark.parametrize("name", ["", "x" * 201])
async def test_a_name_that_is_none_is_refused_in_place(world: World, visits: Visits, name: str) -> None:
    page = await (await visits("acme")).post("/settings/name", {"name": name})
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.text


async def test_a_token_is_replaced_and_shown_once(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    wrong = await owner.post("/tokens/new", {"name": "x", "kind": "s", "days": "", "addresses": "here"})
    assert "neither an address nor a network" in wrong.text
    await owner.post("/tokens/new", {"name": "host", "kind": "s", "days": "", "addresses": "10.0.0.0/8 ::1"})
    page = (await owner.get("/tokens")).text
    assert 'everything <span class="dim">from 10.0.0.0/8, ::1/128' in page
    assert '<td data-l="may">all but members:write tenant:write</td>' in page
    action = re.search(r'action="(/tokens/[^"]+/rotate)"', page)
    assert action
    made = (await owner.post(action[1], {"overlap": "1h"})).text
    assert "Copy host now" in made
    assert "ctp_s_" in made


async def test_a_token_says_what_it_may_do(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    made = await owner.post("/tokens/new", {"name": "x", "kind": "s", "days": "", "scopes": ["jobs:read", "runs:read"]})
    assert "<dt>May</dt><dd>jobs:read runs:read</dd>" in made.text
    assert '<td data-l="may">jobs:read runs:read</td>' in (await owner.get("/tokens")).text


async def test_an_invitation_says_what_it_reaches(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    limited = {"email": "grace@example.com", "role": "editor", "reach": "some", "namespaces": "default"}
    made = await owner.post("/members/invite", limited)
    assert '<td data-l="reaches">default</td>' in (await owner.get("/members")).text
    guest = await visits("")
    assert "You reach default there, and nothing else." in (await guest.get(invitation_in(made.text))).text
    made = await owner.post("/members/invite", {"email": "hedy@example.com", "role": "viewer", "reach": "all"})
    assert "You reach" not in (await guest.get(invitation_in(made.text))).text


async def test_what_somebody_limited_does_not_see_is_not_called_nothing(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    async with world.signed_in("acme") as program:
        mine = await program.add_namespace(NewNamespace(slug="mine"))
    secret = {"email": "grace@example.com", "role": "editor", "reach": "some", "namespaces": "default"}
    await owner.post("/members/invite", secret)
    async with browsing(world.person("acme", Role.VIEWER, mine.id)) as viewer:
        page = (await viewer.get("/members")).text
    assert "nothing that you see" in page
    assert "nothing any more" not in page


def invitation_in(page: str) -> str:
    link = re.search(r"/invitation\?code=[\w-]+", page)
    assert link
    return link[0]


async def test_a_machine_is_looked_at_and_allowed(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    async with Client(BASE, transport=httpx.ASGITransport(world.appliance.app)) as machine:
        codes = await machine.ask_for_device("<b>host")
    assert codes.user_code in (await owner.get(f"/device?code={codes.user_code}")).text
    shown = (await owner.post("/device", {"code": codes.user_code})).text
    assert "Does &lt;b&gt;host come as you?" in shown
    assert "Calls itself" in shown
    done = await owner.post("/device/decide", {"code": codes.user_code, "allow": "yes"})
    assert "comes as you from now on" in done.text
    again = await owner.post("/device", {"code": codes.user_code})
    assert (again.status_code, "no machine waits with this code" in again.text) == (400, True)


async def test_allowing_a_machine_asks_for_a_stale_password_first(world: World, visits: Visits) -> None:
    owner = await visits("acme")
    await world.passes(minutes=11)
    async with Client(BASE, transport=httpx.ASGITransport(world.appliance.app)) as machine:
        codes = await machine.ask_for_device("host")
    page = await owner.post("/device/decide", {"code": codes.user_code, "allow": "yes"})
    assert page.url.path == "/me/confirm"
    assert "host was denied" in (await owner.post("/device/decide", {"code": codes.user_code, "allow": "no"})).text
