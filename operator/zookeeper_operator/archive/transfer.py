"""A snapshot on its way into a store and out of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zookeeper_operator.archive import layout
from zookeeper_operator.archive.encryption import Key, decrypted, encrypted
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import Backup, Encryption, Manifest
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.streams import Measured, Reader, blocks_of, compressed
from zookeeper_operator.zookeeper.snapshot.compression import Read

_MISSING_KEY: Final = (
    "the backup is encrypted, and no key was given: name the Secret with the key {} in encryption"
)


@dataclass(frozen=True)
class Transfer:
    """What was stored of a snapshot."""

    data: str
    size_bytes: int
    stored_bytes: int
    sha256: str
    encryption: Encryption | None


def upload(
    store: Store, snapshot: Path, directory: str, *, key: Key | None, context: str
) -> Transfer:
    """Compress a snapshot, encrypt it if there is a key, and store it in a directory.

    Raises:
        ArchiveError: the store does not answer, is full, refuses it, or has something there.
    """
    data = layout.PLAIN if key is None else layout.ENCRYPTED
    with snapshot.open("rb") as file:
        content = Measured(blocks_of(file.read))
        zipped: Iterator[bytes] = compressed(content)
        stored = Measured(zipped if key is None else encrypted(zipped, key, context))
        store.put(f"{directory}/{data}", stored)
    encryption = None if key is None else Encryption(key_id=key.name)
    return Transfer(data, content.size, stored.size, stored.sha256, encryption)


def download(store: Store, backup: Backup, *, key: Key | None, use: Callable[[Read], None]) -> None:
    """Give the compressed snapshot of a backup to `use` as a stream, and check all of it.

    What `use` has made of it must not be used unless this returns: only then the checksum is known.

    Raises:
        ArchiveError: it is not there, is not what was stored, or the key is not its key. What `use` raises is
            raised as it is if the stored content is what was stored.
    """
    manifest = backup.manifest
    with closing(_Content(store, backup)) as content:
        blocks: Iterator[bytes] = iter(content)
        if manifest.encryption is not None:
            if key is None:
                raise ArchiveError(
                    Reason.INVALID_KEY, _MISSING_KEY.format(manifest.encryption.key_id)
                )
            blocks = decrypted(blocks, key, context_of(manifest))
        try:
            use(Reader(blocks))
        except ArchiveError:
            raise
        except Exception:
            content.check()  # the cause may be that the content is another one
            raise
        content.check()


def context_of(manifest: Manifest) -> str:
    """Return what the encrypted data is bound to."""
    return encryption_context(manifest.identity, manifest.started_at, manifest.zxid)


def encryption_context(identity: str, started_at: str, zxid: str) -> str:
    """Return what the encrypted data of such a backup is bound to."""
    return f"{identity}\n{started_at}\n{zxid}"


class _Content:
    """The stored data of a backup, measured while it is read."""

    def __init__(self, store: Store, backup: Backup) -> None:
        self._manifest = backup.manifest
        self._where = store.location(backup.data_path)
        self._source = store.get(backup.data_path)
        self._measured = Measured(self._source)
        self._blocks = iter(self._measured)

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def check(self) -> None:
        """Read the rest, and compare size and checksum with the manifest."""
        for _ in self._blocks:
            pass
        size, sha256 = self._measured.size, self._measured.sha256
        if (size, sha256) != (self._manifest.stored_bytes, self._manifest.sha256):
            raise ArchiveError(
                Reason.CORRUPT_BACKUP,
                f"{self._where} is not what was stored: it has {size} bytes and the SHA-256 {sha256}, its "
                f"manifest says {self._manifest.stored_bytes} and {self._manifest.sha256}; use "
                "another backup",
            )

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
