"""Every route of the API can be reached from the console; those that cannot are named here, each with its reason."""

import inspect
import re
from pathlib import Path

import pytest

from crontopus.client import Client
from crontopus.client.http import Http
from crontopus.console import app
from crontopus.resources import templates

BY_ADDRESS = {
    "diagnostics": "/api/v1/admin/diagnostics",
    "download_export": "/content",
    "events": "/api/v1/events",
    "export_admin_audit": "/api/v1/admin/audit/export",
    "export_audit": "/api/v1/audit/export",
    "new_passkey_options": "/api/v1/me/passkeys/options",
    "passkey_options": "/api/v1/sessions/current/passkey-options",
    "passkey_sign_in_options": "/api/v1/sessions/passkey-options",
}
"""What the browser asks the API for by itself: downloads, the live stream, and what its passkeys are asked with."""
NOT_FOR_PAGES = {
    "check_ins",  # of programs, by the thousand; a page reports one
    "ask_for_device",  # the machine that waits is not the browser that allows it
    "fetch_device_token",
    "add_own_token",  # `crontopus login` makes one; a browser comes with a session, and the page of tokens makes others
    "runs",  # across all jobs: the page of each job shows its own, and the list of jobs what is wrong anywhere
}


def test_every_route_is_reachable_from_the_console() -> None:
    sources = "".join(file.read_text() for file in Path(app.__file__).parent.rglob("*.py"))
    routes = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not hasattr(Http, name)}
    assert {name for name in routes if not re.search(rf"\bclient\.{name}\b", sources)} == NOT_FOR_PAGES | set(
        BY_ADDRESS
    )


@pytest.mark.parametrize("route", BY_ADDRESS)
def test_what_is_asked_for_by_its_address_stands_on_a_page(route: str) -> None:
    own = [*Path(app.__file__).parent.rglob("*.py"), *templates().rglob("*.html"), *templates().rglob("*.js")]
    assert any(BY_ADDRESS[route] in file.read_text() for file in own)
