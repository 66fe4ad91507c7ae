"""The REST API as Python: one method per route, errors raised again as the server raised them.

Knows `wire` and nothing else of ours. Console, command line and tests differ in the transport alone.
"""

from crontopus.client.account import Account
from crontopus.client.admin import Admin
from crontopus.client.alerts import Alerts
from crontopus.client.http import SESSION_COOKIE, USER_HEADER, Patience, Unreachable
from crontopus.client.jobs import Jobs
from crontopus.client.team import Team

__all__ = ["SESSION_COOKIE", "USER_HEADER", "Client", "Patience", "Unreachable"]


class Client(Account, Team, Jobs, Alerts, Admin):
    """Every route, by whom it concerns. How it is made and closed is told by `Http`."""
