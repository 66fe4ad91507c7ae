"""Holds the version to the changelog: the newest entry is `Unreleased`, or the version the package states."""

import re
import sys
from pathlib import Path

from crontopus import __version__

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def newest(changelog: str) -> str:
    """The name of the uppermost entry: a version, or `Unreleased`.

    Raises ValueError where there is none.
    """
    heading = re.search(r"^## \[?([^\]\s]+)", changelog, re.MULTILINE)
    if heading is None:
        raise ValueError("CHANGELOG.md has no entry: begin one with `## Unreleased`")
    return heading[1]


def fault(changelog: str, version: str) -> str | None:
    """What is wrong between the changelog and the package's version; None: nothing."""
    entry = newest(changelog)
    if entry in ("Unreleased", version):
        return None
    return f"CHANGELOG.md begins with {entry}, and crontopus.__version__ is {version}: make them the same"


if __name__ == "__main__":
    sys.exit(fault(CHANGELOG.read_text(), __version__))
