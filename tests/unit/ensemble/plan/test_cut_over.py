"""Cutting a source over: what each state of the source, of the records and of the spec leads to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import NOW, answers, applied, disruptive, with_children
from tests.unit.ensemble.plan.test_adoption import LINES, OURS, adopted, scaled, scene, source_of

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import (
    Basis,
    RecordAdoption,
    RestartMember,
    ScaleSource,
    WriteFence,
)
from zookeeper_operator.ensemble.adoption.checks import find_obstacles
from zookeeper_operator.ensemble.adoption.fence import Fence, Silence, Standstill, Written
from zookeeper_operator.ensemble.adoption.source import Source, read_source_answers
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.judge.basis import find_change
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan, understand
from zookeeper_operator.ensemble.plan.cut_over import find_memory
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.ensemble.target import build_target
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.protocol import SourceAnswer
from zookeeper_operator.zookeeper.servers import CommittedConfig

ZXID = 0x100000005
FENCED = {"fence": {"zxid": f"{ZXID:x}", "generation": 4, "pods": 3, "uid": "uid-of-old"}}
CUT = {**FENCED, "cutOverAt": "2026-01-01T00:00:00Z"}
RECORDED = [server.line() for server in LINES]
RESTED = Standstill(ZXID - 1, ZXID, NOW - timedelta(seconds=5))


def cut_scene(
    *,
    running: Iterable[int] = (1, 2, 3),
    record: dict[str, Any] | None = None,
    memory: Standstill | Silence | None = None,
    generation: int = 4,
    writable: bool = True,
    proceed: str = "Swap",
) -> Observed:
    """Our members observe a source that cannot reconfigure; where it runs, all stand at one zxid."""
    alive = tuple(running)
    found = source_of(alive, 1, writable=writable)
    assert found.pods is not None
    found = replace(found, pods=replace(found.pods, generation=generation))
    observed = scene(source=found, mode="CutOver", proceed=proceed)
    said = {i: replace(answers(i, 1, (1, 2, 3)), zxid=ZXID, server_state="observer") for i in OURS}
    if not alive:
        said = {
            i: replace(a, problem="no leader", peer_state="", denies=True) for i, a in said.items()
        }
    status = {**observed.ensemble.status, "adoption": {"source": RECORDED, **(record or {})}}
    observed = replace(
        observed,
        ensemble=replace(observed.ensemble, status=status),
        answers={**read_source_answers(found.answers, said), **said},
        # After the cut no word of the source counts.
        committed=CommittedConfig(0, LINES)
        if alive and "cutOverAt" not in (record or {})
        else None,
        memory=memory,
        claims=tuple(replace(c, member=None) for c in observed.claims),
    )
    return with_list(observed, Membership(LINES, 0, (), "uid-of-zk", source=LINES))


def with_list(observed: Observed, membership: Membership | None) -> Observed:
    """The same, with this list published."""
    others = tuple(c for c in observed.children if c["kind"] != "ConfigMap")
    if membership is None:
        return replace(observed, children=others)
    body = stamped(build_membership(build_target(observed.ensemble, membership)))
    body["metadata"] |= {"uid": "uid-of-cm", "resourceVersion": "1"}
    return replace(observed, children=(*others, body))


def voting(observed: Observed, members: Iterable[int] = OURS) -> Observed:
    """The same, with these of ours serving by a list in which only ours vote."""
    said = {i: replace(answers(i, 12, OURS), zxid=2 << 32) for i in members}
    return replace(observed, answers={**observed.answers, **said})


def published_by(plan: Plan) -> Membership | None:
    found = [
        body
        for body in applied(plan.actions, "ConfigMap")
        if body["metadata"]["name"] == "zk-membership"
    ]
    return read_membership(found[0]) if found else None


def records(plan: Plan) -> list[RecordAdoption]:
    return [a for a in plan.actions if isinstance(a, RecordAdoption)]


def status_after(plan: Plan) -> Object:
    found: Object = build_status(plan, restarted={}, record=next(iter(records(plan)), None))
    return found


def own_list(observed: Observed, version: int = 0) -> Membership:
    lines = tuple(observed.ensemble.server(i) for i in OURS)
    standby = () if version else tuple((pod.id, pod.uid) for pod in observed.pods)
    return Membership(lines, version, (), "uid-of-zk", source=LINES, standby=standby)


def test_observers_copy_the_data_and_nothing_of_the_source_is_touched() -> None:
    plan = build_plan(cut_scene(proceed="Observe"))
    assert adopted(plan) == (False, reasons.OBSERVING)
    assert "stop writing, then set spec.adopt.proceed: Swap" in plan.adoption.message
    assert disruptive(plan.actions) == []
    assert not any(isinstance(a, WriteFence | RecordAdoption) for a in plan.actions)


def test_a_fence_is_written_and_what_stands_still_behind_it_is_recorded_before_the_stop() -> None:
    observed = cut_scene()
    first = build_plan(observed)
    (fence,) = (a for a in first.actions if isinstance(a, WriteFence))
    assert fence.through == frozenset(OURS)
    assert find_memory(first.situation, Written(ZXID)) == Standstill(ZXID, None, NOW)

    plan = build_plan(cut_scene(memory=RESTED))
    assert scaled(plan) == [], "what is not recorded is not relied on"
    (record,) = records(plan)
    assert record.fence == Fence(ZXID, 4, 3, "uid-of-old")
    assert status_after(plan)["adoption"]["fence"] == FENCED["fence"]
    assert "cutOverAt" not in status_after(plan)["adoption"]

    stop = build_plan(cut_scene(record=FENCED))
    (action,) = (a for a in stop.actions if isinstance(a, ScaleSource))
    assert action.replicas == 0
    assert action.basis == Basis(
        voters=frozenset({1, 2, 3}), asked=frozenset({1, 2, 3, *OURS}), still=ZXID
    )


def test_a_source_that_is_written_to_is_not_stopped() -> None:
    moved = Standstill(ZXID - 2, ZXID - 1, NOW - timedelta(seconds=9))
    plan = build_plan(cut_scene(memory=moved))
    assert adopted(plan) == (False, reasons.SOURCE_STILL_WRITES)
    assert not scaled(plan)
    assert not records(plan)
    assert find_memory(plan.situation, None) == Standstill(None, ZXID, NOW)
    earlier = {"fence": {**FENCED["fence"], "zxid": f"{ZXID - 1:x}"}}
    plan = build_plan(cut_scene(record=earlier))
    assert scaled(plan) == []
    assert [r.fence for r in records(plan)] == [None]
    assert "fence" not in status_after(plan)["adoption"]


def test_the_last_questions_before_the_stop_find_a_write() -> None:
    observed = cut_scene(record=FENCED)
    (action,) = (a for a in build_plan(observed).actions if isinstance(a, ScaleSource))
    assert action.basis is not None
    assert find_change(action.basis, observed.answers, ending=action.ending) is None
    for member in (1, 11):
        moved = replace(observed.answers[member], zxid=ZXID + 1)
        why = find_change(action.basis, {**observed.answers, member: moved}, ending=frozenset())
        assert why == f"member {member} has committed something since"
    behind = {**observed.answers, 2: replace(observed.answers[2], zxid=ZXID - 1)}
    assert find_change(action.basis, behind, ending=frozenset()) is None


def test_the_cut_is_recorded_before_our_members_are_named_as_voters() -> None:
    plan = build_plan(cut_scene(running=(), record=FENCED, generation=5))
    assert [r.cut_over for r in records(plan)] == [True]
    assert published_by(plan) is None
    assert status_after(plan)["adoption"]["cutOverAt"]

    cut = cut_scene(running=(), record=CUT, generation=5)
    plan = build_plan(cut)
    found = published_by(plan)
    assert found is not None
    assert (found.voters, found.version, found.founders) == (frozenset(OURS), 0, ())
    assert found.standby == tuple((pod.id, pod.uid) for pod in cut.pods)
    assert found.standby_open
    assert found.source == LINES
    assert disruptive(plan.actions) == [], "none is restarted by a list that is not there yet"


def test_every_member_of_ours_is_restarted_as_a_voter_and_then_it_has_ended() -> None:
    cut = cut_scene(running=(), record=CUT, generation=5)
    begun = with_children(cut)
    (restart,) = disruptive(build_plan(begun).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 11
    again = replace(begun, pods=tuple(replace(p, uid=f"new-{p.id}") for p in begun.pods))
    plan = build_plan(again)
    assert disruptive(plan.actions) == []
    assert adopted(plan) == (False, reasons.CUTTING_OVER)

    version = 2 << 32
    said = {i: replace(answers(i, 12, OURS), zxid=version) for i in OURS}
    lines = tuple(cut.ensemble.server(i) for i in OURS)
    serving = replace(
        again, answers={**again.answers, **said}, committed=CommittedConfig(version, lines)
    )
    plan = build_plan(serving)
    found = published_by(plan)
    assert found is not None
    assert (found.version, found.standby) == (version, ())
    plan = build_plan(with_list(serving, own_list(serving, version)))
    assert adopted(plan) == (True, reasons.ADOPTED)
    assert build_status(plan, restarted={})["adoptedAt"]


def standby_after(
    observed: Observed, *pods: tuple[int, str], version: int = 0, is_open: bool = False
) -> list[int]:
    """Who must still be restarted when the list named these pods."""
    listed = replace(own_list(observed, version), standby=pods, standby_open=is_open)
    return [member for member, _ in understand(with_list(observed, listed)).membership.standby]


def test_a_pod_that_was_created_while_the_list_was_published_is_restarted_too() -> None:
    cut = cut_scene(running=(), record=CUT, generation=5)
    eleven = next((pod.id, pod.uid) for pod in cut.pods if pod.id == 11)
    assert standby_after(cut, eleven, is_open=True) == [11, 12, 13]
    assert standby_after(cut, eleven) == [11]
    assert standby_after(cut, (11, "an earlier one")) == []


def test_a_member_that_has_yet_to_be_restarted_is_not_forgotten_when_the_others_serve() -> None:
    cut = cut_scene(running=(), record=CUT, generation=5)
    version = 2 << 32
    said = {i: replace(answers(i, 12, OURS), zxid=version) for i in (11, 12)}
    lines = tuple(cut.ensemble.server(i) for i in OURS)
    serving = replace(
        cut, answers={**cut.answers, **said}, committed=CommittedConfig(version, lines)
    )
    pods = [(pod.id, pod.uid) for pod in cut.pods]
    assert standby_after(serving, *pods) == [13], "the others have started from the new list"
    assert standby_after(serving, *pods, version=version) == [13]
    assert standby_after(serving, is_open=True) == [13]


@pytest.mark.parametrize("listed", [True, False])
def test_a_list_that_is_lost_after_the_cut_is_never_the_source_s_again(*, listed: bool) -> None:
    cut = cut_scene(running=(), record=CUT, generation=5)
    plan = build_plan(cut if listed else with_list(cut, None))
    found = published_by(plan)
    assert found is not None
    assert found.voters == frozenset(OURS)
    only_list = cut_scene(running=(), generation=5)
    plan = build_plan(with_list(only_list, own_list(only_list)))
    assert understand(plan.situation.observed).membership.voters == frozenset(OURS)
    assert status_after(plan)["adoption"]["cutOverAt"], "it is written down again"


def test_a_source_that_was_stopped_without_a_fence_is_started_again() -> None:
    assert scaled(build_plan(cut_scene(running=()))) == [3]
    twice = build_plan(cut_scene(running=(), record=FENCED, generation=7))
    assert scaled(twice) == [3], "it has run since the fence"
    assert records(twice) == []


def test_the_user_goes_back_until_the_cut() -> None:
    plan = build_plan(cut_scene(running=(), record=FENCED, generation=5, proceed="Observe"))
    assert scaled(plan) == [3]
    assert adopted(plan) == (False, reasons.UNDOING)
    plan = build_plan(cut_scene(running=(), record=CUT, generation=5, proceed="Observe"))
    assert scaled(plan) == []
    found = published_by(plan)
    assert found is not None
    assert found.voters == frozenset(OURS)


def test_a_source_of_others_is_stopped_by_who_may() -> None:
    plan = build_plan(cut_scene(record=FENCED, writable=False))
    assert scaled(plan) == []
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert "scale statefulset/old --replicas=0" in plan.adoption.message


def test_a_source_that_leads_after_the_cut_stops_everything() -> None:
    cut = voting(cut_scene(running=(1, 2, 3), record=CUT, generation=6))
    plan = build_plan(with_list(cut, own_list(cut)))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert disruptive(plan.actions) == []
    assert "--replicas=0" in plan.adoption.message


def test_pods_that_come_back_after_the_cut_and_do_not_lead_are_stopped() -> None:
    cut = cut_scene(running=(), record=CUT, generation=6)
    assert cut.source is not None
    assert cut.source.pods is not None
    pods = replace(cut.source.pods, replicas=3)
    cut = replace(cut, source=replace(cut.source, pods=pods))
    plan = build_plan(with_list(cut, own_list(cut)))
    assert scaled(plan) == [0]
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)


def test_nothing_is_stopped_while_a_claim_of_ours_is_being_deleted() -> None:
    observed = cut_scene(record=FENCED)
    claims = tuple(replace(c, terminating=c.member_id == 12) for c in observed.claims)
    plan = build_plan(replace(observed, claims=claims))
    assert scaled(plan) == []
    assert adopted(plan) == (False, reasons.CLAIM_BEING_DELETED)


def test_a_source_that_its_owner_stops_by_hand_is_asked_for_to_the_last() -> None:
    plan = build_plan(cut_scene(running=(2,), record=FENCED, writable=False))
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert "scale statefulset/old --replicas=0" in plan.adoption.message
    plan = build_plan(cut_scene(running=(2,), record=FENCED))
    assert adopted(plan) == (False, reasons.CUTTING_OVER)


def test_a_cut_over_is_foretold_until_our_members_begin() -> None:
    found = build_forecast(with_children(cut_scene()))
    assert found.outcome != "endless"
    kinds = [move.kind for move in found.moves]
    begin = kinds.index("scale source")
    assert kinds[:begin].count("record") == 2, "a fence, and where it stands"
    assert kinds[begin + 1 :].count("restart") == 3


@pytest.mark.parametrize(
    ("version", "mode", "reason"),
    [
        (0, "Join", reasons.RECONFIG_DISABLED),
        (0, "CutOver", None),
        (5, "Join", None),
        (5, "CutOver", reasons.SOURCE_REFUSED),
    ],
)
def test_each_kind_of_source_has_its_mode(version: int, mode: Any, reason: str | None) -> None:
    found = source_of((1, 2, 3), 1)
    text = "\n".join([*RECORDED, f"version={version:x}"])
    said = {
        i: SourceAnswer(reachable=True, mode=a.mode, version="3.9.4")
        for i, a in found.answers.items()
    }
    source: Source = replace(found, text=text, answers=said)
    problems = find_obstacles(
        source, first_id=11, version="3.9.5", namespace="demo", name="zk", mode=mode
    )
    assert [problem.reason for problem in problems] == ([reason] if reason else [])
