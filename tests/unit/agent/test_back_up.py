"""`back-up`: what it stores, what it refuses, and in which order."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.agent.pods import EPHEMERALS, KEY, NODES, Pod
from tests.unit.zookeeper.snapshot.trees import SMALL, node

from zookeeper_operator.agent import mounts
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.volume import VolumeStore


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    made = Pod(tmp_path)
    made.sync()
    return made


def test_a_backup_is_stored_with_its_manifest(pod: Pod) -> None:
    result = pod.back_up(lastEpoch=9)
    assert result["code"] == 0
    assert pod.stored() == [f"{result['path']}/manifest.json", f"{result['path']}/snapshot.gz"]
    manifest = json.loads((pod.path(mounts.BACKUPS) / result["path"] / "manifest.json").read_text())
    for name in ("sha256", "zxid", "epoch", "znodes", "ephemerals", "digest", "storedBytes"):
        assert manifest[name] == result[name]
    assert (result["zxid"], result["epoch"], result["znodes"]) == ("500000042", 5, NODES)
    assert (result["ephemerals"], result["consistency"]) == (EPHEMERALS, "Exact")
    assert result["verified"] == {
        "at": "2026-11-26T02:00:10Z",
        "by": "Restore",
        "znodes": NODES,
        "loadSeconds": 0,
    }
    assert manifest["lastEpoch"] == 9
    assert manifest["servers"] == ["server.1=a"]
    assert result["location"] == f"pvc://backups/{result['path']}"


def test_an_encrypted_backup_names_its_key_and_never_shows_it(pod: Pod) -> None:
    pod.path(mounts.ENCRYPTION_KEY).write_bytes(KEY)
    result = pod.back_up(encrypted=True)
    assert result["encryptedBy"]
    for name in pod.stored():
        content = (pod.path(mounts.BACKUPS) / name).read_bytes()
        assert KEY not in content
        assert KEY.hex().encode() not in content


def test_the_same_backup_is_not_stored_twice(pod: Pod) -> None:
    first = pod.back_up()
    again = pod.back_up()
    assert first == again
    assert len(pod.stored()) == 2


def test_the_manifest_is_last_and_what_has_none_is_no_backup(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ArchiveError(Reason.STORAGE_UNAVAILABLE, "gone")

    with monkeypatch.context() as patched:
        patched.setattr(VolumeStore, "create", broken)
        assert pod.back_up()["reason"] == "StorageUnavailable"
    assert [Path(name).name for name in pod.stored()] == ["snapshot.gz"]
    result = pod.back_up()
    # In the same second the name is taken; nothing is overwritten.
    assert result["code"] == 0 or result["reason"] == "AlreadyStored"


def test_data_that_is_gone_before_its_manifest_is_no_backup(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent whose clock is a day ahead has taken it for abandoned."""
    put = VolumeStore.put

    def put_and_lose(store: VolumeStore, path: str, blocks: Iterable[bytes]) -> None:
        put(store, path, blocks)
        store.delete([path])

    with monkeypatch.context() as patched:
        patched.setattr(VolumeStore, "put", put_and_lose)
        assert pod.back_up()["reason"] == "StorageUnavailable"
    assert pod.stored() == []
    assert pod.back_up()["code"] == 0


@pytest.mark.parametrize(
    ("served", "code"),
    [(NODES + 1, 0), (NODES + 1 - EPHEMERALS, 0), (NODES - EPHEMERALS, 1), (NODES + 2, 1), (0, 1)],
)
def test_what_a_server_has_counted_must_be_what_is_in_the_file(
    pod: Pod, served: int, code: int
) -> None:
    pod.serve(served)
    result = pod.back_up()
    assert result["code"] == code
    if code:
        assert result["reason"] == "VerificationFailed"
        assert pod.stored() == []


def test_a_wrong_digest_of_the_server_is_refused(pod: Pod) -> None:
    pod.serve(NODES + 1, digestMismatches=1)
    assert pod.back_up()["reason"] == "VerificationFailed"
    assert pod.stored() == []


def test_a_torn_snapshot_is_refused(pod: Pod) -> None:
    later = replace(SMALL, nodes=(*SMALL.nodes, node("/later", zxid=0x500000043)))
    pod.sync(tree=later)
    result = pod.back_up()
    assert result["reason"] == "InconsistentSnapshot"
    assert pod.stored() == []


def test_each_flipped_bit_of_the_snapshot_is_refused(pod: Pod) -> None:
    snapshot = pod.sync()
    content = snapshot.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        snapshot.write_bytes(changed)
        assert pod.back_up()["reason"] in {"CorruptSnapshot", "InconsistentSnapshot"}
    assert pod.stored() == []


def test_a_snapshot_under_another_name_is_refused(pod: Pod) -> None:
    snapshot = pod.sync()
    snapshot.rename(snapshot.with_name("snapshot.500000041"))
    assert pod.back_up()["reason"] == "InconsistentSnapshot"


@pytest.mark.parametrize("names", [(), ("snapshot.1", "snapshot.2"), ("snapshot.x",)])
def test_there_must_be_one_snapshot(pod: Pod, names: tuple[str, ...]) -> None:
    for file in pod.path(mounts.SNAPSHOTS).iterdir():
        file.unlink()
    for name in names:
        (pod.path(mounts.SNAPSHOTS) / name).touch()
    assert pod.back_up()["reason"] == "SyncFailed"


def test_the_retention_is_applied_after_the_backup_and_its_failure_is_only_reported(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    retention = {"keepLast": 2}
    for number in range(4):
        pod.sync(zxid=0x500000042 + number)
        result = pod.back_up(backup=f"b{number}", backupUid=f"u{number}", retention=retention)
    assert result["removedCount"] == 1
    assert len(pod.stored()) == 4
    assert result["removed"][0].endswith("-500000043")

    def broken(*_: object) -> None:
        raise ArchiveError(Reason.STORAGE_REFUSED, "no deletes")

    monkeypatch.setattr(VolumeStore, "delete", broken)
    pod.sync(zxid=0x500000050)
    result = pod.back_up(backup="b9", backupUid="u9", retention=retention)
    assert (result["code"], result["retentionFailure"]["reason"]) == (0, "StorageRefused")
    assert len(pod.stored()) == 6


def test_without_a_key_or_with_a_wrong_one_nothing_is_stored(pod: Pod) -> None:
    assert pod.back_up(encrypted=True)["reason"] == "InvalidKey"
    pod.path(mounts.ENCRYPTION_KEY).write_bytes(b"short")
    assert pod.back_up(encrypted=True)["reason"] == "InvalidKey"
    assert pod.stored() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"storage": {}},
        {"storage": {"persistentVolumeClaim": {"claimName": "c"}, "s3": {"bucket": "b"}}},
        {"storage": {"persistentVolumeClaim": {"claimName": "c", "subPath": "../.."}}},
        {"source": {"namespace": "../x", "ensemble": "zk", "identity": "1"}},
        {"source": {}},
    ],
)
def test_a_task_that_makes_no_sense_is_refused(pod: Pod, fields: dict[str, object]) -> None:
    assert pod.back_up(**fields)["reason"] == "InvalidTask"
    assert pod.stored() == []
