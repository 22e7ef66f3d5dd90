"""The order of the plan, line by line: where two lines want to act, the upper one wins."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from tests.unit.ensemble.plan.disasters import disaster, leading, published, restarted
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    at_rest,
    changed,
    committed,
    edited,
    handed_over,
    joined,
    live,
    outdated,
    reconfigurations,
    voting,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.observed import Issuance, Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.decision import decide
from zookeeper_operator.ensemble.plan.order import ORDER, Concern, Hold, is_exclusive
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CLOSED_CLIENT, Server

LINES = {line.name: line for line in ORDER}

INVALID = {"config": {"clientPort": "1"}}
WITHOUT_BACKUP = {"bootstrap": {"fromBackup": {"backupRef": {"name": "gone"}}}}
WITHOUT_CERTIFICATE = {"tls": {"source": {"secretName": "my-tls"}}}
ISSUED = {"tls": {"source": {"issuerRef": {"name": "ca"}}}}
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


def unpublished(scene: Observed) -> Observed:
    """The founding has just ended under an invalid spec: the founders are still named."""
    founding = replace(scene, ensemble=replace(scene.ensemble, status={}), claims=())
    founding = replace(founding, answers={}, committed=None, children=())
    body = build_membership(understand(founding).target)
    children = [
        live(body) if c["metadata"]["name"] == "zk-membership" else c for c in scene.children
    ]
    return edited(replace(scene, children=tuple(children)), INVALID)


def recreated(scene: Observed) -> Observed:
    """A new ensemble, while a pod of the deleted one is still there."""
    ensemble = replace(scene.ensemble, status={})
    return replace(
        scene, ensemble=ensemble, children=(), pods=(), claims=(), previous_pods=("zk-1",)
    )


def adopting(scene: Observed, **spec: object) -> Observed:
    """A new ensemble that takes over a source of which nothing more is known."""
    adopt = {"firstMemberId": 11, "adopt": {"connectionString": "old:2181"}, **spec}
    gone = replace(recreated(edited(scene, adopt)), previous_pods=())
    return replace(gone, ensemble=replace(gone.ensemble, uid="another"))


def closed(scene: Observed) -> Observed:
    """Members are closed to plain clients, which the spec does not ask for."""
    assert scene.committed is not None
    servers = tuple(replace(s, client=CLOSED_CLIENT) for s in scene.committed.servers)
    return replace(scene, committed=replace(scene.committed, servers=servers))


def recovering() -> Observed:
    """Member 2 leads alone, member 3 has synced from it, and member 1 still knows the old list."""
    scene = leading(restarted(published(disaster(2)), 2, 3), 2, 0x200000001)
    return replace(scene, answers={**scene.answers, 3: answers(3, 2, [2], epoch=2)})


def issued(scene: Observed) -> Observed:
    """A new ensemble whose Certificate does not exist yet."""
    return replace(scene, answers={}, committed=None, issuance=Issuance())


def undelivered() -> Observed:
    """Members that have not been notified of their certificate, and another change of a child."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {}})
    ensemble.rest()
    scene = ensemble.world.observed
    pods = tuple(replace(p, running_since=NOW - timedelta(days=1)) for p in scene.pods)
    return edited(replace(scene, pods=pods, now=NOW), {"labels": {"team": "a"}})


def adoptable(scene: Observed, *, begun: bool = True) -> Observed:
    """Another ensemble may take this one over, and has the first vote."""
    if begun and scene.committed is not None:
        stranger = Server(11, "other-11.other.demo.svc")
        servers = (*scene.committed.servers, stranger)
        scene = replace(scene, committed=replace(scene.committed, servers=servers))
    children = []
    for child in scene.children:
        metadata = child["metadata"]
        if child["kind"] == "StatefulSet":
            allowed = {names.ANNOTATION_ADOPTABLE_BY: "demo/other"}
            metadata = {**metadata, "annotations": {**metadata.get("annotations", {}), **allowed}}
        children.append({**child, "metadata": metadata})
    return replace(scene, children=tuple(children))


