"""Encryption of a stored snapshot: AES-256-GCM in frames of 64 kB.

    header   b"ZKBE", version 1 (1 byte), the id of the key (8), a salt (32): 45 bytes
    frames   65536 bytes of content each, the last one fewer, each followed by the tag of GCM (16)

The key of a file is HKDF-SHA256(key, salt, info "zookeeper-backup"). Frame n is encrypted with the nonce
`n (11 bytes, big-endian), 1 if it is the last one, else 0`, and with the header and the context as
additional data. So a frame that was changed, moved, left out or repeated is found, and so is an early end.
The context binds the file to the manifest: it names the ensemble, the time and the zxid.

The last frame is the only one that may be empty or shorter.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zookeeper_operator.archive.errors import ArchiveError, Reason

FRAME: Final = 1 << 16
KEY_SIZE: Final = 32
_MAGIC: Final = b"ZKBE\x01"
_SALT_SIZE: Final = 32
_ID_SIZE: Final = 8
_TAG_SIZE: Final = 16
_HEADER_SIZE: Final = len(_MAGIC) + _ID_SIZE + _SALT_SIZE
_COUNTER_SIZE: Final = 11


class Key:
    """A key that a user has given. It is shown nowhere: only its id is."""

    def __init__(self, content: bytes) -> None:
        """Take 32 bytes, or the base64 of them with or without an end of line.

        Raises:
            ArchiveError: it is neither.
        """
        self._key = _decoded(content)
        self.id = hashlib.sha256(b"zookeeper-backup key id" + self._key).digest()[:_ID_SIZE]

    @property
    def name(self) -> str:
        """Its id in hexadecimal, as in the manifest."""
        return self.id.hex()

    def __repr__(self) -> str:
        return f"Key({self.name})"

    def cipher(self, salt: bytes) -> AESGCM:
        """Return the cipher of one file."""
        derived = HKDF(SHA256(), KEY_SIZE, salt=salt, info=b"zookeeper-backup").derive(self._key)
        return AESGCM(derived)


def encrypted(
    blocks: Iterable[bytes], key: Key, context: str, *, salt: bytes | None = None
) -> Iterator[bytes]:
    """Encrypt a stream.

    Args:
        blocks: the content.
        key: the user's key.
        context: what the file belongs to; decryption needs the same.
        salt: 32 random bytes; only tests give them.
    """
    salt = os.urandom(_SALT_SIZE) if salt is None else salt
    header = _MAGIC + key.id + salt
    cipher, additional = key.cipher(salt), header + context.encode()
    yield header
    for number, (content, last) in enumerate(_frames(blocks, FRAME)):
        yield cipher.encrypt(_nonce(number, last=last), content, additional)


def decrypted(blocks: Iterable[bytes], key: Key, context: str) -> Iterator[bytes]:
    """Decrypt a stream. Each block that is yielded is authentic; all of them are if the iteration ends.

    Raises:
        ArchiveError: it was encrypted by another key, or is not what was encrypted.
    """
    source = iter(blocks)
    header, rest = _take(source, _HEADER_SIZE)
    if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
        raise _corrupt("it does not begin as an encrypted backup of format 1")
    found = header[len(_MAGIC) : len(_MAGIC) + _ID_SIZE]
    if found != key.id:
        raise ArchiveError(
            Reason.INVALID_KEY,
            f"the backup was encrypted by the key {found.hex()}, and the key that was given is {key.name}: "
            "name the Secret that holds the other one",
        )
    cipher = key.cipher(header[len(_MAGIC) + _ID_SIZE :])
    additional = header + context.encode()
    frames = _frames(_chained(rest, source), FRAME + _TAG_SIZE)
    for number, (frame, last) in enumerate(frames):
        try:
            content = cipher.decrypt(_nonce(number, last=last), frame, additional)
        except (InvalidTag, ValueError) as error:
            raise _corrupt(f"frame {number} does not have its checksum") from error
        if content:
            yield content


def _decoded(content: bytes) -> bytes:
    if len(content) == KEY_SIZE:
        return content
    try:
        decoded = base64.b64decode(content.strip(), validate=True)
    except ValueError:
        decoded = b""
    if len(decoded) == KEY_SIZE:
        return decoded
    raise ArchiveError(
        Reason.INVALID_KEY,
        f"the encryption key has {len(content)} bytes; it must be 32 random bytes, raw or as base64 "
        "(openssl rand -base64 32)",
    )


def _frames(blocks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Cut a stream into frames of one size, and say of each whether it is the last one."""
    pending = bytearray()
    for block in blocks:
        pending += block
        while len(pending) > size:  # what is left may be the last one
            yield bytes(pending[:size]), False
            del pending[:size]
    yield bytes(pending), True


def _take(source: Iterator[bytes], size: int) -> tuple[bytes, bytes]:
    """Return the first bytes of a stream, and what is left of the block that they end in."""
    pending = b""
    while len(pending) < size and (block := next(source, None)) is not None:
        pending += block
    return pending[:size], pending[size:]


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_SIZE) + (b"\x01" if last else b"\x00")


def _corrupt(what: str) -> ArchiveError:
    return ArchiveError(
        Reason.CORRUPT_BACKUP,
        f"the stored data is not what was encrypted: {what}. It was changed or cut off; use another backup",
    )
