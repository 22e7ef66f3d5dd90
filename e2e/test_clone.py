"""A copy of an ensemble's volumes in another namespace, as backup tools and CSI clones create it."""

from collections.abc import Iterator

import pytest
from e2e.cluster import Cluster
from e2e.ensembles import Ensemble, manifest
from e2e.places import LABEL, RUN, Places

VOLUME = f"e2e-copy-{RUN}"


@pytest.fixture
def remove_volume(cluster: Cluster) -> Iterator[None]:
    """The volume of the copy is ours to remove."""
    yield
    cluster.delete("pv", VOLUME, "", "--ignore-not-found")


def copy_volume(original: Ensemble, namespace: str) -> None:
    """Copy the volume of member 1 with its claim, labels and annotations included."""
    cluster, claim = original.cluster, original.claim(1)
    node, path = original.volume_path(1)
    cluster.on_node(node, "cp", "-a", path, f"{path}-{RUN}")
    volume = cluster.get("pv", claim["spec"]["volumeName"])
    assert volume is not None
    metadata = {k: claim["metadata"][k] for k in ("name", "labels")}
    kept = {
        key: value
        for key, value in claim["metadata"].get("annotations", {}).items()
        if key.startswith("zookeeper.ensemble.dev/")
    }
    spec = claim["spec"]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": VOLUME, "labels": {LABEL: RUN}},
            "spec": {
                "capacity": volume["spec"]["capacity"],
                "accessModes": spec["accessModes"],
                "storageClassName": spec["storageClassName"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"{path}-{RUN}"},
                "nodeAffinity": volume["spec"]["nodeAffinity"],
                "claimRef": {"name": metadata["name"], "namespace": namespace},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {**metadata, "namespace": namespace, "annotations": kept},
            "spec": {
                "accessModes": spec["accessModes"],
                "storageClassName": spec["storageClassName"],
                "resources": spec["resources"],
                "volumeName": VOLUME,
            },
        },
    )


@pytest.mark.usefixtures("remove_volume")
def test_a_copy_of_an_ensemble_does_not_join_the_original(places: Places) -> None:
    """It refuses the volume, says whose it is, and the original is not affected."""
    original = places.ensemble(replicas=1)
    original.write("/mine", "original")
    pods, epoch = original.pod_uids(), original.epoch()
    copy = Ensemble(places.cluster, places.namespace())
    copy_volume(original, copy.namespace)
    places.cluster.apply(manifest(copy.namespace, replicas=1))
    told = copy.wait_condition("Ready", "False", "ForeignVolume", seconds=60)
    assert f"{original.namespace}/zk" in told["message"]
    assert copy.body()["status"]["identity"] == original.status()["identity"]
    assert (original.pod_uids(), original.epoch()) == (pods, epoch)
    assert original.read("/mine") == "original"
