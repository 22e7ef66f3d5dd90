"""The catalog: what counts as a backup, what is left alone, and what is removed when."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.archive.stored import NOW, PLACE, manifest_of, put_manifest, store_in

from zookeeper_operator.archive import layout
from zookeeper_operator.archive.catalog import (
    ABANDONED,
    read_backup,
    read_catalog,
    remove,
    remove_abandoned,
)
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import format_time

OTHER = f"{PLACE.path}/20261126T020018Z-500000042"


def test_a_directory_with_a_manifest_is_a_backup_and_others_are_not(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    backup = put_manifest(store, manifest_of())
    store.put(f"{OTHER}/snapshot.gz", [b"half done"])
    store.create(f"{PLACE.path}/notes/manifest.json", b"of a person")
    store.create(f"{PLACE.path}/manifest.json", b"of a person")
    catalog = read_catalog(store, PLACE)
    assert catalog.backups == (backup,)
    assert [[file.path for file in files] for files in catalog.incomplete] == [
        [f"{OTHER}/snapshot.gz"]
    ]
    assert catalog.newest_served == backup
    assert read_backup(store, backup.path) == backup


def test_a_manifest_that_cannot_be_read_is_named_and_left_alone(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.create(f"{OTHER}/manifest.json", b'{"format": 2}')
    catalog = read_catalog(store, PLACE)
    assert catalog.backups == ()
    assert [u.path for u in catalog.unreadable] == [OTHER]
    assert "its format is 2" in catalog.unreadable[0].why
    with pytest.raises(ArchiveError) as error:
        read_backup(store, OTHER)
    assert error.value.reason is Reason.CORRUPT_BACKUP


def test_another_ensemble_and_another_identity_have_catalogs_of_their_own(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    put_manifest(store, manifest_of())
    for place in (
        layout.Place("zk", "demo", "zk", "f" * 16),
        layout.Place("zk", "demo", "z", PLACE.identity),
        layout.Place("", "demo", "zk", PLACE.identity),
    ):
        assert read_catalog(store, place).backups == ()


def test_what_is_half_done_is_removed_after_a_day_and_not_before(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    backup = put_manifest(store, manifest_of())
    store.put(f"{OTHER}/snapshot.gz", [b"half done"])
    written = (tmp_path / OTHER / "snapshot.gz").stat().st_mtime
    moment = datetime.fromtimestamp(written, UTC)
    assert remove_abandoned(store, read_catalog(store, PLACE), moment + ABANDONED) == 0
    later = moment + ABANDONED + timedelta(seconds=1)
    # A complete one is old, too.
    os.utime(tmp_path / backup.data_path, (0, 0))
    assert remove_abandoned(store, read_catalog(store, PLACE), later) == 1
    catalog = read_catalog(store, PLACE)
    assert catalog.backups == (backup,)
    assert catalog.incomplete == ()
    assert not (tmp_path / OTHER).exists()


def test_half_a_removal_leaves_no_backup_and_is_completed_later(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    backup = put_manifest(store, manifest_of())

    class Ended(Exception):  # noqa: N818
        pass

    class Once:
        def delete(self, paths: Iterable[str]) -> None:
            for path in paths:
                store.delete([path])
                raise Ended

    with pytest.raises(Ended):
        remove(Once(), backup.path)  # type: ignore[arg-type]
    catalog = read_catalog(store, PLACE)
    assert catalog.backups == ()
    assert len(catalog.incomplete) == 1
    remove(store, backup.path)
    assert read_catalog(store, PLACE).incomplete == ()


def test_the_newest_that_was_served_is_that_of_the_highest_zxid(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    put_manifest(store, manifest_of())
    newest = put_manifest(
        store, manifest_of(zxid="600000001", startedAt=format_time(NOW - timedelta(days=300)))
    )
    put_manifest(
        store,
        manifest_of(zxid="700000001", verified={"at": "x", "by": "Checksum", "znodes": 1}),
    )
    assert read_catalog(store, PLACE).newest_served == newest
