"""A request as the console's handlers take it."""

from typing import Any

from litestar import Request

Visit = Request[Any, Any, Any]


def request_id(request: Visit) -> str:
    """As the app's middleware gave it, else as the visitor sent it; it stands in the log."""
    given = request.scope.get("state", {}).get("request_id", "")
    return str(given or request.headers.get("x-request-id", ""))
