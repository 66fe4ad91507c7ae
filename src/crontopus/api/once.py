"""`Idempotency-Key`: a creating POST that is sent again is answered again, and nothing is done twice.

Kept for a day. The answer is sealed, because it may hold a secret that is shown once.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.params import HeaderParameter

from crontopus.api import principal
from crontopus.domain.errors import Conflict, Fault, Invalid
from crontopus.storage import idempotency
from crontopus.storage.database import Tx
from crontopus.storage.sealing import Sealer
from crontopus.wire.encoding import encoded

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="1 to 255 printable ASCII characters of your choice. For 24 hours the same request under the same "
        "key is answered as the first was, and done once.",
    ),
]
LONGEST = 255
CREATED = 201


async def once(
    tx: Tx,
    sealer: Sealer,
    request: Request[Any, Any, Any],
    key: str | None,
    make: Callable[[], Awaitable[msgspec.Struct]],
) -> Response[Any]:
    """The answer of `make`, or the one given before. Raises Conflict where the key was another request's."""
    if key is None:
        return _created(encoded(await make()))
    kept_as, hashed = _kept_as(request, key), await _hash(request)
    before = await idempotency.claim(tx, kept_as, hashed)
    row = UUID(bytes=sha256(kept_as.encode()).digest()[:16])
    if before is not None:
        if before.request_hash != hashed:
            raise Conflict("this Idempotency-Key was used for another request: take a new one")
        return _created(sealer.open(before.answer, tx.tenant, row))
    answer = encoded(await make())
    await idempotency.keep(tx, kept_as, CREATED, sealer.seal(answer, tx.tenant, row))
    return _created(answer)


def _kept_as(request: Request[Any, Any, Any], key: str) -> str:
    """Each caller has keys of their own: nobody is answered what another was."""
    if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        detail = f"an Idempotency-Key has 1 to {LONGEST} printable ASCII characters"
        raise Invalid(detail, (Fault("/Idempotency-Key", detail),))
    return f"{principal.of(request).id}/{key}"


async def _hash(request: Request[Any, Any, Any]) -> bytes:
    return sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).digest()


def _created(answer: bytes) -> Response[Any]:
    return Response(answer, status_code=CREATED, media_type="application/json")