BOTH_WANT = {
    ("deletion", "founding end"): deleted(edited(unpublished(at_rest()), {"paused": True})),
    ("founding end", "pause"): edited(unpublished(at_rest()), {"paused": True}),
    # Not adjacent, since a pause does not keep the record of the founding.
    ("deletion", "pause"): deleted(edited(at_rest(), {"paused": True})),
    ("pause", "being adopted"): adoptable(edited(at_rest(), {"paused": True})),
    # Not adjacent, since what can be taken over has started.
    ("being adopted", "membership"): adoptable(joined(3, 4)),
    ("being adopted", "children"): adoptable(edited(at_rest(), EDITED)),
    ("pause", "previous ensemble"): replace(
        recreated(edited(at_rest(), {"paused": True})), answers={}, committed=None
    ),
    ("previous ensemble", "issuance"): issued(recreated(edited(at_rest(), ISSUED))),
    ("issuance", "certificate"): replace(
        issued(recreated(edited(at_rest(), ISSUED))), previous_pods=()
    ),
    # Not adjacent, since cert-manager has nothing to do with every certificate.
    ("previous ensemble", "certificate"): replace(
        recreated(edited(at_rest(), WITHOUT_CERTIFICATE)), answers={}, committed=None
    ),
    ("certificate", "backup"): replace(
        recreated(edited(at_rest(), {**WITHOUT_CERTIFICATE, **WITHOUT_BACKUP})),
        answers={},
        committed=None,
        previous_pods=(),
    ),
    ("backup", "contradiction"): replace(
        split(recreated(edited(at_rest(), WITHOUT_BACKUP))), previous_pods=()
    ),
    # Not adjacent, since only an ensemble that is new waits for either.
    ("certificate", "contradiction"): replace(
        split(recreated(edited(at_rest(), WITHOUT_CERTIFICATE))), previous_pods=()
    ),
    ("certificate", "source"): adopting(replace(at_rest(), answers={}), **WITHOUT_CERTIFICATE),
    ("backup", "source"): adopting(replace(at_rest(), answers={}), **WITHOUT_BACKUP),
    ("source", "contradiction"): adopting(split(at_rest())),
    ("contradiction", "children"): split(edited(at_rest(), EDITED)),
    ("recovery", "membership"): recovering(),
    ("membership", "publication"): unpublished(handed_over()),
    ("publication", "storage"): changed(unpublished(at_rest()), 2, replace_requested=True),
    # Not adjacent, since the publication stands aside for nobody.
    ("membership", "storage"): changed(joined(3, 4), 2, replace_requested=True),
    ("storage", "invalid spec"): changed(edited(at_rest(), INVALID), 2, replace_requested=True),
    ("invalid spec", "rollout"): outdated(edited(at_rest(), INVALID), 1),
    # Not adjacent, since nothing else is as urgent as a missing member.
    ("storage", "rollout"): changed(outdated(at_rest(), 1), 2, replace_requested=True),
    ("rollout", "plain port"): closed(outdated(at_rest(), 1)),
    ("plain port", "claim templates"): closed(edited(at_rest(), LARGER)),
    # Not adjacent, since both restart nothing while the ports are as the spec asks.
    ("rollout", "claim templates"): edited(outdated(at_rest(), 1), LARGER),
    ("claim templates", "children"): edited(at_rest(), {**LARGER, **EDITED}),
    ("children", "delivery"): undelivered(),
    # Not adjacent, but the volume must lose its mark before the StatefulSet takes its pod.
    ("storage", "children"): left(),
}
NEVER_ACT = {"security", "scale"}
# Founders are restarted while nobody serves. Members that contradict each other serve, and so does the quorum
# that the membership and an adoption need; an adoption leaves no member to the membership.
NEVER_BOTH = {
    ("being adopted", "previous ensemble"),
    ("contradiction", "founders"),
    ("founders", "recovery"),
    ("founders", "adoption"),
    ("recovery", "adoption"),
    ("adoption", "membership"),
    ("founders", "membership"),
}


def wanted(name: str, situation: Situation) -> tuple[Action, ...]:
    line = LINES[name]
    assert isinstance(line, Concern)
    return line.plan(situation).actions


def votes(actions: Iterable[Action]) -> list[tuple[int, str]]:
    """Who gets which role by the reconfigurations among these actions."""
    return [(s.id, s.role) for a in reconfigurations(actions) for s in a.joining]


