"""The decisions, one situation each: state in, plan out."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.ensemble.plan.scenes import (
    GIBIBYTE,
    NOW,
    answers,
    applied,
    at_rest,
    changed,
    claim,
    committed,
    disruptive,
    edited,
    ensemble,
    outdated,
    pod,
    reconfigurations,
    voting,
    with_children,
    without_answer,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.observed import Observed, Refusal, StorageClass, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.plan.founding import published_membership
from zookeeper_operator.kube.api import Object

SIZES = [1, 2, 3, 4, 5, 7, 9]


@pytest.mark.parametrize("size", SIZES)
def test_at_rest_nothing_is_done(size: int) -> None:
    plan = build_plan(at_rest(size))
    assert plan.actions == ()
    assert plan.settled
    assert plan.next_action == "nothing to do"
    assert plan.scale.state is True


# ---- founding ----


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
    # pain 8: whoever loses its disk later must not found a second ensemble
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
    (membership,) = [
        b
        for b in applied(build_plan(quorum).actions, "ConfigMap")
        if b["metadata"]["name"] == "zk-membership"
    ]
    assert membership["data"]["founders"] == ""


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


# ---- scaling ----


def test_growing_starts_one_pod_first() -> None:
    plan = build_plan(edited(at_rest(3), {"replicas": 5}))
    assert disruptive(plan.actions) == []
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 4
    assert {b["metadata"]["name"] for b in applied(plan.actions, "Service")} == {"zk-4", "zk-5"}


def joined(size: int, joiner: int, leader: int = 1) -> Observed:
    """`size` voters, and one more pod that has synced as a non-voter."""
    scene = edited(at_rest(size, leader=leader), {"replicas": joiner})
    return with_children(
        replace(
            scene,
            pods=(*scene.pods, pod(joiner)),
            claims=(*scene.claims, claim(joiner, member=False)),
            answers={
                **scene.answers,
                joiner: answers(joiner, leader, range(1, size + 1)),
            },
        )
    )


def test_a_synced_joiner_gets_its_vote() -> None:
    (step,) = reconfigurations(build_plan(joined(3, 4)).actions)
    assert [s.line() for s in step.joining] == [
        "server.4=zk-4.demo.svc.cluster.local:2888:3888:participant;0.0.0.0:2181"
    ]
    assert step.leaving == ()


def test_a_joiner_that_has_not_synced_waits() -> None:
    plan = build_plan(without_answer(joined(3, 4), 4))
    assert disruptive(plan.actions) == []
    assert plan.membership.reason == reasons.WAITING_FOR_SYNC


def test_no_vote_is_given_while_a_voter_is_missing() -> None:
    plan = build_plan(without_answer(joined(3, 4), 2))
    assert disruptive(plan.actions) == []
    assert plan.scale.reason == reasons.MEMBER_NOT_SYNCED


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_shrinking_removes_the_highest_member_from_the_configuration_first(size: int) -> None:
    plan = build_plan(edited(at_rest(size, leader=1), {"replicas": 1}))
    (step,) = disruptive(plan.actions)
    assert isinstance(step, Reconfigure)
    assert (step.leaving, step.joining) == ((size,), ())
    assert applied(plan.actions, "StatefulSet") == [], "its pod stays until that is committed"


def test_a_member_that_has_left_loses_its_pod_and_its_mark() -> None:
    scene = edited(at_rest(3, leader=1), {"replicas": 2})
    left = replace(scene, committed=committed(scene.ensemble, voting(1, 2), 0x100000009))
    left = replace(
        left,
        answers={i: replace(a, voting_view=frozenset({1, 2})) for i, a in left.answers.items()},
    )
    plan = build_plan(left)
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 2
    (mark,) = applied(plan.actions, "PersistentVolumeClaim")
    assert mark["metadata"]["name"] == "data-zk-3"
    assert mark["metadata"]["annotations"] == {"zookeeper.ensemble.dev/member": "false"}
    order = [a.body["kind"] for a in plan.actions if hasattr(a, "body")]
    assert order.index("PersistentVolumeClaim") < order.index("StatefulSet")


def test_nothing_shrinks_without_a_quorum() -> None:
    # pain 5: a lost quorum and a smaller StatefulSet is a lost ensemble
    down = without_answer(edited(at_rest(3), {"replicas": 1}), 1, 2)
    down = replace(down, committed=None)
    plan = build_plan(down)
    assert applied(plan.actions, "StatefulSet") == []
    assert disruptive(plan.actions) == []
    assert plan.scale.reason == reasons.NO_QUORUM


def test_shrinking_waits_while_a_member_that_stays_is_down() -> None:
    plan = build_plan(without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 2))
    assert disruptive(plan.actions) == []
    assert plan.membership.reason == reasons.MEMBER_NOT_SYNCED


def test_a_dead_member_that_is_to_leave_may_leave() -> None:
    plan = build_plan(without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 5))
    (step,) = reconfigurations(plan.actions)
    assert step.leaving == (5,)


# ---- rolling ----


def test_followers_are_restarted_before_the_leader() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(3, leader=1), 1, 2, 3)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-2"


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_leader_hands_over_before_its_restart(size: int) -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(size, leader=1), 1)).actions)
    assert isinstance(step, Reconfigure)
    assert [(s.id, s.role) for s in step.joining] == [(1, "observer")]


def test_of_two_voters_neither_is_restarted_with_a_vote() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(2, leader=1), 2)).actions)
    assert isinstance(step, Reconfigure)
    assert [(s.id, s.role) for s in step.joining] == [(2, "observer")]


def handed_over() -> Observed:
    return at_rest(3, leader=3, roles={1: "observer", **voting(2, 3)})


def test_who_has_handed_over_is_restarted_before_it_votes_again() -> None:
    (step,) = disruptive(build_plan(outdated(handed_over(), 1)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_after_its_restart_it_gets_its_vote_back() -> None:
    (step,) = reconfigurations(build_plan(handed_over()).actions)
    assert [(s.id, s.role) for s in step.joining] == [(1, "participant")]


def test_of_two_the_one_without_a_vote_leaves_the_list_before_it_votes_again() -> None:
    # As an observer it would not count for the majority of two that its own vote makes necessary.
    listed = at_rest(2, leader=2, roles={1: "observer", **voting(2)})
    (step,) = reconfigurations(build_plan(listed).actions)
    assert step.leaving == (1,)
    assert step.joining == ()
    unlisted = at_rest(2, leader=2, roles=voting(2))
    (step,) = reconfigurations(build_plan(unlisted).actions)
    assert [(s.id, s.role) for s in step.joining] == [(1, "participant")]


def test_an_observer_whose_vote_would_be_refused_waits_for_the_missing_voter() -> None:
    scene = at_rest(4, leader=3, roles={4: "observer", **voting(1, 2, 3)})
    plan = build_plan(without_answer(scene, 1))
    assert disruptive(plan.actions) == []
    assert plan.membership.state is False


def test_it_gets_its_vote_back_at_once_when_another_voter_fails() -> None:
    scene = at_rest(5, leader=5, roles={1: "observer", **voting(2, 3, 4, 5)})
    (step,) = reconfigurations(build_plan(without_answer(outdated(scene, 1), 2)).actions)
    assert [(s.id, s.role) for s in step.joining] == [(1, "participant")]


def test_a_refused_hand_over_falls_back_to_leader_last() -> None:
    refused = replace(
        outdated(at_rest(3, leader=1), 1), refusal=Refusal("no rights", NOW, demotion=True)
    )
    (step,) = disruptive(build_plan(refused).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_a_refused_hand_over_never_costs_the_majority() -> None:
    scene = outdated(at_rest(2, leader=1), 1)
    refused = replace(scene, refusal=Refusal("not in sync", NOW, demotion=True))
    plan = build_plan(refused)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    later = replace(refused, now=NOW + timedelta(seconds=2))
    (step,) = disruptive(build_plan(later).actions)
    assert isinstance(step, Reconfigure)


def test_what_the_ensemble_refuses_does_not_hold_up_the_rollout() -> None:
    # Members that know an older password refuse until they are restarted.
    scene = outdated(edited(at_rest(3, leader=3), {"observers": {"replicas": 1}}), 1, 2, 3)
    scene = replace(
        scene,
        pods=(*scene.pods, pod(101)),
        answers={**scene.answers, 101: answers(101, 3, (1, 2, 3))},
    )
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, Reconfigure)
    refused = replace(scene, refusal=Refusal("NoAuth", NOW, demotion=False))
    (step,) = disruptive(build_plan(refused).actions)
    assert isinstance(step, RestartMember)
    later = replace(refused, now=NOW + timedelta(seconds=2))
    (step,) = disruptive(build_plan(later).actions)
    assert isinstance(step, Reconfigure)


def test_a_password_is_only_given_to_an_ensemble_that_has_none() -> None:
    drawn = [a for a in build_plan(founding()).actions if isinstance(a, Apply) and a.only_new]
    assert [a.body["metadata"]["name"] for a in drawn] == ["zk-auth"]


def test_a_single_member_is_restarted_as_it_is() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(1), 1)).actions)
    assert isinstance(step, RestartMember)


def test_the_next_member_waits_until_the_last_one_votes_again() -> None:
    scene = changed(without_answer(outdated(at_rest(3, leader=3), 2), 1), 1, trouble=None)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.WAITING_FOR_MEMBER


def test_a_member_that_does_not_come_back_stops_the_rollout() -> None:
    # pain 13
    scene = without_answer(outdated(at_rest(3, leader=3), 2, 3), 1)
    scene = changed(scene, 1, trouble=Trouble(reasons.IMAGE_PULL_FAILED, "no such image"))
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    assert "zk-1" in plan.rollout.message
    assert "no such image" in plan.rollout.message


def test_a_mended_spec_moves_a_stopped_rollout_on() -> None:
    # pains 14 and 18: the broken pod is on an old revision now, and is replaced first
    scene = without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1)
    scene = changed(scene, 1, trouble=Trouble(reasons.IMAGE_PULL_FAILED, "no such image"))
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_without_a_quorum_only_members_that_are_not_ready_are_touched() -> None:
    scene = replace(without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1, 3), committed=None)
    looking = {**scene.answers, 2: answers(2, None, (1, 2, 3))}
    (step,) = disruptive(build_plan(replace(scene, answers=looking)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod in {"zk-1", "zk-3"}


def test_without_a_quorum_who_may_be_on_the_way_back_is_not_touched() -> None:
    scene = replace(without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1, 3), committed=None)
    looking = {**scene.answers, 2: answers(2, None, (1, 2, 3))}
    lately = replace(scene, answers=looking)
    for member_id in (1, 3):
        lately = changed(lately, member_id, unready_since=NOW - timedelta(seconds=20))
    assert disruptive(build_plan(lately).actions) == []
    broken = changed(lately, 3, trouble=Trouble(reasons.CRASH_LOOPING, "ends again and again"))
    (step,) = disruptive(build_plan(broken).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-3"


def test_an_election_is_not_a_reason_to_restart_anybody() -> None:
    scene = outdated(at_rest(3, leader=3), 1, 2, 3)
    electing = {i: answers(i, None, (1, 2, 3)) for i in (1, 2, 3)}
    assert disruptive(build_plan(replace(scene, answers=electing, committed=None)).actions) == []


@pytest.mark.parametrize("both", [(1, 2), (2, 3)])
def test_two_leaders_stop_everything(both: tuple[int, int]) -> None:
    scene = outdated(edited(at_rest(3), {"replicas": 5}), 1, 2, 3)
    told = {i: answers(i, i if i in both else both[0], (1, 2, 3)) for i in (1, 2, 3)}
    plan = build_plan(replace(scene, answers=told))
    assert plan.actions == ()
    assert plan.scale.reason == reasons.SPLIT_BRAIN


# ---- storage ----

FAST = {"standard": StorageClass("standard", expandable=True, default=True)}


def grown(*, expandable: bool) -> Observed:
    scene = edited(at_rest(3), {"storage": {"data": {"size": "10Gi"}}})
    return replace(
        scene,
        storage_classes={"standard": StorageClass("standard", expandable=expandable, default=True)},
    )


def test_volumes_grow_where_the_class_allows_it() -> None:
    plan = build_plan(grown(expandable=True))
    sizes = {
        b["metadata"]["name"]: b["spec"]["resources"]["requests"]["storage"]
        for b in applied(plan.actions, "PersistentVolumeClaim")
    }
    assert sizes == dict.fromkeys(("data-zk-1", "data-zk-2", "data-zk-3"), "10Gi")
    assert [a for a in plan.actions if isinstance(a, Delete)] == [
        Delete(
            "apps/v1",
            "StatefulSet",
            "zk",
            "uid-of-StatefulSet-zk",
            why=plan.actions[-1].why,
            orphan=True,
        )
    ], "new members get the new size, and no pod is restarted for it"
    assert disruptive(plan.actions) == []


def test_volumes_that_cannot_grow_are_told_and_left_alone() -> None:
    plan = build_plan(grown(expandable=False))
    assert applied(plan.actions, "PersistentVolumeClaim") == []
    assert plan.storage.reason == reasons.RESIZE_REFUSED


def test_a_member_is_replaced_when_asked_while_the_others_are_a_majority() -> None:
    scene = changed(at_rest(3), 2, replace_requested=True)
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, ReplaceMember)
    assert step.claims == (("data-zk-2", "uid-of-data-zk-2"),)
    assert step.pod == ("zk-2", "uid-of-zk-2")


def test_a_member_is_replaced_once_and_then_waited_for() -> None:
    scene = changed(at_rest(3), 2, replace_requested=True, terminating=True)
    going = tuple(replace(c, terminating=c.member_id == 2) for c in scene.claims)
    plan = build_plan(replace(scene, claims=going))
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.VOLUME_LOST


def test_a_replacement_that_has_to_wait_does_not_hold_up_the_one_it_waits_for() -> None:
    scene = changed(without_answer(at_rest(3, leader=2), 3), 1, replace_requested=True)
    lost = tuple(replace(c, phase="Lost" if c.member_id == 3 else c.phase) for c in scene.claims)
    (step,) = disruptive(build_plan(replace(scene, claims=lost)).actions)
    assert isinstance(step, ReplaceMember)
    assert step.member_id == 3


def test_a_second_member_is_not_replaced_beside_the_first() -> None:
    scene = changed(
        without_answer(at_rest(5, leader=2), 4), 4, replace_requested=True, terminating=True
    )
    going = tuple(replace(c, terminating=c.member_id == 4) for c in scene.claims)
    plan = build_plan(changed(replace(scene, claims=going), 1, replace_requested=True))
    assert disruptive(plan.actions) == []
    assert "zk-4 is being replaced" in plan.storage.message


@pytest.mark.parametrize("size", [1, 2])
def test_a_member_without_which_there_is_no_majority_is_never_replaced(size: int) -> None:
    # pain 7
    plan = build_plan(changed(at_rest(size), 1, replace_requested=True))
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.VOLUME_LOST


def filled(scene: Observed, member_id: int, *, data: float, log: float) -> Observed:
    """A member says how much it has on its disks, in GiB."""
    answer = replace(
        scene.answers[member_id],
        data_bytes=int(data * GIBIBYTE),
        log_bytes=int(log * GIBIBYTE),
    )
    return replace(scene, answers={**scene.answers, member_id: answer})


def test_a_filling_disk_is_told() -> None:
    plan = build_plan(filled(at_rest(3), 2, data=0.5, log=4))
    assert plan.storage.reason == reasons.DISK_PRESSURE
    assert "data-zk-2 is filled to 90% of its 5Gi" in plan.storage.message
    assert "spec.storage.data.size" in plan.storage.message


def test_a_filling_volume_of_logs_is_told_however_much_room_the_data_have() -> None:
    scene = at_rest(3, {"storage": {"data": {"size": "5Gi"}, "log": {"size": "5Gi"}}})
    logs = tuple(claim(i, name=f"datalog-zk-{i}", volume=names.LOG_VOLUME) for i in (1, 2, 3))
    scene = replace(scene, claims=(*scene.claims, *logs))
    assert build_plan(filled(scene, 2, data=3, log=3)).storage.state is True
    plan = build_plan(filled(scene, 2, data=0.1, log=4.5))
    assert plan.storage.reason == reasons.DISK_PRESSURE
    assert "datalog-zk-2 is filled to 90% of its 5Gi" in plan.storage.message
    assert "spec.storage.log.size" in plan.storage.message


# ---- stopped, paused, deleting ----


def test_stopping_takes_the_pods_away_and_keeps_the_membership() -> None:
    plan = build_plan(edited(at_rest(3), {"stopped": True}))
    (statefulset,) = applied(plan.actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 0
    assert applied(plan.actions, "ConfigMap") == []


def test_starting_brings_back_every_member_of_the_membership() -> None:
    scene = at_rest(3)
    stopped = replace(
        with_children(edited(scene, {"stopped": True})), pods=(), answers={}, committed=None
    )
    assert build_plan(stopped).settled
    (statefulset,) = applied(build_plan(edited(stopped, {"stopped": False})).actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 3


def test_stopping_interrupts_a_scaling_and_takes_no_step_of_it() -> None:
    shrinking = edited(at_rest(5), {"replicas": 3, "stopped": True})
    plan = build_plan(shrinking)
    assert disruptive(plan.actions) == []
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 0
    joined = edited(at_rest(4, roles=voting(1, 2, 3)), {"replicas": 5, "stopped": True})
    assert reconfigurations(build_plan(joined).actions) == []


@pytest.mark.parametrize(("size", "asked", "back"), [(5, 3, 5), (3, 5, 3)])
def test_a_scaling_that_was_stopped_starts_with_who_had_a_vote(
    size: int, asked: int, back: int
) -> None:
    scene = edited(at_rest(size), {"replicas": asked, "stopped": True})
    stopped = replace(with_children(scene), pods=(), answers={}, committed=None)
    assert build_plan(stopped).settled
    (statefulset,) = applied(build_plan(edited(stopped, {"stopped": False})).actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == back


def test_stopping_interrupts_a_rollout_and_keeps_who_has_handed_over() -> None:
    handed_over = outdated(at_rest(3, roles={**voting(1, 2), 3: "observer"}), 3)
    plan = build_plan(edited(handed_over, {"stopped": True}))
    assert disruptive(plan.actions) == []
    scene = with_children(edited(handed_over, {"stopped": True}))
    stopped = replace(scene, pods=(), answers={}, committed=None)
    started = build_plan(edited(stopped, {"stopped": False}))
    assert applied(started.actions, "StatefulSet")[0]["spec"]["replicas"] == 3
    assert applied(started.actions, "ConfigMap") == [], "its membership is as it was"


def test_no_member_is_replaced_while_the_ensemble_is_stopped() -> None:
    scene = changed(edited(at_rest(3), {"stopped": True}), 2, replace_requested=True)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.BOUND


@pytest.mark.parametrize("spec", [{"paused": True}, {"config": {"clientPort": "1"}}])
def test_paused_or_unusable_specs_change_nothing(spec: dict[str, object]) -> None:
    scene = outdated(edited(at_rest(3), {**spec, "replicas": 5}), 1, 2, 3)
    plan = build_plan(scene)
    assert plan.actions == ()
    assert plan.settled


@pytest.mark.parametrize("spec", [{"paused": True}, {"config": {"clientPort": "1"}}])
def test_members_in_trouble_are_watched_closely_also_while_nothing_may_be_done(
    spec: dict[str, object],
) -> None:
    plan = build_plan(without_answer(edited(at_rest(3), spec), 2))
    assert plan.actions == ()
    assert not plan.settled


def test_a_version_without_a_way_to_it_is_refused_with_a_reason() -> None:
    scene = edited(at_rest(3), {"version": "3.8.6"})
    assert build_plan(scene).problems == ()
    status = {**scene.ensemble.status, "version": {"members": {"3.7.2": 3}}}
    (problem,) = build_plan(
        replace(
            edited(scene, {"version": "3.9.4"}), ensemble=replace(scene.ensemble, status=status)
        )
    ).problems
    assert problem.reason == reasons.UNSUPPORTED_VERSION


def test_an_ensemble_being_deleted_is_left_alone() -> None:
    scene = outdated(at_rest(3), 1)
    going = replace(scene, ensemble=replace(scene.ensemble, deleting=True))
    assert build_plan(going).actions == ()
