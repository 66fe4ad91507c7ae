"""Writes the generated files of docs/ anew, each from what it describes: `make docs`. A test finds stale ones."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tools import api_docs, parts

DOCS = Path(__file__).parents[1] / "docs"


def decisions() -> str:
    """The table of contents of the decision records."""
    lines = ["# Decisions", "", "One page each; a decision that is overturned stays, and names its successor.", ""]
    for page in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = page.read_text().partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({page.name})")
    return "\n".join(lines) + "\n"


def _refilled(page: str) -> str:
    """A page that is written by hand, but for its generated parts."""
    return parts.filled((DOCS / page).read_text())


GENERATED: Mapping[str, Callable[[], str]] = {
    "api/openapi.json": api_docs.openapi,
    "api/permissions.md": api_docs.permissions,
    "api/problems.md": api_docs.problems,
    "decisions/README.md": decisions,
    **{page: partial(_refilled, page) for page in ("architecture.md", "command-line.md", "operate.md")},
}
"""What each file under docs/ should hold. A new generated file is a line here."""


def stale() -> list[str]:
    """The generated files that do not hold what they should."""
    return [name for name, text in GENERATED.items() if not _holds(DOCS / name, text())]


def write() -> None:
    for name, text in GENERATED.items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text())


def _holds(page: Path, text: str) -> bool:
    return page.exists() and page.read_text() == text


if __name__ == "__main__":
    write()
