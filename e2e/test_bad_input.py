"""Mistakes of a user that the API server accepts: reported with a reason, harmless, and fixed by the spec.

Each time a healthy ensemble beside the broken one is reconciled as before: one bad resource must not stop
the operator for all. The operator is never restarted; the corrected spec fixes the ensemble, so no failure
stays for ever.
"""

from collections.abc import Iterator

import pytest
from e2e.changes import ROLL_SECONDS, committed
from e2e.cluster import stays, wait_until
from e2e.ensembles import JVM, Ensemble, manifest
from e2e.places import Operator, Places

TOLD_WITHIN = 30


@pytest.fixture(autouse=True)
def neighbour(places: Places, operator: Operator) -> Iterator[Ensemble]:
    """A healthy ensemble that must stay healthy and be reconciled, by the same operator process."""
    found = places.shared(replicas=1)
    pods, working = found.pod_uids(), operator.leading_pod()
    restarts = operator_restarts(operator)
    yield found
    assert found.is_settled()
    assert found.pod_uids() == pods
    assert (operator.leading_pod(), operator_restarts(operator)) == (working, restarts)


def operator_restarts(operator: Operator) -> int:
    """How often the operator's containers were started again."""
    return sum(c["restartCount"] for p in operator.pods() for c in p["status"]["containerStatuses"])


def is_served(neighbour: Ensemble) -> None:
    """The operator acts on an edit of the healthy ensemble at once."""
    generation = neighbour.body()["metadata"]["generation"]
    cluster, namespace = neighbour.cluster, neighbour.namespace
    cluster.delete("configmap", "zk-connection", namespace)
    wait_until(
        "the neighbour is served",
        lambda: cluster.get("configmap", "zk-connection", namespace),
        seconds=10,
    )
    assert neighbour.body()["metadata"]["generation"] == generation


def make(places: Places, **spec: object) -> Ensemble:
    """An ensemble that cannot serve."""
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(ensemble.namespace, **{"replicas": 1, **spec}))  # type: ignore[arg-type]
    return ensemble


def test_a_storage_class_that_does_not_exist(places: Places, neighbour: Ensemble) -> None:
    """StorageClassMissing names the class and those there are; on another class it comes up."""
    storage = {"data": {"size": "256Mi", "storageClassName": "no-such-class"}}
    ensemble = make(places, storage=storage)
    told = ensemble.wait_condition(
        "StorageHealthy", "False", "StorageClassMissing", seconds=TOLD_WITHIN
    )
    assert "no-such-class" in told["message"]
    assert "standard" in told["message"]
    assert ensemble.condition("Ready")["reason"] == "StorageClassMissing"
    assert ensemble.table()["STATUS"] == "StorageClassMissing"
    ensemble.wait_event("StorageClassMissing")
    is_served(neighbour)

    # The class of a volume cannot be changed, so the ensemble is recreated, on its own claims.
    places.cluster.delete("zke", "zk", ensemble.namespace)
    wait_until("its pod is gone", lambda: not ensemble.pods(), seconds=60)
    storage = {"data": {"size": "256Mi", "storageClassName": "standard"}}
    places.cluster.apply(manifest(ensemble.namespace, replicas=1, storage=storage))
    ensemble.wait_settled()


def test_an_image_that_cannot_be_pulled(places: Places, neighbour: Ensemble) -> None:
    """A bad image is reported: ImagePullFailed names pod and image; the right image fixes it."""
    ensemble = make(places, replicas=3, image={"tag": "0.0.0-none", "pullPolicy": "IfNotPresent"})
    # Where no registry can be reached, a runtime asks for its name for most of a minute.
    patience = 4 * TOLD_WITHIN
    told = ensemble.wait_condition("Ready", "False", "ImagePullFailed", seconds=patience)
    # Any of the three may be the first to try.
    assert told["message"].partition(":")[0] in {"zk-1", "zk-2", "zk-3"}
    assert "0.0.0-none" in told["message"]
    ensemble.wait_event("ImagePullFailed")
    is_served(neighbour)
    ensemble.change(image={"tag": "3.9.4"})
    ensemble.wait_settled()


