"""The query language of lists: `status:down ns:prod tag:db -label:team=data backup`.

Terms stand beside each other and all must hold; `-` before one denies it; commas name alternatives; `*` stands for
anything; quotes hold blanks together. A word without a field searches names.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.watch import RunState, Status

MOST_CHARACTERS = 1000
MOST_TERMS = 20
NAME = "name"

FIELDS_OF_JOBS = frozenset({"status", "ns", "tag", "slug", "host", "label", NAME})
FIELDS_OF_ALERTS = frozenset({"ns", "tag", "label", "job", "class", "severity", "agent", NAME})
FIELDS_OF_RUNS = frozenset({"state", "ns", "slug", "host", "env", "mark", NAME})


class Term(Struct, frozen=True):
    """One condition: `field` is like one of `patterns`, or with `denied` like none. `key`: of a label."""

    field: str
    patterns: tuple[str, ...]
    denied: bool = False
    key: str = ""


Query = tuple[Term, ...]


def parse(text: str, fields: Collection[str]) -> Query:
    """Raises Invalid, with a sentence that names the word and what could stand there."""
    if len(text) > MOST_CHARACTERS:
        raise _refused(f"a query has at most {MOST_CHARACTERS} characters")
    terms = tuple(_term(word, fields) for word in _words(text) if word)
    if len(terms) > MOST_TERMS:
        raise _refused(f"a query has at most {MOST_TERMS} terms")
    return terms


def parse_jobs(text: str) -> Query:
    """A query of jobs. Raises Invalid."""
    return _of_known(parse(text, FIELDS_OF_JOBS), "status", list(Status))


def parse_runs(text: str) -> Query:
    """A query of runs. Raises Invalid."""
    return _of_known(parse(text, FIELDS_OF_RUNS), "state", list(RunState))


def parse_alerts(text: str) -> Query:
    """A query of alerts, as routes and silences have it. Raises Invalid."""
    terms = _of_known(parse(text, FIELDS_OF_ALERTS), "class", list(AlertClass))
    return _of_known(terms, "severity", list(Severity))


def matches(query: Query, fields: Mapping[str, Collection[str]], labels: Mapping[str, str]) -> bool:
    """Whether something with these values is found by it: what the database does for lists, for what is at hand.

    `fields` are the values of each field, by name; one that is not there has none.
    """
    return all(_holds(term, fields, labels) != term.denied for term in query)


def alert_classes(query: Query) -> tuple[Query, Sequence[AlertClass]]:
    """Apart: what a query asks of the job of an alert, and the classes that it finds."""
    asked = tuple(term for term in query if term.field == "class")
    found = [one for one in AlertClass if matches(asked, {"class": (one.value,)}, {})]
    return tuple(term for term in query if term.field != "class"), found


def _holds(term: Term, fields: Mapping[str, Collection[str]], labels: Mapping[str, str]) -> bool:
    if term.field == "label":
        values = [value for key, value in labels.items() if _like(term.key, key)]
        return bool(values) if not term.patterns else _any_like(term.patterns, values)
    patterns = tuple(f"*{pattern}*" for pattern in term.patterns) if term.field == NAME else term.patterns
    return _any_like(patterns, fields.get(term.field, ()))


def _any_like(patterns: Collection[str], values: Collection[str]) -> bool:
    return any(_like(pattern, value) for pattern in patterns for value in values)


def _like(pattern: str, value: str) -> bool:
    """Part after part, each at the first place where it stands: never slow, however many stars there are."""
    (first, *middle), text = pattern.casefold().split("*"), value.casefold()
    if not middle:
        return text == first
    last = middle.pop()
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


def _of_known(terms: Query, field: str, known: Sequence[str]) -> Query:
    """Some fields have few values, and a misspelt one finds nothing for ever."""
    for pattern in (pattern for term in terms if term.field == field for pattern in term.patterns):
        if pattern not in known:
            raise _refused(f"{field}: is one of {', '.join(known)}, not {pattern!r}")
    return terms


def _refused(detail: str) -> Invalid:
    return Invalid(detail, (Fault("/q", detail),))


def _words(text: str) -> list[list[tuple[str, bool]]]:
    """Words as lists of (character, whether it was quoted)."""
    words: list[list[tuple[str, bool]]] = []
    quoted = fresh = False
    for character in text:
        if character == '"':
            quoted = not quoted
            if not fresh:
                words.append([])
                fresh = True
        elif character.isspace() and not quoted:
            fresh = False
        else:
            if not fresh:
                words.append([])
                fresh = True
            words[-1].append((character, quoted))
    if quoted:
        raise _refused("a quotation mark is missing")
    return words


def _term(word: list[tuple[str, bool]], fields: Collection[str]) -> Term:
    denied = word[:1] == [("-", False)] and len(word) > 1
    rest = word[1:] if denied else word
    colon = next((i for i, pair in enumerate(rest) if pair == (":", False)), None)
    if colon is None:
        return Term(NAME, (_text(rest),), denied)
    field = _text(rest[:colon]).lower()
    if field not in fields:
        known = ", ".join(f"{known}:" for known in sorted(fields))
        raise _refused(f"there is no field {field!r}: write one of {known}, or put the word in quotation marks")
    values = rest[colon + 1 :]
    key = ""
    if field == "label":
        key, values = _key(values)
        if not values:
            return Term(field, (), denied, key)
    patterns = tuple(_text(part) for part in _split(values))
    if not all(patterns):
        raise _refused(f"{field}: needs a value")
    return Term(field, patterns, denied, key)


def _key(values: list[tuple[str, bool]]) -> tuple[str, list[tuple[str, bool]]]:
    """`team=data` or `team` alone, which asks whether there is such a label."""
    sign = next((i for i, pair in enumerate(values) if pair == ("=", False)), len(values))
    key = _text(values[:sign])
    if not key or (sign < len(values) and sign + 1 == len(values)):
        raise _refused("label: needs a key, or a key and a value: label:team=data")
    return key, values[sign + 1 :]


def _split(values: list[tuple[str, bool]]) -> list[list[tuple[str, bool]]]:
    parts: list[list[tuple[str, bool]]] = [[]]
    for pair in values:
        if pair == (",", False):
            parts.append([])
        else:
            parts[-1].append(pair)
    return parts


def _text(pairs: list[tuple[str, bool]]) -> str:
    return "".join(character for character, _ in pairs)
