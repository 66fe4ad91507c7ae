"""How the console says alerts: how they stand, what happened to them, what was told of them, and who would be. Pure."""

from datetime import datetime

from msgspec import Struct

from crontopus.console.words import Reader, at, clock, count, duration
from crontopus.domain.alerts import AlertClass, Ending, Happening, Severity
from crontopus.domain.routing import Also, Kind, MessageState, Verdict
from crontopus.wire.alerts import Alert, AlertEvent, Channel, ExplainedLine, Notification

CLASSES = {
    AlertClass.FAILED: "Failed",
    AlertClass.OVERRAN: "Takes too long",
    AlertClass.MISSED: "Did not report",
    AlertClass.TOO_SHORT: "Ended too soon",
    AlertClass.FLAPPING: "Up and down",
    AlertClass.UNOBSERVED: "Not watched",
}
SEVERITIES = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning", Severity.INFO: "Info"}
ALSO = {
    Also.ACKNOWLEDGE: "When somebody acknowledges it",
    Also.EVERY_FAILURE: "Every failure after the first",
    Also.UPDATE: "When it changes",
}
TELLS = {
    Kind.OPEN: "that it began",
    Kind.REMINDER: "that it lasts",
    Kind.FAILURE: "that it failed again",
    Kind.UPDATE: "that it changed",
    Kind.ACKNOWLEDGE: "that somebody knows",
    Kind.RESOLVE: "that it is over",
}
OUTCOMES = {"Delivered": "taken", "TryAgain": "failed, and is tried again", "GiveUp": "refused for good"}
"""Of one try."""
_ICONS = {
    AlertClass.FAILED: "s-down",
    AlertClass.OVERRAN: "s-overran",
    AlertClass.MISSED: "s-missed",
    AlertClass.TOO_SHORT: "s-short",
    AlertClass.FLAPPING: "s-late",
    AlertClass.UNOBSERVED: "s-unobserved",
}
_SINCE = {AlertClass.FLAPPING: "up and down", AlertClass.UNOBSERVED: "unknown how some jobs are"}
_BECAUSE = {
    AlertClass.FAILED: ", because its last run failed",
    AlertClass.OVERRAN: ", because a run takes longer than it may",
    AlertClass.MISSED: ", because nothing arrived when it was expected",
    AlertClass.TOO_SHORT: ", because it said success sooner than it can be true",
    AlertClass.FLAPPING: ": it fails and recovers again and again",
    AlertClass.UNOBSERVED: ": they should have reported while nobody watched",
}
_ENDED = {
    Ending.RECOVERED: ("Recovered", "It recovered."),
    Ending.PAUSED: ("Paused", "The job was paused."),
    Ending.BY_HAND: ("Resolved", "Somebody resolved it by hand."),
    Ending.DELETED: ("Deleted", "The job was deleted."),
    Ending.EXPIRED: ("Over", "Nothing was heard of it for a day, so it is taken for over."),
}
_HAPPENED = {
    Happening.OPENED: "It began.",
    Happening.REOPENED: "It came back.",
    Happening.ACKNOWLEDGED: "Acknowledged: nobody is told any more.",
    Happening.UNACKNOWLEDGED: "Nobody is on it any more: it is told again, from its first step on.",
    Happening.RELEASED: "Nothing holds it any more.",
}
_OVERTAKEN = {
    "acknowledged": "somebody had acknowledged it by then",
    "held": "it was held by then",
    "over": "it was over by then",
    "not acknowledged any more": "the acknowledgement was taken back",
    "nothing was told": "its beginning was not told either",
    "the channel is switched off": "the channel was switched off by then",
}
"""What the outbox writes where a message is not sent any more."""


class State(Struct, frozen=True):
    """`kind` is the colour of a status, `icon` its shape, `word` stands beside them, and `more` after all three."""

    kind: str
    icon: str
    word: str
    more: str = ""


def state(alert: Alert, now: datetime) -> State:
    """The loudest is what somebody must look at; what is held or known to somebody is calm."""
    if alert.resolved_at is not None:
        return State("up", "s-up", _ENDED[alert.ending or Ending.RECOVERED][0])
    if is_acknowledged(alert, now):
        return (
            State("paused", "s-paused", "Snoozed") if alert.snoozed_until else State("new", "i-check", "Acknowledged")
        )
    if alert.held:
        return State("paused", "s-paused", "Held")
    return State("down", _ICONS[alert.cls], "Open")


def title(alert: Alert) -> str:
    """Which one it is, where only a link to it stands: `Failed: Nightly backup`."""
    return f"{CLASSES[alert.cls]}: {alert.subject.name or 'the organisation'}"


def is_acknowledged(alert: Alert, now: datetime) -> bool:
    return alert.acknowledged_at is not None and (alert.snoozed_until is None or now < alert.snoozed_until)


def sentence(alert: Alert, reader: Reader) -> str:
    """What is wrong, since when, and who knows."""
    what, why = _SINCE.get(alert.cls, "down"), _BECAUSE[alert.cls]
    since = clock(alert.opened_at, reader)
    if alert.resolved_at is not None:
        lasted = duration((alert.resolved_at - alert.opened_at).total_seconds())
        end = f"from {since} to {clock(alert.resolved_at, reader)}, for {lasted}"
        return f"It was {what} {end}{_past(why)}. {_ENDED[alert.ending or Ending.RECOVERED][1]}"
    lasts = duration((reader.now - alert.opened_at).total_seconds())
    again = f" It came back {count(alert.opening - 1, 'time')}." if alert.opening > 1 else ""
    return f"It is {what} since {since}, for {lasts}{why}.{again} {_told(alert, reader)}"


