"""Operators that do what operators have done to people's ensembles. None of them may get away with it.

Each is the real planner with one mistake in it, or the real port to Kubernetes with one precaution less.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.simulation.kubelet import run_start_script
from tests.simulation.mind import Mind
from tests.simulation.zookeeper import Disk

from zookeeper_operator.api import reasons
from zookeeper_operator.certificates.key_store import Stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
    ScaleSource,
)
from zookeeper_operator.ensemble.adoption.fence import QUIET, Silence
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.judge.emptiness import EMPTY
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.plan.children import wanted_children
from zookeeper_operator.ensemble.plan.configs import is_config
from zookeeper_operator.ensemble.plan.decision import decide, understand
from zookeeper_operator.ensemble.plan.members import wanted_ids
from zookeeper_operator.ensemble.plan.recovery import recovered_membership
from zookeeper_operator.ensemble.plan.revision import is_outdated
from zookeeper_operator.kube.api import Kube, Object, Resource
from zookeeper_operator.kube.diff import first_difference
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import SourceAnswer
from zookeeper_operator.zookeeper.servers import CommittedConfig


def _with(plan: Plan, *more: Action) -> Plan:
    """The plan with other disruptive actions, or with more harmless ones."""
    harmless = tuple(action for action in plan.actions if not action.disruptive)
    return replace(plan, actions=(*harmless, *more), settled=False)


def _apply_if_it_differs(observed: Observed, body: Object) -> Iterable[Action]:
    live = observed.child(body["kind"], body["metadata"]["name"])
    if live is None or first_difference(body, live) is not None:
        yield Apply(body, "it differs")


def _without(plan: Plan, kind: str, name: str) -> tuple[Action, ...]:
    return tuple(
        action
        for action in plan.actions
        if not (
            isinstance(action, Apply)
            and (action.body["kind"], action.body["metadata"]["name"]) == (kind, name)
        )
    )


def _may_act(plan: Plan) -> bool:
    return not plan.problems and not plan.situation.ensemble.spec.paused


def _due(plan: Plan) -> list[Pod]:
    pods = plan.situation.observed.pods
    return [p for p in pods if is_outdated(plan.situation, p) and not p.terminating]


def _restart(pod: Pod) -> RestartMember:
    return RestartMember(
        pod.id,
        pod.name,
        pod.uid,
        statefulset="",  # a wrong mind asks for no precondition
        generation=0,
        why="it is old",
    )


# ---- membership ----


def _publishes(observed: Observed, *, every_member: bool) -> Plan:
    """Publish a list of founders for as long as the ensemble lives; perhaps also members nobody agreed on."""
    plan = build_plan(observed)
    if not _may_act(plan):
        return plan
    ensemble, membership = observed.ensemble, plan.situation.membership
    asked = tuple(ensemble.voter_ids)
    if every_member:
        servers = tuple(ensemble.server(i) for i in asked)
        membership = replace(membership, servers=servers, version=0)
    target = replace(plan.situation.target, membership=replace(membership, founders=asked))
    body = stamped(build_membership(target))
    others = _without(plan, "ConfigMap", names.membership_name(ensemble.name))
    if every_member:
        others = tuple(action for action in others if not isinstance(action, Reconfigure))
        for wanted in wanted_children(plan.situation):
            if wanted["kind"] == "StatefulSet" and wanted["metadata"]["name"] == ensemble.name:
                others = (
                    *_without(replace(plan, actions=others), "StatefulSet", ensemble.name),
                    *_apply_if_it_differs(observed, _sized(wanted, ensemble.spec.replicas)),
                )
    return replace(plan, actions=(*_apply_if_it_differs(observed, body), *others), settled=False)


def _sized(statefulset: Object, replicas: int) -> Object:
    body = {**statefulset, "spec": {**statefulset["spec"], "replicas": replicas}}
    return stamped(body)


def _founds_again(observed: Observed) -> Plan:
    return _publishes(observed, every_member=False)


def _scales_by_static_list(observed: Observed) -> Plan:
    return _publishes(observed, every_member=True)


def _joins_all_at_once(observed: Observed) -> Plan:
    plan = build_plan(observed)
    committed = observed.committed
    if committed is None or not any(isinstance(a, Reconfigure) for a in plan.actions):
        return plan
    new = sorted(i for i in wanted_ids(plan.situation) - committed.ids if observed.pod(i))
    ahead = max(new, default=0) + 1
    joining = tuple(observed.ensemble.server(i) for i in (*new, ahead))
    return _with(plan, Reconfigure(committed, "all at once", "AddingMember", joining=joining))


def _shrinks_pods_first(observed: Observed) -> Plan:
    plan = build_plan(observed)
    name = observed.ensemble.name
    if not _may_act(plan) or not plan.situation.founded:
        return plan
    others = _without(plan, "StatefulSet", name)
    wanted = next(
        w
        for w in wanted_children(plan.situation)
        if (w["kind"], w["metadata"]["name"]) == ("StatefulSet", name)
    )
    replicas = min(wanted["spec"]["replicas"], observed.ensemble.spec.replicas)
    more = _apply_if_it_differs(observed, _sized(wanted, replicas))
    return replace(plan, actions=(*more, *others))


# ---- founding ----


def _founds_beside_the_deleted(observed: Observed) -> Plan:
    """Take what is being deleted for gone."""
    lasting = tuple(c for c in observed.claims if not observed.is_leaving(c))
    return build_plan(replace(observed, claims=lasting, previous_pods=()))


def _counts_what_is_deleted(observed: Observed) -> Plan:
    """Take volumes that go for volumes of a member, and so never found."""
    claims = tuple(replace(c, terminating=False, owners=frozenset()) for c in observed.claims)
    return build_plan(replace(observed, claims=claims, previous_pods=()))


def _takes_silence_for_emptiness(observed: Observed) -> Plan:
    """Found an ensemble with ephemeral storage again as soon as nobody serves."""
    told = {
        pod.id: replace(
            observed.answers.get(pod.id) or Answers(pod.id, reachable=True),
            reachable=True,
            database=EMPTY,
        )
        for pod in observed.pods
    }
    if any(answer.serving for answer in observed.answers.values()):
        return build_plan(observed)
    pods = tuple(replace(pod, never_ready=True) for pod in observed.pods)
    return build_plan(replace(observed, answers=told, pods=pods))


def _starts_from_any_volume(
    member_id: int, disk: Disk, container: Object, published: Membership, ensemble: str
) -> CommittedConfig | str:
    """Do not ask a volume where it comes from."""
    disk.place = ""
    return run_start_script(member_id, disk, container, published, ensemble)


# ---- recovery ----


def _ignores_who_may_return(observed: Observed) -> Plan:
    """Recover on the survivor that a person names, whatever volumes the other members still have."""
    situation = understand(observed)
    recovery = situation.recovery
    refused = None if recovery is None else recovery.refused
    if recovery is None or refused is None or refused.reason != reasons.LOST_MEMBERS_MAY_RETURN:
        return decide(situation)
    membership = recovered_membership(situation, recovery.survivor)
    target = replace(situation.target, membership=membership)
    return decide(replace(situation, recovery=replace(recovery, refused=None), target=target))


# ---- restarts ----


def _rolls_without_a_gate(observed: Observed) -> Plan:
    plan = build_plan(observed)
    due = _due(plan)
    return _with(plan, _restart(due[0])) if due and _may_act(plan) else plan


def _restarts_two_at_once(observed: Observed) -> Plan:
    plan = build_plan(observed)
    due = _due(plan)
    return _with(plan, *map(_restart, due[:2])) if len(due) > 1 and _may_act(plan) else plan


def _cures_by_wiping(observed: Observed) -> Plan:
    plan = build_plan(observed)
    if not _may_act(plan) or not plan.situation.founded:
        return plan
    silent = [p for p in observed.pods if p.id not in plan.quorum.serving and not p.terminating]
    for pod in silent:
        claims = tuple((c.name, c.uid) for c in observed.claims if c.member_id == pod.id)
        return _with(plan, ReplaceMember(pod.id, claims, (pod.name, pod.uid), "it is broken"))
    return plan


def _forgets_old_pods(observed: Observed) -> Plan:
    """Remove every configuration but the one the spec asks for, whoever still runs with another."""
    plan = build_plan(observed)
    if not _may_act(plan):
        return plan
    wanted = {w["metadata"]["name"] for w in wanted_children(plan.situation)}
    old = tuple(
        Delete("v1", "ConfigMap", c["metadata"]["name"], c["metadata"]["uid"], why="it is old")
        for c in observed.children
        if is_config(plan.situation, c) and c["metadata"]["name"] not in wanted
    )
    harmless = tuple(action for action in plan.actions if not action.disruptive)
    return replace(plan, actions=(*harmless, *old, *plan.actions[len(harmless) :]))


def _takes_the_phase_from_the_spec(observed: Observed) -> Plan:
    """Build every template for what the spec asks for, whatever the members run."""
    situation = understand(observed)
    wanted = situation.walk.wanted
    target = replace(situation.target, phase=wanted)
    return decide(replace(situation, target=target, walk=replace(situation.walk, target=wanted)))


def _takes_authentication_from_the_spec(observed: Observed) -> Plan:
    """Require authentication as soon as it is asked for, whether or not every member knows a user."""
    situation = understand(observed)
    phase = replace(situation.walk.target, auth=situation.walk.wanted.auth)
    target = replace(situation.target, phase=phase)
    return decide(replace(situation, target=target, walk=replace(situation.walk, target=phase)))


def _rotates_at_once(observed: Observed) -> Plan:
    """Mount what the source gives, without asking whether the members trust it."""
    situation = understand(observed)
    source = situation.certificates.source
    if source is None:
        return decide(situation)
    wanted = Stores(source.key_pair, source.trust)
    certificates = replace(situation.certificates, wanted=wanted)
    return decide(replace(situation, certificates=certificates))


# ---- taking over ----


def _removes_before_it_adds(observed: Observed) -> Plan:
    """Make room first: a member of the source leaves, then one of ours joins."""
    plan = build_plan(observed)
    committed = observed.committed
    adds = any(isinstance(a, Reconfigure) and a.joining for a in plan.actions)
    if committed is None or observed.source is None or not adds:
        return plan
    theirs = [i for i in committed.voters if observed.ensemble.is_foreign(i)]
    leaving = (max(theirs, default=0),)
    return _with(plan, Reconfigure(committed, "room", "RemovingMember", leaving=leaving))


def _leaves_old_members(observed: Observed) -> Plan:
    """Take a pod of the source for stopped as soon as its member must leave."""
    source, committed = observed.source, observed.committed
    if source is None or source.pods is None or committed is None:
        return build_plan(observed)
    ours = [i for i in committed.voters if not observed.ensemble.is_foreign(i)]
    left = max(len(source.voters) - len(ours), 1 if len(source.voters) > 1 else 0)
    existing = frozenset(f"{source.pods.name}-{n}" for n in range(left))
    pods = replace(source.pods, replicas=left, existing=existing)
    return build_plan(replace(observed, source=replace(source, pods=pods)))


def _starts_before_it_adds_back(observed: Observed) -> Plan:
    """On the way back: start the pod of a member of the source, then give it its vote."""
    plan, source = build_plan(observed), observed.source
    adopt = observed.ensemble.spec.adopt
    if source is None or source.pods is None or adopt is None or adopt.proceed != "Observe":
        return plan
    pods = source.pods
    gives_back = any(
        observed.ensemble.is_foreign(s.id)
        for a in plan.actions
        if isinstance(a, Reconfigure)
        for s in a.joining
    )
    if not gives_back or pods.replicas >= len(source.voters):
        return plan
    return _with(
        plan,
        ScaleSource(
            pods.name, pods.namespace, pods.uid, pods.version, pods.replicas + 1, "it must run"
        ),
    )


# ---- cutting over ----


def _stops(observed: Observed) -> ScaleSource | None:
    """The source gets no pods, unless it has none."""
    source = observed.source
    if source is None or source.pods is None or not source.pods.replicas:
        return None
    pods = source.pods
    return ScaleSource(pods.name, pods.namespace, pods.uid, pods.version, 0, "it is not needed")


def _cuts_over_at_once(observed: Observed) -> Plan:
    """Stop the source as soon as the user says so, without a fence and without waiting."""
    plan, stop = build_plan(observed), _stops(observed)
    adopt = observed.ensemble.spec.adopt
    asked = adopt is not None and adopt.proceed != "Observe"
    waits = plan.adoption.reason in {reasons.CUTTING_OVER, reasons.SOURCE_STILL_WRITES}
    return _with(plan, stop) if asked and waits and stop is not None else plan


def _cuts_over_unasked(observed: Observed) -> Plan:
    """Stop the source as soon as our members have copied the data."""
    plan, stop = build_plan(observed), _stops(observed)
    copied = plan.adoption.reason == reasons.OBSERVING and "no vote" in plan.adoption.message
    return _with(plan, stop) if copied and stop is not None else plan


def _cuts_over_in_silence(observed: Observed) -> Plan:
    """Take the word of the owner for the end of the source, whatever its members and ours say."""
    source, adopt = observed.source, observed.ensemble.spec.adopt
    if source is None or adopt is None or not adopt.stopped_members:
        return build_plan(observed)
    silent = {i: SourceAnswer(reachable=False, problem="-") for i in source.answers}
    alone = {
        i: Answers(i, reachable=True, problem="it has no leader", denies=True)
        for i in observed.answers
        if not observed.ensemble.is_foreign(i)
    }
    long_ago = Silence(observed.now - QUIET)
    fenced = bool((observed.ensemble.status.get("adoption") or {}).get("fence"))
    wrong = replace(
        observed,
        source=replace(source, answers=silent),
        answers={**observed.answers, **alone},
        memory=long_ago if fenced else observed.memory,
    )
    return build_plan(wrong if fenced else observed)


def _founds_beside_the_source(observed: Observed) -> Plan:
    """Found an empty ensemble, because nobody of the source can join it."""
    spec = observed.ensemble.spec.model_copy(update={"adopt": None})
    ensemble = replace(observed.ensemble, spec=spec, status={})
    return build_plan(replace(observed, ensemble=ensemble, committed=None, source=None))


# ---- what is not asked again ----


def _takes_silence_for_loss(observed: Observed) -> Plan:
    answers = {
        i: answer if answer.reachable else replace(answer, denies=True)
        for i, answer in observed.answers.items()
    }
    return build_plan(replace(observed, answers=answers))


def _without_basis(plan: Plan) -> Plan:
    actions = tuple(
        replace(action, basis=None)
        if isinstance(action, Apply | RestartMember | ReplaceMember)
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def _deletes_on_an_old_look(observed: Observed) -> Plan:
    return _without_basis(build_plan(observed))


def _ignores_claim_deletions(observed: Observed) -> Plan:
    claims = tuple(replace(claim, terminating=False) for claim in observed.claims)
    return _without_basis(build_plan(replace(observed, claims=claims)))


# ---- writes ----


def _writes_at_rest(observed: Observed) -> Plan:
    plan = build_plan(observed)
    name = names.connection_name(observed.ensemble.name)
    if observed.child("ConfigMap", name) is None:
        return plan
    connection = next(
        wanted
        for wanted in wanted_children(plan.situation)
        if (wanted["kind"], wanted["metadata"]["name"]) == ("ConfigMap", name)
    )
    data = {**connection["data"], "checked": observed.now.isoformat()}
    return replace(plan, actions=(*plan.actions, Apply({**connection, "data": data}, "a stamp")))


class _ByName:
    """Deletes whatever bears the name now."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        assert uid
        await self._kube.delete(resource, namespace, name, uid="", orphan=orphan)


