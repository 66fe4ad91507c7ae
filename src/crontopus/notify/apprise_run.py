"""The program that tells one message by Apprise: `notify.apprise` starts it, and it is the only one to import Apprise.

It reads an order in JSON (`urls`, `title`, `body`, `type`, `seconds` for each service), and answers in JSON: `refused`,
why a URL can never be used, or how many were `told`, and of each that was not (`untold`) its `name`, `why`, and whether
it `is_late`.
"""

import json
import os
import sys
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, OverflowMode

_LOCAL = "{schema}://"
"""A service whose URL may name no host is this machine: its screen, its log, a lamp that is plugged into it."""
_TIMEOUT = 5


def told(order: dict[str, Any]) -> dict[str, Any]:
    services = Apprise()
    asset = _asset(order["seconds"])
    refused = []
    for number, url in enumerate(order["urls"], 1):
        service = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            refused.append(f"URL {number} is of no service that Apprise knows, or lacks something")
        elif _LOCAL in service.templates:
            refused.append(f"URL {number} would tell it to the machine on which this runs")
        else:
            services.add(service)
    return {"refused": refused} if refused else _result(services, order)


def _result(services: Apprise, order: dict[str, Any]) -> dict[str, Any]:
    found = services.notify(
        title=order["title"], body=order["body"], notify_type=order["type"], body_format=NotifyFormat.TEXT
    )
    untold = [each for each in found if each.status]
    return {
        "told": found.success_count,
        "untold": [{"name": each.name, "why": _why(each), "is_late": int(each.status) == _TIMEOUT} for each in untold],
    }


def _why(service: Any) -> str:
    """What its last try has logged that is more than a detail."""
    said = [entry.message for attempt in service for entry in attempt.logs if entry.level in ("WARNING", "ERROR")]
    return said[-1] if said else "it does not say why"


def _asset(seconds: float) -> AppriseAsset:
    """Nothing is written to this machine, no redirect followed, and no picture fetched from elsewhere."""
    return AppriseAsset(
        app_id="Crontopus",
        app_desc="Crontopus",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
        service_timeout=seconds,
    )


def main() -> None:
    """What a service may print goes nowhere: the answer stands by itself."""
    answer = os.dup(1)
    os.dup2(2, 1)
    NotifyBase.overflow_mode = OverflowMode.TRUNCATE
    found = told(json.load(sys.stdin.buffer))
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(found, out)


if __name__ == "__main__":
    main()
