"""Pods: the StatefulSets create, replace and remove them, and members start in them.

Pure. A pod that is created in one round comes up in the next, and is ready in the one after that; one in
trouble, or without its volumes, does not come up.
"""

from collections.abc import Iterable
from dataclasses import replace

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.forecast.claims import provide_claims, release_claims
from zookeeper_operator.ensemble.forecast.election import looking, lose, silent
from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.pods import config_of, ordinals, template_marks
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.kube.api import Object


def annotate_pod(world: World, body: Object) -> World:
    """A pod whose kubelet has been notified of a certificate."""
    metadata = body["metadata"]
    mark = metadata["annotations"][names.ANNOTATION_CERTIFICATES]
    return world.with_observed(
        pods=tuple(
            replace(pod, notified=mark) if pod.uid == metadata["uid"] else pod
            for pod in world.observed.pods
        )
    )


def delete_pod(world: World, member_id: int) -> World:
    """A pod that ends: its member serves no clients any more."""
    pods = tuple(
        replace(p, terminating=True, ready=False) if p.id == member_id else p
        for p in world.observed.pods
    )
    return lose(world.with_observed(pods=pods), {member_id})


def remove_pods(world: World, ids: Iterable[int]) -> World:
    """Pods that are gone, whatever the reason, and their processes with them."""
    gone = frozenset(ids)
    pods = tuple(p for p in world.observed.pods if p.id not in gone)
    world = replace(world.with_observed(pods=pods), frozen=world.frozen - gone)
    return lose(world, gone)


def run_statefulsets(world: World) -> World:
    """Make the pods those that the StatefulSets ask for."""
    wanted = {i: body for body in _statefulsets(world) for i in ordinals(body)}
    present = {names.component_of(i) for i in wanted} | {
        c for c in (names.VOTER, names.OBSERVER) if _has_statefulset(world, c)
    }
    # The pods of a StatefulSet that is being recreated are left alone.
    ended = frozenset(
        p.id
        for p in world.observed.pods
        if p.terminating or (p.id not in wanted and p.component in present)
    )
    left = ended - wanted.keys()
    for member_id in sorted(left):
        world = world.with_news(f"{world.name(member_id)} stops")
    if ended:
        world = release_claims(remove_pods(world, ended), ended, left)
    present_ids = {p.id for p in world.observed.pods}
    for member_id in sorted(wanted.keys() - present_ids):
        if world.name(member_id) in world.observed.refused:
            continue  # whether the edit helps is for the API server to say
        world = _create_pod(world, member_id, wanted[member_id])
    return world


def _statefulsets(world: World) -> list[Object]:
    return [body for body in world.observed.children if body["kind"] == "StatefulSet"]


def _has_statefulset(world: World, component: str) -> bool:
    return world.observed.statefulset(component) is not None


def _create_pod(world: World, member_id: int, statefulset: Object) -> World:
    created = world.created + 1
    pod = Pod(
        id=member_id,
        name=world.name(member_id),
        uid=f"forecast-{created}",
        revision=str((statefulset.get("status") or {}).get("updateRevision") or ""),
        ready=False,
        terminating=False,
        config=config_of(statefulset["spec"]["template"]["spec"]),
        template=template_marks(statefulset["spec"]["template"].get("metadata") or {}),
    )
    world = replace(world, created=created, empty=_empty_after_start(world, member_id))
    world = provide_claims(world, member_id, statefulset)
    pods = tuple(sorted((*world.observed.pods, pod), key=lambda p: p.id))
    world = world.with_observed(pods=pods).with_answers({member_id: silent(member_id)})
    return world.with_news(f"{pod.name} starts")


def _empty_after_start(world: World, member_id: int) -> frozenset[int]:
    """Who has no database after a member has started: on a new volume, founders alone create one."""
    published = published_membership(world.observed)
    if published is not None and member_id in published.founders:
        return world.empty - {member_id}
    data = names.claim_name(world.observed.ensemble.name, member_id, names.DATA_VOLUME)
    if any(claim.name == data for claim in world.observed.claims):
        return world.empty
    return world.empty | {member_id}


def start_members(world: World) -> World:
    """The members of the pods there are come up, if nothing keeps them from it."""
    answers, claims = world.observed.answers, world.observed.claims
    unbound = {c.member_id for c in claims if c.phase != "Bound"}
    started = {
        pod.id: looking(answer)
        for pod in world.observed.pods
        if not pod.terminating
        and pod.trouble is None
        and pod.id not in world.frozen | unbound
        and not (answer := answers.get(pod.id) or silent(pod.id)).reachable
    }
    if not started:
        return world
    return world.with_answers(started)


def probe_readiness(world: World, served: frozenset[int]) -> World:
    """Readiness follows service: who served a round ago and still does is ready."""
    now, serving = world.observed.now, world.serving

    def probed(pod: Pod) -> Pod:
        if pod.id not in serving:
            return replace(pod, ready=False, unready_since=now) if pod.ready else pod
        becomes_ready = pod.id in served and not pod.ready
        return replace(pod, ready=True, unready_since=None) if becomes_ready else pod

    return world.with_observed(pods=tuple(map(probed, world.observed.pods)))
