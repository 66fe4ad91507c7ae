"""What a message says, before it is known what it changes: the words of a ping, and a job's filters on them."""

from msgspec import Struct

from crontopus.domain.watch import Kind

IGNORED = "ignored"
"""Stands as the kind of a check-in that a job's filters passed over: kept, answered, without effect."""

_KINDS = {
    "start": Kind.START,
    "success": Kind.SUCCESS,
    "fail": Kind.FAIL,
    "log": Kind.LOG,
    "skipped": Kind.SKIPPED,
}


class Filters(Struct, frozen=True, omit_defaults=True):
    """Which methods count, and words that say what a body means. Without keywords the URL decides."""

    methods: tuple[str, ...] = ()
    start_kw: str = ""
    success_kw: str = ""
    failure_kw: str = ""

    @property
    def keywords(self) -> bool:
        return bool(self.start_kw or self.success_kw or self.failure_kw)


def kind_of(said: str, exit_code: int | None) -> Kind:
    """What `said` means to a watch; `exit` means success at 0 and failure else."""
    if said == "exit":
        return Kind.SUCCESS if exit_code == 0 else Kind.FAIL
    return _KINDS[said]


def filtered(filters: Filters, method: str, said: str, body: str) -> str:
    """What a ping by `method` that `said` something means under `filters`; `IGNORED` where it does not count.

    Keywords are comma-separated, case-sensitive and looked for anywhere in the body; failure before success before
    start. Where a job has keywords, a body without one is ignored, whatever the URL says.
    """
    if filters.methods and method not in filters.methods:
        return IGNORED
    if not filters.keywords:
        return said
    words = ((filters.failure_kw, "fail"), (filters.success_kw, "success"), (filters.start_kw, "start"))
    return next((kind for keywords, kind in words if _contains(body, keywords)), IGNORED)


def _contains(body: str, keywords: str) -> bool:
    return any(word in body for word in (part.strip() for part in keywords.split(",")) if word)
