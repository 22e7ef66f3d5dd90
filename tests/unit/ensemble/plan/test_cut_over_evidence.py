"""What must be known before a source is cut off: silence, and words that come too early, do not count."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import NOW, disruptive, with_children
from tests.unit.ensemble.plan.test_adoption import LINES, OURS, adopted, scaled
from tests.unit.ensemble.plan.test_cut_over import (
    CUT,
    FENCED,
    RECORDED,
    ZXID,
    cut_scene,
    own_list,
    published_by,
    records,
    standby_after,
    status_after,
    voting,
    with_list,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import RestartMember, WriteFence
from zookeeper_operator.ensemble.adoption.fence import Memory, Silence, Standstill, Written
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.cut_over import find_memory
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.zookeeper.protocol import SourceAnswer
from zookeeper_operator.zookeeper.servers import CommittedConfig

FENCED_BY_HAND = {"fence": {"zxid": f"{ZXID:x}", "generation": 0, "pods": 3, "uid": ""}}
LONG_AGO = Silence(NOW - timedelta(seconds=5))


def by_hand(
    *,
    heard: bool = False,
    observing: bool = False,
    stopped: tuple[int, ...] = (1, 2, 3),
    memory: Memory | None = LONG_AGO,
    record: dict[str, Any] | None = None,
    proceed: str = "Swap",
) -> Observed:
    """A source without a StatefulSet, of which the owner says which members are stopped."""
    running = (1, 2, 3) if heard or observing else ()
    found = cut_scene(running=running, record=record or FENCED_BY_HAND, proceed=proceed)
    assert found.source is not None
    silent = {i: SourceAnswer(reachable=False, problem="timeout") for i in (1, 2, 3)}
    said = found.source.answers if heard else silent
    adopt = found.ensemble.spec.adopt
    assert adopt is not None
    adopt = adopt.model_copy(update={"stateful_set": None, "stopped_members": stopped})
    spec = found.ensemble.spec.model_copy(update={"adopt": adopt})
    ours = {i: a for i, a in found.answers.items() if i in OURS}
    return replace(
        found,
        ensemble=replace(found.ensemble, spec=spec),
        source=replace(found.source, pods=None, answers=said),
        answers={**(found.answers if heard else {}), **ours},
        memory=memory,
    )


def cut_recorded(observed: Observed) -> bool:
    return any(record.cut_over for record in records(build_plan(observed)))


# ---- a cut is recorded on evidence ----


def test_by_hand_the_word_of_the_owner_counts_while_ours_have_no_leader() -> None:
    assert cut_recorded(by_hand())


def test_one_look_that_misses_the_source_records_no_cut() -> None:
    """Nothing of it answers and the owner has said that it is stopped; but ours still follow it."""
    missed = by_hand(observing=True)
    assert not cut_recorded(missed)
    assert adopted(build_plan(missed)) == (False, reasons.WAITING_FOR_SOURCE)
    assert "still has a leader" in build_plan(missed).adoption.message


def test_members_of_the_source_that_say_that_they_have_no_leader_run() -> None:
    electing = by_hand()
    assert electing.source is not None
    said = {**electing.source.answers, 2: SourceAnswer(reachable=True, problem="-", denies=True)}
    assert not cut_recorded(replace(electing, source=replace(electing.source, answers=said)))


def test_ours_that_are_not_heard_prove_nothing() -> None:
    found = by_hand()
    only_one = {i: a for i, a in found.answers.items() if i == 11}
    assert not cut_recorded(replace(found, answers=only_one))
    two = {i: a for i, a in found.answers.items() if i != 11}
    assert cut_recorded(replace(found, answers=two))


def test_by_hand_the_silence_must_last() -> None:
    first = build_plan(by_hand(memory=None))
    assert not any(r.cut_over for r in records(first))
    assert find_memory(first.situation, None) == Silence(NOW)
    assert not cut_recorded(by_hand(memory=Silence(NOW - timedelta(seconds=4))))
    heard = build_plan(by_hand(heard=True, memory=LONG_AGO))
    assert find_memory(heard.situation, None) is None, "it begins again"


def test_who_is_called_stopped_before_the_fence_prevents_it() -> None:
    early = by_hand(heard=True, stopped=(3,), record={}, memory=None)
    early = replace(early, ensemble=replace(early.ensemble, status={**early.ensemble.status}))
    adoption = {"adoption": {"source": RECORDED}}
    early = replace(early, ensemble=replace(early.ensemble, status={"foundedAt": "x", **adoption}))
    plan = build_plan(early)
    assert not any(isinstance(a, WriteFence) for a in plan.actions)
    assert "spec.adopt.stoppedMembers: []" in plan.adoption.message


def test_pods_of_the_source_that_are_no_members_keep_the_cut_from_being_recorded() -> None:
    found = cut_scene(running=(), record=FENCED, generation=5)
    assert cut_recorded(found)
    assert found.source is not None
    assert found.source.pods is not None
    more = replace(found.source, pods=replace(found.source.pods, left=1))
    assert not cut_recorded(replace(found, source=more))


def test_a_member_that_answers_runs_whatever_is_known_of_its_pod() -> None:
    found = cut_scene(running=(), record=FENCED, generation=5)
    assert found.source is not None
    for answer in (
        SourceAnswer(reachable=True, mode="follower", zxid=ZXID),
        SourceAnswer(reachable=True, problem="does not serve", denies=True),
    ):
        said = {**found.source.answers, 2: answer}
        again = replace(found, source=replace(found.source, answers=said))
        assert not cut_recorded(again)


def test_a_stateful_set_that_was_created_again_is_another_source() -> None:
    other = {"fence": {**FENCED["fence"], "uid": "uid-of-another"}}
    assert not cut_recorded(cut_scene(running=(), record=other, generation=5))
    assert scaled(build_plan(cut_scene(record=other))) == []


def test_a_stateful_set_that_may_not_be_read_any_more_is_unknown() -> None:
    found = cut_scene(running=(), record=FENCED, generation=5)
    assert found.source is not None
    hidden = replace(found.source, pods=None, pods_why="demo/old may not be read")
    plan = build_plan(replace(found, source=hidden))
    assert records(plan) == [], "the fence stays"
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert "may not be read" in plan.adoption.message


# ---- a cut is void while none of ours has had a vote ----


@pytest.mark.parametrize("heard", [True, False])
def test_a_source_that_runs_again_before_the_list_is_published_voids_the_cut(
    *, heard: bool
) -> None:
    cut = cut_scene(running=(1, 2, 3) if heard else (), record=CUT, generation=6)
    assert cut.source is not None
    assert cut.source.pods is not None
    again = replace(cut.source, pods=replace(cut.source.pods, replicas=3))
    plan = build_plan(replace(cut, source=again))
    assert published_by(plan) is None, "ours get no vote"
    assert [(r.fence, r.cut_over) for r in records(plan)] == [(None, False)]
    assert "cutOverAt" not in status_after(plan)["adoption"]
    assert disruptive(plan.actions) == []


def test_a_source_that_ours_follow_again_voids_a_cut_of_which_the_list_is_published() -> None:
    cut = cut_scene(running=(1, 2, 3), record=CUT, generation=6)
    plan = build_plan(with_list(cut, own_list(cut)))
    found = published_by(plan)
    assert found is not None
    assert found.voters == {1, 2, 3}
    assert found.standby == ()
    assert found.standby_open, "a pod that was created meanwhile is restarted"
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert [(r.fence, r.cut_over) for r in records(plan)] == [(None, False)]
    assert "cutOverAt" not in status_after(plan)["adoption"]


@pytest.mark.parametrize("voters", [(11,), (11, 12)])
def test_a_cut_is_not_void_when_one_of_ours_votes_and_no_majority_observes(
    voters: tuple[int, ...],
) -> None:
    cut = voting(cut_scene(running=(1, 2, 3), record=CUT, generation=6), voters)
    if len(voters) == 1:
        silent = replace(cut.answers[12], reachable=False, problem="timeout")
        cut = replace(cut, answers={**cut.answers, 12: silent})
    plan = build_plan(with_list(cut, own_list(cut)))
    found = published_by(plan)
    assert found is None or found.voters == frozenset(OURS)
    assert records(plan) == []


def test_a_member_that_may_have_started_as_a_voter_of_a_void_cut_is_restarted() -> None:
    cut = cut_scene(running=(1, 2, 3), record=CUT, generation=6)
    alone = replace(cut.answers[13], problem="no leader", peer_state="", denies=True)
    cut = replace(cut, answers={**cut.answers, 13: alone})
    void = published_by(build_plan(with_list(cut, own_list(cut))))
    assert void is not None
    assert [member for member, _ in void.standby] == [13]
    after = cut_scene(running=(1, 2, 3), generation=6)
    after = replace(after, answers={**after.answers, 13: alone})
    (restart,) = disruptive(build_plan(with_list(with_children(after), void)).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 13


# ---- what our members start from ----


def test_a_list_that_was_lost_after_ours_have_committed_it_forgets_no_observer() -> None:
    cut = voting(cut_scene(running=(), record=CUT, generation=5), (11, 12))
    lines = tuple(cut.ensemble.server(i) for i in OURS)
    lost = with_list(replace(cut, committed=CommittedConfig(2 << 32, lines)), None)
    found = understand(lost).membership
    assert (found.version, [member for member, _ in found.standby]) == (2 << 32, [13])
    assert found.standby_open


def test_a_member_on_standby_that_is_only_silent_is_not_restarted() -> None:
    cut = cut_scene(running=(), record=CUT, generation=5)
    silent = replace(cut.answers[11], reachable=False, denies=False, problem="timeout")
    cut = replace(cut, answers={**cut.answers, 11: silent})
    begun = with_list(with_children(cut), own_list(cut))
    (restart,) = disruptive(build_plan(begun).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 12


def test_our_members_begin_in_an_epoch_that_the_source_does_not_come_to() -> None:
    found = published_by(build_plan(cut_scene(running=(), record=CUT, generation=5)))
    assert found is not None
    assert found.epoch == 1001
    kept = understand(with_list(cut_scene(running=(), record=CUT, generation=5), found)).membership
    assert kept.epoch == 1001


# ---- a source whose list gets a version ----


def test_a_source_whose_list_has_a_version_is_not_cut_over() -> None:
    observed = cut_scene(proceed="Observe")
    versioned = replace(observed, committed=CommittedConfig(ZXID, LINES))
    plan = build_plan(versioned)
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert "create it with spec.adopt.mode: Join" in plan.adoption.message
    assert published_by(plan) is None, "ours must not hear of that version"


def test_a_version_that_is_found_when_the_fence_is_written_is_remembered() -> None:
    first = build_plan(cut_scene())
    (fence,) = (a for a in first.actions if isinstance(a, WriteFence))
    assert fence.asked == {1, 2, 3}
    assert fence.based_on == CommittedConfig(0, LINES)
    memory = find_memory(first.situation, Written(version=ZXID))
    assert memory == Standstill(None, None, NOW, ZXID)
    plan = build_plan(cut_scene(memory=memory))
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert not any(isinstance(a, WriteFence) for a in plan.actions)


# ---- nobody is left without an ensemble ----


def test_a_fence_that_counts_no_more_stays_until_the_source_has_its_pods() -> None:
    stopped = cut_scene(running=(), record=FENCED, generation=9)
    plan = build_plan(stopped)
    assert (scaled(plan), records(plan)) == ([3], [])
    for proceed in ("Swap", "Observe"):
        back = build_plan(cut_scene(record=FENCED, generation=9, proceed=proceed))
        assert [r.fence for r in records(back)] == [None]


def test_on_the_way_back_nobody_is_asked_to_stop_the_source() -> None:
    back = cut_scene(running=(2,), record=FENCED, writable=False, proceed="Observe")
    assert back.source is not None
    assert back.source.pods is not None
    whole = replace(back.source, pods=replace(back.source.pods, replicas=3))
    plan = build_plan(replace(back, source=whole))
    assert adopted(plan) == (False, reasons.UNDOING)
    assert "waiting for member 1, 2, 3 of the source to serve" in plan.adoption.message


def test_a_source_that_its_owner_has_stopped_while_it_is_observed_is_told_how_to_start() -> None:
    plan = build_plan(cut_scene(running=(), proceed="Observe"))
    assert scaled(plan) == [], "nobody has asked for anything"
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert "--replicas=3" in plan.adoption.message


def test_a_claim_of_ours_holds_only_a_source_that_has_pods() -> None:
    stopped = cut_scene(running=(), record=FENCED, generation=5)
    claims = tuple(replace(c, terminating=c.member_id == 12) for c in stopped.claims)
    assert cut_recorded(replace(stopped, claims=claims))


def test_what_else_starts_the_source_is_named() -> None:
    plan = build_plan(cut_scene(record=FENCED, generation=6))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert "GitOps" in plan.adoption.message


def test_the_event_of_a_cut_follows_the_status() -> None:
    plan = build_plan(cut_scene(running=(), record=FENCED, generation=5))
    before = plan.situation.ensemble.status
    found = [n.reason for n in build_notices(before, status_after(plan))]
    assert found.count(reasons.CUTTING_OVER) == 1
    assert reasons.CUTTING_OVER not in [
        n.reason for n in build_notices(status_after(plan), status_after(plan))
    ]


def test_who_is_on_standby_is_read_as_it_was_written() -> None:
    listed = Membership(LINES, 0, (), "x", standby=((11, "a"),), standby_open=True)
    (body,) = (c for c in with_list(cut_scene(), listed).children if c["kind"] == "ConfigMap")
    assert read_membership(body) == listed
    assert standby_after(cut_scene(running=(), record=CUT, generation=5)) == []
