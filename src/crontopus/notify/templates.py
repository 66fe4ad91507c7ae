"""Messages in words of one's own: what a template sees, what is made of it, and what is said where it fails.

A template sees plain values, by names that stay: nothing of ours, and nothing that opens anything. What comes out is
text of others like any other: each kind of channel shows, escapes and cuts it as it does with what a job is called.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from crontopus.domain.errors import Fault, Invalid
from crontopus.notify import sandbox, words
from crontopus.notify.contract import Notice, Own, Parcel
from crontopus.notify.sandbox import Faulty

WORDS = ("title", "text")
"""Of what people read: the first line, and what follows it but for the links."""
BODY = ("body", "content_type")
"""Of what is posted as it is."""
TYPE = "content_type"
JSON = "application/json"
_FACTS = ("expected", "started", "took", "signal", "host", "revision", "owner")
_OUTPUT, _THINGS, _LINES = 8000, 50, 300
_PICTURED = 8
"""Characters that one may take which is shown because it cannot be seen: nothing is cut here."""
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}(; ?charset=utf-8)?")


def require_sound(kind: str, takes: Sequence[str], given: Mapping[str, str], samples: Sequence[Notice]) -> None:
    """Raises Invalid, with the line of what is wrong. `takes`: the templates of this kind. To be called in a thread."""
    faults = [*_unknown(kind, takes, given), *_mistyped(given)]
    for name in _written(given) if not faults else ():
        try:
            for sample in samples:
                _made(name, given, sample)
        except Faulty as error:
            faults.append(_fault(name, error))
    if faults:
        raise Invalid("; ".join(fault.detail for fault in faults), tuple(faults))


def said(given: Mapping[str, str], notice: Notice) -> Notice:
    """`notice` in these words. Raises Invalid, with the line of what is wrong. To be called in a thread."""
    own, faults = _own(given, notice)
    if faults:
        raise Invalid("; ".join(fault.detail for fault in faults), tuple(faults))
    return _with(notice, own)


def applied(given: Mapping[str, str], parcel: Parcel) -> tuple[Parcel, str]:
    """`parcel` in these words, and what was wrong with them. What fails or says nothing is said in ours, and of so many
    alerts that they are counted all is. To be called in a thread.
    """
    if parcel.summary or not _written(given):
        return parcel, ""
    notices, why = [], ""
    for notice in parcel.notices:
        own, faults = _own(given, notice)
        notices.append(_with(notice, own))
        if faults:
            name, detail = faults[0].pointer.rpartition("/")[2], faults[0].detail
            why = f"the template of the {name} failed, and our own words were sent: {detail}"
    return replace(parcel, notices=tuple(notices)), why


def values(notice: Notice) -> dict[str, Any]:
    """All that a template sees."""
    facts = dict(words.facts(notice))
    links = [{"text": link.text, "url": link.url} for link in words.links(notice)[:_THINGS]]
    texts = {name: getattr(notice, name) for name in ("state", "title", "summary", "got", "tenant", "namespace")}
    texts |= {"job": notice.job, "job_name": notice.job_name, "agent": notice.agent}
    return {
        **{name: words.line(each) for name, each in texts.items()},
        **{name: facts.get(name, "") for name in _FACTS},
        "id": str(notice.id),
        "alert": str(notice.alert),
        "opening": notice.opening,
        "kind": notice.kind.value,
        "class": notice.cls.value,
        "severity": notice.severity.value,
        "over": notice.is_over,
        "exit_code": notice.exit_code,
        "at": f"{notice.at:%Y-%m-%d %H:%M} UTC",
        "at_iso": f"{notice.at:%Y-%m-%dT%H:%M:%SZ}",
        "since": f"{notice.since:%Y-%m-%d %H:%M} UTC",
        "since_iso": f"{notice.since:%Y-%m-%dT%H:%M:%SZ}",
        "tags": [words.line(each, words.NAME) for each in notice.tags[:_THINGS]],
        "labels": dict(words.labels(notice)[:_THINGS]),
        "output": words.tail(notice.output, _OUTPUT),
        "link": links[0]["url"] if links else "",
        "links": links,
    }


def _own(given: Mapping[str, str], notice: Notice) -> tuple[Own, list[Fault]]:
    made, faults = dict[str, str](), []
    for name in _written(given):
        try:
            made[name] = _made(name, given, notice)
        except Faulty as error:
            faults.append(_fault(name, error))
    return Own(**made, content_type=_type(given)), faults


def _made(name: str, given: Mapping[str, str], notice: Notice) -> str:
    made = sandbox.rendered(given[name], values(notice))
    made = words.line(made.strip()) if name == "title" else words.block(made.strip(), _PICTURED * len(made))
    if name == "text" and made.count("\n") >= _LINES:
        raise Faulty(f"more than {_LINES} lines come out")
    if name == "body" and made and _type(given).startswith(JSON):
        _require_json(made)
    return made


def _require_json(made: str) -> None:
    try:
        msgspec.json.decode(made)
    except (msgspec.DecodeError, RecursionError):
        why = "what comes out is no JSON, at least where a value has quotes or several lines: {{ value | tojson }}"
        raise Faulty(f"{why} writes it with quotes of its own") from None


def _with(notice: Notice, own: Own) -> Notice:
    said = replace(notice, own=own)
    return replace(said, facts=(), output=()) if own.text else said


def _written(given: Mapping[str, str]) -> list[str]:
    return [name for name in given if name != TYPE and given[name].strip()]


def _type(given: Mapping[str, str]) -> str:
    return given.get(TYPE) or JSON


def _unknown(kind: str, takes: Sequence[str], given: Mapping[str, str]) -> list[Fault]:
    there = f"there are {', '.join(takes)}" if takes else "it has none"
    why = f"a channel of the kind {kind} has no such template: {there}"
    return [Fault(f"/templates/{name}", why) for name in given if name not in takes]


def _mistyped(given: Mapping[str, str]) -> list[Fault]:
    if _TYPE.fullmatch(_type(given)):
        return []
    return [Fault(f"/templates/{TYPE}", "a type is such as application/json, text/plain or application/xml")]


def _fault(name: str, error: Faulty) -> Fault:
    return Fault(f"/templates/{name}", str(error))
