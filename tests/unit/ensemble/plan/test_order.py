"""The order of the plan, line by line: where two lines want to act, the upper one wins."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.unit.ensemble.plan.scenes import (
    answers,
    at_rest,
    changed,
    committed,
    edited,
    joined,
    outdated,
    voting,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Action, Delete, ReplaceMember, RestartMember
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.decision import decide
from zookeeper_operator.ensemble.plan.order import ORDER, Concern, Hold, is_exclusive
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict

LINES = {line.name: line for line in ORDER}

INVALID = {"config": {"clientPort": "1"}}
EDITED = {"logging": {"level": "DEBUG"}}
LARGER = {"storage": {"data": {"size": "10Gi"}}}


def deleted(scene: Observed) -> Observed:
    return replace(scene, ensemble=replace(scene.ensemble, deleting=True))


def split(scene: Observed) -> Observed:
    """Members 2 and 3 both claim to lead."""
    said = {i: answers(i, i if i in (2, 3) else 2, (1, 2, 3)) for i in (1, 2, 3)}
    return replace(scene, answers=said)


def left() -> Observed:
    """Member 3 has left the configuration; its volume is still marked, and its pod still runs."""
    scene = edited(at_rest(3, leader=1), {"replicas": 2})
    views = {i: replace(a, voting_view=frozenset({1, 2})) for i, a in scene.answers.items()}
    config = committed(scene.ensemble, voting(1, 2), 0x100000009)
    return replace(scene, answers=views, committed=config)


BOTH_WANT = {
    ("deletion", "invalid spec"): deleted(edited(at_rest(), INVALID)),
    ("invalid spec", "pause"): edited(at_rest(), {**INVALID, "paused": True}),
    ("pause", "contradiction"): split(edited(at_rest(), {"paused": True})),
    ("contradiction", "children"): split(edited(at_rest(), EDITED)),
    ("membership", "storage"): changed(joined(3, 4), 2, replace_requested=True),
    ("storage", "rollout"): changed(outdated(at_rest(), 1), 2, replace_requested=True),
    ("rollout", "claim templates"): edited(outdated(at_rest(), 1), LARGER),
    ("claim templates", "children"): edited(at_rest(), {**LARGER, **EDITED}),
    # Not adjacent, but the volume must lose its mark before the StatefulSet takes its pod.
    ("storage", "children"): left(),
}
NEVER_ACTS = "scale"
NOT_WITHOUT_A_QUORUM = ("contradiction", "membership")


def wanted(name: str, situation: Situation) -> tuple[Action, ...]:
    line = LINES[name]
    assert isinstance(line, Concern)
    return line.plan(situation).actions


def test_every_pair_of_neighbours_has_a_scene() -> None:
    neighbours = {pair for pair in pairwise(LINES) if NEVER_ACTS not in pair}
    assert len(LINES) == len(ORDER), "a name stands for one line"
    assert neighbours - {NOT_WITHOUT_A_QUORUM} <= BOTH_WANT.keys()


@pytest.mark.parametrize(("upper", "lower"), BOTH_WANT, ids=map(" over ".join, BOTH_WANT))
def test_the_upper_line_wins(upper: str, lower: str) -> None:
    situation = understand(BOTH_WANT[upper, lower])
    plan = decide(situation)
    above, below = LINES[upper], LINES[lower]
    if isinstance(below, Hold):
        assert below.why(situation), f"{lower} has nothing to say here"
    else:
        assert wanted(lower, situation), f"{lower} has nothing to do here"
    if isinstance(above, Hold):
        assert plan.next_action == above.why(situation)
        assert plan.actions == ()
        return
    first, second = wanted(upper, situation), wanted(lower, situation)
    assert first, f"{upper} has nothing to do here"
    if any(map(is_exclusive, first)):
        assert plan.actions[-1] in first, "the last action is the exclusive one"
        assert not any(is_exclusive(action) for action in plan.actions[:-1])
        assert {a for a in plan.actions if is_exclusive(a)}.isdisjoint(
            a for a in second if is_exclusive(a)
        )
    else:
        assert [a for a in plan.actions if a in first or a in second] == [*first, *second]


def test_a_hold_forbids_every_line_below_it() -> None:
    scene = outdated(edited(at_rest(), {**EDITED, **LARGER}), 1)
    assert build_plan(scene).actions
    for held in (deleted(scene), edited(scene, INVALID), edited(scene, {"paused": True})):
        assert build_plan(held).actions == ()
    assert build_plan(split(scene)).actions == ()


def test_the_membership_never_acts_while_members_contradict_each_other() -> None:
    shrinking = split(edited(at_rest(), {"replicas": 1}))
    demoted = split(at_rest(3, leader=3, roles={1: "observer", **voting(2, 3)}))
    for scene in (shrinking, demoted):
        assert wanted("membership", understand(scene)) == ()


@pytest.mark.parametrize("scene", BOTH_WANT.values(), ids=map(" over ".join, BOTH_WANT))
def test_the_scale_permission_never_acts(scene: Observed) -> None:
    assert wanted(NEVER_ACTS, understand(scene)) == ()


def test_claim_templates_are_replaced_once_nothing_has_to_be_restarted() -> None:
    waiting = build_plan(edited(outdated(at_rest(), 1), LARGER))
    assert isinstance(waiting.actions[-1], RestartMember)
    assert not [a for a in waiting.actions if isinstance(a, Delete)]
    assert isinstance(build_plan(edited(at_rest(), LARGER)).actions[-1], Delete)


# ---- a further concern ----


def repair(_: Situation) -> Step:
    """A concern as a later version may add one."""
    replaced = ReplaceMember(1, (), ("zk-1", "uid-of-zk-1"), "it was left half replaced")
    return Step(Verdict(False, reasons.VOLUME_LOST, "completing the replacement"), (replaced,))


def test_a_concern_above_the_invalid_spec_acts_in_spite_of_it() -> None:
    invalid = understand(edited(outdated(at_rest(), 1), {**INVALID, **EDITED}))
    line = Concern("repair", repair)
    below = decide(invalid, (*ORDER, line))
    assert below.actions == ()
    assert below.next_action.startswith("nothing until the spec is mended")
    above = decide(invalid, (line, *ORDER))
    assert above.actions == repair(invalid).actions
    assert above.next_action == "completing the replacement"


@pytest.mark.parametrize("first", [True, False])
def test_a_further_concern_takes_its_turn(*, first: bool) -> None:
    rolling = understand(outdated(at_rest(), 1))
    line = Concern("repair", repair)
    plan = decide(rolling, (line, *ORDER) if first else (*ORDER, line))
    assert isinstance(plan.actions[-1], ReplaceMember if first else RestartMember)
    assert plan.verdicts["repair"].message == "completing the replacement"


def test_a_further_concern_that_waits_keeps_the_ensemble_unsettled() -> None:
    def wait(situation: Situation) -> Step:
        return replace(repair(situation), actions=())

    plan = decide(understand(at_rest()), (*ORDER, Concern("repair", wait)))
    assert not plan.settled
    assert plan.next_action == "completing the replacement"


# ---- what holds everything ----


@pytest.mark.parametrize("both", [(1, 2), (2, 3)])
def test_two_leaders_stop_everything(both: tuple[int, int]) -> None:
    scene = outdated(edited(at_rest(3), {"replicas": 5}), 1, 2, 3)
    told = {i: answers(i, i if i in both else both[0], (1, 2, 3)) for i in (1, 2, 3)}
    plan = build_plan(replace(scene, answers=told))
    assert plan.actions == ()
    assert plan.scale.reason == reasons.SPLIT_BRAIN


@pytest.mark.parametrize("spec", [{"paused": True}, {"config": {"clientPort": "1"}}])
def test_paused_or_unusable_specs_change_nothing(spec: dict[str, object]) -> None:
    scene = outdated(edited(at_rest(3), {**spec, "replicas": 5}), 1, 2, 3)
    plan = build_plan(scene)
    assert plan.actions == ()
    assert plan.settled


def test_an_ensemble_being_deleted_is_left_alone() -> None:
    scene = outdated(at_rest(3), 1)
    going = replace(scene, ensemble=replace(scene.ensemble, deleting=True))
    assert build_plan(going).actions == ()
