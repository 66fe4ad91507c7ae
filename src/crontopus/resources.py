"""Where the files that are not Python stand: in a checkout, in a wheel, in a frozen program."""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent


def templates() -> Path:
    """The folder `templates/`.

    A wheel, and a frozen program laid out like one, keeps it inside the package; a checkout and a frozen program
    with it at the top keep it outside.
    """
    inside = _PACKAGE / "templates"
    return inside if inside.is_dir() else Path(getattr(sys, "_MEIPASS", _PACKAGE.parents[1])) / "templates"
