"""Volumes that grow, and the members that wait for it.

The cluster's own class cannot grow volumes. So the class here says that it can, and the test plays the part
of its resizer: it answers on the claims' status, as a CSI driver's sidecar and the kubelet do. Everything
else is real: claims, StatefulSet, pods, and the members on them.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from e2e.changes import Kept, frozen, published, scale, wait_restarts, wait_voters, writing
from e2e.cluster import Cluster, stays, wait_until
from e2e.ensembles import Ensemble
from e2e.places import LABEL, RUN, Places

pytestmark = pytest.mark.chaos

VOTERS = (1, 2, 3)
CLASS = f"e2e-growing-{RUN}"
SMALL, LARGE = "256Mi", "320Mi"


@pytest.fixture
def growing(cluster: Cluster) -> Iterator[str]:
    """A storage class like the default one that promises to grow volumes."""
    classes = cluster.list("storageclasses")
    (default,) = [c for c in classes if "true" in (c["metadata"].get("annotations") or {}).values()]
    cluster.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": CLASS, "labels": {LABEL: RUN}},
            "provisioner": default["provisioner"],
            "volumeBindingMode": default["volumeBindingMode"],
            "reclaimPolicy": "Delete",
            "allowVolumeExpansion": True,
        }
    )
    yield CLASS
    cluster.delete("storageclass", CLASS)


def asked(ensemble: Ensemble, member: int) -> str:
    size: str = ensemble.claim(member)["spec"]["resources"]["requests"]["storage"]
    return size


def answer(ensemble: Ensemble, member: int, **status: object) -> None:
    """What a resizer writes on a claim's status."""
    ensemble.cluster.kubectl(
        *("--namespace", ensemble.namespace, "patch", "pvc", f"data-zk-{member}"),
        *("--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}"),
    )


def grow(ensemble: Ensemble, member: int) -> None:
    """The volume and its file system have grown."""
    answer(ensemble, member, capacity={"storage": LARGE}, conditions=[])


def wait_for_the_pod(ensemble: Ensemble, member: int) -> None:
    """Act as the kubelet: the volume has grown, its file system has waited for a restart for a while."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    condition = {
        "type": "FileSystemResizePending",
        "status": "True",
        "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "message": "waiting for the pod to be started anew",
    }
    answer(ensemble, member, conditions=[condition])


def test_volumes_grow_and_who_must_is_restarted(places: Places, growing: str) -> None:
    """An edit of the storage is not ignored: every claim asks for more, and no write is lost meanwhile."""
    storage = {"data": {"size": SMALL, "storageClassName": growing}}
    ensemble = places.ensemble(storage=storage)
    kept = Kept.before(ensemble)
    statefulset = ensemble.cluster.get("statefulset", "zk", ensemble.namespace)
    assert statefulset is not None
    leader = ensemble.leader()
    online, *offline = ensemble.followers()
    offline.append(leader)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS) as writer:
        ensemble.change(storage={"data": {"size": LARGE}})
        wait_until(
            "every claim asks for more",
            lambda: {asked(ensemble, m) for m in VOTERS} == {LARGE},
            seconds=30,
        )
        told = ensemble.wait_condition("StorageHealthy", "False", "ResizePending")
        assert "data-zk-1" in told["message"]

        # New members get the new size: the StatefulSet is recreated, and its pods do not notice.
        def template() -> str:
            found = ensemble.cluster.get("statefulset", "zk", ensemble.namespace)
            if found is None:
                return "none, for a moment"
            (only,) = found["spec"]["volumeClaimTemplates"]
            size: str = only["spec"]["resources"]["requests"]["storage"]
            return size

        wait_until("the claim template has the new size", lambda: template() == LARGE, seconds=30)
        kept.check_untouched(VOTERS)

        grow(ensemble, online)
        stays("no pod is touched for it", lambda: ensemble.pod_uids() == kept.pods, seconds=5)

        # Two file systems grow only at the start of a pod, the leader's among them: a roll.
        for member in offline:
            wait_for_the_pod(ensemble, member)
        for count in range(1, len(offline) + 1):
            done = wait_restarts(ensemble, kept.pods, count)
            for member in offline:
                if f"zk-{member}" in done:
                    grow(ensemble, member)
        ensemble.wait_settled()
        wait_until(
            "storage is well",
            lambda: ensemble.condition("StorageHealthy")["status"] == "True",
            seconds=40,
            seen=lambda: ensemble.condition("StorageHealthy"),
        )
        kept.check_clients(writer.stop())
    assert kept.elections() <= 1
    kept.check_untouched([online])
    order = [e["message"].split(":")[0].split()[-1] for e in ensemble.events("RestartingMember")]
    assert order == [f"zk-{member}" for member in offline], "the leader last, each once"

    scale(ensemble, 5)
    wait_voters(ensemble, 5)
    # Once marked as members' volumes they say the same in bytes.
    assert {asked(ensemble, member) for member in (4, 5)} <= {LARGE, str(320 * 1024**2)}
    assert len(published(ensemble)[0]) == 5


def test_a_member_is_not_replaced_while_another_is_down(places: Places) -> None:
    """A live claim is not deleted: a replacement at the wrong time waits, and says for which member."""
    ensemble = places.ensemble()
    kept = Kept.before(ensemble)
    one, other = ensemble.followers()
    claims = {m: ensemble.claim(m)["metadata"]["uid"] for m in VOTERS}
    with writing(ensemble, everyone=VOTERS) as writer:
        with frozen(ensemble, one):
            ensemble.wait_condition("Ready", "False", "WaitingForMember", seconds=40)
            ensemble.cluster.kubectl(
                *("--namespace", ensemble.namespace, "annotate", "pod", f"zk-{other}"),
                "zookeeper.ensemble.dev/replace=true",
            )
            told = ensemble.wait_condition("StorageHealthy", "False", "DataWouldBeLost")
            assert f"zk-{other} is not replaced as requested" in told["message"]
            assert "bring them back" in told["message"]
            stays(
                "all claims",
                lambda: {m: ensemble.claim(m)["metadata"]["uid"] for m in VOTERS} == claims,
                seconds=5,
            )
        wait_until(
            "it has a new volume",
            lambda: ensemble.claim(other)["metadata"]["uid"] != claims[other],
            seconds=60,
        )
        ensemble.wait_settled()
        kept.check_clients(writer.stop())
    assert ensemble.claim(one)["metadata"]["uid"] == claims[one]
    assert kept.elections() == 0
