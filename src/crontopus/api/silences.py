"""Silences and maintenance windows: when alerts are told to nobody."""

from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from crontopus.api import telling
from crontopus.api.arguments import Caller, Cursor, Http, Limit, Parts
from crontopus.api.once import IdempotencyKey, once
from crontopus.api.principal import needs
from crontopus.api.reading import Body, page_of, place_of
from crontopus.domain.access import Scope
from crontopus.engine import silences as engine
from crontopus.storage import silences
from crontopus.storage.database import Tx
from crontopus.wire.common import Page
from crontopus.wire.silences import (
    Hidden,
    NewSilence,
    NewWindow,
    Silence,
    SilencePatch,
    WhatMatches,
    Window,
    WindowPatch,
)

SilenceId = Annotated[UUID, PathParameter(description="The silence's id.")]
WindowId = Annotated[UUID, PathParameter(description="The maintenance window's id.")]


class _Before(Struct, forbid_unknown_fields=True):
    id: UUID


@get("/silences", operation_id="silences", opt=needs(Scope.ALERTS_READ))
async def listed(
    caller: Caller,
    parts: Parts,
    over: Annotated[bool, QueryParameter(description="Those that are over; else those that are not.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Silence]:
    """List silences, newest first."""
    caller.require_all_jobs()
    before = place_of(cursor, _Before)
    async with parts.db.read(caller.tenant) as tx:
        found = await silences.listed(tx, before.id if before else None, limit + 1, over=over)
    return page_of(found, limit, telling.silence, lambda one: _Before(one.id))


@post("/silences", operation_id="add_silence", opt=needs(Scope.ALERTS_OPERATE), dependencies={"new": Body(NewSilence)})
async def add(
    request: Http,
    caller: Caller,
    parts: Parts,
    new: NamedDependency[NewSilence],
    idempotency_key: IdempotencyKey = None,
) -> Response[Silence]:
    """Silence alerts.

    From now or from `since` on nobody is told of an alert that matches. It opens and is shown nevertheless, and what is
    still open at the end is told then.
    """

    async def made(tx: Tx) -> Silence:
        return telling.silence(await engine.create(tx, caller, new))

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@post(
    "/silences/preview",
    operation_id="preview_silence",
    opt=needs(Scope.ALERTS_READ),
    dependencies={"asked": Body(WhatMatches)},
    status_code=200,
)
async def preview(caller: Caller, parts: Parts, asked: NamedDependency[WhatMatches]) -> Hidden:
    """Show what a silence or a maintenance window would hide, before it is made."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        found = await engine.hidden(tx, caller, asked.matcher)
        return telling.hidden(found, await telling.subjects(tx, found.alerts))


@patch(
    "/silences/{silence:uuid}",
    operation_id="edit_silence",
    opt=needs(Scope.ALERTS_OPERATE),
    dependencies={"changes": Body(SilencePatch)},
)
async def edit(caller: Caller, parts: Parts, silence: SilenceId, changes: NamedDependency[SilencePatch]) -> Silence:
    """Change a silence.

    JSON Merge Patch: what is absent stays. 409 where it is over.
    """
    async with parts.db.write(caller.tenant) as tx:
        return telling.silence(await engine.edit(tx, caller, silence, changes))


@delete("/silences/{silence:uuid}", operation_id="end_silence", opt=needs(Scope.ALERTS_OPERATE))
async def end(caller: Caller, parts: Parts, silence: SilenceId) -> None:
    """End a silence now.

    What it holds is told, if nothing else holds it. It stays in the list of those that are over.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.end(tx, caller, silence)


@get("/maintenance-windows", operation_id="maintenance_windows", opt=needs(Scope.ALERTS_READ))
async def windows(caller: Caller, parts: Parts) -> Page[Window]:
    """List maintenance windows, by name."""
    caller.require_all_jobs()
    async with parts.db.read(caller.tenant) as tx:
        return Page(items=[telling.window(one, tx.now) for one in await silences.windows(tx)])


@post(
    "/maintenance-windows",
    operation_id="add_maintenance_window",
    opt=needs(Scope.ALERTS_WRITE),
    dependencies={"new": Body(NewWindow)},
)
async def add_window(
    request: Http, caller: Caller, parts: Parts, new: NamedDependency[NewWindow], idempotency_key: IdempotencyKey = None
) -> Response[Window]:
    """Plan maintenance: once, in hours of each week, or for a while from each time that a cron line names."""

    async def made(tx: Tx) -> Window:
        return telling.window(await engine.add_window(tx, caller, new), tx.now)

    async with parts.db.write(caller.tenant) as tx:
        return await once(tx, parts.sealer, request, idempotency_key, partial(made, tx))


@patch(
    "/maintenance-windows/{window:uuid}",
    operation_id="edit_maintenance_window",
    opt=needs(Scope.ALERTS_WRITE),
    dependencies={"changes": Body(WindowPatch)},
)
async def edit_window(caller: Caller, parts: Parts, window: WindowId, changes: NamedDependency[WindowPatch]) -> Window:
    """Change a maintenance window.

    JSON Merge Patch: what is absent stays, `times` are replaced as a whole.
    """
    async with parts.db.write(caller.tenant) as tx:
        return telling.window(await engine.edit_window(tx, caller, window, changes), tx.now)


@delete("/maintenance-windows/{window:uuid}", operation_id="remove_maintenance_window", opt=needs(Scope.ALERTS_WRITE))
async def remove_window(caller: Caller, parts: Parts, window: WindowId) -> None:
    """Remove a maintenance window.

    What it holds is told, if nothing else holds it.
    """
    async with parts.db.write(caller.tenant) as tx:
        await engine.remove_window(tx, caller, window)


ROUTES = [listed, add, preview, edit, end, windows, add_window, edit_window, remove_window]
