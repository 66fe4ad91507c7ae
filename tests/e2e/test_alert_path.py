"""As somebody new would: a job goes down, the mail comes, its link acknowledges, the end changes what Slack shows."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from email.message import EmailMessage
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console import AXE, EMAIL, set_up, visitor
from tests.e2e.test_console import judged, made, ping
from tests.notify.fakes import served as fake_served
from tests.notify.fakes.slack import CHANNEL, TOKEN, Slack
from tests.served import PASSWORD, Served
from tests.smtp import Mailbox, mail_server

pytestmark = pytest.mark.xdist_group("chromium")
PATIENCE_SECONDS = 30.0
WITH_SLACK_AT = """
from msgspec.structs import replace
from crontopus.notify import slack
begin = slack._Slack.__init__

def elsewhere(self, settings, *others):
    begin(self, replace(settings, api={url!r}), *others)

slack._Slack.__init__ = elsewhere
from crontopus.cli import main
main()
"""
"""A server that takes a program on this machine for Slack."""


class World(Thread):
    """A mail server and Slack, as long as the test lasts."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.slack = Slack()
        self.box = Mailbox()
        self.ready = Event()
        self.over = Event()

    def run(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            self.box = await stack.enter_async_context(mail_server())
            await stack.enter_async_context(fake_served(self.slack))
            self.ready.set()
            await asyncio.to_thread(self.over.wait)

    def letter(self, state: str) -> str:
        """The text of the letter whose subject begins so, once it came."""
        return until(lambda: next((_text(each) for each in self.box.taken if each["Subject"].startswith(state)), ""))

    def shown(self) -> str:
        """What stands in the channel."""
        return " ".join(str(message) for message in self.slack.messages.values())


def until(found: Callable[[], object]) -> str:
    """What `found` answers, once it answers anything."""
    end = monotonic() + PATIENCE_SECONDS
    while not (answer := found()):
        assert monotonic() < end, "it did not come"
        sleep(0.05)
    return str(answer)


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    found.start()
    assert found.ready.wait(PATIENCE_SECONDS)
    yield found
    found.over.set()
    found.join(PATIENCE_SECONDS)


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Served]:
    settings = tmp_path / "crontopus.toml"
    settings.write_text(
        f'smtp_url = "smtp+plain://127.0.0.1:{world.box.port}"\nmail_from = "crontopus@example.org"\n'
        'alert_networks = ["127.0.0.0/8"]\n'
    )
    program = ("-c", WITH_SLACK_AT.format(url=f"{world.slack.url}/api"))
    with Served(tmp_path / "data", fresh=True, more=("--config", str(settings)), program=program) as found:
        yield found


def test_the_first_alert(browser: Browser, served: Served, world: World, tmp_path: Path) -> None:
    with visitor(browser, served) as page:
        set_up(page, served)
        adds_slack(page)
        tells_slack_too(served, tmp_path)
        job = made(page, "Nightly backup")
        ping(page, served, job, "/1", "dumping\ndisk full\n")
        letter = world.letter("DOWN")
        assert "disk full" in letter
        until(lambda: "DOWN" in world.shown())
        acknowledges(browser, served, letter)
        (alert,) = page.request.get("/api/v1/alerts").json()["items"]
        assert alert["acknowledged_by"] == f"{EMAIL}, by a link"
        page.goto(f"/alerts/{alert['id']}")
        expect(page.locator("h1")).to_contain_text("Acknowledged")
        ping(page, served, job, "", "done\n")
        assert "It recovered" in world.letter("RECOVERED")
        until(lambda: "RECOVERED" in world.shown())
        begun = [each for each in world.slack.messages.values() if "thread_ts" not in each]
        assert len(begun) == 1, "the message of the beginning was changed"
        assert world.slack.refused == []
        expect(page.locator("h1")).to_contain_text("Recovered")


def adds_slack(page: Page) -> None:
    page.goto("/channels/new?kind=slack")
    page.get_by_label("Name").first.fill("Operations")
    page.locator('[name="settings-token"]').fill(TOKEN)
    page.locator('[name="settings-channel"]').fill(CHANNEL)
    page.locator("main form").get_by_role("button", name=re.compile("Add|Create|Save|Make")).first.click()
    expect(page.get_by_text("Operations").first).to_be_visible()


def tells_slack_too(served: Served, folder: Path) -> None:
    """By the command line."""
    environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "PATH": "/usr/bin:/bin"}

    def crontopus(*arguments: str, given: str = "") -> str:
        command = [sys.executable, "-m", "crontopus", *arguments]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, env=environment, timeout=PATIENCE_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    crontopus("login", served.url, "--email", EMAIL, "--password-stdin", given=PASSWORD + "\n")
    crontopus("routes", "edit", "Everything", "--tell", EMAIL, "--tell", "Operations")
    assert "Operations" in crontopus("routes", "list")


def acknowledges(browser: Browser, served: Served, letter: str) -> None:
    """Whoever reads the letter, without an account here."""
    found = re.search(r"^Acknowledge: (\S+)\s*$", letter, re.MULTILINE)
    assert found is not None, letter
    with visitor(browser, served) as reader:
        reader.add_init_script(path=AXE)
        reader.goto(found[1])
        expect(reader.get_by_text("Nightly backup").first).to_be_visible()
        assert judged(reader, "alert-path-link") == []
        reader.get_by_role("button", name="Acknowledge").click()
        expect(reader.get_by_text("You acknowledged it")).to_be_visible()
