"""The leader is stopped, killed or frozen while clients write.

Three members, and writers that count. Each time: another member leads, the status names it within two
seconds of its election, an Event reports it, the old leader comes back as a follower, and no acknowledged
write is lost.
"""

import time
from collections.abc import Callable

import pytest
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble, watch_condition, watch_leader
from e2e.writer.handle import Result

pytestmark = [pytest.mark.chaos, pytest.mark.measured]

NAMED_WITHIN = 2.0
"""Seconds from a leader's election to its name in the status."""


def lose_leader(three: Ensemble, lose: Callable[[int], None]) -> Result:
    """Lose the leader while clients write, and check every promise."""
    before = three.wait_settled()["leader"]
    told = len(three.events("LeaderChanged"))
    with three.counting() as writer, watch_leader(three) as watched:
        since = time.time()
        lose(before["id"])
        wait_until(
            "the status names another leader",
            lambda: watched.first(before["epoch"] + 1),
            seconds=60,
            every=0.1,
            seen=lambda: watched.sightings[-3:],
        )
        wait_until(
            "an Event tells of the new leader",
            lambda: len(three.events("LeaderChanged")) > told,
            seconds=20,
        )
        after = three.wait_settled()
        result = writer.stop()
    print(result)

    new = after["leader"]
    assert new["epoch"] == before["epoch"] + 1, "exactly one election"
    assert new["id"] != before["id"]
    old = next(m for m in after["members"] if m["id"] == before["id"])
    assert (old["role"], old["serving"]) == ("follower", True), "it comes back as a follower"
    assert new["pod"] in three.events("LeaderChanged")[-1]["message"]

    assert result.lost == 0
    assert result.sessions_lost == 0
    elected = next(e["at"] for e in result.elections if e["epoch"] == new["epoch"])
    named = watched.first(new["epoch"])
    assert named is not None
    assert named.leader == new["pod"]
    print(
        f"elected {elected - since:.2f} s after the loss, named by the status "
        f"{named.at - elected:.2f} s after its election"
    )
    assert named.at - elected <= NAMED_WITHIN
    return result


def test_t10_the_leaders_pod_is_deleted(three: Ensemble) -> None:
    """`kubectl delete pod` of the leader."""
    result = lose_leader(
        three, lambda member: three.cluster.delete("pod", f"zk-{member}", three.namespace)
    )
    assert result.longest_gap() < 5


def test_the_leaders_pod_is_deleted_by_force(three: Ensemble) -> None:
    """As if its node had died: a forced deletion does not cost minutes."""
    result = lose_leader(
        three,
        lambda member: three.cluster.delete(
            "pod", f"zk-{member}", three.namespace, "--force", "--grace-period=0"
        ),
    )
    assert result.longest_gap() < 5


def test_the_leaders_process_is_killed(three: Ensemble) -> None:
    """SIGKILL of the leader's process: the container starts again, in the same pod."""
    result = lose_leader(three, lambda member: three.signal(member, "KILL"))
    assert result.longest_gap() < 5


def test_the_leader_freezes(three: Ensemble) -> None:
    """SIGSTOP of the leader: it answers nothing and breaks no connection, as behind a broken network."""
    frozen: list[int] = []

    def freeze(member: int) -> None:
        three.signal(member, "STOP")
        frozen.append(member)
        thaw_when_replaced(three, member)

    try:
        # syncLimit x tickTime, 10 s by default, is how long the others wait for a silent leader.
        result = lose_leader(three, freeze)
    finally:
        for member in frozen:
            three.signal(member, "CONT")
    assert result.longest_gap() < 20


def thaw_when_replaced(three: Ensemble, member: int) -> None:
    """Let a frozen leader continue when the others have another one."""
    epoch = three.status()["leader"]["epoch"]
    wait_until(
        "the status names another leader",
        lambda: three.status()["leader"]["epoch"] > epoch,
        seconds=60,
        every=0.2,
    )
    three.signal(member, "CONT")


def test_a_follower_that_freezes_is_told_and_does_no_harm(three: Ensemble) -> None:
    """A follower is frozen: writes continue, the status and an Event say which one; then it is back."""
    follower = three.followers()[0]
    epoch = three.status()["leader"]["epoch"]
    with three.counting(pinned=[m for m in (1, 2, 3) if m != follower]) as writer:
        three.signal(follower, "STOP")
        try:
            wait_until(
                "the status says that it does not serve",
                lambda: (
                    not next(m for m in three.status()["members"] if m["id"] == follower)["serving"]
                ),
                seconds=30,
            )
            quorum = three.status()["quorum"]
            assert (quorum["live"], quorum["tolerates"]) == (2, 0)
            assert three.condition("QuorumHealthy")["status"] == "True"
            assert three.condition("Ready")["status"] == "False"
            allowed = three.condition("ScaleAllowed")
            assert (allowed["status"], allowed["reason"]) == ("False", "MemberNotSynced")
        finally:
            three.signal(follower, "CONT")
        three.wait_settled()
        result = writer.stop()
    print(result)
    assert (result.lost, result.sessions_lost) == (0, 0)
    assert three.status()["leader"]["epoch"] == epoch, "no election because of a follower"
    assert f"zk-{follower}" in three.wait_event("MemberLost")[-1]["message"]
    assert f"zk-{follower}" in three.wait_event("MemberBack")[-1]["message"]


def test_a_lost_majority_is_told_and_comes_back(three: Ensemble) -> None:
    """Two of three pods at once: NoQuorum is reported, nothing is touched, and the data is kept."""
    three.write("/before", "kept")
    # An earlier test may have killed its process once.
    pod, restarts = three.pod_uids()["zk-3"], three.restarts()["zk-3"]
    try:
        with watch_condition(three, "QuorumHealthy") as told:
            three.cluster.kubectl(
                *("--namespace", three.namespace, "delete", "pod", "zk-1", "zk-2"),
                *("--wait=false", "--force", "--grace-period=0"),
            )
            # It lasts only as long as two JVMs take to start: a check now and then might miss it.
            wait_until(
                "the loss of the majority is told",
                lambda: any(status == "False" for status, _ in told.copy()),
                seconds=20,
                every=0.2,
                seen=lambda: told,
            )
        three.wait_settled()
        assert three.read("/before", member=1) == "kept"
        # The third one was not restarted for it.
        assert (three.pod_uids()["zk-3"], three.restarts()["zk-3"]) == (pod, restarts)
    finally:
        three.delete("/before", member=3)