IGNORES_WHO_MAY_RETURN = Mind(_ignores_who_may_return)
REMOVES_BEFORE_IT_ADDS = Mind(_removes_before_it_adds)
LEAVES_OLD_MEMBERS = Mind(_leaves_old_members)
STARTS_BEFORE_IT_ADDS_BACK = Mind(_starts_before_it_adds_back)
CUTS_OVER_AT_ONCE = Mind(_cuts_over_at_once)
CUTS_OVER_UNASKED = Mind(_cuts_over_unasked)
CUTS_OVER_IN_SILENCE = Mind(_cuts_over_in_silence)
FOUNDS_BESIDE_THE_SOURCE = Mind(_founds_beside_the_source)
TAKES_SILENCE_FOR_LOSS = Mind(_takes_silence_for_loss)
FOUNDS_AGAIN = Mind(_founds_again)
SCALES_BY_STATIC_LIST = Mind(_scales_by_static_list)
JOINS_ALL_AT_ONCE = Mind(_joins_all_at_once)
SHRINKS_PODS_FIRST = Mind(_shrinks_pods_first)
ROLLS_WITHOUT_A_GATE = Mind(_rolls_without_a_gate)
RESTARTS_TWO_AT_ONCE = Mind(_restarts_two_at_once)
CURES_BY_WIPING = Mind(_cures_by_wiping)
WRITES_AT_REST = Mind(_writes_at_rest)
TAKES_THE_PHASE_FROM_THE_SPEC = Mind(_takes_the_phase_from_the_spec)
TAKES_AUTHENTICATION_FROM_THE_SPEC = Mind(_takes_authentication_from_the_spec)
ROTATES_AT_ONCE = Mind(_rotates_at_once)
DELETES_ON_AN_OLD_LOOK = Mind(_deletes_on_an_old_look)
IGNORES_CLAIM_DELETIONS = Mind(_ignores_claim_deletions)
FORGETS_OLD_PODS = Mind(_forgets_old_pods)
FOUNDS_BESIDE_THE_DELETED = Mind(_founds_beside_the_deleted)
COUNTS_WHAT_IS_DELETED = Mind(_counts_what_is_deleted)
TAKES_SILENCE_FOR_EMPTINESS = Mind(_takes_silence_for_emptiness)
STARTS_FROM_ANY_VOLUME = Mind(script=_starts_from_any_volume)
DELETES_BY_NAME = Mind(hands=_ByName)
