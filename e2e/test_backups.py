"""Backups on a real cluster: beside clients, verified by a server, stored on a volume, kept and removed."""

from collections.abc import Callable
from typing import Any

import pytest
from e2e.cluster import Object, find_condition, wait_until
from e2e.ensembles import Ensemble

New = Callable[..., Ensemble]
STORAGE = {"persistentVolumeClaim": {"claimName": "backups", "subPath": "all"}}
# Room for a member's JVM; the agent has its own.
SMALL = {"requests": {"cpu": "20m"}}


def claim(ensemble: Ensemble) -> None:
    """A volume for backups."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    _apply(ensemble, "v1", "PersistentVolumeClaim", "backups", spec)


def _apply(ensemble: Ensemble, api: str, kind: str, name: str, spec: Object) -> None:
    metadata = {"name": name, "namespace": ensemble.namespace}
    ensemble.cluster.apply({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})


def back_up(ensemble: Ensemble, name: str, **spec: Any) -> None:
    """Ask for a backup."""
    asked = {
        "ensembleRef": {"name": ensemble.name},
        "storage": STORAGE,
        "resources": SMALL,
        "timeout": "5m",
        **spec,
    }
    _apply(ensemble, "zookeeper.ensemble.dev/v1alpha1", "ZookeeperBackup", name, asked)


def backup(ensemble: Ensemble, name: str) -> Object:
    found = ensemble.cluster.get("zkb", name, ensemble.namespace)
    return found or {}


def ends(ensemble: Ensemble, name: str, *, seconds: float = 240) -> Object:
    """Wait until a backup has ended; its status."""

    def status() -> Object:
        found: Object = backup(ensemble, name).get("status") or {}
        return found

    wait_until(
        f"backup {name} ends",
        lambda: status().get("phase") in {"Succeeded", "Failed"},
        seconds=seconds,
        seen=status,
    )
    return status()


def left(ensemble: Ensemble) -> list[str]:
    """What is there of Jobs of backups, their pods and their configurations."""
    found = ensemble.cluster.list(
        "jobs,pods,configmaps",
        ensemble.namespace,
        selector="app.kubernetes.io/name=zookeeper-backup",
    )
    return [f"{body['kind']} {body['metadata']['name']}" for body in found]


def is_cleared(ensemble: Ensemble) -> None:
    """Wait until nothing is left."""
    wait_until(
        "nothing is left of the Job",
        lambda: not left(ensemble),
        seconds=60,
        seen=lambda: left(ensemble),
    )


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
    _apply(ensemble, "zookeeper.ensemble.dev/v1alpha1", "ZookeeperBackupSchedule", "often", spec)

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
    stored = _stored(ensemble)
    assert not [name for name in stored if path in name], stored
    assert len([name for name in stored if stays_at in name]) == 2, stored


def _stored(ensemble: Ensemble) -> list[str]:
    """The files on the volume of backups."""
    image = (
        ensemble.body()["spec"]["image"]["repository"] + ":" + ensemble.body()["spec"]["version"]
    )
    locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsUser": 1000,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "list",
                "image": image,
                "command": ["find", "/backups", "-type", "f"],
                "securityContext": locked,
                "volumeMounts": [{"name": "backups", "mountPath": "/backups"}],
            }
        ],
        "volumes": [{"name": "backups", "persistentVolumeClaim": {"claimName": "backups"}}],
    }
    _apply(ensemble, "v1", "Pod", "list", spec)

    def ended() -> bool:
        pod = ensemble.cluster.get("pod", "list", ensemble.namespace) or {}
        return bool(pod.get("status", {}).get("phase") == "Succeeded")

    wait_until("the files are listed", ended, seconds=60)
    return ensemble.cluster.logs(ensemble.namespace, "pod/list").splitlines()
