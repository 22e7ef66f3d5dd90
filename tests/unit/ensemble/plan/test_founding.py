"""Who founds the ensemble, and what its pods start from afterwards."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    applied,
    at_rest,
    claim,
    ensemble,
    with_children,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.observed import Claim, Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import Object


def founding(spec: dict[str, object] | None = None) -> Observed:
    owner = replace(ensemble(spec), status={})
    return Observed(ensemble=owner, now=NOW, fresh_password="fresh")


def test_a_new_ensemble_gets_every_child_and_names_its_founders() -> None:
    plan = build_plan(founding())
    kinds = [a.body["kind"] for a in plan.actions]  # type: ignore[union-attr]
    assert kinds[-1] == "StatefulSet", "pods must find what they mount"
    assert {"Secret", "ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy"} <= set(kinds)
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == "1 2 3"
    assert membership["data"]["identity"] == "uid-of-zk"
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 3


def test_the_founders_are_struck_out_at_the_first_quorum() -> None:
    # Whoever loses its disk later must not found a second ensemble.
    scene = at_rest()
    early = with_children(
        replace(
            scene,
            ensemble=replace(scene.ensemble, status={}),
            children=(),
            claims=tuple(claim(i, member=False) for i in (1, 2, 3)),
            answers={},
            committed=None,
        )
    )
    quorum = replace(early, answers=scene.answers, committed=scene.committed)
    plan = build_plan(quorum)
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == ""
    kinds = [action.body["kind"] for action in plan.actions if isinstance(action, Apply)]
    assert kinds[0] == "ConfigMap", "before what may fail, such as the marks on the claims"
    assert "PersistentVolumeClaim" in kinds


def test_a_lost_membership_of_a_founded_ensemble_is_made_again_without_founders() -> None:
    scene = at_rest()
    children = tuple(c for c in scene.children if c["metadata"]["name"] != "zk-membership")
    down = replace(scene, children=children, answers={}, committed=None)
    (membership,) = applied(build_plan(down).actions, "ConfigMap")
    assert membership["data"]["founders"] == ""
    assert membership["data"]["ZOO_SERVERS"].count("participant") == 3


def test_a_server_taken_out_of_the_published_list_by_hand_is_put_back() -> None:
    def shortened(body: Object) -> Object:
        if body["metadata"]["name"] != "zk-membership":
            return body
        servers = "\n".join(body["data"]["ZOO_SERVERS"].splitlines()[:3])
        return {**body, "data": {**body["data"], "ZOO_SERVERS": servers}}

    scene = at_rest(5)
    edited_by_hand = replace(scene, children=tuple(map(shortened, scene.children)))
    published = published_membership(edited_by_hand)
    assert published is not None
    assert len(published.servers) == 3, "it can be read"
    plan = build_plan(edited_by_hand)
    (membership,) = applied(plan.actions, "ConfigMap")
    assert membership["data"]["ZOO_SERVERS"].count("participant") == 5
    assert applied(plan.actions, "StatefulSet") == [], "no pod goes for it"


def test_retained_volumes_give_a_new_ensemble_their_identity_and_no_founders() -> None:
    again = replace(
        founding({"replicas": 5}), claims=tuple(claim(i, identity="first-uid") for i in (1, 2, 3))
    )
    plan = build_plan(again)
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["identity"] == "first-uid"
    assert membership["data"]["founders"] == ""
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 3, "then it may grow"


def test_volumes_of_members_that_had_left_do_not_come_back_as_voters() -> None:
    claims = (*(claim(i) for i in (1, 2, 3)), claim(4, member=False), claim(5, member=False))
    plan = build_plan(replace(founding({"replicas": 5}), claims=claims))
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 3


def test_a_claim_that_was_never_marked_may_be_a_voters() -> None:
    """The operator had marked the first one when it ended, and the ensemble was deleted."""
    claims = (claim(1), claim(2, member=None), claim(3, member=None), claim(4, member=False))
    plan = build_plan(replace(founding({"replicas": 5}), claims=claims))
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 3
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == ""


def test_volumes_of_an_ensemble_that_nobody_saw_founded_stay_founders() -> None:
    """Its operator was cut off; it was deleted, and is created again with less: none alone is a majority."""
    claims = (*(claim(i, member=None) for i in (1, 2, 3)), claim(4, member=False))
    plan = build_plan(replace(founding({"replicas": 1}), claims=claims))
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == "1 2 3"
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 3
    told = availability(plan.situation).message
    assert "zk-2, zk-3 may hold its data, from before spec.replicas was 1" in told


def test_a_password_is_only_given_to_an_ensemble_that_has_none() -> None:
    drawn = [a for a in build_plan(founding()).actions if isinstance(a, Apply) and a.only_new]
    assert [a.body["metadata"]["name"] for a in drawn] == ["zk-auth"]


# ---- an ensemble that is deleted and created again ----


def left(*ids: int, **changes: object) -> tuple[Claim, ...]:
    """Claims of the deleted ensemble, each marked as a member's."""
    return tuple(claim(i, identity="first-uid", **changes) for i in ids)


