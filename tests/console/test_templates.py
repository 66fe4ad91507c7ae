"""Templates and static files: no exception from strict CSP, nothing missing, enough contrast, vendor files intact."""

import json
import math
import re
import subprocess
import sys
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from crontopus.console.assets import ASSETS
from crontopus.console.view import ENVIRONMENT
from crontopus.resources import templates

PAGES = sorted((templates() / "console").rglob("*.html"))
STATIC = templates() / "static"
OURS = [path for path in STATIC.rglob("*") if path.is_file() and path.parent.name != "vendor"]


def name(path: Path) -> str:
    return path.relative_to(templates()).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_template_compiles_and_says_what_it_needs(path: Path) -> None:
    ENVIRONMENT.get_template(name(path))
    assert path.read_text().startswith("{# "), "a template opens with a comment: what it shows, and its context"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_nothing_in_a_template_needs_an_exception_from_the_security_policy(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert not re.search(r"\bhx-on\b|js:|javascript:", text)
    assert not re.search(r"""(?:src|href|action)=["']https?://""", text)
    assert not re.search(r"\|\s*safe\b", text)


@pytest.mark.parametrize("path", OURS, ids=name)
def test_static_files_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in text
    assert not re.search(r"@import|\beval\(|new Function|innerHTML", text)


def test_every_static_file_that_is_named_is_there_and_every_one_is_named() -> None:
    text = "".join(path.read_text() for path in PAGES)
    named = {match for match in re.findall(r"asset\('([^'~ ]+)'\)", text)}
    sheets = {path.relative_to(STATIC).as_posix() for path in (STATIC / "css").iterdir()}
    listed = re.search(r"for sheet in \[([^\]]+)\]", (templates() / "console/document.html").read_text())
    assert listed
    assert {f"css/{sheet}.css" for sheet in re.findall(r'"(\w+)"', listed[1])} == sheets
    for asset in named:
        assert ASSETS.url(asset)
    assert named == {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()} - sheets - {
        "vendor/vendor.json"
    }


def test_every_command_line_twin_is_a_command() -> None:
    twins = {
        twin for path in PAGES for twin in re.findall(r'twin\("crontopus((?: [a-z-]{2,}(?=[ "]))+)', path.read_text())
    }
    assert len(twins) >= 8
    for twin in twins:
        words = [word for word in twin.split() if not word.startswith("-")]
        subprocess.run([sys.executable, "-m", "crontopus", *words, "--help"], check=True, capture_output=True)


def test_every_icon_that_is_named_is_in_the_sprite_and_every_symbol_is_used() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    text = "".join(path.read_text() for path in PAGES)
    named = set(re.findall(r"""["'](i-[a-z]+)["']""", text)) - {"i-s"} | {"mark"}
    statuses = {icon for icon in sprite if icon.startswith("s-")}
    assert named <= sprite
    assert sprite - statuses == named


def test_vendored_files_are_as_they_were_published() -> None:
    for package in json.loads((STATIC / "vendor/vendor.json").read_text()):
        assert {"name", "version", "licence"} <= package.keys()
        for file, origin in package["files"].items():
            assert sha256((STATIC / "vendor" / file).read_bytes()).hexdigest() == origin["sha256"]


def test_only_the_tokens_name_a_colour() -> None:
    for path in (STATIC / "css").iterdir():
        if path.name != "tokens.css":
            assert not re.search(r"#[0-9a-f]{3,8}\b|oklch\((?!from)|rgb\(|hsl\(", path.read_text()), path.name


# Contrast: tokens are OKLCH; WCAG measures relative luminance of sRGB.


def _tokens(theme: int) -> dict[str, tuple[float, float, float]]:
    """Colour tokens of a theme (0 light, 1 dark) as linear sRGB."""
    text = (STATIC / "css/tokens.css").read_text().split("@media")[0]
    colour = r"oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)"
    found = re.findall(rf"--([\w-]+): light-dark\({colour}, {colour}\);", text)
    return {token: _linear(*(float(part) for part in parts[theme * 3 : theme * 3 + 3])) for token, *parts in found}


def _linear(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    light, a, b = lightness / 100, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _clip(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _clip(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _clip(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _clip(channel: float) -> float:
    return min(1.0, max(0.0, channel))


def _contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    weights = (0.2126, 0.7152, 0.0722)
    bright, dim = sorted(sum(w * c for w, c in zip(weights, colour, strict=True)) for colour in (one, other))[::-1]
    return (bright + 0.05) / (dim + 0.05)


GROUNDS = ("paper", "sunken", "raised", "hover")
STATUSES = ("up", "late", "down", "run", "idle")


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_are_readable_on_every_ground(theme: int) -> None:
    tokens = _tokens(theme)
    pairs = [(f"{status}-ink", ground) for status, ground in product(STATUSES, GROUNDS)]
    pairs += [(f"{status}-ink", f"{status}-tint") for status in STATUSES]
    pairs += [(ink, ground) for ink, ground in product(("ink", "ink-2", "ink-3", "plum", "cyan-ink"), GROUNDS)]
    pairs += [("ink", tint) for tint in ("plum-tint", "down-tint", "late-tint", "up-tint")]
    too_faint = {pair: _contrast(tokens[pair[0]], tokens[pair[1]]) for pair in pairs}
    assert not {pair: ratio for pair, ratio in too_faint.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_shapes_and_borders_are_seen(theme: int) -> None:
    tokens = _tokens(theme)
    pairs = [*((f"{status}-fill", "paper") for status in STATUSES), ("line-strong", "raised"), ("line-strong", "paper")]
    too_faint = {pair: _contrast(tokens[pair[0]], tokens[pair[1]]) for pair in pairs}
    assert not {pair: ratio for pair, ratio in too_faint.items() if ratio < 3}
