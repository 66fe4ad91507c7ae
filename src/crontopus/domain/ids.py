"""Identifiers: which are secret, which are ordered, and what a slug may be."""

import re
import unicodedata
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

RESERVED = frozenset({"start", "fail", "log"})
NO_AGENT = UUID(int=0)
"""Stands in a key where a job is placed on no agent: reported by ping."""
NOWHERE = UUID(int=0)
"""Stands for a tenant where somebody who runs the installation belongs to none, and for the installation itself."""

DEFAULT_NAMESPACE = "default"
"""Made at set-up; where a job named by its slug alone is looked for."""

_SLUG = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
_PING_KEY = re.compile(r"[a-z0-9]{22}", re.ASCII)


def ordered(at: datetime, random: int) -> UUID:
    """A UUID of version 7 (RFC 9562): ids made later sort later. `random` has at least 74 bits; it is no secret."""
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    high = (random >> 62) & 0xFFF
    low = random & (2**62 - 1)
    return _of_number(milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def floor_of(at: datetime) -> UUID:
    """The least id `ordered` can make at `at`: what sorts before it was made before."""
    return ordered(at, 0)


def time_of(id: UUID) -> datetime:
    """When `ordered` made it."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def run_id(job: UUID, agent: UUID, number: int) -> UUID:
    """The id of a watch's run: a UUID of version 8 whose high bits stand for the watch and the low 32 for `number`.

    So nobody has to ask the database which id a run has, and the runs of a watch sort by number.
    """
    watch = int.from_bytes(blake2b(job.bytes + agent.bytes, digest_size=12).digest(), "big") >> 6
    high, middle, low = watch >> 42, watch >> 30 & 0xFFF, watch & (2**30 - 1)
    return _of_number(high << 80 | 0x8 << 76 | middle << 64 | 0b10 << 62 | low << 32 | number & 0xFFFFFFFF)


def of_bytes(sixteen: bytes) -> UUID:
    """As `UUID(bytes=…)`, in a quarter of the time: a ping makes half a dozen."""
    return msgspec.convert(sixteen, UUID)


def _of_number(number: int) -> UUID:
    return of_bytes(number.to_bytes(16, "big"))


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None and text not in RESERVED and not text.isdecimal()


def is_ping_key(text: str) -> bool:
    return _PING_KEY.fullmatch(text) is not None


def slug_of(name: str) -> str:
    """A slug that reads like `name`; "" where nothing of it can stand in a slug."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:100]
    return slug if is_slug(slug) else f"job-{slug}"[:100] if slug else ""
