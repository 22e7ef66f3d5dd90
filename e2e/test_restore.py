"""Whole ensembles from a backup, on real volumes: another namespace, name, size, TLS; equal trees."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.backups import CLAIM, STORAGE, back_up, claim, ends, node_and_path, volume_of_backups
from e2e.cluster import Cluster, Object, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import LABEL, RUN, Places
from kazoo.client import KazooClient
from kazoo.security import ACL, make_acl, make_digest_acl

pytestmark = pytest.mark.chaos

VOLUMES = f"e2e-backups-{RUN}-"
Tree = dict[str, tuple[bytes, tuple[ACL, ...]]]


@pytest.fixture
def remove_volume(cluster: Cluster) -> Iterator[None]:
    """The volumes that lead to the backups from another namespace are ours to remove."""
    yield
    for volume in cluster.list("persistentvolumes"):
        if volume["metadata"]["name"].startswith(VOLUMES):
            cluster.delete("pv", volume["metadata"]["name"], "", "--ignore-not-found")


def fill(client: KazooClient) -> None:
    """What applications write: data, depth, sequences, ACLs; and what must not come back."""
    client.create("/app/deep/deeper", b"below", makepath=True)
    client.create("/app/empty", b"")
    client.create("/app/large", bytes(range(256)) * 400)
    for number in range(40):
        client.create("/app/queue-", str(number).encode(), sequence=True)
    client.add_auth("digest", "owner:secret")
    client.create(
        "/app/mine",
        b"closed to others",
        acl=[make_digest_acl("owner", "secret", all=True), make_acl("world", "anyone", read=True)],
    )
    client.create("/app/session", b"of a client", ephemeral=True)


def tree(client: KazooClient, path: str = "/") -> Tree:
    """Each znode with its data and its ACLs, but those of sessions and of ZooKeeper itself."""
    if path == "/zookeeper":
        return {}
    data, stat = client.get(path)
    if stat.ephemeralOwner:
        return {}
    found: Tree = {path: (data, tuple(client.get_acls(path)[0]))}
    for child in client.get_children(path):
        found |= tree(client, f"{path.rstrip('/')}/{child}")
    return found


def lead_to_backups(original: Ensemble, namespace: str) -> None:
    """The same directory by a claim of another namespace, as a shared file system gives it."""
    volume = volume_of_backups(original)
    _, path = node_and_path(volume)
    name = f"{VOLUMES}{namespace}"
    about = {"name": name, "labels": {LABEL: RUN}}
    spec = volume["spec"]
    kept = {k: spec[k] for k in ("capacity", "accessModes", "nodeAffinity")}
    original.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": about,
            "spec": {
                **kept,
                "storageClassName": "",
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": path},
                "claimRef": {"name": CLAIM, "namespace": namespace},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": namespace},
            "spec": {
                "accessModes": spec["accessModes"],
                "storageClassName": "",
                "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": name,
            },
        },
    )


def restored_elsewhere(
    original: Ensemble, places: Places, status: Object, replicas: int, **spec: Any
) -> Ensemble:
    """A new ensemble of another name, in another namespace."""
    made = Ensemble(places.cluster, places.namespace(), "copy")
    lead_to_backups(original, made.namespace)
    source = {"location": {"storage": STORAGE, "path": status["path"]}}
    places.cluster.apply(
        manifest(
            made.namespace,
            made.name,
            replicas=replicas,
            bootstrap={"fromBackup": source},
            **spec,
        )
    )
    made.wait_settled(seconds=300)
    return made


def comes_back(ensemble: Ensemble, last_zxid: int) -> None:
    """A client that has seen this transaction of the old ensemble is served by the new one."""
    target = f"service/{ensemble.name}-client"
    with ensemble.cluster.port_forward(ensemble.namespace, target, 2181) as port:
        client = KazooClient(hosts=f"127.0.0.1:{port}")
        client.last_zxid = last_zxid
        client.start(timeout=30)
        try:
            assert client.get("/app/empty")[0] == b""
        finally:
            client.stop()
            client.close()


LONG = (pytest.mark.long, pytest.mark.timeout(900))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("remove_volume")
@pytest.mark.parametrize(
    ("before", "after", "spec"),
    [
        pytest.param(3, 1, {}, id="3-to-1"),
        pytest.param(1, 3, {}, id="1-to-3", marks=LONG),
        pytest.param(3, 5, {}, id="3-to-5", marks=LONG),
        pytest.param(3, 3, {"tls": {}}, id="with-tls", marks=LONG),
    ],
)
def test_a_new_ensemble_of_another_place_has_the_same_tree(
    places: Places, before: int, after: int, spec: dict[str, Any]
) -> None:
    original = places.ensemble(replicas=before)
    claim(original)
    with original.client("service/zk-client") as client:
        fill(client)
        wanted = tree(client)
        back_up(original, "whole")
        status = ends(original, "whole")
        assert status["phase"] == "Succeeded", status
        assert status["ephemerals"] == 1
        client.set("/app/empty", b"written after the backup")
        later = client.get("/app/empty")[1].last_modified_transaction_id
    copy = restored_elsewhere(original, places, status, after, **spec)
    with copy.client(f"service/{copy.name}-client") as client:
        # Reading the ACL of a closed znode takes its owner.
        client.add_auth("digest", "owner:secret")
        assert tree(client) == wanted
        assert client.exists("/app/session") is None
        before_it = client.create("/app/queue-", b"next", sequence=True)
        assert before_it > max(path for path in wanted if path.startswith("/app/queue-"))
    comes_back(copy, later)
    told = copy.status()
    assert told["restoredFrom"]
    assert told["quorum"]["voters"] == after
    # No member depends on what the restore needed.
    for pod in copy.pods():
        names = [c["name"] for c in pod["spec"].get("initContainers") or []]
        volumes = [
            v.get("persistentVolumeClaim", {}).get("claimName") for v in pod["spec"]["volumes"]
        ]
        assert "restore" not in names
        assert CLAIM not in volumes


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("remove_volume")
def test_a_download_that_fails_is_a_wait_and_never_an_empty_ensemble(places: Places) -> None:
    """The place is wrong at first: the ensemble waits for it, and serves when the backup is there."""
    original = places.ensemble(replicas=1)
    claim(original)
    original.write("/kept", "in-the-backup")
    back_up(original, "whole", verify="Checksum")
    status = ends(original, "whole")
    node, root = node_and_path(volume_of_backups(original))
    hidden, shown = f"{root}/hidden", f"{root}/all"
    places.cluster.on_node(node, "mv", shown, hidden)
    places.cluster.on_node(node, "mkdir", "-m", "0777", shown)
    copy = Ensemble(places.cluster, places.namespace(), "copy")
    lead_to_backups(original, copy.namespace)
    source = {"location": {"storage": STORAGE, "path": status["path"]}}
    places.cluster.apply(
        manifest(copy.namespace, copy.name, replicas=1, bootstrap={"fromBackup": source})
    )
    copy.wait_condition("Ready", "False", "RestoreFailed", seconds=120)
    time.sleep(15)
    assert "foundedAt" not in copy.status()
    assert copy.condition("QuorumHealthy")["status"] != "True"
    places.cluster.on_node(node, "rmdir", shown)
    places.cluster.on_node(node, "mv", hidden, shown)
    # A new pod does not wait for the back-off of its restarts.
    places.cluster.delete("pod", copy.pod_name(1), copy.namespace, "--wait=false")
    wait_until("it serves", copy.is_settled, seconds=240, seen=copy.status)
    assert copy.read("/kept") == "in-the-backup"
