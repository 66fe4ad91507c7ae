"""Tokens: their form, and what is told apart without a look-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontopus.domain import tokens
from crontopus.domain.errors import Unauthenticated
from crontopus.domain.tokens import Kind


@given(st.sampled_from(Kind), st.integers(0, 2**tokens.RANDOM_BITS - 1))
def test_a_token_says_its_kind(kind: Kind, random: int) -> None:
    token = tokens.make(kind, random)
    assert token.startswith(f"ctp_{kind}_")
    assert len(token) == 42
    assert tokens.kind_of(token) is kind
    assert tokens.make(kind, random ^ 1) != token


@given(st.integers(0, 41), st.characters())
def test_a_mistyped_token_is_told_apart(place: int, character: str) -> None:
    token = tokens.make(Kind.SERVICE, 123456789)
    mistyped = token[:place] + character + token[place + 1 :]
    if mistyped != token:
        with pytest.raises(Unauthenticated):
            tokens.kind_of(mistyped)


@given(st.text())
def test_anything_else_is_no_token(text: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.kind_of(text)


def test_the_hash_is_of_the_whole_and_the_hint_of_the_beginning() -> None:
    token = tokens.make(Kind.SERVICE, 7)
    assert tokens.hash_of(token) != tokens.hash_of(token[:-1])
    assert len(tokens.hash_of("\udcff")) == 32
    assert token.startswith(tokens.hint_of(token))
    assert len(tokens.hint_of(token)) == 10