GOING = {
    "the claims are being deleted": {"terminating": True},
    "the claims are deleted with a StatefulSet that is gone": {"owners": frozenset({"first-set"})},
}


@pytest.mark.parametrize("changes", GOING.values(), ids=GOING.keys())
def test_what_is_being_deleted_is_no_record_and_the_founding_waits_for_it(
    changes: dict[str, object],
) -> None:
    plan = build_plan(replace(founding(), claims=left(1, 2, 3, **changes)))
    assert plan.actions == ()
    assert not plan.settled, "that a claim has gone is not left to an event"
    assert "data-zk-1" in plan.next_action
    status = build_status(plan, restarted={})
    assert "foundedAt" not in status, "recorded once, it would keep everybody from founding"
    assert status["identity"] == "uid-of-zk"
    told = {c["type"]: c["reason"] for c in status["conditions"]}
    assert told[conditions.READY] == reasons.PREVIOUS_ENSEMBLE
    assert told[conditions.QUORUM_HEALTHY] == reasons.PREVIOUS_ENSEMBLE
    assert told[conditions.STORAGE_HEALTHY] != reasons.FOREIGN_VOLUME


def test_a_pod_of_the_deleted_ensemble_is_waited_for() -> None:
    plan = build_plan(replace(founding(), previous_pods=("zk-2",)))
    assert plan.actions == ()
    assert "pod zk-2" in plan.next_action


def test_claims_that_go_with_our_own_statefulset_are_a_record() -> None:
    scene = at_rest()
    statefulset = scene.child("StatefulSet", "zk")
    assert statefulset is not None
    owners = frozenset({statefulset["metadata"]["uid"]})
    forgotten = replace(
        scene,
        ensemble=replace(scene.ensemble, status={}),
        claims=tuple(claim(i, owners=owners) for i in (1, 2, 3)),
        answers={},
        committed=None,
    )
    assert build_plan(forgotten).situation.founded


def test_a_volume_that_stays_counts_beside_others_that_go() -> None:
    claims = (*left(1, 2, terminating=True), *left(3))
    plan = build_plan(replace(founding(), claims=claims))
    assert plan.situation.founded
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == ""
    assert membership["data"]["identity"] == "first-uid"


def test_a_founding_under_way_does_not_stop_for_a_claim_that_is_deleted() -> None:
    scene = at_rest()
    early = with_children(
        replace(
            scene,
            ensemble=replace(scene.ensemble, status={}),
            children=(),
            claims=(),
            answers={},
            committed=None,
        )
    )
    claims = (claim(1, member=False, terminating=True),)
    assert build_plan(replace(early, claims=claims)).situation.leftovers == ()


def test_a_published_list_without_founders_is_a_record_by_itself() -> None:
    scene = at_rest()
    forgotten = replace(
        scene,
        ensemble=replace(scene.ensemble, status={}),
        claims=(),
        answers={},
        committed=None,
    )
    assert build_plan(forgotten).situation.founded


def without_list(scene: Observed, spec: dict[str, object]) -> Observed:
    """Its list is deleted before a quorum was seen, and the spec asks for something else by now."""
    begun = replace(
        scene,
        ensemble=replace(ensemble(spec), status={}),
        claims=tuple(claim(i, member=None) for i in (1, 2, 3)),
        answers={},
        committed=None,
    )
    kept = [c for c in begun.children if c["metadata"]["name"] != "zk-membership"]
    return replace(begun, children=tuple(kept))


@pytest.mark.parametrize("stopped", [False, True])
def test_who_may_have_founded_stays_a_founder_although_the_list_is_gone(*, stopped: bool) -> None:
    """Three may have formed a quorum unseen: of a spec of two, the third still votes."""
    scene = without_list(at_rest(3), {"replicas": 2, "allowEvenReplicas": True})
    if stopped:
        off = [
            {**c, "spec": {**c["spec"], "replicas": 0}} if c["kind"] == "StatefulSet" else c
            for c in scene.children
        ]
        scene = replace(scene, pods=(), children=tuple(off))
    plan = build_plan(scene)
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == "1 2 3"
    assert {s["spec"]["replicas"] for s in applied(plan.actions, "StatefulSet")} <= {3}


def test_before_the_start_the_volumes_decide_the_identity_not_an_older_status() -> None:
    """The status was written while a deleted ensemble of the same name was still there."""
    scene = founding()
    status = {"identity": "uid-of-zk"}
    left = replace(
        scene,
        ensemble=replace(scene.ensemble, status=status),
        claims=tuple(claim(i, identity="of-the-deleted-one", member=False) for i in (1, 2, 3)),
    )
    plan = build_plan(left)
    (membership,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["identity"] == "of-the-deleted-one"
    assert build_status(plan, restarted={})["identity"] == "of-the-deleted-one"
