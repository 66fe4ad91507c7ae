"""What all tenants use."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from crontopus.api import shown
from crontopus.api.arguments import Cursor, Limit, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import page_of, place_of
from crontopus.domain.access import Scope
from crontopus.storage import usage
from crontopus.storage.usage import Ranked
from crontopus.wire.common import Page
from crontopus.wire.tiers import Sort, TenantRank

SortBy = Annotated[Sort, QueryParameter(description="Those with most of it first; `name`: by name.")]


class _AfterName(Struct, forbid_unknown_fields=True):
    value: str
    id: UUID


class _AfterNumber(Struct, forbid_unknown_fields=True):
    value: Annotated[int, Meta(ge=0, le=2**62)]
    id: UUID


@get("/admin/usage", operation_id="admin_usage", opt=needs(Scope.INSTALLATION_READ))
async def listed(parts: Parts, sort: SortBy = "pings", cursor: Cursor = None, limit: Limit = 50) -> Page[TenantRank]:
    """List what each tenant uses.

    Pings and failures are those of the last seven days. It is written every few seconds.
    """
    after = place_of(cursor, _AfterName) if sort == "name" else place_of(cursor, _AfterNumber)
    async with parts.db.read_all() as tx:
        found = await usage.ranked(tx, sort, (after.value, after.id) if after else None, limit + 1)
    return page_of(found, limit, shown.rank, lambda one: _place(one, sort))


def _place(one: Ranked, sort: Sort) -> Struct:
    match sort:
        case "name":
            return _AfterName(one.name, one.tenant)
        case "pings":
            return _AfterNumber(one.pings, one.tenant)
        case "failures":
            return _AfterNumber(one.failures, one.tenant)
        case "storage":
            return _AfterNumber(one.stored_bytes, one.tenant)
        case "growth":
            return _AfterNumber(one.growth_bytes, one.tenant)


ROUTES = [listed]
