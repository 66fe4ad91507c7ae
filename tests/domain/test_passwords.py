"""Passwords that are guessed first are refused, and those that nobody expects are not."""

import pytest

from crontopus.domain import passwords
from crontopus.domain.errors import Invalid

ADDRESS, NAME = "grace.hopper@acme.example", "Grace Hopper"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("too short", "at least 12"),
        ("839201748362", "no letters"),
        ("qwertyuiop12", "pattern"),
        ("lkjhgfdsa321", "pattern"),
        ("1qaz2wsx3edc", "pattern"),
        ("aaaaaaaaaaaab", "pattern"),
        ("abc-abc-abc-abc", "pattern"),
        ("horsehorsehorse", "pattern"),
        ("grace.hopper1!", "your own name"),
        (ADDRESS, "your own name"),
        ("Cr0nt0pus2027!", "your own name or address, or crontopus"),
        ("Password2024!", "most common"),
        ("P@ssw0rd1234", "most common"),
        ("iloveyou2024", "most common"),
        ("mynewpassword", "most common"),
        ("Summer2027!!", "most common"),
        ("dragonmonkey7", "most common"),
    ],
)
def test_what_is_tried_first_is_refused_and_why_is_said(password: str, why: str) -> None:
    found = passwords.weakness(password, ADDRESS, NAME)
    assert found is not None
    assert why in found
    with pytest.raises(Invalid) as refused:
        passwords.require(password, "/new", ADDRESS, NAME)
    assert refused.value.faults[0].pointer == "/new"


@pytest.mark.parametrize(
    "password",
    [
        "a long sentence",
        "correct horse battery staple",
        "v9$kLm2!xQpz",
        "tangerine-plinth-47",
        "graceful llamas dance",
        "password manager seventeen otters",
        "ein langer Satz über Züge",
        "長い文章を書くのは楽しいことだ",
    ],
)
def test_what_nobody_expects_is_taken(password: str) -> None:
    assert passwords.weakness(password, ADDRESS, NAME) is None


@pytest.mark.parametrize("password", ["a" * 1000, "ab" * 500, "iin" * 333, "isintheonme" * 90, "é" * 1000])
def test_even_the_longest_is_judged_at_once(password: str) -> None:
    passwords.weakness(password, ADDRESS, NAME)


@pytest.mark.parametrize("password", ["ada@example.org", "ada.example.org7", "Ada7@Example.org!"])
def test_a_short_name_in_an_address_is_ones_own_too(password: str) -> None:
    assert "your own name or address" in (passwords.weakness(password, "ada@example.org") or "")
