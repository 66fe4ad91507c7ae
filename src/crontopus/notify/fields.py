"""Forms of what people give to set a channel up; `(?!\\n)`, since to Python `$` stands before a last newline too."""

from typing import Annotated

from msgspec import Meta

WEB = r"^https?://\S+$(?!\n)"
"""An address on the web, to which something is posted as it is: with a query, if it has one."""
WEB_OR_NONE = r"^(https?://\S+)?$(?!\n)"
VISIBLE = r"^[!-~]*$(?!\n)"
"""What may stand in a header by itself: no blanks, and ASCII alone."""

Address = Annotated[str, Meta(max_length=200, pattern=r'^https?://[!"$->A-~]+$(?!\n)')]
"""Where an API is: without a query, and without a user or a password."""
Token = Annotated[str, Meta(min_length=8, max_length=1000, pattern=r"^[!-~]+$(?!\n)")]
"""What opens something, and goes into a header as it is."""
