"""The planner's promises, held against whatever may happen: hypothesis looks for a way to break them.

Each plan is checked before it is carried out (`world.World`): at most one disruptive action, never fewer
live voters than the committed majority by our own hand, one vote changed at a time, nobody votes who is not
in sync, no pod goes before its member has left. And whatever happened, once people and faults leave it alone
the ensemble comes to rest as its spec asks.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.ensemble.plan.scenes import at_rest, edited, outdated, without_answer
from tests.unit.ensemble.plan.world import BROKEN, World, check_order

from zookeeper_operator.ensemble.actions import Apply, Reconfigure, RestartMember
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.zookeeper.servers import majority

SIZES = st.integers(1, 5)


@settings(derandomize=True, max_examples=60)
@given(
    size=SIZES,
    target=SIZES,
    leader=st.integers(1, 5),
    old=st.sets(st.integers(1, 5)),
    away=st.sets(st.integers(1, 5), max_size=3),
)
def test_whatever_is_seen_one_thing_at_most_is_disturbed(
    size: int, target: int, leader: int, old: set[int], away: set[int]
) -> None:
    """Any mix of a scaling, a rollout and members that do not answer, in one look."""
    members = set(range(1, size + 1))
    away &= members
    scene = at_rest(size, leader=min(leader, size))
    if min(leader, size) in away or len(members - away) < majority(size):
        scene = replace(scene, committed=None)
    scene = without_answer(outdated(edited(scene, {"replicas": target}), *old), *away)
    plan = build_plan(scene)
    check_order(plan)
    if not plan.quorum.healthy:
        assert not [a for a in plan.actions if isinstance(a, Reconfigure)]
    for action in plan.actions:
        if isinstance(action, RestartMember) and size > 1:
            live = plan.quorum.live - {action.member_id}
            assert action.member_id in away or len(live) >= majority(size)


@settings(derandomize=True, max_examples=25)
@given(start=SIZES, target=SIZES, observers=st.integers(0, 2))
def test_sizes_are_visited_one_by_one(start: int, target: int, observers: int) -> None:
    """Pains 1, 2 and 4: the committed voters walk from one size to the other, and no pod restarts."""
    world = World({"replicas": start, "allowEvenReplicas": True})
    world.rest()
    pods = {i: pod.uid for i, pod in world.pods.items()}
    world.edit({"replicas": target, "observers": {"replicas": observers}})
    world.rest()
    step = 1 if target >= start else -1
    voting = [
        size for size, before in zip(world.sizes, [0, *world.sizes], strict=False) if size != before
    ]
    assert voting == list(range(start, target + step, step))
    kept = min(start, target)
    assert {i: world.pods[i].uid for i in range(1, kept + 1)} == {
        i: pods[i] for i in range(1, kept + 1)
    }

    world.edit({"observers": {"replicas": 0}})
    world.rest()
    assert set(world.pods) == set(range(1, target + 1))
    assert ("StatefulSet", "zk-observer") not in world.children, "nothing of observers is left"


class AnEnsembleInTrouble(RuleBasedStateMachine):
    """People edit, pods die and freeze, calls are refused, in any order; the planner looks in between."""

    world: World

    @initialize(size=SIZES, restart_to_grow=st.booleans())
    def create(self, *, size: int, restart_to_grow: bool) -> None:
        self.world = World(
            {"replicas": size, "allowEvenReplicas": True, "storage": {"data": {"size": "4Gi"}}},
            restart_to_grow=restart_to_grow,
        )

    @rule(passes=st.integers(1, 12))
    def look(self, passes: int) -> None:
        for _ in range(passes):
            self.world.carry_out(self.world.plan())
            self.world.tick()

    @rule()
    def look_again_before_anything_happens(self) -> None:
        """A plan on its own result: nothing is sent twice."""
        first = self.world.plan()
        self.world.carry_out(first)
        again = self.world.plan()
        sent = [a.body for a in first.actions if isinstance(a, Apply)]
        assert not [a.body for a in again.actions if isinstance(a, Apply) and a.body in sent]

    @rule(replicas=SIZES, observers=st.integers(0, 2))
    def scale(self, replicas: int, observers: int) -> None:
        self.world.edit({"replicas": replicas, "observers": {"replicas": observers}})

    @rule()
    def roll(self) -> None:
        self.world.restarted_at += "x"

    @rule()
    def break_the_image(self) -> None:
        self.world.edit({"image": {"tag": BROKEN}})

    @rule()
    def mend_the_image(self) -> None:
        self.world.edit({"image": {}})

    @rule(size=st.sampled_from(["8Gi", "16Gi"]))
    def grow(self, size: str) -> None:
        now = int(self.world.spec["storage"]["data"]["size"].removesuffix("Gi"))
        if int(size.removesuffix("Gi")) > now:
            self.world.edit({"storage": {"data": {"size": size}}})

    @rule(stopped=st.booleans())
    def stop_or_start(self, *, stopped: bool) -> None:
        self.world.edit({"stopped": stopped})

    @rule(refusing=st.booleans())
    def refuse_or_allow_demotions(self, *, refusing: bool) -> None:
        self.world.refusing = refusing
        self.world.refusal = self.world.refusal if refusing else None

    @precondition(lambda self: self.world.pods)
    @rule(data=st.data())
    def lose_a_pod(self, data: st.DataObject) -> None:
        self.world.lose(data.draw(st.sampled_from(sorted(self.world.pods))))

    @precondition(lambda self: self.world.up)
    @rule(data=st.data())
    def freeze(self, data: st.DataObject) -> None:
        self.world.frozen.add(data.draw(st.sampled_from(sorted(self.world.up))))

    @rule()
    def thaw(self) -> None:
        self.world.frozen.clear()

    @invariant()
    def no_vote_was_jumped(self) -> None:
        sizes = getattr(self, "world", World({})).sizes
        assert all(abs(a - b) <= 1 for a, b in pairwise(sizes))

    def teardown(self) -> None:
        """Leave it alone: it must come to rest as the spec asks, and then nothing may be left to do."""
        world = getattr(self, "world", None)
        if world is None:
            return
        world.frozen.clear()
        world.edit({"image": {}, "stopped": False})
        world.rest()
        spec = world.spec
        assert world.config is not None
        assert world.config.voters == set(range(1, spec["replicas"] + 1))
        observers = (spec.get("observers") or {}).get("replicas", 0)
        assert world.config.observers == set(range(101, 101 + observers))
        assert set(world.pods) == world.config.ids
        assert (("StatefulSet", "zk-observer") in world.children) == (observers > 0)
        assert world.plan().actions == ()
        published = world.children["ConfigMap", "zk-membership"]["data"]["configVersion"]
        assert published == f"{world.config.version:x}"


TestAnEnsembleInTrouble = pytest.mark.timeout(120)(AnEnsembleInTrouble.TestCase)
TestAnEnsembleInTrouble.settings = settings(
    derandomize=True, max_examples=40, stateful_step_count=18, deadline=None
)
