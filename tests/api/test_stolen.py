"""A stolen copy of the database opens nothing: no secret stands in it, and nothing that stands in it is one."""

import base64
from datetime import timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
from sqlalchemy import text

from crontopus.client import SESSION_COOKIE, Client
from crontopus.domain.access import Role
from crontopus.domain.errors import NotFound, Unauthenticated
from crontopus.storage import copying
from crontopus.storage.opening import FILE
from crontopus.wire.accounts import NewOwnToken, NewToken, SignIn
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import Acceptance, NewInvitation
from tests.providers import new
from tests.world import BASE, World

pytestmark = pytest.mark.both_databases

PASSWORD = "a sentence that nobody guesses"
EMAIL = "grace@example.com"


def code_of(link: str | None) -> str:
    assert link is not None
    return link.partition("code=")[2]


async def secrets_of(world: World) -> dict[str, str]:
    """Everything that opens something, made by those who may."""
    async with world.person("acme", Role.OWNER) as owner:
        accepted = code_of((await owner.invite(NewInvitation(email=EMAIL, role=Role.OWNER))).link)
        async with Client(BASE, transport=httpx.ASGITransport(world.appliance.app)) as anybody:
            session = await anybody.accept_invitation(Acceptance(code=accepted, password=PASSWORD))
        await owner.add_job(NewJob(slug="nightly"))
        app = (await owner.enrol_authenticator()).secret
        codes = (await owner.confirm_authenticator(pyotp.TOTP(app).at(world.now))).recovery_codes
        return {
            "authenticator app": app,
            "recovery code": codes[0],
            "recovery code, plain": codes[1].replace("-", ""),
            "password": PASSWORD,
            "session": session.session,
            "invitation": code_of((await owner.invite(NewInvitation(email="new@example.com"))).link),
            "person": (await owner.add_own_token(NewOwnToken(name="own"))).token,
            "service": (await owner.add_token(NewToken(name="s"))).token,
            "check-ins": (await owner.add_token(NewToken(name="c", kind="c", namespaces=["default"]))).token,
            "metrics": (await owner.add_token(NewToken(name="m", kind="m"))).token,
            "client secret": await _client_secret(owner),
            "ping key": str((await owner.namespace("default")).ping_key),
        }


async def _client_secret(owner: Client) -> str:
    await owner.add_provider(new("https://login.example.com", client_secret="what the provider gave us"))
    return "what the provider gave us"


async def test_no_secret_stands_in_it_in_any_form(world: World, world_data: tuple[Path, str], tmp_path: Path) -> None:
    known = await secrets_of(world)
    data, url = world_data
    stolen = tmp_path / (copying.DUMP if url else FILE)
    copying.copy(data, url, stolen)
    content = stolen.read_bytes()
    for name, secret in known.items():
        plain = secret.encode()
        for form in (plain, plain.hex().encode(), base64.b64encode(plain), plain[10:]):
            assert form not in content, name
    assert (data / "secret.key").read_bytes().strip() not in content


@pytest.mark.parametrize(
    "table",
    ["sessions", "tokens", "invitations", "namespaces", "users", "authenticators", "recovery_codes", "providers"],
)
async def test_nothing_that_stands_in_it_is_a_secret(world: World, table: str) -> None:
    await secrets_of(world)
    column = {
        "namespaces": "ping_key_hash",
        "users": "password_hash",
        "authenticators": "sealed",
        "providers": "client_secret_sealed",
    }.get(table, "hash")
    columns = f"{column}, ping_key_sealed" if table == "namespaces" else column
    async with world.appliance.db.read_all() as tx:
        rows = await tx.sql.execute(text(f"SELECT {columns} FROM {table}"))  # noqa: S608 - of this test
        found = [value for row in rows for value in row]
    assert found
    for value in found:
        raw = value.encode() if isinstance(value, str) else bytes(value)
        forms = {raw.hex(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
        forms |= {value} if isinstance(value, str) else set()
        for form in forms:
            await opens_nothing(world, form)


async def opens_nothing(world: World, text: str) -> None:
    transport = httpx.ASGITransport(world.appliance.app)
    for token in (text, f"ctp_s_{text}"):
        async with Client(BASE, token=token, transport=transport) as thief:
            with pytest.raises(Unauthenticated):
                await thief.me()
    cookies = {SESSION_COOKIE: text.replace("=", "").replace(",", "")}
    async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as browser:
        assert (await browser.get("/api/v1/me")).status_code == 401
        assert (await browser.get(f"/ping/{text.replace('/', '_')}/nightly")).status_code == 404
    world.hands.turn_to(world.now + timedelta(minutes=10))  # guessing is slowed down
    async with Client(BASE, transport=transport) as thief:
        with pytest.raises(NotFound):
            await thief.open_invitation(text)
        with pytest.raises(Unauthenticated):
            await thief.sign_in(SignIn(email=EMAIL, password=text))
