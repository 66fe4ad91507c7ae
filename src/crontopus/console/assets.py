"""Style sheets, scripts and icons: read once, served under the hash of their content."""

import gzip
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from crontopus.console.visit import Visit
from crontopus.domain.errors import NotFound
from crontopus.resources import templates

_FOREVER = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    """A file as it is sent; `version` is the beginning of its hash."""

    content: bytes
    zipped: bytes
    version: str
    media_type: str


class Assets:
    """All files below a folder, by their path in it. What is not in there cannot be asked for."""

    def __init__(self, folder: Path) -> None:
        files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".json")
        self._assets = {path.relative_to(folder).as_posix(): _read(path) for path in files}

    def url(self, name: str) -> str:
        return f"/static/{self._assets[name].version}/{name}"

    def find(self, name: str) -> Asset:
        if asset := self._assets.get(name):
            return asset
        raise NotFound(f"no file {name!r}")


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, gzip.compress(content, mtime=0), sha256(content).hexdigest()[:12], media_type)


ASSETS = Assets(templates() / "static")


@get("/static/{version:str}/{name:path}", include_in_schema=False)
async def static(version: FromPath[str], name: FromPath[str], request: Visit) -> Response[bytes]:
    """A file for ever where its hash is asked for; else (a page from before an upgrade) only for now."""
    asset = ASSETS.find(name.lstrip("/"))
    tag = f'"{asset.version}"'
    headers = {
        "ETag": tag,
        "Cache-Control": _FOREVER if version == asset.version else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.zipped, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
