"""Text of others: what a name may not have in it, and how it is shown where it came anyway."""

import json
import re

import pytest

from crontopus.domain.text import PLAIN, escaped, is_plain, on_one_line, shown

STEERING = [
    *map(chr, range(0x20)),
    "\x7f",
    *map(chr, range(0x80, 0xA0)),
    *"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\u00ad\u180e\u200b\u2060\ufeff",
]


@pytest.mark.parametrize("character", [*STEERING, "\u200c", "\u200d"], ids=ascii)
def test_a_name_has_no_character_that_steers_or_is_not_seen(character: str) -> None:
    for name in (character, f"a{character}", f"{character}b", f"a{character}b"):
        assert not is_plain(name)


@pytest.mark.parametrize(
    "name", ["", "Nightly backup (db/01)", "Zürich", "نسخ احتياطي", "גיבוי", "日本語", "🐙 ops", "é", "раураl"]
)
def test_a_name_in_any_script_is_fine(name: str) -> None:
    """Also where letters look like others: the address beside it tells them apart."""
    assert is_plain(name)
    assert shown(name) == name == on_one_line(name)


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_what_came_anyway_is_in_sight_and_does_nothing(character: str) -> None:
    told = on_one_line(f"a{character}b")
    assert character not in told
    assert re.fullmatch(r"a( |[\u2400-\u2421]|\[U\+[0-9A-F]{4}\])b", told)
    assert (shown(f"a{character}b") == f"a{character}b") is (character in "\t\n\r")


def test_json_stays_what_it_is() -> None:
    text = {"name": "a\u202eb\x9b\u200b", "lines": "a\nb"}
    plain = json.dumps(text, ensure_ascii=False, indent=2)
    assert json.loads(escaped(plain)) == text
    assert not any(character in escaped(plain) for character in STEERING if character != "\n")


def test_the_pattern_means_the_same_to_javascript() -> None:
    """Only what both know stands in it: classes of four-digit escapes, and a look ahead."""
    assert re.fullmatch(r"\^\[\^(\\u[0-9a-f]{4}|-)+\]\*\$\(\?!\\n\)", PLAIN)
