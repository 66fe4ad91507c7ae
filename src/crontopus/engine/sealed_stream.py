"""A file sealed by a passphrase: AES-GCM in pieces, each bound to its place and the last one marked as such, so that a
piece that was changed, moved, left out or cut off is noticed before what it holds is used."""

import io
import os
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from crontopus.domain.errors import Invalid

MAGIC = b"CRONTOPUS-SEALED-1\n"
_SALT_BYTES, _PREFIX_BYTES, _TAG_BYTES = 16, 7, 16
_PIECE_BYTES = 1024 * 1024
_CORRUPT = "the passphrase is wrong, or the file was changed or cut off"


class SealingWriter(io.RawIOBase):
    """Seals what is written to it into `target`; `close` ends it, and leaves `target` open."""

    def __init__(self, target: IO[bytes], passphrase: str) -> None:
        salt, self._prefix = os.urandom(_SALT_BYTES), os.urandom(_PREFIX_BYTES)
        self._target, self._aes = target, _cipher(passphrase, salt)
        self._waiting, self._number = bytearray(), 0
        target.write(MAGIC + salt + self._prefix)

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[no-untyped-def] # any buffer
        self._waiting += data
        while len(self._waiting) > _PIECE_BYTES:
            self._seal(bytes(self._waiting[:_PIECE_BYTES]), last=False)
            del self._waiting[:_PIECE_BYTES]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._waiting), last=True)
        super().close()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._aes.encrypt(_nonce(self._prefix, self._number, last=last), piece, None))
        self._number += 1


class OpeningReader(io.RawIOBase):
    """Opens what `source` holds. Raises Invalid where the passphrase is wrong, or anything is not as it was written."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        head = source.read(len(MAGIC) + _SALT_BYTES + _PREFIX_BYTES)
        if not head.startswith(MAGIC) or len(head) != len(MAGIC) + _SALT_BYTES + _PREFIX_BYTES:
            raise Invalid(_CORRUPT)
        salt, self._prefix = head[len(MAGIC) : -_PREFIX_BYTES], head[-_PREFIX_BYTES:]
        self._source, self._aes = source, _cipher(passphrase, salt)
        self._opened, self._number, self._over = bytearray(), 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # any buffer
        while not self._opened and not self._over:
            self._open_next()
        count = min(len(buffer), len(self._opened))
        buffer[:count] = self._opened[:count]
        del self._opened[:count]
        return count

    def _open_next(self) -> None:
        piece = self._source.read(_PIECE_BYTES + _TAG_BYTES)
        self._over = len(piece) < _PIECE_BYTES + _TAG_BYTES or not self._has_more()
        try:
            self._opened += self._aes.decrypt(_nonce(self._prefix, self._number, last=self._over), piece, None)
        except InvalidTag as error:
            raise Invalid(_CORRUPT) from error
        self._number += 1

    def _has_more(self) -> bool:
        place = self._source.tell()
        more = bool(self._source.read(1))
        self._source.seek(place)
        return more


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode()))


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
