"""A snapshot into a store and out of it: what comes out is what went in, or is refused."""

from pathlib import Path

import pytest
from tests.unit.archive.stored import KEY, store_in, store_snapshot
from tests.unit.zookeeper.snapshot.trees import SMALL, write

from zookeeper_operator.archive.encryption import Key
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import Backup
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.transfer import download
from zookeeper_operator.zookeeper.snapshot.compression import Read
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, verify

keys = pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    file = tmp_path / "snapshot.500000042"
    file.write_bytes(write(SMALL))
    return file


def verified(store: Store, backup: Backup, key: Key | None) -> Consistency:
    found = []

    def use(read: Read) -> None:
        found.append(verify(read).consistency)

    download(store, backup, key=key, use=use)
    return found[0]


@keys
def test_what_comes_out_is_what_went_in(tmp_path: Path, snapshot: Path, key: Key | None) -> None:
    store = store_in(tmp_path / "volume")
    (tmp_path / "volume").mkdir()
    backup = store_snapshot(store, snapshot, key=key)
    assert verified(store, backup, key) is Consistency.EXACT
    assert backup.manifest.size_bytes == snapshot.stat().st_size
    stored = (tmp_path / "volume" / backup.data_path).read_bytes()
    assert len(stored) == backup.manifest.stored_bytes
    assert (b"ZKSN" in stored, stored[:2] == b"\x1f\x8b") == (False, key is None)


@keys
def test_each_flipped_bit_of_what_is_stored_is_found(
    tmp_path: Path, snapshot: Path, key: Key | None
) -> None:
    (tmp_path / "volume").mkdir()
    store = store_in(tmp_path / "volume")
    backup = store_snapshot(store, snapshot, key=key)
    file = tmp_path / "volume" / backup.data_path
    content = file.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        file.write_bytes(changed)
        with pytest.raises(ArchiveError) as error:
            verified(store, backup, key)
        assert error.value.reason in {Reason.CORRUPT_BACKUP, Reason.INVALID_KEY}


@keys
def test_each_early_end_and_each_longer_file_is_found(
    tmp_path: Path, snapshot: Path, key: Key | None
) -> None:
    (tmp_path / "volume").mkdir()
    store = store_in(tmp_path / "volume")
    backup = store_snapshot(store, snapshot, key=key)
    file = tmp_path / "volume" / backup.data_path
    content = file.read_bytes()
    for changed in [*(content[:end] for end in range(len(content))), content + b"x", content * 2]:
        file.write_bytes(changed)
        with pytest.raises(ArchiveError) as error:
            verified(store, backup, key)
        assert error.value.reason is Reason.CORRUPT_BACKUP


def test_an_encrypted_backup_needs_its_key_and_says_which(tmp_path: Path, snapshot: Path) -> None:
    (tmp_path / "volume").mkdir()
    store = store_in(tmp_path / "volume")
    backup = store_snapshot(store, snapshot, key=KEY)
    for key in (None, Key(bytes(32))):
        with pytest.raises(ArchiveError) as error:
            verified(store, backup, key)
        assert error.value.reason is Reason.INVALID_KEY
        assert KEY.name in error.value.message


def test_encrypted_data_under_a_manifest_that_says_something_else_is_refused(
    tmp_path: Path, snapshot: Path
) -> None:
    (tmp_path / "volume").mkdir()
    store = store_in(tmp_path / "volume")
    backup = store_snapshot(store, snapshot, key=KEY)
    for update in ({"zxid": "1"}, {"identity": "f" * 16}, {"started_at": "2030-01-01T00:00:00Z"}):
        manifest = backup.manifest.model_copy(update=update)
        with pytest.raises(ArchiveError) as error:
            verified(store, Backup(backup.path, manifest), KEY)
        assert error.value.reason is Reason.CORRUPT_BACKUP


def test_an_error_of_the_reader_is_its_own_if_the_content_is_what_was_stored(
    tmp_path: Path, snapshot: Path
) -> None:
    (tmp_path / "volume").mkdir()
    store = store_in(tmp_path / "volume")
    backup = store_snapshot(store, snapshot)

    def fail(read: Read) -> None:
        read(10)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        download(store, backup, key=None, use=fail)
