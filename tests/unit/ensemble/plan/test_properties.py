"""The planner's promises, held against whatever may happen: hypothesis looks for a way to break them.

Each plan is checked before it is carried out (`promises`): at most one disruptive action, never
fewer live voters than the committed majority by our own hand, one vote changed at a time, nobody votes who
is not in sync, no pod goes before its member has left, no data is removed that the others do not have. And
whatever happened, once people and faults leave it alone the ensemble comes to rest as its spec asks.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.ensemble.plan.ensemble_under_test import BROKEN, EnsembleUnderTest
from tests.unit.ensemble.plan.promises import check_order, running_phases
from tests.unit.ensemble.plan.scenes import at_rest, edited, outdated, without_answer
from tests.unit.ensemble.plan.test_authentication import user as user_of

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply, Reconfigure, RestartMember
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.security.phase import wanted_phase
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
    ensemble = EnsembleUnderTest.at_rest(start)
    pods = {i: pod.uid for i, pod in ensemble.pods.items()}
    ensemble.edit({"replicas": target, "observers": {"replicas": observers}})
    ensemble.rest()
    step = 1 if target >= start else -1
    voting = [
        size
        for size, before in zip(ensemble.sizes, [0, *ensemble.sizes], strict=False)
        if size != before
    ]
    assert voting == list(range(start, target + step, step))
    kept = min(start, target)
    assert {i: ensemble.pods[i].uid for i in range(1, kept + 1)} == {
        i: pods[i] for i in range(1, kept + 1)
    }

    ensemble.edit({"observers": {"replicas": 0}})
    ensemble.rest()
    assert set(ensemble.pods) == set(range(1, target + 1))
    assert ensemble.child("StatefulSet", "zk-observer") is None, "nothing of observers is left"


@settings(derandomize=True, max_examples=12)
@given(size=SIZES, leader=SIZES)
def test_a_rollout_restarts_everybody_and_breaks_no_promise(size: int, leader: int) -> None:
    ensemble = EnsembleUnderTest.at_rest(size, leader=min(leader, size))
    before = {pod.uid for pod in ensemble.pods.values()}
    ensemble.edit({"config": {"tickTime": 3000}})
    ensemble.rest()
    assert not before & {pod.uid for pod in ensemble.pods.values()}
    assert ensemble.voters() == set(range(1, size + 1))


@settings(derandomize=True, max_examples=25)
@given(
    size=SIZES,
    target=SIZES,
    frozen=st.sets(st.integers(1, 5), max_size=2),
    lost=st.sets(st.integers(1, 5), max_size=2),
)
def test_what_is_lost_already_is_not_made_worse(
    size: int, target: int, frozen: set[int], lost: set[int]
) -> None:
    """Members that do not answer, lost volumes and a scaling at once: the promises hold at every pass."""
    ensemble = EnsembleUnderTest.at_rest(size)
    for member_id in sorted(frozen & set(ensemble.pods)):
        ensemble.freeze(member_id)
    for member_id in sorted(lost & set(ensemble.pods)):
        ensemble.lose_volume(names.claim_name("zk", member_id, names.DATA_VOLUME))
    ensemble.edit({"replicas": target})
    ensemble.run(passes=3)


class AnEnsembleInTrouble(RuleBasedStateMachine):
    """People edit, pods die and freeze, calls are refused, in any order; the planner looks in between."""

    ensemble: EnsembleUnderTest

    @initialize(size=SIZES, restart_to_grow=st.booleans())
    def create(self, *, size: int, restart_to_grow: bool) -> None:
        self.ensemble = EnsembleUnderTest(
            {"replicas": size, "allowEvenReplicas": True, "storage": {"data": {"size": "4Gi"}}},
            restart_to_grow=restart_to_grow,
        )

    @rule(passes=st.integers(1, 12))
    def look(self, passes: int) -> None:
        self.ensemble.run(passes=passes)

    @rule()
    def look_again_before_anything_happens(self) -> None:
        """A plan on its own result: nothing is sent twice."""
        first = self.ensemble.plan()
        self.ensemble.carry_out(first)
        again = self.ensemble.plan()
        sent = [a.body for a in first.actions if isinstance(a, Apply)]
        assert not [a.body for a in again.actions if isinstance(a, Apply) and a.body in sent]

    @rule(replicas=SIZES, observers=st.integers(0, 2))
    def scale(self, replicas: int, observers: int) -> None:
        self.ensemble.edit({"replicas": replicas, "observers": {"replicas": observers}})

    @rule(tick_time=st.sampled_from([None, 2000, 3000]))
    def roll(self, tick_time: int | None) -> None:
        if tick_time is None:
            self.ensemble.roll()
        else:
            self.ensemble.edit({"config": {"tickTime": tick_time}})

    @rule()
    def break_the_image(self) -> None:
        self.ensemble.edit({"image": {"tag": BROKEN}})

    @rule()
    def mend_the_image(self) -> None:
        self.ensemble.edit({"image": {}})

    @rule(size=st.sampled_from(["8Gi", "16Gi"]))
    def grow(self, size: str) -> None:
        now = int(self.ensemble.spec["storage"]["data"]["size"].removesuffix("Gi"))
        if int(size.removesuffix("Gi")) > now:
            self.ensemble.edit({"storage": {"data": {"size": size}}})

    @rule(tls=st.sampled_from([None, {}, {"quorum": "Disabled"}, {"clients": "Disabled"}]))
    def turn_tls_on_or_off(self, tls: dict[str, str] | None) -> None:
        self.ensemble.edit({"tls": tls})

    @rule(
        users=st.sampled_from([(), ("app",), ("app", "other")]),
        required=st.sampled_from(["None", "Sasl", "Any"]),
    )
    def ask_for_authentication(self, users: tuple[str, ...], required: str) -> None:
        asked = {"users": [user_of(name) for name in users], "required": required}
        self.ensemble.edit({"auth": asked if users else None})

    @rule(password=st.sampled_from([None, b"first", b"second", b""]))
    def write_a_password(self, password: bytes | None) -> None:
        """Or a bad one, or none; what the members know stays then."""
        others = {"other": b"of the other"}
        passwords = others if password is None else {**others, "app": password}
        self.ensemble.world = self.ensemble.world.with_observed(passwords=passwords)

    @rule(stopped=st.booleans())
    def stop_or_start(self, *, stopped: bool) -> None:
        self.ensemble.edit({"stopped": stopped})

    @rule(refusing=st.booleans())
    def refuse_or_allow_demotions(self, *, refusing: bool) -> None:
        self.ensemble.refuse_demotions(refuse=refusing)

    @precondition(lambda self: self.ensemble.pods)
    @rule(data=st.data())
    def lose_a_pod(self, data: st.DataObject) -> None:
        self.ensemble.lose_pod(data.draw(st.sampled_from(sorted(self.ensemble.pods))))

    @precondition(lambda self: self.ensemble.able())
    @rule(data=st.data())
    def freeze(self, data: st.DataObject) -> None:
        self.ensemble.freeze(data.draw(st.sampled_from(sorted(self.ensemble.able()))))

    @rule()
    def thaw(self) -> None:
        self.ensemble.thaw()

    @precondition(lambda self: self.ensemble.claims)
    @rule(data=st.data())
    def lose_a_volume(self, data: st.DataObject) -> None:
        self.ensemble.lose_volume(data.draw(st.sampled_from(sorted(self.ensemble.claims))))

    @invariant()
    def no_vote_was_jumped(self) -> None:
        ensemble = getattr(self, "ensemble", None)
        sizes = [] if ensemble is None else ensemble.sizes
        assert all(abs(a - b) <= 1 for a, b in pairwise(sizes))

    def teardown(self) -> None:
        """Leave it alone: it must come to rest as the spec asks, and then nothing may be left to do."""
        ensemble = getattr(self, "ensemble", None)
        if ensemble is None:
            return
        ensemble.thaw()
        ensemble.restore_volumes()
        if min(len(ensemble.voters()), ensemble.spec["replicas"]) < 3:
            # Neither of two can be restarted without a hand-over; the rollout stops while it is refused.
            ensemble.refuse_demotions(refuse=False)
        ensemble.edit({"image": {}, "stopped": False})
        ensemble.world = ensemble.world.with_observed(passwords={"app": b"first", "other": b"x"})
        ensemble.rest()
        wanted = wanted_phase(ensemble.world.observed.ensemble.spec)
        assert set(running_phases(ensemble.world).values()) == {wanted}
        spec = ensemble.spec
        assert ensemble.config is not None
        assert ensemble.config.voters == set(range(1, spec["replicas"] + 1))
        observers = (spec.get("observers") or {}).get("replicas", 0)
        assert ensemble.config.observers == set(range(101, 101 + observers))
        assert set(ensemble.pods) == ensemble.config.ids
        assert (ensemble.child("StatefulSet", "zk-observer") is not None) == (observers > 0)
        assert ensemble.plan().actions == ()
        published = ensemble.child("ConfigMap", "zk-membership")
        assert published is not None
        assert published["data"]["configVersion"] == f"{ensemble.config.version:x}"


TestAnEnsembleInTrouble = pytest.mark.timeout(120)(AnEnsembleInTrouble.TestCase)
TestAnEnsembleInTrouble.settings = settings(
    derandomize=True, max_examples=40, stateful_step_count=18, deadline=None
)
