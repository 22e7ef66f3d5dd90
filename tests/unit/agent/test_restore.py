"""`restore`: the database of a member, written in one step or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.agent.pods import EPHEMERALS, KEY, NODES, SOURCE, Pod

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent import restore as program
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, verify


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    made = Pod(tmp_path)
    made.sync()
    return made


def files_of(pod: Pod) -> set[str]:
    data, log = pod.path(mounts.DATA), pod.path(mounts.TRANSACTIONS)
    return {
        f"{name}/{path.relative_to(directory)}"
        for name, directory in (("data", data), ("datalog", log))
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_the_database_is_that_of_start_sh(pod: Pod) -> None:
    path = pod.back_up()["path"]
    result = pod.restore(path, lastEpoch=12)
    assert (result["code"], result["restored"], result["epoch"]) == (0, True, 13)
    assert files_of(pod) == {
        "data/identity",
        "datalog/identity",
        "data/version-2/snapshot.d00000000",
        "data/version-2/currentEpoch",
        "data/version-2/acceptedEpoch",
    }
    database = pod.path(mounts.DATA) / "version-2"
    assert (database / "currentEpoch").read_text() == "13"
    stamp = (pod.path(mounts.DATA) / "identity").read_text()
    assert stamp == f"{'f' * 16} 1\nother/new\n"
    assert (pod.path(mounts.TRANSACTIONS) / "identity").read_text() == stamp
    with (database / "snapshot.d00000000").open("rb") as file:
        found = verify(file.read)
    assert (found.consistency, found.nodes) == (Consistency.EXACT, NODES - EPHEMERALS)
    assert (result["ephemerals"], result["sessions"]) == (EPHEMERALS, 1)


@pytest.mark.parametrize(
    ("stored", "given", "epoch"), [(None, None, 1006), (40, None, 1041), (40, 20, 41), (None, 3, 6)]
)
def test_the_epoch_is_above_all_that_are_known(
    pod: Pod, stored: int | None, given: int | None, epoch: int
) -> None:
    path = pod.back_up(lastEpoch=stored)["path"]
    assert pod.restore(path, lastEpoch=given)["epoch"] == epoch


def test_it_runs_again_without_a_change(pod: Pod) -> None:
    path = pod.back_up()["path"]
    pod.restore(path)
    before = files_of(pod)
    again = pod.restore(path)
    assert (again["code"], again["restored"]) == (0, False)
    assert files_of(pod) == before


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("data/version-2/snapshot.0", ""),
        ("datalog/version-2/log.1", ""),
        ("data/version-2/currentEpoch", "3"),
    ],
)
def test_a_member_with_a_database_is_left_alone_even_without_the_storage(
    pod: Pod, file: str, content: str
) -> None:
    target = pod.root / file
    target.parent.mkdir(parents=True)
    target.write_text(content)
    shutil.rmtree(pod.path(mounts.BACKUPS))
    before = files_of(pod)
    result = pod.restore("zk/nowhere")
    assert (result["code"], result["restored"]) == (0, False)
    assert files_of(pod) == before


def test_what_a_server_without_a_database_has_left_is_replaced(pod: Pod) -> None:
    database = pod.path(mounts.DATA) / "version-2"
    database.mkdir()
    for name in ("currentEpoch", "acceptedEpoch"):
        (database / name).write_text("-1")
    assert pod.restore(pod.back_up()["path"])["restored"] is True
    assert (database / "currentEpoch").read_text() != "-1"


@pytest.mark.parametrize("encrypted", [False, True])
def test_each_flipped_bit_fails_and_leaves_nothing(pod: Pod, *, encrypted: bool) -> None:
    pod.path(mounts.ENCRYPTION_KEY).write_bytes(KEY)
    result = pod.back_up(encrypted=encrypted)
    name = "snapshot.gz.enc" if encrypted else "snapshot.gz"
    file = pod.path(mounts.BACKUPS) / result["path"] / name
    content = file.read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 0x10
        file.write_bytes(changed)
        failed = pod.restore(result["path"], encrypted=encrypted)
        assert failed["code"] == 1
        assert failed["reason"] in {"CorruptBackup", "InvalidKey"}
        assert files_of(pod) == set()
    file.write_bytes(content)
    assert pod.restore(result["path"], encrypted=encrypted)["restored"] is True


def test_a_download_that_ends_early_fails_and_leaves_nothing(pod: Pod) -> None:
    result = pod.back_up()
    file = pod.path(mounts.BACKUPS) / result["path"] / "snapshot.gz"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert pod.restore(result["path"])["reason"] == "CorruptBackup"
    file.unlink()
    assert pod.restore(result["path"])["reason"] == "BackupNotFound"
    assert files_of(pod) == set()
    assert list(pod.path(mounts.DATA).iterdir()) == []


@pytest.mark.parametrize("at", range(8))
def test_killed_after_any_write_it_is_repeated_to_the_same_end(
    pod: Pod, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Each rename and each write of a file is a step; the process ends at one of them."""
    path = pod.back_up()["path"]

    class Killed(BaseException):
        pass

    steps = 0

    def ending(real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            nonlocal steps
            steps += 1
            if steps > at:
                raise Killed
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        # A killed process tidies up nothing.
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        patched.setattr(program, "_write", ending(program._write))
        patched.setattr(program, "_discard_empty_database", ending(program._discard_empty_database))
        patched.setattr(Path, "rename", ending(Path.rename))
        try:
            pod.restore(path)
        except Killed:
            assert not list(pod.path(mounts.DATA).glob("version-2/snapshot.*"))
    assert pod.restore(path)["code"] == 0
    assert "data/identity" in files_of(pod)
    assert any(name.startswith("data/version-2/snapshot.") for name in files_of(pod))
    assert not any("incomplete" in name for name in files_of(pod))


def test_a_manifest_with_another_checksum_than_the_object_says_is_refused(pod: Pod) -> None:
    result = pod.back_up()
    assert pod.restore(result["path"], sha256="0" * 64)["reason"] == "CorruptBackup"
    assert pod.restore(result["path"], sha256=result["sha256"])["restored"] is True


def test_a_subtree_has_its_ancestors_and_nothing_else_of_the_application(pod: Pod) -> None:
    result = pod.restore(pod.back_up()["path"], subtree="/app/container")
    (file,) = (pod.path(mounts.DATA) / "version-2").glob("snapshot.*")
    with file.open("rb") as stream:
        paths = {record[0].decode() for record in SnapshotReader(stream.read).records()}
    assert {path for path in paths if not path.startswith("/zookeeper")} == {
        *("", "/app", "/app/container", "/app/container/ttl"),
    }
    assert "/zookeeper/quota" in paths
    assert result["znodes"] == len(paths)


@pytest.mark.parametrize("subtree", ["/nowhere", "app", "/app/", "//app", ""])
def test_a_subtree_that_is_not_there_fails_and_leaves_nothing(pod: Pod, subtree: str) -> None:
    failed = pod.restore(pod.back_up()["path"], subtree=subtree)
    assert failed["code"] == 1
    assert failed["reason"] in {"InvalidTask", "CorruptSnapshot"}
    assert files_of(pod) == set()


@pytest.mark.parametrize("path", ["../../etc", "zk", "zk/demo/zk/01234567/x", ""])
def test_a_path_without_a_backup_is_refused(pod: Pod, path: str) -> None:
    failed = pod.restore(path)
    assert failed["reason"] in {"InvalidTask", "BackupNotFound"}
    assert files_of(pod) == set()


def test_an_epoch_that_cannot_be_is_refused(pod: Pod) -> None:
    path = pod.back_up()["path"]
    assert pod.restore(path, lastEpoch=1 << 31)["reason"] == "InvalidTask"
    assert files_of(pod) == set()


def test_the_source_of_a_backup_is_not_its_target(pod: Pod) -> None:
    """A backup of one ensemble is restored as another one: the stamp is that of the target."""
    pod.restore(pod.back_up()["path"], target={**SOURCE, "ensemble": "copy"}, member=7)
    stamp = (pod.path(mounts.DATA) / "identity").read_text()
    assert stamp == f"{SOURCE['identity']} 7\ndemo/copy\n"
