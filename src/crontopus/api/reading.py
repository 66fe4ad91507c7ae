"""What a request carries, read strictly: bodies, cursors, conditions; what cannot be read is told with its place."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from crontopus.domain.errors import Fault, Invalid
from crontopus.wire.common import Page
from crontopus.wire.runs import OutputText
from crontopus.wire.wording import fault_of

T = TypeVar("T")
Shown = TypeVar("Shown")

MOST_BYTES = 1024 * 1024
"""Of a body, unless its route says otherwise."""
CHECK_INS_MOST_BYTES = 10 * 1024 * 1024
"""Of a thousand check-ins with what was printed."""
ANYONE_MOST_BYTES = 64 * 1024
"""Of a body that is read before it is known who sends it."""

_VERSION = re.compile(r'"(\d{1,9})(?:-[0-9a-f]+)?"')


class Body(Provide):
    """A dependency that is the request's body as `shape`; the reference of the API finds the shape here.

    `read`: how it is read, where there is more to it than to decode it.
    """

    def __init__(self, shape: Any, read: Callable[[bytes], Any] | None = None) -> None:
        super().__init__(_reader(read or partial(decoded, decoder=msgspec.json.Decoder(shape))))
        self.shape = shape


def _reader(read: Callable[[bytes], Any]) -> Callable[..., Any]:
    async def read_body(request: Request[Any, Any, Any]) -> Any:
        _require_json(request)
        return read(await request.body())

    return read_body


def decoded(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Raises Invalid, with the place as a pointer."""
    try:
        read = decoder.decode(body)
    except msgspec.ValidationError as error:
        fault = fault_of(str(error))
        raise Invalid(f"{fault.pointer or 'the body'}: {fault.detail}", (fault,)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = "the body is missing" if not body else f"the body is not JSON: {error}"
        raise Invalid(detail, (Fault("", detail),)) from error
    if b"\\u0000" in body:
        _refuse_nul(read, "")
    return read


def _require_json(request: Request[Any, Any, Any]) -> None:
    given = request.headers.get("content-type")
    kind = (given or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(status_code=415)


def _refuse_nul(read: Any, pointer: str) -> None:
    """PostgreSQL cannot store NUL in text. What programs printed is kept as bytes, where it may stand."""
    match read:
        case str() if "\x00" in read:
            raise Invalid("text must not contain NUL", (Fault(pointer, "must not contain NUL"),))
        case OutputText():
            pass
        case msgspec.Struct():
            for field in read.__struct_fields__:
                _refuse_nul(getattr(read, field), f"{pointer}/{field}")
        case dict():
            for key, value in read.items():
                _refuse_nul(key, pointer)
                _refuse_nul(value, f"{pointer}/{key}")
        case list():
            for number, value in enumerate(read):
                _refuse_nul(value, f"{pointer}/{number}")


def cursor_of(place: msgspec.Struct) -> str:
    """Opaque and safe in a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def page_of(
    found: Sequence[T], limit: int, show: Callable[[T], Shown], place: Callable[[T], msgspec.Struct]
) -> Page[Shown]:
    """The first `limit` of what was found, and where the rest begins: one more was asked for, to know of it."""
    some = found[:limit]
    cursor = cursor_of(place(some[-1])) if len(found) > limit else None
    return Page(items=[show(one) for one in some], next_cursor=cursor)


def place_of(cursor: str | None, shape: type[T]) -> T | None:
    """Raises Invalid for what `cursor_of` never made."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=shape)
        _refuse_nul(place, "/cursor")
        return place
    except (ValueError, binascii.Error, RecursionError) as error:
        detail = "this is no cursor: take `next_cursor` of the page before as it is"
        raise Invalid(detail, (Fault("/cursor", detail),)) from error


def versions_of(given: str | None) -> tuple[int, ...] | None:
    """The versions that `If-Match` allows; None: any. An entity tag that is none of ours matches nothing."""
    if given is None or given.strip() == "*":
        return None
    found = (_VERSION.fullmatch(tag.strip()) for tag in given.split(","))
    return tuple(int(cast(str, match[1])) for match in found if match)
