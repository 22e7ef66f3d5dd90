"""Volumes: lost, wiped, mixed up, too small, replaced."""

import pytest
from e2e.cluster import stays, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places

pytestmark = pytest.mark.chaos


def test_a_member_without_its_volume_syncs_before_it_votes(three: Ensemble) -> None:
    """A member's claim and pod are deleted: it comes back empty, copies the data, and then serves."""
    three.write("/kept", "by-the-others")
    follower = three.followers()[0]
    old = three.claim(follower)["metadata"]["uid"]
    epoch = three.status()["leader"]["epoch"]
    with three.counting() as writer:
        pod = three.pod(follower)
        assert pod is not None
        three.cluster.delete("pvc", f"data-zk-{follower}", three.namespace)
        three.cluster.delete("pod", f"zk-{follower}", three.namespace)
        wait_until(
            "it has a new volume",
            lambda: three.claim(follower)["metadata"]["uid"] != old,
            seconds=60,
        )
        three.wait_recreated(follower, pod)
        status = three.wait_settled()
        result = writer.stop()
    print(result)
    assert (result.lost, result.sessions_lost) == (0, 0)
    assert status["leader"]["epoch"] == epoch, "the others did not even notice"
    assert three.read("/kept", member=follower) == "by-the-others"
    three.delete("/kept")


def test_a_wiped_member_may_not_vote_a_write_away(places: Places) -> None:
    """The classic loss: 1 and 2 have acknowledged a write, 1 is away, 2 is wiped, 3 is behind.

    An empty 2 and a stale 3 would be a majority. They must wait for 1, however long it takes.
    """
    three = places.ensemble(replicas=3)
    frozen: set[int] = set()

    def stop(member: int) -> None:
        three.signal(member, "STOP")
        frozen.add(member)

    def go_on(member: int) -> None:
        three.signal(member, "CONT")
        frozen.discard(member)

    stale, wiped = three.followers()
    keeper = three.leader()
    try:
        stop(stale)
        three.write("/acknowledged", "by-two", member=keeper)
        stop(keeper)
        node, path = three.volume_path(wiped)
        three.cluster.on_node(
            node, "sh", "-c", f"rm -rf {path}/data/* {path}/datalog/* {path}/conf/*"
        )
        three.cluster.delete("pod", f"zk-{wiped}", three.namespace, "--force", "--grace-period=0")
        go_on(stale)

        def nobody_leads() -> bool:
            answers = [three.admin(m, "leader") for m in (stale, wiped) if is_up(three, m)]
            return not [a for a in answers if a.get("is_leader")]

        wait_until("the wiped one is up", lambda: is_up(three, wiped), seconds=60)
        stays("no leader among an empty and a stale member", nobody_leads, seconds=12)
        assert three.condition("QuorumHealthy")["status"] != "True"
    finally:
        for member in sorted(frozen):
            go_on(member)
    three.wait_settled()
    for member in (1, 2, 3):
        assert three.read("/acknowledged", member=member) == "by-two"


def is_up(ensemble: Ensemble, member: int) -> bool:
    """Whether a member's AdminServer answers at all."""
    try:
        return "command" in ensemble.admin(member, "ruok")
    except AssertionError:
        return False


def test_the_volume_of_another_ensemble_is_refused(places: Places) -> None:
    """A foreign volume is not touched; log and status say in words whose it is."""
    ensemble = places.ensemble(replicas=1)
    check_refusal(
        ensemble,
        "0000-somebody-else 1",
        f"belongs to another ensemble (0000-somebody-else; this one is {identity_of(ensemble)})",
    )


def test_the_volume_of_another_member_is_refused(places: Places) -> None:
    """Volumes are mixed up among the members of one ensemble, so ids collide."""
    ensemble = places.ensemble(replicas=1)
    check_refusal(ensemble, f"{identity_of(ensemble)} 2", "belongs to member 2 of this ensemble")


def identity_of(ensemble: Ensemble) -> str:
    """The identity that is written on the volumes of an ensemble."""
    identity: str = ensemble.status()["identity"]
    return identity


def check_refusal(ensemble: Ensemble, stamp: str, words: str) -> None:
    """Write another identity on a member's volume, restart it, read its log, and restore the identity."""
    ensemble.write("/mine", "untouched")
    own = f"{identity_of(ensemble)} 1"
    node, path = ensemble.volume_path(1)

    def stamped(text: str) -> None:
        ensemble.cluster.on_node(
            node, "sh", "-c", f"for d in data datalog; do echo '{text}' > {path}/$d/identity; done"
        )

    stamped(stamp)
    ensemble.cluster.delete("pod", "zk-1", ensemble.namespace, "--force", "--grace-period=0")
    told = ensemble.wait_condition("Ready", "False", "ForeignVolume", seconds=60)
    assert words in told["message"]
    assert "zk-1" in told["message"]
    ensemble.wait_event("ForeignVolume")
    # Between two tries the log is that of a process that has not said anything yet.
    wait_until("its log says why", lambda: is_refusal(last_lines(ensemble), words), seconds=60)

    stamped(own)
    ensemble.cluster.delete("pod", "zk-1", ensemble.namespace)
    ensemble.wait_settled()
    assert ensemble.read("/mine") == "untouched"


def is_refusal(log: str, words: str) -> bool:
    return words in log and "nothing on it was changed" in log