def test_a_memory_limit_that_is_too_small_for_a_heap(places: Places, neighbour: Ensemble) -> None:
    """MemoryTooSmall: refused before anything is created, with the number that would do."""
    small = {"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    ensemble = make(places, resources=small)
    told = ensemble.wait_condition("SpecValid", "False", "MemoryTooSmall", seconds=TOLD_WITHIN)
    assert "64Mi" in told["message"]
    assert "raise it to" in told["message"]
    assert not ensemble.pods()
    is_served(neighbour)
    large = {"requests": {"memory": "256Mi"}, "limits": {"memory": "384Mi"}}
    ensemble.change(resources=large)
    ensemble.wait_settled()


def test_znodes_that_leave_too_little_of_the_heap(places: Places, neighbour: Ensemble) -> None:
    """HeapTooSmall: a warning while the member serves, with the limit that ends it."""
    ensemble = places.ensemble(replicas=1, jvm={**JVM, "heapPercent": 35})  # of 384 MiB
    with ensemble.client("pod/zk-1") as client:
        # Below one: for each directly below the root the provider of metrics keeps figures of its own.
        client.create("/heap")
        for begun in range(0, 9_600, 100):
            ids = range(begun, begun + 100)
            created = [client.create_async(f"/heap/{n}", bytes(5_000)) for n in ids]
            for one in created:
                one.get(timeout=TOLD_WITHIN)
    is_served(ensemble)  # by a reconcile, of which there is one every five minutes otherwise
    told = ensemble.wait_condition("SpecValid", "True", "HeapTooSmall", seconds=TOLD_WITHIN)
    limit = told["message"].partition("spec.resources.limits.memory to ")[2].partition(" ")[0]
    assert ensemble.condition("Ready")["status"] == "True"
    is_served(neighbour)
    ensemble.change(resources={"limits": {"memory": limit}})
    ensemble.wait_condition("SpecValid", "True", "Valid", seconds=TOLD_WITHIN)
    ensemble.wait_settled()


def test_a_memory_limit_that_kills_the_server(places: Places, neighbour: Ensemble) -> None:
    """Options that take more than the container has: killed by the kernel, and reported so."""
    tight = {"requests": {"memory": "256Mi"}, "limits": {"memory": "256Mi"}}
    greedy = [
        "-XX:+AlwaysPreTouch",
        "-XX:InitialCodeCacheSize=400m",
        "-XX:ReservedCodeCacheSize=400m",
    ]
    ensemble = make(places, resources=tight, jvm={"options": greedy})
    wait_until(
        "the status says why it does not run",
        lambda: ensemble.condition("Ready").get("reason") in {"OutOfMemory", "CrashLooping"},
        seconds=2 * TOLD_WITHIN,
        seen=lambda: ensemble.condition("Ready"),
    )
    assert "zk-1" in ensemble.condition("Ready")["message"]
    is_served(neighbour)
    ensemble.change(
        resources={"requests": {"memory": "256Mi"}, "limits": {"memory": "384Mi"}},
        jvm={"options": []},
    )
    ensemble.wait_settled()


def test_a_pod_that_no_node_has_room_for(places: Places, neighbour: Ensemble) -> None:
    """Unschedulable, with the scheduler's own words."""
    huge = {"requests": {"cpu": "900", "memory": "256Mi"}, "limits": {"memory": "384Mi"}}
    ensemble = make(places, resources=huge)
    told = ensemble.wait_condition("Ready", "False", "Unschedulable", seconds=TOLD_WITHIN)
    assert "zk-1" in told["message"]
    assert "nsufficient cpu" in told["message"]
    ensemble.wait_event("Unschedulable")
    is_served(neighbour)
    ensemble.change(resources={"requests": {"cpu": "50m"}})
    ensemble.wait_settled()


def test_a_pod_template_that_breaks_a_promise(places: Places, neighbour: Ensemble) -> None:
    """InvalidPodTemplate says what to use instead; nothing is created from it."""
    ensemble = make(places, podTemplate={"spec": {"hostNetwork": True}})
    told = ensemble.wait_condition("SpecValid", "False", "InvalidPodTemplate", seconds=TOLD_WITHIN)
    assert "hostNetwork" in told["message"]
    assert not ensemble.pods()
    is_served(neighbour)
    ensemble.change(podTemplate={"spec": {"hostNetwork": None}})
    ensemble.wait_settled()


def test_a_pod_template_that_raises_privileges(places: Places, neighbour: Ensemble) -> None:
    """InvalidPodTemplate names the privilege and the chart's value; nothing is created from it."""
    ensemble = make(places, podTemplate={"spec": {"serviceAccountName": "default-2"}})
    found = ensemble.wait_condition("SpecValid", "False", "InvalidPodTemplate", seconds=TOLD_WITHIN)
    assert "podTemplate.allowPrivileged: [serviceAccountName]" in found["message"]
    assert not ensemble.pods()
    is_served(neighbour)
    ensemble.change(podTemplate={"spec": {"serviceAccountName": None}})
    ensemble.wait_settled()


def test_a_quantity_that_would_take_hours_to_compute(places: Places, neighbour: Ensemble) -> None:
    """A few characters that stand for a number of a million digits: refused in words, nobody waits for it."""
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "1e999999"}}]
    ensemble = make(places, podTemplate={"spec": {"volumes": volumes}})
    found = ensemble.wait_condition("SpecValid", "False", "InvalidPodTemplate", seconds=TOLD_WITHIN)
    assert "spec.podTemplate.spec.volumes[0].emptyDir.sizeLimit" in found["message"]
    assert not ensemble.pods()
    is_served(neighbour)
    ensemble.change(podTemplate={"spec": {"volumes": None}})
    ensemble.wait_settled()


