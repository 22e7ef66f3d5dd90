"""The membership as a whole: what interrupts it, and what it leaves to others."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    at_rest,
    disruptive,
    edited,
    outdated,
    pod,
    reconfigurations,
    voting,
)

from zookeeper_operator.ensemble.actions import (
    Reconfigure,
    RestartMember,
)
from zookeeper_operator.ensemble.observed import Refusal
from zookeeper_operator.ensemble.plan import build_plan


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
    refused = replace(scene, refusal=Refusal("NoAuth", NOW))
    (step,) = disruptive(build_plan(refused).actions)
    assert isinstance(step, RestartMember)
    later = replace(refused, now=NOW + timedelta(seconds=2))
    (step,) = disruptive(build_plan(later).actions)
    assert isinstance(step, Reconfigure)


def test_stopping_interrupts_a_scaling_and_takes_no_step_of_it() -> None:
    shrinking = edited(at_rest(5), {"replicas": 3, "stopped": True})
    plan = build_plan(shrinking)
    assert disruptive(plan.actions) == []
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 0
    joined = edited(at_rest(4, roles=voting(1, 2, 3)), {"replicas": 5, "stopped": True})
    assert reconfigurations(build_plan(joined).actions) == []