def last_lines(ensemble: Ensemble) -> str:
    return ensemble.cluster.logs(ensemble.namespace, "zk-1", "--tail=5")


def test_a_volume_that_cannot_grow_is_told_and_left(places: Places) -> None:
    """The class does not let the volume grow: the edit is reported, and the condition says what to do."""
    ensemble = places.ensemble(replicas=1)
    pods, size = ensemble.pod_uids(), ensemble.claim(1)["spec"]["resources"]
    ensemble.change(storage={"data": {"size": "320Mi"}})
    told = ensemble.wait_condition("StorageHealthy", "False", "ResizeRefused")
    assert "standard" in told["message"]
    ensemble.wait_event("ResizeRefused")
    assert ensemble.condition("QuorumHealthy")["status"] == "True"
    stays("its pod", lambda: ensemble.pod_uids() == pods, seconds=5)
    assert ensemble.claim(1)["spec"]["resources"] == size


@pytest.mark.long
def test_members_are_replaced_by_larger_ones_where_no_volume_can_grow(places: Places) -> None:
    """What ResizeRefused advises: one member after the other, and then nothing is left to report."""
    ensemble = places.ensemble()
    ensemble.write("/kept", "so")
    ensemble.change(storage={"data": {"size": "320Mi"}})
    ensemble.wait_condition("StorageHealthy", "False", "ResizeRefused")
    for member in (*ensemble.followers(), ensemble.leader()):
        ensemble.cluster.kubectl(
            *("--namespace", ensemble.namespace, "annotate", "pod", f"zk-{member}"),
            "zookeeper.ensemble.dev/replace=true",
        )

        def larger(member: int = member) -> bool:
            capacity = ensemble.claim(member)["status"].get("capacity") or {}
            return capacity.get("storage") == "320Mi"

        wait_until(f"zk-{member} has a larger volume", larger, seconds=60)
        ensemble.wait_settled()
    ensemble.wait_condition("StorageHealthy", "True", "Bound")
    assert ensemble.read("/kept") == "so"


def test_a_volume_cannot_shrink(three: Ensemble) -> None:
    """Refused at once, by the API server, with what to do instead."""
    with pytest.raises(AssertionError, match="size can only grow"):
        three.change(storage={"data": {"size": "128Mi"}})


def test_a_member_is_replaced_on_request(three: Ensemble) -> None:
    """The annotation on a pod: its volume and pod are recreated, without a write lost."""
    follower = three.followers()[-1]
    old = three.claim(follower)["metadata"]["uid"]
    pods = three.pod_uids()
    three.write("/replaced", "not")
    with three.counting() as writer:
        three.cluster.kubectl(
            *("--namespace", three.namespace, "annotate", "pod", f"zk-{follower}"),
            "zookeeper.ensemble.dev/replace=true",
        )
        wait_until(
            "it has a new volume",
            lambda: three.claim(follower)["metadata"]["uid"] != old,
            seconds=60,
        )
        three.wait_settled()
        result = writer.stop()
    print(result)
    assert (result.lost, result.sessions_lost) == (0, 0)
    changed = {name for name, uid in three.pod_uids().items() if pods[name] != uid}
    assert changed == {f"zk-{follower}"}
    three.wait_event("ReplacingMember")
    assert three.read("/replaced", member=follower) == "not"
    three.delete("/replaced")


def test_volumes_go_with_the_ensemble_when_asked_for(places: Places) -> None:
    """retention.whenDeleted: Delete."""
    storage = {"data": {"size": "256Mi"}, "retention": {"whenDeleted": "Delete"}}
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(ensemble.namespace, replicas=1, storage=storage))
    ensemble.wait_settled()
    places.cluster.delete("zke", "zk", ensemble.namespace)
    wait_until(
        "its claims are gone",
        lambda: not places.cluster.list("pvc", ensemble.namespace),
        seconds=60,
    )


def test_a_volume_of_its_own_for_the_log(places: Places) -> None:
    """storage.log: transactions on one claim, snapshots on the other."""
    storage = {"data": {"size": "256Mi"}, "log": {"size": "256Mi"}}
    ensemble = places.ensemble(replicas=1, storage=storage)
    ensemble.write("/logged", "apart")
    claims = {c["metadata"]["name"] for c in places.cluster.list("pvc", ensemble.namespace)}
    assert claims == {"data-zk-1", "datalog-zk-1"}
    listing = places.cluster.exec(ensemble.namespace, "zk-1", "ls", "/datalog/version-2")
    assert "log." in listing
    pod = ensemble.pod(1)
    assert pod is not None
    ensemble.cluster.delete("pod", "zk-1", ensemble.namespace)
    ensemble.wait_recreated(1, pod)
    ensemble.wait_settled()
    assert ensemble.read("/logged") == "apart"


def test_ephemeral_storage_is_warned_of(places: Places) -> None:
    """storage.ephemeral: serves, and says what that means."""
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(ensemble.namespace, replicas=1, storage={"ephemeral": True}))
    ensemble.wait_settled()
    told = ensemble.condition("StorageHealthy")
    assert (told["status"], told["reason"]) == ("False", "EphemeralStorage")
    assert ensemble.table()["STATUS"] == "EphemeralStorage"
    assert not places.cluster.list("pvc", ensemble.namespace)
