"""The door of the appliance: forwarded addresses, and HEAD wherever there is GET."""

from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest

from crontopus.api.front import Front
from crontopus.api.patience import Patience
from crontopus.api.room import Room
from crontopus.wire.jobs import NewJob
from tests.world import World

PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
async def test_only_a_trusted_proxy_is_believed_about_who_sent_it(peer: str, forwarded: str, sender: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", forwarded.encode())]
    for path in ("/ping/x", "/jobs"):
        scope = {"type": "http", "method": "GET", "path": path, "client": (peer, 1), "headers": headers}
        await Front(app, app, Room(Patience()), PROXIES)(scope, None, None)
    assert seen == [sender, sender]


class _Counted(IPv4Network):
    """Counts how often it is asked."""

    asked = 0

    def __contains__(self, other: object) -> bool:
        _Counted.asked += 1
        return super().__contains__(other)


async def test_a_long_list_of_proxies_costs_no_time() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    headers = [(b"x-forwarded-for", b"10.0.0.1, " * 6000 + b"10.0.0.2")]
    scope = {"type": "http", "method": "GET", "path": "/ping/x", "client": ("10.0.0.9", 1), "headers": headers}
    await Front(app, app, Room(Patience()), [_Counted("10.0.0.0/8")])(scope, None, None)
    assert _Counted.asked <= 50
    assert scope["client"] == ("10.0.0.1", 1)


async def test_without_trusted_proxies_nobody_is_believed(world: World) -> None:
    async with world.signed_in("acme") as acme:
        job = await acme.add_job(NewJob(name="backup"))
        await world.ping(job.ping_url, headers={"X-Forwarded-For": "203.0.113.9"})
        assert (await acme.job_check_ins(job.id)).items[0].address == "127.0.0.1"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/sign-in", "/docs/api", "/api/v1/openapi.json"])
async def test_head_answers_what_get_would_without_the_body(world: World, path: str) -> None:
    get, head = await world.http.get(path), await world.http.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
