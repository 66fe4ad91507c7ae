"""The generated pages about the REST API: its document, its problems, and what each operation needs."""

import json

from litestar import Litestar

from crontopus.api import document
from crontopus.api.app import api_router
from crontopus.domain.access import OF_LOOKS, OF_RAISED_LOOKS, Role, SystemRole


def openapi() -> str:
    """The OpenAPI document, one line for each thing, so that a change can be read."""
    return json.dumps(document.document(_app()), indent=1, ensure_ascii=False) + "\n"


def problems() -> str:
    """Every kind of problem by its code."""
    lines = ["# Problems", "", "Every error is `application/problem+json` (RFC 9457). Its `type` ends in one of these"]
    lines += ["codes, which do not change.", "", "| code | status | title | meaning |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {status} | {title} | {meaning} |" for code, status, title, meaning in document.kinds()]
    return "\n".join(lines) + "\n"


def permissions() -> str:
    """The scope that each operation needs and the roles that have it, from the route table."""
    lines = ["# Permissions", ""]
    lines += [
        "What each operation of the REST API needs, and which members of a tenant may call it, made from its routes."
    ]
    lines += [
        "A membership that is limited to namespaces, and a token, may do the same within their limits. What is out"
    ]
    lines += ["of reach is not there: the answer is 404, as for another tenant's. The last two run the installation;"]
    lines += ["here they are members of no tenant.", ""]
    looks, raised = (", ".join(f"`{scope}`" for scope in sorted(of)) for of in (OF_LOOKS, OF_RAISED_LOOKS - OF_LOOKS))
    lines += ["Somebody who runs the installation and looks at a tenant as one of its members or as a role there"]
    lines += [f"(`POST /api/v1/admin/impersonations`) may do what that role may of {looks};"]
    lines += [f"where it was raised also of {raised}. No answer holds a ping key or URL then.", ""]
    roles = [*Role, *SystemRole]
    lines += [f"| operation | needs | {' | '.join(roles)} | what it does |", f"|---|---|{':-:|' * len(roles)}---|"]
    for path, method, handler in document.operations(_app()):
        summary = (handler.fn.__doc__ or "").partition("\n")[0].rstrip(".")
        scope = handler.opt["scope"]
        marks = " | ".join("✓" if document.may_call(handler.opt, role) else "–" for role in roles)
        lines.append(f"| `{method} {path}` | {document.needs(scope)} | {marks} | {summary} |")
    return "\n".join(lines) + "\n"


def _app() -> Litestar:
    return Litestar([api_router()], openapi_config=None)
