"""Rolls under clients that write: by every trigger, and with everything that can go wrong meanwhile.

Each roll: no acknowledged write and no session lost, one election at most, every restart with its reason,
the leader last. `make bench` measures the gap on an idle machine; here it only must not be as long as what
two elections on vanished addresses cost a plain StatefulSet (twice 5 s).
"""

import re
from collections.abc import Callable, Iterator

import pytest
from e2e.aside import Aside, side_by_side
from e2e.changes import (
    Kept,
    ask_for_restart,
    frozen,
    happens,
    kill_leader,
    kubectl_rollout_restart,
    wait_restarts,
    wait_rolled,
    writing,
)
from e2e.cluster import PATIENCE, stays, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Operator, Places

pytestmark = [pytest.mark.chaos, pytest.mark.long]

VOTERS = (1, 2, 3)
LONGEST_GAP = 4.0 * PATIENCE


@pytest.fixture(scope="module")
def rolling(module_places: Places) -> Ensemble:
    """Three members that this module rolls and changes; each test leaves them serving."""
    ensemble = Ensemble(module_places.cluster, module_places.lasting_namespace())
    module_places.cluster.apply(manifest(ensemble.namespace))
    ensemble.wait_settled()
    return ensemble


def roll(
    ensemble: Ensemble, ask: Callable[[Ensemble], object], *, gap: float = LONGEST_GAP
) -> None:
    """Roll three members under writers, and check what every roll must keep."""
    kept = Kept.before(ensemble)
    told = len(ensemble.events("RestartingMember"))
    handed = len(ensemble.events("HandingOverLeadership"))
    leader = ensemble.leader()
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS, interval=0.02) as writer:
        ask(ensemble)
        wait_rolled(ensemble, kept.pods)
        result = writer.stop()
    kept.check_clients(result)
    assert kept.elections() <= 1
    assert result.longest_gap() < gap
    restarts = ensemble.events("RestartingMember")[told:]
    assert len(restarts) == len(VOTERS), "each member once"
    assert f"zk-{leader}:" in restarts[-1]["message"], "the leader last"
    assert len(ensemble.events("HandingOverLeadership")) == handed + 1, "and not as the leader"
    for member in ensemble.status()["members"]:
        assert re.match(r"spec\.|a restart was requested", member["restartReason"])
        assert member["restartedAt"]


# ---- the triggers ----


def test_the_restarted_at_annotation_rolls(rolling: Ensemble) -> None:
    """A roll on request."""
    roll(rolling, ask_for_restart)


def test_kubectl_rollout_restart_rolls_once(rolling: Ensemble) -> None:
    """`kubectl rollout restart` is neither undone nor rolled twice: what kubectl writes stays."""
    roll(rolling, kubectl_rollout_restart)
    pods = rolling.pod_uids()
    stays("its pods", lambda: rolling.pod_uids() == pods, seconds=5)


def test_a_change_of_config_and_heap_rolls(rolling: Ensemble) -> None:
    """Edits of the configuration reach the servers: they run with both afterwards."""
    roll(
        rolling,
        lambda e: e.change(config={"maxClientCnxns": 77}, jvm={"heapPercent": 55}),
    )
    heap = 384 * 55 // 100
    for member in VOTERS:
        assert rolling.admin(member, "configuration")["max_client_cnxns"] == 77
        line = rolling.cluster.exec(
            rolling.namespace, f"zk-{member}", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline"
        )
        assert f"-Xmx{heap}m" in line


def test_the_leader_is_killed_in_mid_roll(rolling: Ensemble) -> None:
    """The roll continues under the new leader: the leader is read before every step."""
    kept = Kept.before(rolling)
    with writing(rolling, everyone=VOTERS, pinned=VOTERS) as writer:
        ask_for_restart(rolling)
        wait_restarts(rolling, kept.pods, 1)
        kill_leader(rolling)
        wait_rolled(rolling, kept.pods)
        kept.check_clients(writer.stop())
    assert kept.elections() <= 2, "the one that was forced, and the roll's own"


def test_the_operator_is_killed_at_every_step_of_a_roll(
    rolling: Ensemble, operator: Operator
) -> None:
    """The operator needs nothing from memory: another process continues where this one stopped."""
    kept = Kept.before(rolling)
    told = len(rolling.events("RestartingMember"))
    with writing(rolling, everyone=VOTERS, pinned=VOTERS) as writer:
        ask_for_restart(rolling)
        for step in range(len(VOTERS)):
            wait_restarts(rolling, kept.pods, step)
            operator.kill()
            operator.wait_working()
        wait_rolled(rolling, kept.pods)
        kept.check_clients(writer.stop())
    assert kept.elections() <= 1
    # An Event may be lost with the process that should write it; a second restart would be one too many.
    assert len(rolling.events("RestartingMember")) - told <= len(VOTERS)


# ---- what goes wrong, side by side ----


