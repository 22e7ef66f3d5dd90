"""Backups for tests: asked for, waited for, and what is left of their Jobs."""

from pathlib import PurePosixPath
from typing import Any, Final

from e2e.cluster import Object, wait_until
from e2e.ensembles import Ensemble

API: Final = "zookeeper.ensemble.dev/v1alpha1"
CLAIM: Final = "backups"
STORAGE: Final[Object] = {"persistentVolumeClaim": {"claimName": CLAIM, "subPath": "all"}}
SMALL: Final[Object] = {"requests": {"cpu": "20m"}}
"""Room for a member's JVM; the agent has its own."""


def claim(ensemble: Ensemble) -> None:
    """A volume for backups."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    create(ensemble, "v1", "PersistentVolumeClaim", CLAIM, spec)


def create(ensemble: Ensemble, api: str, kind: str, name: str, spec: Object) -> None:
    """Apply an object beside an ensemble."""
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
    create(ensemble, API, "ZookeeperBackup", name, asked)


def backup(ensemble: Ensemble, name: str) -> Object:
    """A backup as it is; empty if there is none."""
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


def volume_of_backups(ensemble: Ensemble) -> Object:
    """The volume of the claim."""
    found = ensemble.cluster.get("pvc", CLAIM, ensemble.namespace)
    assert found is not None
    volume = ensemble.cluster.get("pv", found["spec"]["volumeName"])
    assert volume is not None
    return volume


def node_and_path(volume: Object) -> tuple[str, str]:
    """Where a volume of this cluster is: node and directory."""
    spec = volume["spec"]
    (term,) = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    (node,) = term["matchExpressions"][0]["values"]
    return node, (spec.get("hostPath") or spec["local"])["path"]


def stored_files(ensemble: Ensemble) -> list[str]:
    """The files on the volume of backups, by their paths on its node."""
    node, path = node_and_path(volume_of_backups(ensemble))
    return ensemble.cluster.on_node(node, "find", path, "-type", "f").splitlines()


def stored_file(ensemble: Ensemble, status: Object, name: str) -> str:
    """One file of a backup, by its path on the node of the volume."""
    directory = PurePosixPath(status["path"]).name
    (found,) = [f for f in stored_files(ensemble) if f.endswith(f"/{directory}/{name}")]
    return found
