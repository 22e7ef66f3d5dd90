"""The store in a directory: whole files or none, nothing overwritten, and errors with a reason."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
from tests.unit.archive.stored import store_in

from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.streams import BLOCK


def test_what_was_put_is_got_and_listed(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put("zk/a/1/snapshot.gz", [b"a" * BLOCK, b"", b"b"])
    store.create("zk/a/1/manifest.json", b"{}")
    store.create("zk/b/1/manifest.json", b"{}")
    assert b"".join(store.get("zk/a/1/snapshot.gz")) == b"a" * BLOCK + b"b"
    assert {(s.path, s.size) for s in store.list("zk/a")} == {
        ("zk/a/1/snapshot.gz", BLOCK + 1),
        ("zk/a/1/manifest.json", 2),
    }
    assert list(store.list("nowhere")) == []
    assert store.location("zk/a") == "pvc://backups/zk/a"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put("a", [b"first"])
    for again in (store.put, store.create):
        with pytest.raises(ArchiveError) as error:
            again("a", cast("Any", b"second"))
        assert error.value.reason is Reason.ALREADY_STORED
    assert b"".join(store.get("a")) == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_of_two_that_store_the_same_at_the_same_time_one_succeeds(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    def blocks() -> Iterator[bytes]:
        yield b"second"
        store.create("a", b"first")

    with pytest.raises(ArchiveError) as error:
        store.put("a", blocks())
    assert error.value.reason is Reason.ALREADY_STORED
    assert b"".join(store.get("a")) == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        store_in(tmp_path).put("a/b", blocks())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_removal_removes_empty_directories_and_is_repeated(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.create("zk/a/1", b"")
    store.create("zk/b", b"")
    for _ in range(2):
        store.delete(["zk/a/1", "zk/a/2"])
    assert [path.name for path in (tmp_path / "zk").iterdir()] == ["b"]


def test_what_is_not_there_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as error:
        list(store_in(tmp_path).get("a"))
    assert error.value.reason is Reason.BACKUP_NOT_FOUND


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, Reason.STORAGE_FULL),
        (errno.EDQUOT, Reason.STORAGE_FULL),
        (errno.EROFS, Reason.STORAGE_REFUSED),
        (errno.EIO, Reason.STORAGE_UNAVAILABLE),
        (errno.ESTALE, Reason.STORAGE_UNAVAILABLE),
    ],
)
def test_a_write_that_fails_has_a_reason_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: Reason
) -> None:
    class Broken:
        def __init__(self, file: IO[bytes]) -> None:
            self._file = file

        def __enter__(self) -> "Broken":  # noqa: PYI034
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, block: bytes) -> int:
            raise OSError(number, os.strerror(number))

    real = os.fdopen

    def broken(*args: Any, **kwargs: Any) -> Broken:
        return Broken(real(*args, **kwargs))

    monkeypatch.setattr(os, "fdopen", broken)
    with pytest.raises(ArchiveError) as error:
        store_in(tmp_path).put("a", [b"x"])
    assert error.value.reason is reason
    assert list(tmp_path.iterdir()) == []


def test_a_volume_without_hard_links_is_used_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    store = store_in(tmp_path)
    store.put("a", [b"x"])
    assert b"".join(store.get("a")) == b"x"
    with pytest.raises(ArchiveError) as error:
        store.put("a", [b"y"])
    assert error.value.reason is Reason.ALREADY_STORED
