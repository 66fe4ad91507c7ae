"""The query language: what is understood, and what is refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain.errors import Invalid
from crontopus.domain.query import FIELDS_OF_JOBS, NAME, Term, parse, parse_jobs, parse_runs


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  \t ", ()),
        ('""', ()),
        ("backup", (Term(NAME, ("backup",)),)),
        ("night backup", (Term(NAME, ("night",)), Term(NAME, ("backup",)))),
        ('"night backup"', (Term(NAME, ("night backup",)),)),
        ('"status:down"', (Term(NAME, ("status:down",)),)),
        ("-backup", (Term(NAME, ("backup",), denied=True),)),
        ('"-backup"', (Term(NAME, ("-backup",)),)),
        ("-", (Term(NAME, ("-",)),)),
        ("STATUS:down", (Term("status", ("down",)),)),
        ("status:down,late", (Term("status", ("down", "late")),)),
        ("tag:a:b", (Term("tag", ("a:b",)),)),
        ('tag:"a,b"', (Term("tag", ("a,b",)),)),
        ("host:web*", (Term("host", ("web*",)),)),
        ("label:team", (Term("label", (), key="team"),)),
        ("-label:team=data", (Term("label", ("data",), denied=True, key="team"),)),
        ('label:"a=b"=c,d', (Term("label", ("c", "d"), key="a=b"),)),
    ],
)
def test_a_query_is_read(text: str, terms: tuple[Term, ...]) -> None:
    assert parse(text, FIELDS_OF_JOBS) == terms


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"open', "quotation mark"),
        ("colour:red", "no field 'colour'"),
        (":x", "no field"),
        ("tag:", "needs a value"),
        ("tag:a,", "needs a value"),
        ("label:", "needs a key"),
        ("label:=x", "needs a key"),
        ("label:a=", "needs a key"),
        ("status:dwon", "is one of"),
        ("x" * 1001, "at most 1000 characters"),
        ("x " * 21, "at most 20 terms"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_jobs(text)
    assert says in raised.value.faults[0].detail
    assert raised.value.faults[0].pointer == "/q"


def test_runs_have_fields_of_their_own() -> None:
    assert parse_runs("state:failed mark:late") == (Term("state", ("failed",)), Term("mark", ("late",)))
    with pytest.raises(Invalid):
        parse_runs("status:down")
    with pytest.raises(Invalid):
        parse_runs("state:broken")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        terms = parse_jobs(text)
    except Invalid:
        return
    assert all(term.field in FIELDS_OF_JOBS for term in terms)
