"""Every Prometheus instrument of the process, one class, passed in. Names are public: docs/operate.md lists them."""

import re
from collections import Counter as Counts
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from crontopus.domain.watch import Flip

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST
_QUALITY = re.compile(r"(?:^|;)\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)")


def content_type(accept: str) -> str:
    """`OPENMETRICS` where that is asked for and plain text is not preferred to it, else `TEXT`."""
    wanted = {"text/plain": 0.0, "application/openmetrics-text": 0.0}
    for one in accept.lower().split(","):
        kind, _, parameters = one.partition(";")
        quality = _QUALITY.search(parameters)
        wanted[kind.strip()] = max(wanted.get(kind.strip(), 0.0), float(quality[1]) if quality else 1.0)
    best = wanted["application/openmetrics-text"]
    return OPENMETRICS if best and best >= wanted["text/plain"] else TEXT


class Metrics:
    """The instruments of one appliance, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.check_ins = Counter(
            "crontopus_check_ins", "Check-ins that were stored, or were stored already.", registry=self.registry
        )
        self.check_ins_refused = Counter(
            "crontopus_check_ins_refused", "Check-ins answered with 503: queue or disk full.", registry=self.registry
        )
        self.commit_seconds = Histogram(
            "crontopus_commit_seconds",
            "Time of one group commit, to disk.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )
        self.judged = Counter("crontopus_watches_judged", "Deadlines that silence reached.", registry=self.registry)
        self.put_off = Counter(
            "crontopus_watches_put_off",
            "Watches that could not be judged: a fault, logged with the job, and tried again later.",
            registry=self.registry,
        )
        self.sweep_lag_seconds = Histogram(
            "crontopus_sweep_lag_seconds",
            "From a deadline to its judgement.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300),
            registry=self.registry,
        )
        self.flips = Counter(
            "crontopus_flips", "Reasons that entered or left a watch.", ["reason", "change"], registry=self.registry
        )
        self.loop_failures = Counter(
            "crontopus_loop_failures", "Steps of background loops that failed.", ["loop"], registry=self.registry
        )
        self.requests = Counter(
            "crontopus_http_requests",
            "Answers of the REST API and the console.",
            ["area", "status"],
            registry=self.registry,
        )
        self.waiting = Gauge("crontopus_check_ins_waiting", "Check-ins waiting to be stored.", registry=self.registry)
        self.gaps = Counter("crontopus_gaps", "Times when nobody watched.", ["cause"], registry=self.registry)
        self.lag_seconds = Gauge(
            "crontopus_lag_seconds",
            "How long what is owed first is overdue: of the `sweep`, of `alerts`, of the `outbox`. Absent: unknown.",
            ["of"],
            registry=self.registry,
        )
        self.alerts_owed = Gauge(
            "crontopus_alerts_owed",
            "`flips` that no alert knows of, `alerts` to be decided upon by now. Absent: unknown.",
            ["what"],
            registry=self.registry,
        )
        self.messages = Gauge(
            "crontopus_messages",
            "Messages about alerts that are `waiting`, also for later, or `dead` and not put away. Absent: unknown.",
            ["state"],
            registry=self.registry,
        )
        self.channels_in_trouble = Gauge(
            "crontopus_channels_in_trouble",
            "Channels that are `closed` for a while after failures, or `broken`: refused for good. Absent: unknown.",
            ["how"],
            registry=self.registry,
        )
        self.tries = Counter(
            "crontopus_message_tries",
            "Tries to send messages about alerts, by this process; `outcome`: `delivered`, `failed` (tried again), or "
            "`refused` (given up).",
            ["kind", "outcome"],
            registry=self.registry,
        )

    def count_flips(self, flips: Iterable[Flip]) -> None:
        for (reason, entered), count in Counts((flip.reason, flip.entered) for flip in flips).items():
            self.flips.labels(reason=reason, change="entered" if entered else "left").inc(count)

    def total(self, name: str) -> float:
        """Of a counter, over all its labels."""
        found = (sample for family in self.registry.collect() if family.name == name for sample in family.samples)
        return sum(sample.value for sample in found if sample.name == f"{name}_total")

    def buckets(self, name: str) -> list[tuple[float, float]]:
        """Of a histogram without labels: each upper edge, and how many were within it."""
        found = (sample for family in self.registry.collect() if family.name == name for sample in family.samples)
        return [(float(one.labels["le"]), one.value) for one in found if one.name == f"{name}_bucket"]

    def text(self, content_type: str = TEXT) -> bytes:
        """In one of the two exposition formats of Prometheus."""
        if content_type == OPENMETRICS:
            return bytes(openmetrics.generate_latest(self.registry))  # type: ignore[no-untyped-call] # it has no types
        return generate_latest(self.registry)
