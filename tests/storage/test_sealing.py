"""Sealed secrets: they open for their tenant and row under their key, and nowhere else."""

import base64
from pathlib import Path
from uuid import UUID

import pytest

from crontopus.domain.errors import Conflict, Invalid
from crontopus.storage.sealing import FILE, Sealer, rotate, sealer_for

ONE, TWO = UUID(int=1), UUID(int=2)
KEY = bytes(range(32))


def test_what_is_sealed_opens_for_its_tenant_and_row_only() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"secret", ONE, TWO)
    assert b"secret" not in sealed
    assert sealer.seal(b"secret", ONE, TWO) != sealed
    assert sealer.open(sealed, ONE, TWO) == b"secret"
    for wrong in (sealed[:-1], sealed[:5], b"", bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(Conflict):
            sealer.open(wrong, ONE, TWO)
    for tenant, row in ((TWO, TWO), (ONE, ONE), (TWO, ONE)):
        with pytest.raises(Conflict):
            sealer.open(sealed, tenant, row)
    with pytest.raises(Conflict, match=r"secret\.key"):
        Sealer(KEY[::-1]).open(sealed, ONE, TWO)


def test_the_key_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    sealed = sealer_for(tmp_path / "new", "").seal(b"x", ONE, TWO)
    file = tmp_path / "new" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert sealer_for(tmp_path / "new", "").open(sealed, ONE, TWO) == b"x"
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def test_a_setting_goes_before_the_file(tmp_path: Path) -> None:
    sealed = Sealer(KEY).seal(b"x", ONE, TWO)
    for written in (base64.b64encode(KEY).decode(), KEY.hex(), base64.b64encode(KEY).decode() + "\n"):
        assert sealer_for(tmp_path, written).open(sealed, ONE, TWO) == b"x"
    assert list(tmp_path.iterdir()) == []


def test_what_an_older_key_has_sealed_opens_and_the_newest_seals(tmp_path: Path) -> None:
    old = sealer_for(tmp_path, "")
    sealed = old.seal(b"x", ONE, TWO)
    assert rotate(tmp_path) == tmp_path / FILE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    new = sealer_for(tmp_path, "")
    assert new.open(sealed, ONE, TWO) == b"x"
    assert not new.is_of_newest(sealed, ONE, TWO)
    with pytest.raises(Conflict):
        old.open(new.seal(b"y", ONE, TWO), ONE, TWO)
    both = base64.b64encode(KEY).decode() + " " + KEY[::-1].hex()
    assert sealer_for(tmp_path, both).open(Sealer(KEY[::-1]).seal(b"z", ONE, TWO), ONE, TWO) == b"z"


def test_a_missing_file_is_not_made_where_there_was_a_key(tmp_path: Path) -> None:
    for attempt in (lambda: sealer_for(tmp_path, "", may_make=False), lambda: rotate(tmp_path)):
        with pytest.raises(Invalid, match=r"is not there\. Put it back"):
            attempt()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["x", "é" * 44, "G" * 64, "A" * 44])
def test_a_key_that_is_none_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(Invalid, match="32 bytes"):
        sealer_for(tmp_path, written)


def test_a_damaged_key_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("nonsense")
    with pytest.raises(Invalid, match="damaged"):
        sealer_for(tmp_path, "")
    assert (tmp_path / FILE).read_text() == "nonsense"
