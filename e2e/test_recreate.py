"""Ensembles that are deleted and created again, and ensembles that have lost all data."""

from typing import Any, Final

import pytest
from e2e.cluster import CommandError, stays, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places
from kazoo.exceptions import NoNodeError

VOLUMES: Final = {"data": {"size": "256Mi"}}
EPHEMERAL: Final = {"ephemeral": True}


def write_and_delete(places: Places, **spec: Any) -> tuple[Ensemble, str]:
    """A founded ensemble of which the resource was just deleted; its UID."""
    ensemble = places.ensemble(**spec)
    ensemble.write("/old", "data")
    uid: str = ensemble.body()["metadata"]["uid"]
    places.cluster.delete("zke", ensemble.name, ensemble.namespace)
    return ensemble, uid


def wait_new(ensemble: Ensemble, old: str) -> None:
    """Wait until the created ensemble serves, and check that it is a new one."""
    status = ensemble.wait_settled()
    assert status["identity"] not in {old, ""}
    assert ensemble.events("Founded")
    with pytest.raises(NoNodeError):
        ensemble.read("/old")


def test_an_ensemble_is_deleted_with_its_volumes_and_created_at_once(places: Places) -> None:
    """retention.whenDeleted: Delete. It waits for what is being deleted, and then is founded."""
    spec: dict[str, Any] = {
        "replicas": 3,
        "storage": {**VOLUMES, "retention": {"whenDeleted": "Delete"}},
    }
    ensemble, old = write_and_delete(places, **spec)
    places.cluster.apply(manifest(ensemble.namespace, **spec))
    wait_new(ensemble, old)


def test_claims_are_deleted_by_hand_between_delete_and_create(places: Places) -> None:
    """Their pods still run, so the claims are there and are being deleted when it is created."""
    ensemble, old = write_and_delete(places, replicas=1)
    places.cluster.delete("pvc", "data-zk-1", ensemble.namespace)
    places.cluster.apply(manifest(ensemble.namespace, replicas=1))
    wait_new(ensemble, old)


def test_the_only_copy_of_data_in_a_pod_is_not_deleted_by_the_operator(places: Places) -> None:
    """storage.ephemeral with one member: no roll and no stop; what a person deletes is founded again."""
    ensemble = places.ensemble(replicas=1, storage=EPHEMERAL)
    ensemble.write("/kept", "so far")
    pods = ensemble.pod_uids()
    with pytest.raises(CommandError, match="the data goes with the pods"):
        ensemble.change(stopped=True)
    ensemble.change(logging={"level": "DEBUG"})
    ensemble.wait_condition("RolledOut", "False", "DataWouldBeLost")
    stays("its pod is left alone", lambda: ensemble.pod_uids() == pods, seconds=3)
    assert ensemble.read("/kept") == "so far"
    epoch = ensemble.epoch()
    places.cluster.delete("pod", "zk-1", ensemble.namespace)
    wait_until("it is founded again", lambda: ensemble.events("FoundedAgain"), seconds=60)
    status = ensemble.wait_settled()
    assert status["foundedAgainAt"]
    assert ensemble.epoch() > epoch, "clients that were connected may come back"


def test_all_pods_with_data_in_them_are_gone_at_once(places: Places) -> None:
    """storage.ephemeral with three members."""
    ensemble = places.ensemble(replicas=3, storage=EPHEMERAL)
    places.cluster.kubectl(
        *(
            "--namespace",
            ensemble.namespace,
            "delete",
            "pod",
            "zk-1",
            "zk-2",
            "zk-3",
            "--wait=false",
        )
    )
    wait_until("it is founded again", lambda: ensemble.events("FoundedAgain"), seconds=60)
    ensemble.wait_settled()


def test_all_volumes_are_lost(places: Places) -> None:
    """With volumes it is not founded again: the status says which members are empty, and what to do."""
    ensemble = places.ensemble(replicas=1)
    places.cluster.delete("pvc", "data-zk-1", ensemble.namespace)
    places.cluster.delete("pod", "zk-1", ensemble.namespace)
    told = ensemble.wait_condition("QuorumHealthy", "False", "VolumeLost", seconds=60)
    assert "member 1 holds no data" in told["message"]
    assert ensemble.condition("StorageHealthy")["reason"] == "VolumeLost"