def _past(why: str) -> str:
    return why.replace("takes longer than it may", "took longer than it may").replace("its last run", "a run")


def _told(alert: Alert, reader: Reader) -> str:
    if is_acknowledged(alert, reader.now):
        who = alert.acknowledged_by or "Somebody"
        if alert.snoozed_until:
            return f"{who} put it off: nobody is told until {clock(alert.snoozed_until, reader)}."
        since = at(alert.acknowledged_at, reader) if alert.acknowledged_at else ""
        return f"{who} acknowledged it {since}: nobody is told any more."
    return "Something holds it, so nobody is told for now." if alert.held else "Nobody has acknowledged it."


def happened(event: AlertEvent, reader: Reader) -> str:
    """An event of an alert's log as a sentence; who did it stands beside it."""
    match event.what:
        case Happening.SNOOZED:
            return f"Put off until {clock(datetime.fromisoformat(event.why), reader)}: nobody is told before."
        case Happening.HELD:
            return f"Held by {event.why}: nobody is told." if event.why else "Held: nobody is told."
        case Happening.NOTED:
            return event.why
        case Happening.REGRADED:
            return f"Its severity is {event.why} now."
        case Happening.RESOLVED:
            return _ENDED[Ending(event.why)][1]
        case Happening.UNACKNOWLEDGED if not event.who:
            return "The time for which it was put off is over: it is told again."
        case what:
            return _HAPPENED[what]


def message_state(message: Notification, reader: Reader) -> State:
    """What became of a message. `more`: when it is tried next, why it was not sent, or why in our words."""
    why = _OVERTAKEN.get(message.why, message.why)
    match message.state:
        case MessageState.DELIVERED:
            return State("up", "s-up", "Delivered", why)
        case MessageState.DEAD:
            return State("down", "s-down", "Not delivered", why)
        case MessageState.OVERTAKEN:
            return State("skipped", "s-skipped", "Not needed", why)
        case MessageState.DISCARDED:
            return State("skipped", "s-skipped", "Put away", why)
        case MessageState.WAITING if message.tries:
            again = f"it is tried again {at(message.next_at, reader)}" if message.next_at else ""
            return State("late", "s-late", "Delayed", "; ".join(filter(None, (why, again))))
        case MessageState.WAITING:
            return State("new", "s-new", "On its way")


def channel_state(channel: Channel, reader: Reader) -> State:
    """Whether what is told on it arrives."""
    if not channel.enabled:
        return State("paused", "s-paused", "Switched off", "Nothing is told on it.")
    if not channel.usable:
        return State("down", "s-down", "Cannot send", "This installation sends no e-mail.")
    if channel.broken_at:
        return State("down", "s-down", "Broken", _with(f"Since {clock(channel.broken_at, reader)}.", channel.why))
    if channel.closed_until and reader.now < channel.closed_until:
        until = f"Nothing is sent before {clock(channel.closed_until, reader)}."
        return State("late", "s-late", "Closed", _with(until, channel.why))
    if channel.failures:
        many = "message" if channel.failures == 1 else f"{channel.failures} messages"
        failed = f"The last {many} failed."
        return State("late", "s-late", "Failing", _with(failed, channel.why))
    if channel.monthly is not None and channel.sent_this_month >= channel.monthly:
        return State("late", "s-late", "Used up", f"{_of_the_month(channel)} Nothing more goes out in it.")
    if channel.fault:
        return State("late", "s-late", "Works, in our words", _with("", channel.fault))
    if channel.delivered_at is None:
        return State("new", "s-new", "Never tried")
    counted = "" if channel.monthly is None else f" {_of_the_month(channel)}"
    return State("up", "s-up", "Works", f"Last {at(channel.delivered_at, reader)}.{counted}")


def _of_the_month(channel: Channel) -> str:
    return f"{channel.sent_this_month} of {channel.monthly} messages of this month are sent."


def _with(sentence: str, why: str) -> str:
    return f"{sentence} {why[:1].upper()}{why[1:]}".strip()


def verdict(line: ExplainedLine, reader: Reader) -> str:
    """When a channel would be told, or why it would not."""
    when = clock(line.at, reader) if line.at else ""
    match line.verdict:
        case Verdict.DUE:
            return "at once"
        case Verdict.LATER:
            return f"{at(line.at, reader)}, if it lasts" if line.at else "later, if it lasts"
        case Verdict.TOLD:
            return f"told already, {at(line.at, reader)}" if line.at else "told already"
        case Verdict.WAITING:
            return "already on its way"
        case Verdict.CLOSED:
            return f"when the hours of its route begin, {when}" if when else "not: its route has no hours to come"
        case Verdict.OFF:
            return "not: it is switched off, or cannot send"
        case Verdict.HELD:
            return f"not before {when}: it is held" if when else "not as long as it is held"
        case Verdict.ACKNOWLEDGED:
            return "not: somebody acknowledged it"
        case Verdict.OVER:
            return "not: it is over"
