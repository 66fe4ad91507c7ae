"""Pages of the documentation as a test reads them: their links, and the commands that are marked to be run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

BASE = "http://localhost:8000"
PING_UUID = "6f3d2c1e-8b5a-4d7f-9e0c-1a2b3c4d5e6f"
PING_KEY = "0123456789abcdefghijkl"
"""What stands in pages where a reader puts what is theirs."""

_BLOCK = re.compile(
    r"^```(?P<language>\w+) (?P<mark>test|job|settings)\n(?P<text>.*?)^```\n(?:```text answer\n(?P<answer>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """What a page wants run; `answer` is what it says comes back, if it says so."""

    language: str
    mark: str
    text: str
    answer: str | None


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str, mark: str) -> Iterator[Block]:
    """In order, those marked with one of the words of `mark`."""
    for found in _BLOCK.finditer(text_of(page)):
        if found["mark"] in mark.split():
            yield Block(*found.group("language", "mark", "text", "answer"))


def run(block: Block, own: Mapping[str, str], folder: Path, environment: Mapping[str, str], typed: str) -> str:
    """What it prints, where it goes well. `own` stands for what the page's reader has; `typed` is its input."""
    text = block.text
    for theirs, ours in own.items():
        text = text.replace(theirs, ours)
    program = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[block.language]
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*program, text],
        cwd=folder,
        env={**environment, "PATH": programs},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def anchors(page: Path) -> set[str]:
    """What a link within a page can name, made of its headings as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """The relative links of `page` that lead nowhere."""
    links = re.findall(r"\]\((?!https?:|/)([^)\s]+)\)", page.read_text())
    return [link for link in links if not _leads(page, link)]


def _leads(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))
