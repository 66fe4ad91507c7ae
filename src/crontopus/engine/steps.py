"""Named places on the way from a flip to a message: whatever ends the process at one of them, nothing owed is lost.
Tests end it at each.
"""

from enum import StrEnum


class Step(StrEnum):
    FLIP_SEEN = "a flip is seen"
    TAKEN = "flips are taken, and nothing is committed"
    TAKEN_KEPT = "flips are taken"
    DECIDED = "alerts are decided upon, and nothing is committed"
    DECIDED_KEPT = "alerts are decided upon"
    GROUPED = "messages wait for others of their group"
    CLAIMED = "messages are claimed"
    SENDING = "a message is being sent"
    SENT = "a message is sent, and nobody knows"
    SETTLED = "what became of messages is stored"


def reached(step: Step) -> None:
    """Nothing happens here."""
