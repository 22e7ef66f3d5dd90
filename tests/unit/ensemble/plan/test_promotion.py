"""Giving votes and listing observers."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import (
    at_rest,
    disruptive,
    handed_over,
    joined,
    outdated,
    reconfigurations,
    voting,
    without_answer,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan


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


def test_a_joiner_whose_pod_has_yet_to_go_gets_no_vote() -> None:
    """Its StatefulSet was shrunk a moment ago: a vote that goes with the pod may be the majority's."""
    scene = joined(3, 4)
    shrunk = tuple(
        {**child, "spec": {**child["spec"], "replicas": 3}}
        if child["kind"] == "StatefulSet" and child["metadata"]["name"] == "zk"
        else child
        for child in scene.children
    )
    assert shrunk != scene.children
    assert reconfigurations(build_plan(replace(scene, children=shrunk)).actions) == []


def test_no_vote_is_given_while_a_voter_is_missing() -> None:
    plan = build_plan(without_answer(joined(3, 4), 2))
    assert disruptive(plan.actions) == []
    assert plan.scale.reason == reasons.MEMBER_NOT_SYNCED


def test_after_its_restart_it_gets_its_vote_back() -> None:
    (step,) = reconfigurations(build_plan(handed_over()).actions)
    assert [(s.id, s.role) for s in step.joining] == [(1, "participant")]


def listening(scene: Observed, member_id: int, client: str) -> Observed:
    """The same scene in which one member listens elsewhere for clients."""
    assert scene.committed is not None
    servers = tuple(
        replace(s, client=client) if s.id == member_id else s for s in scene.committed.servers
    )
    return replace(scene, committed=replace(scene.committed, servers=servers))


def test_where_a_member_listens_for_clients_stays_as_it_is_committed() -> None:
    loopback = "127.0.0.1:2182"
    (back,) = reconfigurations(build_plan(listening(handed_over(), 1, loopback)).actions)
    assert [s.client for s in back.joining] == [loopback]
    leads = listening(outdated(at_rest(3, leader=1), 1), 1, loopback)
    (handed,) = reconfigurations(build_plan(leads).actions)
    assert [(s.role, s.client) for s in handed.joining] == [("observer", loopback)]


def test_of_two_the_one_without_a_vote_leaves_the_list_before_it_votes_again() -> None:
    # As an observer it would not count for the majority of two that its own vote makes necessary.
    listed = at_rest(2, leader=2, roles={1: "observer", **voting(2)})
    (step,) = reconfigurations(build_plan(listed).actions)
    assert step.leaving == (1,)
    assert step.joining == ()
    unlisted = at_rest(2, leader=2, roles=voting(2))
    # It connects again as a follower; a moment before, it says that it observes.
    still = {**unlisted.answers, 1: listed.answers[1]}
    assert reconfigurations(build_plan(replace(unlisted, answers=still)).actions) == []
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
