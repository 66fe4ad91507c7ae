"""The changelog and the package agree on the version."""

import pytest

from tools.version import fault


def test_a_changelog_may_be_ahead_of_the_release() -> None:
    assert fault("# Changelog\n\n## Unreleased\n\n## [0.1.0] - 2026-11-24\n", "0.1.0") is None


@pytest.mark.parametrize("heading", ["## 0.1.0", "## [0.1.0] - 2026-11-24"])
def test_the_newest_entry_may_be_the_version(heading: str) -> None:
    assert fault(f"# Changelog\n\n{heading}\n\n## 0.0.9\n", "0.1.0") is None


def test_another_version_is_a_fault_that_names_both() -> None:
    said = fault("# Changelog\n\n## 0.2.0\n", "0.1.0")
    assert said is not None
    assert "0.2.0" in said
    assert "0.1.0" in said


def test_a_changelog_without_an_entry_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="begin one"):
        fault("# Changelog\n", "0.1.0")
