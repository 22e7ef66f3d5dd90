"""Backups on a real cluster: beside clients, verified by a server, stored on a volume, kept and removed."""

import base64
import gzip
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from e2e.backups import (
    API,
    SMALL,
    STORAGE,
    back_up,
    backup,
    claim,
    create,
    ends,
    is_cleared,
    node_and_path,
    stored_file,
    stored_files,
    volume_of_backups,
)
from e2e.cluster import Object, find_condition, wait_until
from e2e.ensembles import Ensemble
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader

New = Callable[..., Ensemble]


@pytest.fixture
def ensemble(new_ensemble: New) -> Ensemble:
    made = new_ensemble(replicas=3)
    claim(made)
    return made


@pytest.mark.slow
def test_a_backup_is_taken_beside_clients_and_leaves_nothing(ensemble: Ensemble) -> None:
    """A server was started on it; members, their pods and the membership stay the same."""
    ensemble.write("/kept", "in-the-backup")
    pods, committed = ensemble.pod_uids(), ensemble.status()["membership"]["configVersion"]
    with ensemble.counting() as writer:
        back_up(ensemble, "first")
        status = ends(ensemble, "first")
        result = writer.stop()
    assert result.lost == 0, "no acknowledged write may be lost"
    assert status["phase"] == "Succeeded", status
    assert find_condition({"status": status}, "Verified")["reason"] == "Restored"
    assert status["verified"]["znodes"] == status["znodes"] > 5
    assert status["zookeeperVersion"].startswith("3.")
    assert status["location"].startswith("pvc://backups/all/")
    is_cleared(ensemble)
    ensemble.wait_settled()
    assert ensemble.pod_uids() == pods
    assert ensemble.status()["membership"]["configVersion"] == committed


@pytest.mark.slow
def test_a_backup_of_an_ensemble_with_tls(new_ensemble: New) -> None:
    """Also where members speak nothing but TLS, and clients as well."""
    ensemble = new_ensemble(replicas=3, tls={"clients": "Required"})
    claim(ensemble)
    back_up(ensemble, "secured")
    status = ends(ensemble, "secured")
    assert status["phase"] == "Succeeded", status
    is_cleared(ensemble)


def test_backups_take_turns_and_a_missing_volume_is_named(ensemble: Ensemble) -> None:
    """One whose volume is not there says so, holds up the other no longer than its time limit, and fails."""
    nowhere = {"persistentVolumeClaim": {"claimName": "nowhere"}}
    back_up(ensemble, "nowhere", storage=nowhere, timeout="60s")

    def held_up() -> bool:
        return "nowhere" in str(backup(ensemble, "nowhere").get("status", {}).get("message"))

    wait_until("it says what is missing", held_up, seconds=90)
    back_up(ensemble, "next")
    wait_until(
        "the next one waits",
        lambda: backup(ensemble, "next").get("status", {}).get("reason") == "AnotherBackupRuns",
        seconds=30,
        seen=lambda: backup(ensemble, "next").get("status"),
    )
    assert ends(ensemble, "nowhere")["reason"] == "TimedOut"
    assert ends(ensemble, "next")["phase"] == "Succeeded"
    is_cleared(ensemble)


@pytest.mark.slow
def test_a_schedule_keeps_the_newest_and_the_ensemble_says_so(ensemble: Ensemble) -> None:
    """Every minute, two kept: older ones go with what is stored of them."""
    spec = {
        "schedule": "* * * * *",
        "immediate": True,
        "retention": {"keepLast": 2},
        "template": {
            "spec": {
                "ensembleRef": {"name": ensemble.name},
                "storage": STORAGE,
                "resources": SMALL,
                "verify": "Checksum",
            }
        },
    }
    create(ensemble, API, "ZookeeperBackupSchedule", "often", spec)

    def removed() -> list[Object]:
        return [
            e
            for e in ensemble.cluster.list("events", ensemble.namespace)
            if e["reason"] == "BackupRemoved"
        ]

    wait_until("an old backup is removed", removed, seconds=330)
    kept = [
        b
        for b in ensemble.cluster.list("zkb", ensemble.namespace)
        if b["status"]["phase"] == "Succeeded"
    ]
    assert len(kept) <= 3, "two, and one that has just succeeded"
    ensemble.wait_condition("BackupRecent", "True", "RecentAndVerified")


def test_what_is_stored_goes_with_its_backup(ensemble: Ensemble) -> None:
    """With deletionPolicy Delete; its directory is not on the volume any more."""
    back_up(ensemble, "short-lived", deletionPolicy="Delete", verify="Checksum")
    path = ends(ensemble, "short-lived")["path"]
    back_up(ensemble, "lasting", verify="Checksum")
    stays_at = ends(ensemble, "lasting")["path"]
    ensemble.cluster.delete("zkb", "short-lived", ensemble.namespace)
    wait_until("the backup is gone", lambda: not backup(ensemble, "short-lived"), seconds=120)
    stored = stored_files(ensemble)
    assert not [name for name in stored if path in name], stored
    assert len([name for name in stored if stays_at in name]) == 2, stored


PAIRS = 20
BACKUPS = 50


@contextmanager
def writing_pairs(client: KazooClient) -> Iterator[Callable[[], int]]:
    """Change pairs of znodes by one `multi` each; yields how often that was acknowledged."""
    stopped, written = threading.Event(), 0
    for side in ("a", "b"):
        client.ensure_path(f"/{side}")
        for number in range(PAIRS):
            client.create(f"/{side}/{number}", b"0")

    def write() -> None:
        nonlocal written
        turn = 0
        while not stopped.is_set():
            turn += 1
            transaction = client.transaction()
            for side in ("a", "b"):
                transaction.set_data(f"/{side}/{turn * 7 % PAIRS}", str(turn).encode())
            try:
                results = transaction.commit()
            except KazooException:
                time.sleep(0.2)
                continue
            written += not any(isinstance(result, Exception) for result in results)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield lambda: written
    finally:
        stopped.set()
        thread.join(timeout=30)


def torn_pairs(ensemble: Ensemble, status: Object) -> list[int]:
    """The pairs of which a stored backup has one half only."""
    file = stored_file(ensemble, status, "snapshot.gz")
    node, _ = node_and_path(volume_of_backups(ensemble))
    content = gzip.decompress(base64.b64decode(ensemble.cluster.on_node(node, "base64", file)))
    data = {path: held for path, held, _ in SnapshotReader(io.BytesIO(content).read).records()}
    assert all(f"/{side}/{n}".encode() in data for side in ("a", "b") for n in range(PAIRS))
    return [n for n in range(PAIRS) if data[f"/a/{n}".encode()] != data[f"/b/{n}".encode()]]


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_of_fifty_backups_under_a_writer_of_multis_each_is_verified_and_none_is_torn(
    ensemble: Ensemble,
) -> None:
    pods = ensemble.pod_uids()
    with ensemble.client("service/zk-client") as client, writing_pairs(client) as written:
        for number in range(BACKUPS):
            before = written()
            back_up(ensemble, f"b-{number}")
            status = ends(ensemble, f"b-{number}")
            assert status["phase"] == "Succeeded", status
            assert find_condition({"status": status}, "Verified")["reason"] == "Restored"
            assert written() > before, "nothing was written meanwhile"
            assert torn_pairs(ensemble, status) == []
    assert ensemble.pod_uids() == pods
    is_cleared(ensemble)
