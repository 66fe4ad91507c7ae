"""Routing: who is told of an alert, when, by which way, and why. Pure and total, as the watch is."""

from crontopus.domain.routing.claiming import SENT, Sending, sending
from crontopus.domain.routing.contract import (
    BEGINNINGS,
    Also,
    Channel,
    Decision,
    Facts,
    Holder,
    HolderKind,
    Kind,
    Line,
    Message,
    MessageState,
    Route,
    Routes,
    Step,
    Told,
    Verdict,
)
from crontopus.domain.routing.deciding import decide
from crontopus.domain.routing.grouping import MANY, Group, Sendings, Waiting, gather
from crontopus.domain.routing.hours import Hours, Span
from crontopus.domain.routing.tree import taking

__all__ = [
    "BEGINNINGS",
    "MANY",
    "SENT",
    "Also",
    "Channel",
    "Decision",
    "Facts",
    "Group",
    "Holder",
    "HolderKind",
    "Hours",
    "Kind",
    "Line",
    "Message",
    "MessageState",
    "Route",
    "Routes",
    "Sending",
    "Sendings",
    "Span",
    "Step",
    "Told",
    "Verdict",
    "Waiting",
    "decide",
    "gather",
    "sending",
    "taking",
]
