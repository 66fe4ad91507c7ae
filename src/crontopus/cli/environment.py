"""The environment of this process: the one place where the client reads it. Loads nothing but `os` and `sys`."""

import os
import sys


def variable(name: str) -> str:
    """Empty where it is not set."""
    return os.environ.get(name, "")  # noqa: TID251 - the client's only reader of the environment


def secret(name: str) -> str:
    """The variable, or what the file named by `name` + `_FILE` holds. Raises OSError where that cannot be read."""
    file = variable(f"{name}_FILE")
    if not file or variable(name):
        return variable(name)
    with open(file, encoding="utf-8", errors="replace") as text:
        return text.read().strip()


def for_child(**more: str) -> dict[str, str]:
    """This environment and `more`, without what the frozen program's starter put there for itself alone."""
    child = {name: value for name, value in os.environ.items() if not name.startswith("_PYI_")}  # noqa: TID251 - as above
    if getattr(sys, "frozen", False):
        own = child.pop("LD_LIBRARY_PATH_ORIG", None)
        child.pop("LD_LIBRARY_PATH", None)
        child |= {"LD_LIBRARY_PATH": own} if own is not None else {}
    return child | more
