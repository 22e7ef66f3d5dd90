"""Scaling under clients that write: up and down, in one edit, interrupted, refused.

Always: no acknowledged write and no session lost, running members are never restarted, the size changes
by one at a time, and what pods start from (`zk-membership`) is what the ensemble has committed.
"""

from collections.abc import Callable, Iterator

import pytest
from e2e.aside import Aside, side_by_side
from e2e.changes import (
    Kept,
    ask_for_restart,
    check_published,
    cut_off,
    frozen,
    kill_leader,
    leads,
    scale,
    serves,
    wait_restarts,
    wait_rolled,
    wait_voters,
    writing,
)
from e2e.cluster import PATIENCE, stays, wait_until
from e2e.ensembles import Ensemble, manifest, parse_time, watch_condition
from e2e.places import Operator, Places

pytestmark = [pytest.mark.chaos, pytest.mark.long]

THREE, FIVE = (1, 2, 3), (1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def scaling(module_places: Places) -> Ensemble:
    """Three members that this module scales; each test leaves three."""
    ensemble = Ensemble(module_places.cluster, module_places.lasting_namespace())
    module_places.cluster.apply(manifest(ensemble.namespace))
    ensemble.wait_settled()
    return ensemble


def pod_exists(ensemble: Ensemble, member: int) -> bool:
    return ensemble.pod(member) is not None


def test_three_to_five_to_three(scaling: Ensemble) -> None:
    """By `kubectl scale`: no member is restarted, and no election is held."""
    kept = Kept.before(scaling)
    with writing(scaling, everyone=FIVE, pinned=THREE) as writer:
        scale(scaling, 5)
        wait_voters(scaling, 5)
        check_published(scaling)
        scale(scaling, 3)
        wait_voters(scaling, 3)
        result = writer.stop()
    kept.check_clients(result)
    kept.check_untouched(THREE)
    assert kept.elections() == 0
    assert result.longest_gap() < 4 * PATIENCE
    check_published(scaling)


def test_the_operator_is_killed_at_every_step_of_a_scaling(
    scaling: Ensemble, operator: Operator
) -> None:
    """Half-done steps are finished from what is committed."""
    kept = Kept.before(scaling)

    def then_kill(what: str, seen: Callable[[], bool]) -> None:
        wait_until(what, seen, seconds=90, every=0.2)
        operator.kill()
        operator.wait_working()

    with writing(scaling, everyone=FIVE, pinned=THREE) as writer:
        scale(scaling, 5)
        then_kill("the first joiner starts", lambda: pod_exists(scaling, 4))
        then_kill("the second joiner starts", lambda: pod_exists(scaling, 5))
        wait_voters(scaling, 5)
        scale(scaling, 3)
        then_kill("one has left", lambda: scaling.status()["quorum"]["voters"] < 5)
        wait_voters(scaling, 3)
        kept.check_clients(writer.stop())
    kept.check_untouched(THREE)
    assert kept.elections() == 0
    check_published(scaling)


# ---- side by side ----


def one_five_one_three_one(ensemble: Ensemble) -> None:
    """Each in one edit, on the retained volumes; once the leader is among those that leave."""
    ensemble.cluster.apply(manifest(ensemble.namespace, replicas=1))
    kept = Kept.before(ensemble)
    ensemble.write("/first", "of-one")
    with writing(ensemble, everyone=FIVE, pinned=[1]) as writer:
        scale(ensemble, 5)
        wait_voters(ensemble, 5)
        assert kept.elections() == 0
        check_published(ensemble)
        ensemble.cluster.delete("pod", "zk-1", ensemble.namespace)
        wait_until("another one leads", lambda: ensemble.leader() != 1, seconds=60)
        ensemble.wait_settled()
        scale(ensemble, 1)
        wait_voters(ensemble, 1)
        assert ensemble.leader() == 1, "who led has handed over and left"
        check_published(ensemble)
        retained = {c["metadata"]["name"] for c in ensemble.cluster.list("pvc", ensemble.namespace)}
        assert retained == {f"data-zk-{member}" for member in FIVE}

        # Their volumes hold an older configuration, in which they vote: they must sync first.
        ensemble.write("/second", "without-them")
        before = Kept.before(ensemble)
        scale(ensemble, 3)
        wait_voters(ensemble, 3)
        before.check_untouched([1])
        assert before.elections() == 0
        check_published(ensemble)
        for member in THREE:
            assert ensemble.read("/first", member=member) == "of-one"
            assert ensemble.read("/second", member=member) == "without-them"
        scale(ensemble, 1)
        wait_voters(ensemble, 1)
        kept.check_clients(writer.stop())
    check_published(ensemble)


def the_leader_is_killed_while_it_scales(ensemble: Ensemble) -> None:
    """Killed when a new member has just started, and once more while members leave."""
    ensemble.cluster.apply(manifest(ensemble.namespace))
    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=FIVE, pinned=THREE) as writer:
        scale(ensemble, 5)
        wait_until("a joiner starts", lambda: pod_exists(ensemble, 4), seconds=60, every=0.2)
        kill_leader(ensemble)
        wait_voters(ensemble, 5, seconds=240)
        check_published(ensemble)
        scale(ensemble, 3)
        wait_until(
            "one has left",
            lambda: ensemble.status()["quorum"]["voters"] < 5,
            seconds=60,
            every=0.2,
        )
        kill_leader(ensemble)
        wait_voters(ensemble, 3, seconds=240)
        kept.check_clients(writer.stop())
    check_published(ensemble)


