"""What those who run the installation tell the visitor, put away by them."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crontopus.client import Client
from crontopus.console.forms import read_form
from crontopus.console.view import go
from crontopus.console.visit import Visit
from crontopus.domain.hosts import path_here


@post("/announcements/{announcement:str}/dismiss")
async def dismiss(request: Visit, announcement: FromPath[str], client: NamedDependency[Client]) -> Response[None]:
    await client.dismiss_announcement(announcement)
    return go(path_here((await read_form(request))["back"]))


ROUTES: list[Any] = [dismiss]
