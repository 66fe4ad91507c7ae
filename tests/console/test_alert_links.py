"""The page that the links of a message open: it shows, and only its buttons act."""

import re
from html import unescape

import pytest

from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from crontopus.wire.schedules import Schedule
from tests.console.alerting import EVIL, Visits
from tests.console.conftest import Post, visiting
from tests.engine.test_alerts import link_in


async def acting_link(post: Post, deed: str = "acknowledge") -> str:
    """Of an alert that has just been told by e-mail."""
    job = await post.client.add_job(NewJob(name=f"Backup {EVIL}", slug="backup", schedule=Schedule(every=3600)))
    await post.client.check_in(CheckIn(kind="fail", job=str(job.id)))
    await post.goes_out()
    return link_in(post.box.taken[-1], "Acknowledge").replace("acknowledge", deed)


def buttons_of(page: str) -> list[tuple[str, str]]:
    """Where each leads, and what stands on it."""
    found = re.findall(r'<form method="post" action="([^"]+)"><button[^>]*>([^<]+)<', page)
    return [(unescape(action), label) for action, label in found]


@pytest.mark.parametrize(("deed", "first"), [("acknowledge", "Acknowledge"), ("silence", "Silence for an hour")])
async def test_a_link_shows_the_alert_and_its_own_button_first(post: Post, deed: str, first: str) -> None:
    link = await acting_link(post, deed)
    async with visiting(post.world, "") as stranger:
        for _ in range(2):
            page = (await stranger.get(link)).text
            assert "Backup &lt;script&gt;" in page
            assert "Nobody has acknowledged it." in page
            (action, label), _ = buttons_of(page)
            assert (label, action) == (first, link)
    assert (await post.client.alerts()).items[0].acknowledged_at is None


async def test_its_button_acts_and_the_page_says_how_it_is_now(post: Post) -> None:
    link = await acting_link(post, "silence")
    async with visiting(post.world, "") as stranger:
        done = await stranger.post(link)
        assert "Silenced for an hour. What is still open then is told." in done.text
        assert [label for _, label in buttons_of(done.text)] == ["Acknowledge"]
        ((action, _),) = buttons_of(done.text)
        assert "You acknowledged it" in (await stranger.post(action)).text
        again = await stranger.post(action)
        assert (again.status_code, buttons_of(again.text)) == (200, [])
        assert "Nothing was changed: somebody knows already." in again.text
        await post.client.resolve_alert((await post.client.alerts()).items[0].id)
        assert "Nothing was changed: it is over." in (await stranger.post(action)).text
        assert "Resolved" in (await stranger.get(link)).text


async def test_another_site_presses_no_button(post: Post) -> None:
    link = await acting_link(post)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await post.world.http.post(link, headers=headers)).status_code == 403
    assert (await post.client.alerts()).items[0].acknowledged_at is None


@pytest.mark.parametrize("code", ["", "nonsense", "x" * 600, "%F0%9F%90%99"])
async def test_a_link_to_an_alert_that_is_none_is_a_page_in_words(visits: Visits, code: str) -> None:
    stranger = await visits("")
    for page in ("/alert-link/acknowledge", "/alert-link/silence"):
        for answer in (await stranger.get(f"{page}?code={code}"), await stranger.post(f"{page}?code={code}")):
            assert (answer.status_code, "This link opens nothing" in answer.text) == (404, True)
            assert "This link is not whole: take it from the message once more. Nothing was changed." in answer.text


async def test_a_link_to_an_alert_says_when_it_is_over(post: Post) -> None:
    link = await acting_link(post)
    await post.world.passes(days=7)
    async with visiting(post.world, "") as stranger:
        for answer in (await stranger.get(link), await stranger.post(link)):
            assert "This link is over: it worked for seven days. Nothing was changed." in answer.text