def versions_up_and_down(ensemble: Ensemble) -> None:
    """3.9.3 to 3.9.4, down to 3.8.6, and up again: data and clients survive."""
    ensemble.cluster.apply(manifest(ensemble.namespace, version="3.9.3"))
    ensemble.wait_settled()
    ensemble.write("/before", "3.9.3")
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS) as writer:
        for version in ("3.9.4", "3.8.6", "3.9.4"):
            kept = Kept.before(ensemble)
            ensemble.change(version=version)
            wait_rolled(ensemble, kept.pods)
            assert kept.elections() <= 1, version
            told = ensemble.status()["version"]
            assert told == {"target": version, "members": {version: len(VOTERS)}}
        kept.check_clients(writer.stop())
    assert ensemble.read("/before", member=2) == "3.9.3"


def a_broken_image_then_no_room_then_mended(ensemble: Ensemble) -> None:
    """The rollout stops at the first member, for two reasons in turn, and continues with a fixed spec."""
    ensemble.cluster.apply(manifest(ensemble.namespace))
    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS) as writer:
        ensemble.change(image={"tag": "0.0.0-none"})
        # Where no registry can be reached, a runtime asks for its name for most of a minute.
        told = ensemble.wait_condition("RolledOut", "False", "RolloutStopped", seconds=150)
        (broken,) = wait_restarts(ensemble, kept.pods, 1)
        assert broken in told["message"]
        assert "ImagePullFailed" in told["message"]
        assert "0.0.0-none" in told["message"]
        ensemble.wait_event("RolloutStopped")
        allowed = ensemble.condition("ScaleAllowed")
        assert (allowed["status"], allowed["reason"]) == ("False", "MemberNotSynced")
        stays(
            "the other members",
            lambda: wait_restarts(ensemble, kept.pods, 1) == {broken},
            seconds=8,
        )

        # Still wrong, in another way: only the broken pod is moved on from its old revision.
        huge = {"requests": {"cpu": "900", "memory": "256Mi"}, "limits": {"memory": "384Mi"}}
        ensemble.change(image={"tag": ""}, resources=huge)
        wait_until(
            "the rollout stopped for want of room",
            lambda: "Unschedulable" in ensemble.condition("RolledOut")["message"],
            seconds=60,
            seen=lambda: ensemble.condition("RolledOut"),
        )
        assert wait_restarts(ensemble, kept.pods, 1) == {broken}

        ensemble.change(resources={"requests": {"cpu": "20m"}})
        ensemble.wait_settled()
        kept.check_clients(writer.stop())
    assert wait_restarts(ensemble, kept.pods, 1) == {broken}, (
        "the others run what is asked for again"
    )
    assert kept.elections() <= 1


def a_follower_freezes_in_mid_roll(ensemble: Ensemble) -> None:
    """The next member of the roll is frozen: the leader, on which all depends, is not touched."""
    ensemble.cluster.apply(manifest(ensemble.namespace))
    kept = Kept.before(ensemble)
    leader = ensemble.leader()
    first, second = (ensemble.pod_name(m) for m in ensemble.followers())
    with writing(ensemble, everyone=VOTERS) as writer:
        ask_for_restart(ensemble)
        assert wait_restarts(ensemble, kept.pods, 1) == {first}
        with frozen(ensemble, int(second.rpartition("-")[2])):

            def leader_is_left() -> bool:
                return ensemble.pod_uids().get(f"zk-{leader}") == kept.pods[f"zk-{leader}"]

            # Once its readiness says that it does not serve, a member is restarted first.
            deadline = 60.0
            happened = happens(
                "the frozen one is restarted",
                lambda: (
                    not leader_is_left()
                    or len(wait_restarts(ensemble, kept.pods, 1)) == len((first, second))
                ),
                seconds=deadline,
            )
            assert happened, f"not within {deadline} s"
            assert leader_is_left()
        wait_rolled(ensemble, kept.pods)
        kept.check_clients(writer.stop())
    order = [e["message"].split(":")[0].split()[-1] for e in ensemble.events("RestartingMember")]
    assert order == [first, second, f"zk-{leader}"]


CASES = (
    versions_up_and_down,
    a_broken_image_then_no_room_then_mended,
    a_follower_freezes_in_mid_roll,
)


@pytest.fixture(scope="module")
def aside(module_places: Places) -> Iterator[Aside]:
    """The cases that need no idle machine, all at once."""
    with side_by_side(module_places, CASES) as cases:
        yield cases


def test_versions_up_and_down(aside: Aside) -> None:
    """Version changes within 3.9, down to 3.8 and up again."""
    aside.result(versions_up_and_down)


def test_a_broken_pod_stops_the_rollout_until_the_spec_is_mended(aside: Aside) -> None:
    """A roll does not continue past a broken pod, says why, and starts again when the spec is fixed."""
    aside.result(a_broken_image_then_no_room_then_mended)


def test_a_follower_freezes_in_mid_roll(aside: Aside) -> None:
    """Readiness does not decide the roll: the operator asks the ensemble."""
    aside.result(a_follower_freezes_in_mid_roll)