def refused_until_it_is_safe(ensemble: Ensemble) -> None:
    """One member down, quorum lost, a roll in progress: reported, nothing is begun, then it continues."""
    ensemble.cluster.apply(manifest(ensemble.namespace))
    kept = Kept.before(ensemble)
    one, other = ensemble.followers()

    def nobody_joins(seconds: float) -> None:
        stays("no joiner", lambda: not pod_exists(ensemble, 4), seconds=seconds)

    with frozen(ensemble, one):
        ensemble.wait_condition("ScaleAllowed", "False", "MemberNotSynced", seconds=40)
        scale(ensemble, 5)
        told = ensemble.wait_condition("ScaleAllowed", "False", "MemberNotSynced")
        assert f"member {one}" in told["message"]
        nobody_joins(4)
        with frozen(ensemble, other):
            ensemble.wait_condition("ScaleAllowed", "False", "NoQuorum", seconds=40)
            assert ensemble.condition("QuorumHealthy")["status"] == "False"
            nobody_joins(4)
    wait_voters(ensemble, 5)
    scale(ensemble, 3)
    wait_voters(ensemble, 3)
    kept.check_untouched(THREE)

    pods = ensemble.pod_uids()
    with watch_condition(ensemble, "ScaleAllowed") as seen:
        ask_for_restart(ensemble)
        wait_restarts(ensemble, pods, 1)
        scale(ensemble, 5)
        wait_rolled(ensemble, pods)
        wait_voters(ensemble, 5)
    assert ("False", "RolloutInProgress") in seen
    born = {
        p["metadata"]["name"]: parse_time(p["metadata"]["creationTimestamp"])
        for p in ensemble.pods()
    }
    assert born["zk-4"] >= max(born[name] for name in pods), "joiners come after the roll"
    check_published(ensemble)


def newcomers_alone_elect_nobody(ensemble: Ensemble) -> None:
    """1 to 3, and the only member with the data is frozen, then cut off, beside a new member."""
    ensemble.cluster.apply(manifest(ensemble.namespace, replicas=1))
    ensemble.wait_settled()
    ensemble.write("/only", "copy")

    with frozen(ensemble, 1):
        scale(ensemble, 3)
        ensemble.wait_condition("ScaleAllowed", "False", "NoQuorum", seconds=40)
        stays("no joiner", lambda: not pod_exists(ensemble, 2), seconds=3)
    wait_until("a joiner starts", lambda: pod_exists(ensemble, 2), seconds=60, every=0.1)
    with frozen(ensemble, 1):
        stays("no leader among newcomers", lambda: not leads(ensemble, 2), seconds=15)
        assert not pod_exists(ensemble, 3)
        assert not serves(ensemble, 2)
    wait_voters(ensemble, 3)
    scale(ensemble, 1)
    wait_voters(ensemble, 1)

    scale(ensemble, 3)
    wait_until(
        "a joiner has an address",
        lambda: (ensemble.pod(2) or {})["status"]["podIP"],
        seconds=60,
        every=0.1,
    )
    with cut_off(ensemble, 1, 2):
        stays("no leader among newcomers", lambda: not leads(ensemble, 2), seconds=15)
        assert not pod_exists(ensemble, 3)
        assert leads(ensemble, 1), "who has the data serves on"
    wait_voters(ensemble, 3)
    check_published(ensemble)
    for member in THREE:
        assert ensemble.read("/only", member=member) == "copy"


CASES = (
    one_five_one_three_one,
    the_leader_is_killed_while_it_scales,
    refused_until_it_is_safe,
    newcomers_alone_elect_nobody,
)


@pytest.fixture(scope="module")
def aside(module_places: Places) -> Iterator[Aside]:
    """The cases that need no idle machine, all at once."""
    with side_by_side(module_places, CASES) as cases:
        yield cases


def test_one_to_five_and_back_in_one_edit(aside: Aside) -> None:
    """1 to 3 keeps the data, every step keeps the quorum, and members come back on retained volumes."""
    aside.result(one_five_one_three_one)


def test_the_leader_is_killed_in_mid_scale(aside: Aside) -> None:
    """Members start without a quorum, and what was half done is completed."""
    aside.result(the_leader_is_killed_while_it_scales)


def test_scaling_is_refused_with_a_reason_until_it_is_safe(aside: Aside) -> None:
    """No scaling without a quorum, since it could not be undone: `ScaleAllowed` says why."""
    aside.result(refused_until_it_is_safe)


def test_newcomers_alone_elect_nobody(aside: Aside) -> None:
    """Two empty new members do not elect one of themselves: without member 1 there is no leader."""
    aside.result(newcomers_alone_elect_nobody)
