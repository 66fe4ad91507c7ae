"""Which server the client means, and as whom: flag, then environment, then a context of the user's file.

The file is `config.toml` in the user's configuration folder, private to its owner, and written by `login`, `logout`
and `context` alone:

    current = "example"

    [contexts.example]
    url = "https://crontopus.example.com"
    token = "ctp_u_…"
    tenant = "Acme"
    tenant_id = "0198…"
    email = "ada@example.org"
"""

from __future__ import annotations

import json
import os

from crontopus.cli.environment import secret, variable
from crontopus.cli.lazily import invalid, not_found
from crontopus.cli.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


class Context(Record):
    """An address, and a token for it. The rest is whose it is, as `login` was told: all empty where that is not known;
    `email` is empty for a token of a program, too.
    """

    url: str
    token: str = ""
    tenant: str = ""
    tenant_id: str = ""
    email: str = ""


class Contexts(Record):
    """All that the file knows. `current` is empty where there is none."""

    current: str = ""
    contexts: Mapping[str, Context] = {}

    def with_context(self, name: str, context: Context) -> Contexts:
        """With `context` added or replaced, and made the current one."""
        return Contexts(name, {**self.contexts, name: context})


def resolve(url: str | None = None, token: str | None = None, context: str | None = None) -> Context:
    """The server that is meant; its token may be empty.

    The token of a context goes to that context's address and nowhere else, and CRONTOPUS_TOKEN to CRONTOPUS_URL where
    that is set. Raises Invalid where no server is known or
    the file cannot be read, NotFound for an unknown context.
    """
    chosen = context or (None if url else variable("CRONTOPUS_CONTEXT"))
    given = url or (None if context else variable("CRONTOPUS_URL"))
    known = token or (None if context else _own_token(given))
    if given and known:
        return Context(given.rstrip("/"), known)
    found = _named(load_contexts(), chosen, given)
    if found is None:
        raise invalid(
            "no server is known: sign in with `crontopus login URL`, or set CRONTOPUS_URL and CRONTOPUS_TOKEN"
        )
    return Context(found.url.rstrip("/"), known or found.token)


def _named(known: Contexts, name: str | None, url: str | None) -> Context | None:
    """The context of that name; else one for that address, the current one before others, and one without a token
    where there is none; else the current one.
    """
    if url:
        current = known.contexts.get(known.current)
        first = (current,) if current is not None else ()
        same = (each for each in (*first, *known.contexts.values()) if each.url.rstrip("/") == url.rstrip("/"))
        return next(same, Context(url))
    if name and name not in known.contexts:
        raise not_found(f"no context {name!r}: see `crontopus context list`")
    return known.contexts.get(name or known.current)


def path() -> Path:
    import platformdirs

    return platformdirs.user_config_path("crontopus") / "config.toml"


def load_contexts() -> Contexts:
    """Empty where there is no file. Raises Invalid, saying what to do, where it cannot be read."""
    import tomllib

    try:
        return _contexts(tomllib.loads(path().read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid(f"{path()} cannot be read: {error}; mend it, or remove it and sign in again") from error


def save_contexts(contexts: Contexts) -> None:
    """Writes the file whole or not at all, readable by its owner alone. Raises Invalid where it cannot be written."""
    file = path()
    try:
        _write(file, _toml(contexts))
    except OSError as error:
        why = f"{file} cannot be written: {error.strerror}"
        raise invalid(f"{why}; make its folder writable, or set XDG_CONFIG_HOME to one that is") from error


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8", opener=_private) as text:
        text.write(content)
        text.flush()
        os.fsync(text.fileno())
    draft.replace(file)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _contexts(said: Mapping[str, Any]) -> Contexts:
    listed = {name: _context(context) for name, context in said.get("contexts", {}).items()}
    return Contexts(str(said.get("current", "")), listed)


def _context(said: Mapping[str, Any]) -> Context:
    whose = [str(said.get(field, "")) for field in ("token", "tenant", "tenant_id", "email")]
    return Context(str(said["url"]), *whose)


def _toml(contexts: Contexts) -> str:
    from functools import partial

    quoted = partial(json.dumps, ensure_ascii=False)  # a TOML basic string is a JSON string
    lines = ["# Written by `crontopus login`, `logout` and `context`. It holds tokens: keep it private.\n"]
    lines.append(f"current = {quoted(contexts.current)}\n")
    for name, context in contexts.contexts.items():
        told = {"url": context.url, "token": context.token}
        whose = {"tenant": context.tenant, "tenant_id": context.tenant_id, "email": context.email}
        lines.append(f"\n[contexts.{quoted(name)}]\n")
        lines += [f"{field} = {quoted(value)}\n" for field, value in told.items()]
        lines += [f"{field} = {quoted(value)}\n" for field, value in whose.items() if value]
    return "".join(lines)


def _own_token(url: str | None) -> str:
    home = variable("CRONTOPUS_URL")
    if url and home and url.rstrip("/") != home.rstrip("/"):
        return ""
    try:
        return secret("CRONTOPUS_TOKEN")
    except OSError as error:
        raise invalid(f"the file that CRONTOPUS_TOKEN_FILE names cannot be read: {error.strerror}") from error
