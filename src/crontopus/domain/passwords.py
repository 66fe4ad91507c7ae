"""Whether a password is too easy to guess: the most common ones by rule, the person's own data, and mere patterns.

A rule of length alone would let `Password2024!` through, which a thief tries first. A few words that nobody expects
together always pass.
"""

import re

from crontopus.domain.common_words import FILLERS, ROWS, WORDS
from crontopus.domain.errors import Fault, Invalid

SHORTEST = 12
PRODUCT = "crontopus"
_BETTER = "choose a few words that do not belong together"
_LOOKALIKES = str.maketrans("@4301!|$57", "aaeoiiisst")
_LONGEST_ROW = max(map(len, ROWS))
_ROW = 3
"""So many keys beside each other count as one."""
_LEAST = 6
"""Fewer characters or runs of them that nobody expects are too few."""
_LOOKED_AT = 100
"""Characters within which a repetition shows."""
_LONGEST = 60
"""Of more letters nobody makes a list."""
_LEAST_OF_OWN = 4
"""A shorter part of a name or an address stands in too many words."""


def require(password: str, pointer: str, *own: str) -> None:
    """`own`: the person's address and name. Raises Invalid at `pointer`, saying why and what to choose instead."""
    why = weakness(password, *own)
    if why is not None:
        raise Invalid(why, (Fault(pointer, why),))


def weakness(password: str, *own: str) -> str | None:
    """None where there is none to be seen."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters"
    if not any(character.isalpha() for character in password):
        return f"this has no letters, and is tried soon: {_BETTER}"
    if _runs(password.lower()) < _LEAST or _is_repetition(password.lower()):
        return f"this is a pattern on the keyboard or a repetition, which is tried first: {_BETTER}"
    if _is_made_of(password, _of_person(own), most=4):
        return f"this is little more than your own name or address, or {PRODUCT}, which is tried first: {_BETTER}"
    if _is_made_of(password, WORDS | FILLERS, most=2):
        return f"this is one of the most common passwords, or nearly so: {_BETTER}"
    return None


def _runs(text: str) -> int:
    """How many pieces it has, where one is a row of keys, one character again and again, or any single one."""
    count, place = 0, 0
    while place < len(text):
        place += max(_row_at(text, place), _same_at(text, place), 1)
        count += 1
    return count


def _row_at(text: str, place: int) -> int:
    """How many characters from `place` on lie beside each other; 0 for too few."""
    for length in range(min(len(text) - place, _LONGEST_ROW), _ROW - 1, -1):
        piece = text[place : place + length]
        if any(piece in row or piece in row[::-1] for row in ROWS):
            return length
    return 0


def _same_at(text: str, place: int) -> int:
    rest = text[place:]
    return len(rest) - len(rest.lstrip(rest[0]))


def _is_repetition(text: str) -> bool:
    """One piece again and again, whatever stands between and a last piece that is cut short."""
    plain = re.sub(r"[\s_.-]", "", text)[:_LOOKED_AT]
    return any((plain[:size] * len(plain))[: len(plain)] == plain for size in range(1, len(plain) // 2 + 1))


def _of_person(own: tuple[str, ...]) -> frozenset[str]:
    """An address and a name, whole and in parts, letters alone."""
    wholes = {re.sub(r"[\W\d_]", "", text.lower()) for text in own}
    parts = {part for text in own for part in re.split(r"[\W\d_]+", text.lower())}
    return frozenset({part for part in wholes | parts if len(part) >= _LEAST_OF_OWN} | {PRODUCT})


def _is_made_of(password: str, words: frozenset[str], most: int) -> bool:
    """Whether `most` of `words` or fewer, with what is usual around and between them, are all there is to it."""
    return any(_is_spent(form, words, most) for form in _forms(password.lower()) if form)


def _forms(text: str) -> set[str]:
    """Letters alone: what is none is left out, or read as the one it looks like, but for what stands at the ends."""
    core = re.sub(r"[\W\d_]+$", "", re.sub(r"^[\W\d_]+", "", text))
    readings = (text, core, text.translate(_LOOKALIKES), core.translate(_LOOKALIKES), core.replace("1", "l"))
    return {re.sub(r"[\W\d_]", "", reading) for reading in readings}


def _is_spent(letters: str, words: frozenset[str], most: int) -> bool:
    """By at least one and at most `most` of the words, any fillers, and too little behind them to matter."""
    if len(letters) > _LONGEST:
        return False
    reached = {(0, 0)}
    for place in range(len(letters)):
        for used in [used for at, used in reached if at == place]:
            for end in range(place + 1, len(letters) + 1):
                piece = letters[place:end]
                if piece in words and used < most:
                    reached.add((end, used + 1))
                if piece in FILLERS:
                    reached.add((end, used))
    return any(used and len(letters) - at < _ROW for at, used in reached)
