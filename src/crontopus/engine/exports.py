"""Exports: all that a tenant has as one zip of NDJSON files, written in the background, a part at a time."""

import io
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import anyio
import structlog

from crontopus import __version__
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict
from crontopus.engine import audit
from crontopus.storage import dumping, exports
from crontopus.storage.database import Database, Tx
from crontopus.storage.exports import Export
from crontopus.storage.identity import new_id
from crontopus.wire.encoding import encoded

log = structlog.get_logger(__name__)

LIFE = timedelta(hours=24)
"""So long a finished one can be downloaded."""
EVERY = timedelta(seconds=2)
PART_BYTES = 512 * 1024
_EXPIRED_AT_ONCE = 20
_FORMAT = 1
TENANT = "tenant"


class _LostLease(Exception):
    """Somebody else writes it by now, or its tenant is gone."""


class Exports:
    """`process` is this one, which holds what it writes by a lease."""

    def __init__(self, db: Database, process: UUID) -> None:
        self._db = db
        self._process = process

    async def step(self) -> bool:
        """Write one that somebody has asked for, or remove some of what is over. False where there is nothing to do."""
        alone = self._db.is_sqlite  # whoever else held a lease has ended: only one process opens the file
        async with self._db.read_all() as tx:
            if not await exports.is_due(tx, self._process, alone=alone):
                return False
        async with self._db.write_all() as tx:
            found = await exports.claim(tx, self._process, alone=alone)
            if found is None:
                return bool(await exports.expire(tx, _EXPIRED_AT_ONCE))
        try:
            await self._write(found)
        except _LostLease:
            log.warning("an export was left to whoever writes it now", export=str(found.id))
        return True

    async def _write(self, export: Export) -> None:
        pipe = _Pipe()
        hashed, number, renewed_at = sha256(), 0, anyio.current_time()
        async with aclosing(_archived(self._db, export, pipe)) as written:
            async for last in written:
                if pipe.waiting < PART_BYTES and not last:
                    renewed_at = await self._renewed(export, renewed_at)
                    continue
                part = pipe.take()
                hashed.update(part)
                async with self._db.write_all() as tx:
                    if not await exports.keep(tx, export, self._process, number, part):
                        raise _LostLease
                    if last:
                        await exports.finish(tx, export, self._process, hashed.digest(), tx.now + LIFE)
                number += 1

    async def _renewed(self, export: Export, renewed_at: float) -> float:
        """When the lease was last renewed: a part may take long where little comes of much."""
        if anyio.current_time() - renewed_at < exports.LEASE.total_seconds() / 3:
            return renewed_at
        async with self._db.write_all() as tx:
            if not await exports.renew(tx, export.id, self._process):
                raise _LostLease
        return anyio.current_time()


class _Pipe(io.RawIOBase):
    """What a zip is written into, and taken from while it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        taken = bytes(part)  # type: ignore[call-overload]
        self._parts.append(taken)
        self.waiting += len(taken)
        return len(taken)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts, self.waiting = [], 0
        return taken


async def _archived(db: Database, export: Export, pipe: _Pipe) -> AsyncGenerator[bool, None]:
    """Writes into `pipe`, and yields now and then; True once it is whole. The manifest is the last file in it."""
    begun, files = db.clock(), {}
    archive = zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED)
    for name in (TENANT, *dumping.TABLES):
        hashed, count = sha256(), 0
        with archive.open(f"{name}.ndjson", "w", force_zip64=True) as file:
            async with aclosing(_batches(db, export.tenant_id, name)) as batches:
                async for batch in batches:
                    lines = b"".join(encoded(row) + b"\n" for row in batch)
                    hashed.update(lines)
                    count += len(batch)
                    await anyio.to_thread.run_sync(file.write, lines)
                    yield False
        files[f"{name}.ndjson"] = {"lines": count, "sha256": hashed.hexdigest()}
    manifest = {
        "format": _FORMAT,
        "crontopus": __version__,
        "tenant": export.tenant_id,
        "begun_at": begun,
        "ended_at": db.clock(),
        "files": files,
    }
    archive.writestr("manifest.json", encoded(manifest))
    archive.close()
    yield True


async def _batches(db: Database, tenant: UUID, name: str) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Each as things are when it is read: what changes meanwhile may be told of or not."""
    after: dumping.Place | None = None
    while True:
        async with db.read(tenant) as tx:
            if name == TENANT:
                found, after = await dumping.about(tx), None
            else:
                found, after = await dumping.batch(tx, name, after)
        yield found
        if after is None:
            return


async def ask(tx: Tx, caller: Principal) -> Export:
    """Raises Conflict while another one of the tenant is under way."""
    if await exports.unfinished(tx):
        raise Conflict("an export is under way already: wait for it")
    made = await exports.add(tx, new_id(tx.now), caller.name)
    await audit.tell(tx, caller, "export.create", Target(Noun.EXPORT, made.id, f"{made.asked_at:%Y-%m-%d %H:%M}"))
    return made


async def download(db: Database, export: Export) -> AsyncIterator[bytes]:
    """The file, in short transactions: whoever reads slowly holds up nobody."""
    number = 0
    while True:
        async with db.read(export.tenant_id) as tx:
            part = await exports.part(tx, export.id, number)
        if part is None:
            return
        yield part
        number += 1
