"""The type of a request as the console's handlers take it."""

from typing import Any

from litestar import Request

Visit = Request[Any, Any, Any]
