"""Every page says what the product does: its commands run, and it names all that there is."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import httpx
import msgspec
import pytest
import yaml
from msgspec.structs import fields

from crontopus import config
from crontopus.cli import errors
from crontopus.domain.alerts import Severity
from crontopus.domain.query import FIELDS_OF_JOBS, FIELDS_OF_RUNS
from crontopus.domain.schedule import Clock
from crontopus.domain.watch import Mark, Overlap, Reason, RunState, Status
from crontopus.notify import kinds
from crontopus.notify.samples import trying
from crontopus.notify.sandbox import FILTERS, LONGEST, LONGEST_TEMPLATE, STEPS
from crontopus.notify.templates import BODY, require_sound, values
from crontopus.wire.jobs import NewJob
from crontopus.wire.problem import KINDS
from crontopus.wire.runs import CheckIn, OutputText
from tests.reading import BASE, PAGES, PING_KEY, PING_UUID, ROOT, blocks, dead_links, run, text_of
from tests.served import PASSWORD, Served, SetUp, set_up
from tools.parts import PACKAGE

RUN = [
    "README.md",
    *(f"docs/{name}.md" for name in ("pings", "jobs", "alerts", "operate", "team", "command-line")),
]
"""Pages with commands that are run, each on a server without jobs but `backup`."""


class Reader:
    """Somebody who follows a page at a terminal, in a folder of their own, on a server of their own."""

    def __init__(self, server: Served, ready: SetUp, folder: Path) -> None:
        self.folder = folder
        self.api = httpx.Client(base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {ready.token}"})
        self._server, self._ready = server, ready
        folder.mkdir()
        (folder / "data").symlink_to(server.data)

    def begin(self) -> None:
        """With one job, `backup`."""
        self._done(self.api.post("/jobs/bulk", json={"action": "delete", "q": "ns:default"}))
        job = self._done(self.api.post("/jobs", json={"slug": "backup", "schedule": {"every": "1d"}}))
        self._own = {
            "--email ada@example.org\n": "--email ada@example.org --password-stdin\n",  # nobody is asked here
            PING_UUID: job["ping_url"].rpartition("/")[2],
            PING_KEY: self._ready.ping_key,
            BASE: self._server.url,
        }

    def follow(self, page: str) -> None:
        """Does what the page says, in its order."""
        for block in blocks(page, "test job"):
            if block.mark == "job":
                self._done(self.api.post("/jobs", content=block.text, headers={"Content-Type": "application/json"}))
                continue
            said = run(block, self._own, self.folder, self._environment, PASSWORD + "\n")
            if block.answer is not None:
                assert said.strip() == block.answer.strip(), block.text

    @property
    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("CRONTOPUS_", "XDG_"))}
        return {
            **own,
            "HOME": str(self.folder),
            "CRONTOPUS_URL": self._server.url,
            "CRONTOPUS_TOKEN": self._ready.token,
        }

    def _done(self, answer: httpx.Response) -> dict[str, str]:
        assert answer.is_success, answer.text
        told: dict[str, str] = answer.json()
        return told


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, SetUp]]:
    data = tmp_path_factory.mktemp("docs") / "data"
    ready = set_up(data)
    with Served(data) as server:
        yield server, ready


@pytest.fixture
def reader(installation: tuple[Served, SetUp], tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(*installation, tmp_path / "home")
    with reader.api:
        reader.begin()
        yield reader


# ---- what pages say to do


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run(page: str, reader: Reader) -> None:
    assert list(blocks(page, "test"))
    reader.follow(page)


def test_what_is_reported_by_the_commands_of_a_page_arrives(reader: Reader) -> None:
    reader.follow("docs/pings.md")
    kinds = {
        item["kind"] for item in reader.api.get("/jobs/default:backup/check-ins", params={"limit": 200}).json()["items"]
    }
    assert kinds >= {"start", "success", "exit", "log"}
    assert reader.api.get("/jobs/default:report").json()["schedule"] == {"cron": "30 6 * * 1-5"}


def test_the_addresses_of_the_console_page_answer(installation: tuple[Served, SetUp]) -> None:
    server, _ = installation
    addresses = re.findall(r"^\| [^|]+ \| `(/[\w/]+)` \|", text_of("docs/console.md"), re.MULTILINE)
    assert len(addresses) >= 6
    with httpx.Client(base_url=server.url) as browser:
        form = {"email": "ada@example.org", "password": PASSWORD}
        session = browser.post("/api/v1/sessions", json=form).json()["session"]
        browser.cookies.set("crontopus_session", session)
        assert {address: browser.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)


def test_the_settings_files_of_the_operators_page_are_read(tmp_path: Path) -> None:
    file = tmp_path / "crontopus.toml"
    found = []
    for block in blocks("docs/operate.md", "settings"):
        file.write_text(block.text)
        found.append(config.load({}, file, {}).config)
    assert [(each.public_url, each.heartbeat_url) for each in found] == [
        ("https://crontopus.example.com", ""),
        ("", f"https://watcher.example.net/ping/{PING_UUID}"),
    ]


# ---- what pages name


def _named(page: str) -> set[str]:
    """What stands in code, in the first cells of the page's tables."""
    cells = re.findall(r"^\| ([^|]*)\|", text_of(page), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def _source(folder: str = "") -> str:
    return "\n".join(path.read_text() for path in sorted((PACKAGE / folder).rglob("*.py")))


def test_each_field_of_a_job_is_described_and_shown() -> None:
    fields = set(NewJob.__struct_fields__)
    assert fields - _named("docs/jobs.md") == set()
    (block,) = blocks("docs/jobs.md", "job")
    shown = msgspec.json.decode(block.text, type=dict[str, object])
    assert shown.keys() == fields


def test_each_field_of_a_check_in_is_described() -> None:
    fields = {*CheckIn.__struct_fields__} - _named("docs/pings.md")
    assert fields == set()
    assert all(f"`{field}`" in text_of("docs/pings.md") for field in OutputText.__struct_fields__)


@pytest.mark.parametrize("words", [Status, Reason, RunState, Mark])
def test_each_status_reason_state_and_mark_is_described(words: type[StrEnum]) -> None:
    assert set(words) - _named("docs/jobs.md") == set()


@pytest.mark.parametrize("words", [Clock, Overlap, Severity])
def test_each_choice_of_a_jobs_field_is_named(words: type[StrEnum]) -> None:
    assert [word for word in words if f"`{word}`" not in text_of("docs/jobs.md")] == []


def test_each_field_of_a_query_is_named() -> None:
    page = text_of("docs/jobs.md")
    assert [field for field in FIELDS_OF_JOBS | FIELDS_OF_RUNS if f"`{field}:" not in page] == []


def test_each_parameter_of_a_ping_url_is_described() -> None:
    source = (PACKAGE / "api/ping_url.py").read_text()
    read = {
        name for pair in re.findall(r'given(?:\.get)?[\[(]"(\w+)"|_word\(given, "(\w+)"\)', source) for name in pair
    }
    named = {name.partition("=")[0] for name in _named("docs/pings.md")}
    assert len(read) > 8
    assert read - {""} - named == set()


def test_each_kind_of_problem_is_explained() -> None:
    page = text_of("docs/api/problems.md")
    assert [kind.code for kind, _ in KINDS if kind.code not in page] == []


def test_each_exit_code_is_described() -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    described = re.findall(r"^\| (\d+) \|", text_of("docs/command-line.md"), re.MULTILINE)
    assert codes | {0, 2} == set(map(int, described))


def test_each_variable_of_the_client_is_described() -> None:
    read = set(re.findall(r'"(CRONTOPUS_[A-Z_]+)"', _source("cli")))
    named = set(re.findall(r"`(CRONTOPUS_[A-Z_]+)`", text_of("docs/command-line.md")))
    assert len(read) > 4
    assert read - named == set()


def test_each_event_in_the_log_is_described() -> None:
    calls = (node for node in ast.walk(ast.parse(_source())) if isinstance(node, ast.Call))
    events = {ast.literal_eval(call.args[0]) for call in calls if _logs(call)}
    assert len(events) > 4
    assert events - _named("docs/operate.md") == set()


def _logs(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "log" and bool(call.args)


def test_each_sentence_of_a_refused_start_is_one_the_product_says() -> None:
    table = text_of("docs/operate.md").partition("## It does not start")[2]
    said = [
        name for cell in re.findall(r"^\| ([^|]*)\|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)
    ]
    source = re.sub(r'"\s*\n\s*f?"', "", _source())
    assert len(said) > 10
    assert [sentence for sentence in said if sentence not in source] == []


# ---- pages as such


READ_BY: Mapping[str, Callable[[str], object]] = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_are_well_formed(page: Path) -> None:
    for language, text in re.findall(
        r"^```(json|yaml|toml)[ \w]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    ):
        assert READ_BY[language](text), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    assert dead_links(page) == []


def test_the_readme_names_every_page() -> None:
    told = text_of("README.md")
    pages = [page.relative_to(ROOT).as_posix() for page in sorted((ROOT / "docs").glob("*.md"))]
    assert [page for page in pages if f"({page})" not in told] == []


def test_contributing_fits_in_twenty_lines() -> None:
    assert len(text_of("README.md").partition("## Contributing")[2].strip().splitlines()) <= 20


def test_every_name_and_filter_of_a_template_is_told() -> None:
    told = text_of("docs/alerts.md").partition("### In words of one's own")[2]
    samples = trying(datetime(2027, 1, 4, tzinfo=UTC))
    assert [name for name in (*values(samples[0]), *FILTERS) if f"`{name}`" not in told] == []
    for limit in (LONGEST_TEMPLATE, LONGEST, STEPS):
        assert f"{limit:,}" in told
    (body,) = re.findall(r"```jinja\n(.*?)```", told, re.DOTALL)
    require_sound("webhook", BODY, {"body": body}, samples)


def test_every_kind_of_channel_is_told_with_its_settings() -> None:
    told = text_of("docs/alerts.md")
    for kind, known in kinds.KINDS.items():
        (row,) = re.findall(rf"^\| `{kind}` \|.*$", told, re.MULTILINE)
        for field in fields(known.settings):
            mark = r"`\\\*" if field.name in known.secrets else "`"
            assert field.name == "api" or re.search(rf"`{field.name}{mark}", row), f"{kind}: {field.name}"
