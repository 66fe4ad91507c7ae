"""The arguments that handlers share."""

from collections.abc import Iterator
from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.typing import FieldDefinition

from crontopus.api.parts import Parts as Assembly
from crontopus.domain.access import Principal

Http = Request[Any, Any, Any]
Caller = NamedDependency[Principal]
Parts = NamedDependency[Assembly]

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.", max_length=2000)]
JobsQuery = Annotated[
    str | None,
    QueryParameter(
        description="Terms that must all hold: `status:down` (new up late down paused), `ns:prod`, `tag:db`, "
        "`slug:nightly*`, `host:web*`, `label:team=data`; a bare word searches names. `-` before a term denies it, "
        "commas name alternatives, `*` stands for anything, quotes hold blanks together.",
        max_length=1000,
    ),
]
RunsQuery = Annotated[
    str | None,
    QueryParameter(
        description="As for jobs, with `state:failed,abandoned`, `host:`, `env:`, `mark:late`, `ns:`, `slug:`; a bare "
        "word searches the names of jobs.",
        max_length=1000,
    ),
]
AlertsQuery = Annotated[
    str | None,
    QueryParameter(
        description="As for jobs, with `class:failed,missed`, `severity:critical`, `ns:`, `job:` (a slug or "
        "`namespace/slug`), `tag:`, `label:`; a bare word searches the names of jobs.",
        max_length=1000,
    ),
]
JobName = Annotated[
    str,
    PathParameter(description="A job's id, `namespace:slug`, or a slug of the namespace `default`.", max_length=250),
]
Place = Annotated[str, PathParameter(description="A namespace's slug.", max_length=100)]
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description='The version that is to be changed, `"3"`, or the `ETag` it was read with. 412 where it is no '
        "longer the newest.",
        max_length=1000,
    ),
]


def fields(handler: BaseRouteHandler) -> Iterator[FieldDefinition]:
    """What it takes: itself, then by what it depends on."""
    own = handler.parsed_fn_signature.parameters
    yield from own.values()
    for name, provided in handler.resolve_dependencies().items():
        if name in own:
            yield from provided.parsed_fn_signature.parameters.values()
