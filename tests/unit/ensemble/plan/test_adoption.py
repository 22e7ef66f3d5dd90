"""Taking over an ensemble: what each state of the source and of the spec leads to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    claim,
    disruptive,
    pod,
    reconfigurations,
    with_children,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.actions import ReplaceMember, ScaleSource
from zookeeper_operator.ensemble.adoption.source import (
    Source,
    SourcePods,
    read_source_answers,
)
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.judge.basis import find_change
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed, Refusal
from zookeeper_operator.ensemble.plan import Plan, build_plan, understand
from zookeeper_operator.ensemble.plan.replicas import hosted_voters
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.ensemble.target import build_target
from zookeeper_operator.zookeeper.protocol import Endpoint, SourceAnswer
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

LINES = tuple(Server(n, f"old-{n - 1}.old.demo.svc") for n in (1, 2, 3))
OURS = (11, 12, 13)
VERSION = 0x100000005


def spec_of(**adopt: Any) -> EnsembleSpec:
    wish = {"connectionString": "old-0.old.demo.svc:2181", "statefulSet": {"name": "old"}, **adopt}
    return EnsembleSpec.model_validate({"firstMemberId": 11, "adopt": wish})


def source_of(
    running: Iterable[int], leader: int, *, replicas: int | None = None, writable: bool = True
) -> Source:
    alive = frozenset(running)
    modes = {n: "leader" if n == leader else "follower" for n in alive}
    pods = SourcePods(
        name="old",
        namespace="demo",
        uid="uid-of-old",
        version="7",
        replicas=max(alive, default=0) if replicas is None else replicas,
        writable=writable,
        existing=frozenset(f"old-{n - 1}" for n in alive),
        domains=frozenset({"old.demo.svc"}),
        selector={"app": "old"},
    )
    said = {
        n: SourceAnswer(reachable=True, mode=modes[n], zxid=VERSION, connections=3, version="3.9.4")
        if n in alive
        else SourceAnswer(reachable=False, problem="no such name")
        for n in (1, 2, 3)
    }
    endpoints = {server.id: Endpoint(server.host, 2181) for server in LINES}
    return Source(servers=LINES, endpoints=endpoints, answers=said, pods=pods)


def scene(
    voters: Iterable[int] = (1, 2, 3),
    *,
    running: Iterable[int] = (1, 2, 3),
    ours: Iterable[int] = OURS,
    leader: int = 1,
    source: Source | None = None,
    **adopt: Any,
) -> Observed:
    """An adoption on its way: these vote, these run, and every one of ours is in sync."""
    ensemble = Ensemble(
        namespace="demo",
        name="zk",
        uid="uid-of-zk",
        generation=1,
        spec=spec_of(**adopt),
        status={"foundedAt": "2025-12-31T00:00:00Z", "identity": "uid-of-zk"},
    )
    found = source or source_of(running, leader)
    lines = {server.id: server for server in LINES} | {i: ensemble.server(i) for i in OURS}
    voting = frozenset(voters)
    config = CommittedConfig(VERSION, tuple(lines[i] for i in sorted(voting)))
    membership = Membership(config.servers, VERSION, (), "uid-of-zk", source=LINES)
    published = published_list(ensemble, membership)
    said = {i: answers(i, leader, voting) for i in ours}
    return Observed(
        ensemble,
        NOW,
        children=(published,),
        pods=tuple(pod(i) for i in ours),
        claims=tuple(claim(i, member=True if i in voting else None) for i in ours),
        answers={**read_source_answers(found.answers, said), **said},
        committed=config,
        source=found,
        fresh_password="fresh",
    )


def published_list(ensemble: Ensemble, membership: Membership) -> dict[str, Any]:
    """The live ConfigMap that names these members."""
    body = stamped(build_membership(build_target(ensemble, membership)))
    body["metadata"] |= {"uid": "uid-of-cm", "resourceVersion": "1"}
    return body


def adopted(plan: Plan) -> tuple[bool | None, str]:
    return plan.adoption.state, plan.adoption.reason


def scaled(plan: Plan) -> list[int]:
    return [a.replicas for a in plan.actions if isinstance(a, ScaleSource)]


def test_before_anything_is_created_a_source_that_cannot_be_taken_over_is_told_why() -> None:
    silent = Source(why="no member accepts a client session")
    new = replace(
        scene(), children=(), pods=(), claims=(), answers={}, committed=None, source=silent
    )
    plan = build_plan(replace(new, ensemble=replace(new.ensemble, status={})))
    assert plan.actions == ()
    assert adopted(plan) == (False, reasons.SOURCE_UNREACHABLE)
    assert plan.next_action == "the source cannot be read: no member accepts a client session"


def test_the_first_list_is_the_source_s_and_names_no_founder() -> None:
    text = "\n".join([*(s.line() for s in LINES), f"version={VERSION:x}"])
    begin = scene(ours=())
    assert begin.source is not None
    begin = replace(begin, children=(), source=replace(begin.source, text=text))
    begin = replace(begin, ensemble=replace(begin.ensemble, status={}))
    plan = build_plan(begin)
    assert adopted(plan) == (False, reasons.CHECKING_SOURCE)
    (published,) = (
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    )
    assert published["data"]["founders"] == ""
    assert published["data"]["ZOO_SERVERS"] == published["data"]["source"]
    (statefulset,) = applied(plan.actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 1
    assert statefulset["spec"]["ordinals"] == {"start": 11}
    (policy,) = applied(plan.actions, "NetworkPolicy")
    assert {"matchLabels": {"app": "old"}} in [
        peer.get("podSelector")
        for rule in policy["spec"]["ingress"]
        for peer in rule.get("from", [])
    ]


def test_without_a_word_of_the_source_nothing_of_ours_is_started_from_a_guess() -> None:
    """The list is deleted, the source does not answer, and nothing else knows it."""
    lost = replace(scene(), children=(), committed=None, answers={}, source=Source(why="timeout"))
    plan = build_plan(lost)
    assert applied(plan.actions, "ConfigMap") == []
    recorded = replace(
        lost.ensemble,
        status={**lost.ensemble.status, "adoption": {"source": [s.line() for s in LINES]}},
    )
    plan = build_plan(replace(lost, ensemble=recorded))
    published = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    assert "zk-11" not in published[0]["data"]["ZOO_SERVERS"]


def test_observing_changes_nobody_s_vote() -> None:
    plan = build_plan(scene())
    assert disruptive(plan.actions) == []
    assert adopted(plan) == (False, reasons.OBSERVING)
    assert "proceed: Swap" in plan.adoption.message
    for concern in (plan.membership, plan.scale):
        assert (concern.state, concern.reason) == (False, reasons.ADOPTING)


def test_votes_go_over_one_by_one_and_a_pod_is_stopped_before_its_member_leaves() -> None:
    (first,) = reconfigurations(build_plan(scene(proceed="Swap")).actions)
    assert [s.id for s in first.joining] == [11]
    plan = build_plan(scene((1, 2, 3, 11), proceed="Swap"))
    assert scaled(plan) == [2]
    assert reconfigurations(plan.actions) == []
    (third,) = reconfigurations(
        build_plan(scene((1, 2, 3, 11), running=(1, 2), proceed="Swap")).actions
    )
    assert third.leaving == (3,)


def test_on_the_way_back_the_vote_comes_before_the_pod() -> None:
    plan = build_plan(scene((1, 2, 11), running=(1, 2), proceed="Observe"))
    assert adopted(plan) == (False, reasons.UNDOING)
    (back,) = reconfigurations(plan.actions)
    assert back.joining == (LINES[2],)
    plan = build_plan(scene((1, 2, 3, 11), running=(1, 2), proceed="Observe"))
    assert scaled(plan) == [3]


def test_the_last_pod_serves_until_finish() -> None:
    bridging = build_plan(scene(OURS, running=(1,), leader=11, proceed="Swap"))
    assert adopted(bridging) == (False, reasons.BRIDGING)
    assert disruptive(bridging.actions) == []
    finishing = scene(OURS, running=(1,), leader=11, proceed="Finish")
    assert scaled(build_plan(finishing)) == [0]
    ended = build_plan(scene(OURS, running=(), leader=11, proceed="Finish"))
    assert adopted(ended) == (True, reasons.ADOPTED)
    assert build_status(ended, restarted={})["adoptedAt"]


def test_a_source_of_others_is_stopped_by_who_may() -> None:
    theirs = source_of((1, 2, 3), 1, writable=False)
    plan = build_plan(scene((1, 2, 3, 11), source=theirs, proceed="Swap"))
    assert scaled(plan) == []
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert "scale statefulset/old --replicas=2" in plan.adoption.message
    assert "zookeeper.ensemble.dev/adoptable-by=demo/zk" in plan.adoption.message


def test_a_member_of_the_source_that_leads_without_a_vote_stops_everything() -> None:
    observed = scene(OURS, running=(1, 2), leader=11, proceed="Finish")
    assert observed.source is not None
    said = {**observed.source.answers, 2: SourceAnswer(reachable=True, mode="leader")}
    plan = build_plan(replace(observed, source=replace(observed.source, answers=said)))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert disruptive(plan.actions) == []


def test_a_source_that_comes_back_after_the_end_is_an_alarm() -> None:
    observed = scene(OURS, running=(1,), leader=11, proceed="Finish")
    status = {**observed.ensemble.status, "adoptedAt": "2026-01-01T00:00:00Z"}
    plan = build_plan(replace(observed, ensemble=replace(observed.ensemble, status=status)))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    found = {c["type"]: c for c in build_status(plan, restarted={})["conditions"]}
    assert found[conditions.ADOPTED]["status"] == "False"
    standing = {"conditions": [], "foundedAt": "2025-12-31T00:00:00Z"}
    after = {**standing, "conditions": list(found.values())}
    warned = [n.reason for n in build_notices(standing, after) if n.type == "Warning"]
    assert reasons.SOURCE_CAME_BACK in warned


def test_a_spec_that_forgets_the_source_too_early_changes_nothing() -> None:
    observed = scene((1, 11, 12), running=(1,), leader=11, proceed="Finish")
    spec = EnsembleSpec.model_validate({"firstMemberId": 11})
    plan = build_plan(replace(observed, ensemble=replace(observed.ensemble, spec=spec)))
    assert adopted(plan) == (False, reasons.ADOPTION_UNFINISHED)
    assert disruptive(plan.actions) == []


def test_a_member_of_the_source_is_never_lost() -> None:
    observed = scene((1, 2, 3, 11), proceed="Swap")
    before = build_status(build_plan(observed), restarted={})
    assert observed.source is not None
    silent = {**observed.source.answers, 2: SourceAnswer(reachable=False, problem="timeout")}
    source = replace(observed.source, answers=silent)
    later = replace(
        observed,
        now=NOW + timedelta(minutes=9),
        source=source,
        answers={**observed.answers, **read_source_answers(silent, observed.answers)},
        ensemble=replace(observed.ensemble, status=before),
    )
    members = {m["id"]: m for m in build_status(build_plan(later), restarted={})["members"]}
    assert not members[2].get("lost")
    assert members[2]["pod"] == "old-1.old.demo.svc"


def test_what_was_just_refused_is_not_tried_again_at_once() -> None:
    refused = Refusal("no quorum", NOW, transient=True)
    assert disruptive(build_plan(replace(scene(proceed="Swap"), refusal=refused)).actions) == []


@pytest.mark.parametrize("change", ["stopped", "paused", "invalid"])
def test_the_walk_stops_where_everything_does(change: str) -> None:
    observed = scene(proceed="Swap")
    fields: dict[str, Any] = (
        {"config": {"clientPort": "1"}} if change == "invalid" else {change: True}
    )
    spec = observed.ensemble.spec.model_copy(update=fields)
    plan = build_plan(replace(observed, ensemble=replace(observed.ensemble, spec=spec)))
    assert reconfigurations(plan.actions) == []


def test_what_an_edit_of_the_gate_would_do_is_foretold_step_by_step() -> None:
    moves = build_forecast(scene(proceed="Swap")).of("join", "leave", "scale source")
    assert [(move.kind, move.subject) for move in moves] == [
        ("join", "zk-11"),
        ("scale source", "demo/old"),
        ("leave", "member 3 of the source"),
        ("join", "zk-12"),
        ("scale source", "demo/old"),
        ("leave", "member 2 of the source"),
        ("join", "zk-13"),
        ("leave", "member 1 of the source"),
    ]


# ---- who may be adopted, and by whom ----


def begin(**source: Any) -> Observed:
    """Nothing of ours is there yet, and the source can be taken over but for these facts."""
    text = "\n".join([*(s.line() for s in LINES), f"version={VERSION:x}"])
    new = scene(ours=())
    assert new.source is not None
    pods = replace(new.source.pods, **source.pop("pods", {})) if new.source.pods else None
    found = replace(new.source, **{"text": text, "pods": pods, **source})
    unfounded = replace(new.ensemble, status={})
    return replace(new, children=(), source=found, ensemble=unfounded)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"rivals": ("demo/other",)}, "the ensemble demo/other takes the same source over"),
        ({"pods": {"domains": frozenset({"old.elsewhere.svc"})}}, "by its Service"),
        ({"pods": {"keeps_claims": False}}, "whenScaled: Retain"),
        ({"pods": {"ensemble": "demo/o", "paused": False}}, "demo/o is not paused"),
        ({"pods_why": "demo/old has not created the pod old-0"}, "has not created the pod"),
    ],
)
def test_a_source_is_refused_before_anything_is_created(source: Any, words: str) -> None:
    plan = build_plan(begin(**source))
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert words in plan.adoption.message
    assert plan.actions == ()


@pytest.mark.parametrize(
    ("identity", "member", "refused"),
    [
        ("of-another", True, True),
        ("of-another", False, True),
        ("", True, True),
        ("", False, False),
        ("uid-of-zk", True, False),
    ],
)
def test_no_member_starts_from_the_volume_of_another_life(
    identity: str, *, member: bool, refused: bool
) -> None:
    left = replace(begin(), claims=(claim(11, identity=identity, member=member),))
    plan = build_plan(left)
    assert (adopted(plan)[1] == reasons.SOURCE_REFUSED) is refused
    assert (plan.actions == ()) is refused
    if refused:
        assert "data-zk-11" in plan.adoption.message
        assert ("Do not delete it" in plan.adoption.message) is member, (
            "it may hold what nobody else has"
        )


def test_an_adoption_that_was_refused_does_not_become_a_founding() -> None:
    refused = begin(rivals=("demo/other",))
    status = build_status(build_plan(refused), restarted={})
    assert not status.get("foundedAt")
    spec = EnsembleSpec.model_validate({"firstMemberId": 11})
    later = replace(refused.ensemble, status=status, spec=spec)
    plan = build_plan(replace(refused, ensemble=later, source=None))
    assert plan.actions == ()
    assert adopted(plan) == (False, reasons.ADOPTION_UNFINISHED)
    assert "delete it" in plan.adoption.message


def with_config(observed: Observed, *lines: Server, version: int = VERSION + 1) -> Observed:
    """The members have committed these lines."""
    return replace(observed, committed=CommittedConfig(version, lines))


NEW = Server(4, "old-3.old.demo.svc")


@pytest.mark.parametrize("proceed", ["Observe", "Swap"])
@pytest.mark.parametrize("lines", [(*LINES, NEW), LINES[:2]])
def test_until_a_vote_goes_over_the_source_is_what_its_owner_makes_of_it(
    lines: tuple[Server, ...], proceed: str
) -> None:
    plan = build_plan(with_config(scene(proceed=proceed), *lines))
    assert plan.situation.membership.source == lines
    steps = reconfigurations(plan.actions)
    assert [step.leaving for step in steps] in ([], [()]), "nobody loses a vote"
    assert all(s.id in OURS for step in steps for s in step.joining)


def test_a_voter_that_the_source_gets_later_stops_the_walk() -> None:
    going = scene((1, 2, 3, 11), proceed="Swap")
    ours = going.ensemble.server(11)
    plan = build_plan(with_config(going, *LINES, NEW, ours))
    assert plan.situation.membership.source == LINES
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert "member 4" in plan.adoption.message
    assert disruptive(plan.actions) == []


def test_a_list_in_which_another_ensemble_has_our_ids_is_not_started_from() -> None:
    going = scene(proceed="Swap")
    plan = build_plan(with_config(going, *LINES, Server(11, "other-11.other.demo.svc")))
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert "member 11 (other-11.other.demo.svc)" in plan.adoption.message
    assert disruptive(plan.actions) == []
    assert plan.situation.membership.servers == LINES
    assert hosted_voters(plan.situation) == 0, "acknowledgements are counted by id"


@pytest.mark.parametrize(
    ("taken", "hosted"),
    [
        (Server(13, "other-13.other.demo.svc", "observer"), 2),
        (Server(102, "vm.example.org", "observer"), 2),
        (Server(12, "other-12.other.demo.svc"), 1),
    ],
)
def test_who_has_an_id_of_ours_takes_no_pod_from_those_of_ours_that_vote(
    taken: Server, hosted: int
) -> None:
    going = scene((1, 11, 12), running=(1,), leader=11, proceed="Swap")
    ours = [going.ensemble.server(i) for i in (11, 12) if i != taken.id]
    plan = build_plan(with_config(going, LINES[0], *ours, taken))
    assert adopted(plan) == (False, reasons.SOURCE_REFUSED)
    assert hosted_voters(plan.situation) == hosted


def test_a_member_of_ours_is_never_blamed_on_the_source() -> None:
    """The record of the source is shorter than it was: the ensemble was created again in the middle."""
    going = scene((1, 11, 12), running=(1,), leader=11, proceed="Swap")
    shorter = replace(understand(going).membership, source=LINES[:1])
    published = published_list(going.ensemble, shorter)
    plan = build_plan(replace(going, children=(published,)))
    assert plan.situation.membership.source == LINES[:1]
    assert adopted(plan)[1] != reasons.SOURCE_REFUSED


def test_claims_whose_member_still_votes_at_the_source_hold_nothing_of_their_own() -> None:
    left = begin()
    assert left.source is not None
    lines = [*(s.line() for s in LINES), left.ensemble.server(11).line(), f"version={VERSION:x}"]
    source = replace(left.source, text="\n".join(lines))
    claims = (claim(11, identity="of-another", member=True),)
    plan = build_plan(replace(left, source=source, claims=claims))
    assert "reconfig -remove 11), then delete the claims" in plan.adoption.message


def test_a_member_that_gets_in_again_after_the_end_is_removed_by_hand() -> None:
    ended = scene((1, 11, 12, 13), running=(1,), leader=11, proceed="Finish")
    spec = EnsembleSpec.model_validate({"firstMemberId": 11})
    status = {**ended.ensemble.status, "adoptedAt": "2026-01-01T00:00:00Z"}
    after = replace(ended.ensemble, spec=spec, status=status)
    plan = build_plan(replace(ended, ensemble=after, source=None))
    assert "remove it (zkCli.sh reconfig -remove)" in plan.adoption.message


def test_another_domain_of_the_cluster_makes_no_strangers_of_ours() -> None:
    going = scene((1, 2, 3, 11), proceed="Swap")
    moved = replace(going, ensemble=replace(going.ensemble, cluster_domain="another.domain"))
    assert adopted(build_plan(moved))[1] == reasons.SWAPPING


def test_who_takes_our_votes_away_does_not_make_us_forget_the_source() -> None:
    one = with_config(scene((1, 11, 12), running=(1,), proceed="Observe"), LINES[0])
    claims = tuple(claim(i, member=False) for i in OURS)
    plan = build_plan(replace(one, claims=claims))
    assert plan.situation.membership.source == LINES
    assert adopted(plan)[1] == reasons.UNDOING


def test_observers_of_the_source_leave_before_the_adoption_has_ended() -> None:
    ended = scene(OURS, running=(), leader=11, proceed="Finish")
    ours = [ended.ensemble.server(i) for i in OURS]
    observer = Server(4, "old-3.old.demo.svc", "observer")
    plan = build_plan(with_config(ended, observer, *ours))
    assert adopted(plan) == (False, reasons.SWAPPING)
    assert [a.leaving for a in reconfigurations(plan.actions)] == [(4,)]
    assert not build_status(plan, restarted={}).get("adoptedAt")


def test_every_voter_whose_pod_ends_is_left_out_of_the_majority() -> None:
    (asked,) = (
        a
        for a in build_plan(scene((1, 2, 3, 11), proceed="Swap")).actions
        if isinstance(a, ScaleSource)
    )
    assert asked.ending == frozenset({3})
    assert asked.basis is not None
    said = {i: answers(i, 1, (1, 2, 3, 11)) for i in (1, 2, 3, 11)}
    assert find_change(asked.basis, said, ending=asked.ending) is None
    assert find_change(asked.basis, said, ending=frozenset({2, 3})) is not None


@pytest.mark.parametrize(
    ("adopt", "words"),
    [({}, "annotate statefulset/old"), ({"statefulSet": None}, "name its StatefulSet")],
)
def test_a_source_of_one_is_exchanged_only_where_its_pod_can_be_stopped_at_once(
    adopt: Any, words: str
) -> None:
    one = scene((1,), running=(1,), ours=(11,), proceed="Finish", **adopt)
    assert one.source is not None
    assert one.source.pods is not None
    alone = replace(one.source, servers=LINES[:1], pods=replace(one.source.pods, writable=False))
    alone_listed = Membership(LINES[:1], VERSION, (), "uid-of-zk", source=LINES[:1])
    published = published_list(one.ensemble, alone_listed)
    plan = build_plan(replace(one, source=alone, children=(published,)))
    assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
    assert words in plan.adoption.message
    assert disruptive(plan.actions) == []


@pytest.mark.parametrize(
    ("stopped", "answering", "asks"),
    [
        ((), (1, 2, 3), "stop member 3 (old-2.old.demo.svc) for good"),
        ((), (1, 2), "stop member 3"),
        ((3,), (1, 2, 3), "stop member 3"),
        ((3,), (1, 2), ""),
    ],
)
def test_without_a_statefulset_a_member_is_stopped_when_its_owner_says_so_and_it_is_silent(
    stopped: tuple[int, ...], answering: tuple[int, ...], asks: str
) -> None:
    source = replace(source_of(answering, 1), pods=None)
    fields: Any = {"statefulSet": None, "stoppedMembers": list(stopped), "proceed": "Swap"}
    plan = build_plan(scene((1, 2, 3, 11), source=source, **fields))
    if asks:
        assert adopted(plan) == (False, reasons.WAITING_FOR_SOURCE)
        assert asks in plan.adoption.message
        assert "spec.adopt.stoppedMembers: [3]" in plan.adoption.message
        assert reconfigurations(plan.actions) == []
    else:
        assert [a.leaving for a in reconfigurations(plan.actions)] == [(3,)]


def test_members_that_came_back_are_stopped_and_those_that_vote_are_not() -> None:
    going = scene((1, 11, 12), running=(1, 2, 3), leader=11, proceed="Swap")
    assert going.source is not None
    said = {**going.source.answers, 3: SourceAnswer(reachable=True, mode="leader")}
    plan = build_plan(replace(going, source=replace(going.source, answers=said)))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert plan.adoption.message.endswith("scale statefulset/old --replicas=1")


def test_members_that_came_back_are_reported_while_ours_are_silent() -> None:
    going = scene((1, 11, 12), running=(2, 3), leader=3, ours=(), proceed="Swap")
    plan = build_plan(replace(going, committed=None))
    assert adopted(plan) == (False, reasons.SOURCE_CAME_BACK)
    assert "member 3" in plan.adoption.message


def test_a_member_of_ours_whose_volume_is_gone_is_replaced_while_the_walk_waits_for_it() -> None:
    going = scene((1, 2, 11), running=(1, 2), proceed="Swap")
    lost = tuple(replace(c, phase="Lost") if c.member_id == 11 else c for c in going.claims)
    gone = {i: a for i, a in going.answers.items() if i != 11}
    dead = tuple(replace(p, ready=False, running=False) if p.id == 11 else p for p in going.pods)
    waiting = replace(going, claims=lost, answers=gone, pods=dead)
    plan = build_plan(with_children(waiting))
    assert adopted(plan)[1] == reasons.SWAPPING
    actions = plan.actions
    assert [a.member_id for a in actions if isinstance(a, ReplaceMember)] == [11]