def test_every_pair_of_neighbours_has_a_scene() -> None:
    neighbours = {pair for pair in pairwise(LINES) if not NEVER_ACT & set(pair)}
    assert len(LINES) == len(ORDER), "a name stands for one line"
    assert neighbours - NEVER_BOTH <= BOTH_WANT.keys()


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
    first = wanted(upper, situation)
    second = () if isinstance(below, Hold) else wanted(lower, situation)
    assert first, f"{upper} has nothing to do here"
    if any(map(is_exclusive, first)):
        assert plan.actions[-1] in first, "the last action is the exclusive one"
        assert not any(is_exclusive(action) for action in plan.actions[:-1])
        assert {a for a in plan.actions if is_exclusive(a)}.isdisjoint(
            a for a in second if is_exclusive(a)
        )
    else:
        # But for a membership without founders, which comes before all that may fail.
        expected = sorted((*first, *second), key=lambda a: not _forbids_founding(a))
        assert [a for a in plan.actions if a in first or a in second] == expected


def _forbids_founding(action: Action) -> bool:
    return isinstance(action, Apply) and action.body.get("data", {}).get("founders") == ""


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
    assert all(wanted(line, understand(scene)) == () for line in NEVER_ACT)


def test_claim_templates_are_replaced_once_nothing_has_to_be_restarted() -> None:
    waiting = build_plan(edited(outdated(at_rest(), 1), LARGER))
    assert isinstance(waiting.actions[-1], RestartMember)
    assert not [a for a in waiting.actions if isinstance(a, Delete)]
    assert isinstance(build_plan(edited(at_rest(), LARGER)).actions[-1], Delete)


# ---- what is half done ----


@pytest.mark.parametrize("spec", [INVALID, {"resources": {"limits": {"memory": "64Mi"}}}])
@pytest.mark.parametrize("due", [(), (1,)])
def test_a_vote_that_was_handed_over_is_given_back_under_an_invalid_spec(
    spec: dict[str, object], due: tuple[int, ...]
) -> None:
    plan = build_plan(outdated(edited(handed_over(), {**spec, **EDITED}), *due))
    assert plan.problems
    assert votes(plan.actions) == [(1, "participant")]
    assert len(plan.actions) == 1


def test_a_vote_is_given_back_although_a_name_is_taken() -> None:
    taken = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "zk-client", "namespace": "demo", "uid": "theirs"},
    }
    plan = build_plan(replace(handed_over(), foreign=(taken,)))
    assert plan.problems[0].reason == reasons.NAME_TAKEN
    assert votes(plan.actions) == [(1, "participant")]


def test_an_invalid_spec_that_asks_for_fewer_does_not_keep_the_vote() -> None:
    scene = edited(at_rest(3, leader=1, roles={3: "observer", **voting(1, 2)}), {"replicas": 1})
    assert votes(build_plan(edited(scene, INVALID)).actions) == [(3, "participant")]


def test_a_member_whose_address_is_somebody_else_s_gets_no_vote() -> None:
    scene = joined(3, 4)
    ours = tuple(c for c in scene.children if c["metadata"]["name"] != "zk-4")
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "zk-4"}}
    assert build_plan(replace(scene, children=ours, foreign=(theirs,))).actions == ()


def test_a_pause_touches_nothing_and_says_what_is_half_done() -> None:
    plan = build_plan(edited(handed_over(), {**INVALID, "paused": True}))
    assert plan.actions == ()
    assert plan.next_action.startswith(
        "nothing: the ensemble is paused; member 1 has handed over its vote and gets it back when the "
        "pause ends; the spec is invalid: spec.config.clientPort"
    )


def test_founders_are_struck_out_although_the_spec_is_invalid() -> None:
    scene = unpublished(at_rest())
    before = scene.child("ConfigMap", "zk-membership")
    assert before is not None
    assert before["data"]["founders"]
    (published,) = applied(build_plan(scene).actions, "ConfigMap")
    assert published["data"]["founders"] == ""


def test_founders_are_struck_out_although_the_ensemble_is_paused() -> None:
    """A pause may last, and meanwhile a founder that loses its volume would vote with an empty database."""
    scene = edited(unpublished(at_rest()), {"paused": True})
    (published,) = applied(build_plan(scene).actions, "ConfigMap")
    assert published["metadata"]["name"] == "zk-membership"
    assert published["data"]["founders"] == ""
    assert len(build_plan(scene).actions) == 1
    assert build_plan(edited(at_rest(), {"paused": True, **LARGER})).actions == ()


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
    assert below.next_action.startswith("nothing until the spec is fixed")
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


def test_who_may_be_taken_over_goes_on_until_it_is() -> None:
    scene = adoptable(edited(at_rest(), EDITED), begun=False)
    assert build_plan(scene).actions
    assert build_plan(adoptable(scene)).actions == ()