def test_a_server_that_ends_has_its_last_words_in_the_pod(places: Places) -> None:
    """The message of the container falls back to its log where the start script has said nothing."""
    ensemble = make(places, config={"metricsProvider.className": "no.such.Provider"})
    ensemble.wait_condition("Ready", "False", "CrashLooping", seconds=3 * TOLD_WITHIN)
    states = [
        status.get("lastState") or status["state"]
        for pod in ensemble.pods()
        for status in pod["status"].get("containerStatuses") or []
    ]
    words = [state["terminated"]["message"] for state in states if "terminated" in state]
    assert any("no.such.Provider" in said for said in words), states


def test_a_running_ensemble_is_not_harmed_by_a_bad_spec(
    places: Places, neighbour: Ensemble
) -> None:
    """A bad edit of a healthy ensemble is reported, and every member continues as it was."""
    ensemble = places.ensemble(replicas=1)
    pods = ensemble.pod_uids()
    small = {"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    ensemble.change(resources=small)
    ensemble.wait_condition("SpecValid", "False", "MemoryTooSmall", seconds=TOLD_WITHIN)
    stays("its pod", lambda: ensemble.pod_uids() == pods, seconds=5)
    assert ensemble.condition("QuorumHealthy")["status"] == "True"
    is_served(neighbour)
    ensemble.change(resources={"requests": {"memory": "256Mi"}, "limits": {"memory": "384Mi"}})
    ensemble.wait_settled()
    assert ensemble.pod_uids() == pods, "the spec is what it was: there is nothing to restart"


def test_a_bad_edit_while_a_vote_is_handed_over_leaves_no_member_without_its_vote(
    places: Places, neighbour: Ensemble
) -> None:
    """In the middle of a rollout: the vote is given back under the bad spec, too."""
    ensemble = places.ensemble(replicas=3)
    memory = ensemble.body()["spec"]["resources"]
    ensemble.change(config={"tickTime": 2100})
    wait_until(
        "the leader hands over",
        lambda: ensemble.events("HandingOverLeadership"),
        seconds=120,
        every=0.1,
    )
    ensemble.change(resources={"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}})
    ensemble.wait_condition("SpecValid", "False", "MemoryTooSmall", seconds=TOLD_WITHIN)
    wait_until(
        "all three vote",
        lambda: sum(":participant" in line for line in committed(ensemble)[0]) == 3,
        seconds=60,
        seen=lambda: committed(ensemble)[0],
    )
    wait_until(
        "all three serve", lambda: ensemble.status()["quorum"]["summary"] == "3/3", seconds=60
    )
    pods = ensemble.pod_uids()
    stays("every pod", lambda: ensemble.pod_uids() == pods, seconds=5)
    is_served(neighbour)
    ensemble.change(resources=memory)
    ensemble.wait_settled(seconds=ROLL_SECONDS)
    assert len({m["revision"] for m in ensemble.status()["members"]}) == 1
