"""The page on the benchmarks is held to them."""

from pathlib import Path

import pytest

from tests.bench.parts import PARTS, Bench

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.mark.parametrize("part", PARTS)
def test_the_page_describes_each_part(part: str) -> None:
    assert f"## {part}: {getattr(Bench, part).__doc__}\n" in PAGE.read_text()


def test_the_page_describes_nothing_else() -> None:
    headings = [line.split()[1].rstrip(":") for line in PAGE.read_text().splitlines() if line.startswith("## ")]
    assert headings == ["Results", *PARTS]
