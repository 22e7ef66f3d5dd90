"""The world the planner decides about, played in the simplest way that is true.

Pure. Applies take effect, deleted pods come back with the current revision, members that start come up, sync
and serve, and a lost leader is followed by another one. What does not come up now and is not touched stays
as it is. Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.observed import Claim, Observed, Pod
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.children import wanted_children
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference
from zookeeper_operator.kube.quantity import parse_quantity
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority


@dataclass(frozen=True)
class World:
    """What the next look finds, and the little that no look can see.

    `config` is what the members have on disk, readable or not, and `zxid` their last transaction.
    `revisions` are the pod templates by StatefulSet with the revision Kubernetes gives each: the same
    template gets the same one again.
    """

    observed: Observed
    config: CommittedConfig | None
    zxid: int
    revisions: Mapping[str, tuple[Object, str]] = field(default_factory=dict)
    made: int = 0
    news: tuple[str, ...] = ()
    elections: int = 0

    @property
    def leader(self) -> int | None:
        """Who leads, as the members say."""
        return next(
            (a.id for a in self.observed.answers.values() if a.serving and a.is_leader), None
        )

    def see(self, **changes: Any) -> "World":
        """The same world, in which the next look finds something else."""
        return replace(self, observed=replace(self.observed, **changes))

    def tell(self, news: str) -> "World":
        """The same world with something more to tell."""
        return replace(self, news=(*self.news, news))

    def name(self, member_id: int) -> str:
        """The pod of a member."""
        return names.member_name(self.observed.ensemble.name, member_id)


def find_world(observed: Observed, before: Observed) -> World:
    """The world as it is now."""
    revisions: dict[str, tuple[Object, str]] = {}
    wanted = {
        body["metadata"]["name"]: stamped(body)
        for body in wanted_children(understand(before))
        if body["kind"] == "StatefulSet"
    }
    for child in observed.children:
        if child["kind"] != "StatefulSet":
            continue
        name = child["metadata"]["name"]
        applied = wanted.get(name)
        template = child["spec"]["template"]
        if applied is not None and _stamp(applied) == _stamp(child):
            # What was applied, without what the API server has filled in.
            template = applied["spec"]["template"]
        revision = (child.get("status") or {}).get("updateRevision") or ""
        revisions[name] = (template, str(revision))
    return World(
        observed=observed,
        config=observed.committed,
        zxid=max((a.zxid or 0 for a in observed.answers.values()), default=0),
        revisions=revisions,
    )


def _stamp(body: Object) -> object:
    return (body["metadata"].get("annotations") or {}).get(names.ANNOTATION_APPLIED)


def act(world: World, action: Action) -> World:
    """The immediate effect of one action, as `ensemble.apply` and Kubernetes bring it about."""
    return _run_pods(_apply_action(world, action))


def _apply_action(world: World, action: Action) -> World:
    match action:
        case Apply() if action.body["kind"] == "PersistentVolumeClaim":
            return _apply_claim(world, action.body)
        case Apply() if action.body["kind"] == "StatefulSet":
            return _apply_statefulset(world, action.body)
        case Apply():
            return _put_child(world, action.body)
        case Delete():
            return _drop_child(world, action.kind, action.name)
        case RestartMember():
            return _drop_pods(world, {action.member_id})
        case ReplaceMember():
            gone = {name for name, _ in action.claims}
            claims = tuple(c for c in world.observed.claims if c.name not in gone)
            world = world.see(claims=claims)
            return _drop_pods(world, {action.member_id})
        case Reconfigure():
            return _reconfigure(world, action)


def _put_child(world: World, body: Object, **extra: Any) -> World:
    kind, name = body["kind"], body["metadata"]["name"]
    live = world.observed.child(kind, name)
    metadata = live["metadata"] if live is not None else {}
    made = world.made + 1
    put = {
        **body,
        "metadata": {
            **body["metadata"],
            "uid": metadata.get("uid", f"forecast-{made}"),
            "resourceVersion": str(made),
            "generation": metadata.get("generation", 0) + 1,
        },
        **extra,
    }
    world = replace(_drop_child(world, kind, name), made=made)
    children = (*world.observed.children, put)
    return world.see(children=children)


def _drop_child(world: World, kind: str, name: str) -> World:
    children = tuple(
        c for c in world.observed.children if (c["kind"], c["metadata"]["name"]) != (kind, name)
    )
    return world.see(children=children)


def _apply_statefulset(world: World, body: Object) -> World:
    """A StatefulSet with its revision; its pods follow before the operator looks again."""
    name, template = body["metadata"]["name"], body["spec"]["template"]
    live = world.observed.child("StatefulSet", name)
    known = world.revisions.get(name)
    same = known is not None and known[0] == template
    if same and live is not None:
        same = first_difference(template, live["spec"]["template"]) is None
    revision = known[1] if known is not None and same else _next_revision(world, name)
    world = replace(world, revisions={**world.revisions, name: (template, revision)})
    generation = (live["metadata"].get("generation", 0) if live is not None else 0) + 1
    status = {"observedGeneration": generation, "updateRevision": revision}
    return _put_child(world, body, status=status)


def _next_revision(world: World, name: str) -> str:
    number = sum(r.startswith(f"{name}-new") for _, r in world.revisions.values())
    taken = {r for _, r in world.revisions.values()} | {p.revision for p in world.observed.pods}
    revision = f"{name}-new"
    while revision in taken:
        number += 1
        revision = f"{name}-new{number}"
    return revision


def asked_size(claim: Object) -> int | None:
    """The size that an apply of a claim asks for; None if it says nothing of it."""
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return parse_quantity(requests["storage"]) if "storage" in requests else None


def _apply_claim(world: World, body: Object) -> World:
    annotations = body["metadata"].get("annotations") or {}
    member = annotations.get(names.ANNOTATION_MEMBER) == "true"
    asked = asked_size(body)

    def changed(claim: Claim) -> Claim:
        if claim.name != body["metadata"]["name"]:
            return claim
        requested = claim.requested if asked is None else asked
        grows = claim.resizing or requested > claim.capacity
        return replace(claim, member=member, requested=requested, resizing=grows)

    claims = tuple(map(changed, world.observed.claims))
    return world.see(claims=claims)


def _drop_pods(world: World, ids: set[int]) -> World:
    """Pods that go at once; if one of them led, nobody does until the next election."""
    observed = world.observed
    pods = tuple(p for p in observed.pods if p.id not in ids)
    answers = {i: a for i, a in observed.answers.items() if i not in ids}
    led = world.leader
    world = replace(world, observed=replace(observed, pods=pods, answers=answers))
    serving = frozenset(i for i, a in answers.items() if a.serving)
    if led in ids or not _is_majority(world, serving):
        answers = {i: _looking(a) for i, a in answers.items()}
        world = world.see(answers=answers, committed=None)
    return world


def _is_majority(world: World, serving: frozenset[int]) -> bool:
    voters = config_of(world).voters
    return bool(voters) and len(serving & voters) >= majority(len(voters))


def config_of(world: World) -> CommittedConfig:
    """Who the members are: what they have on disk, else what they are told to start from."""
    if world.config is not None:
        return world.config
    published = understand(world.observed).membership
    return CommittedConfig(published.version, published.servers)


def _looking(answer: Answers) -> Answers:
    return replace(
        answer,
        problem="This ZooKeeper instance is not currently serving requests",
        leader_id=None,
        is_leader=False,
        peer_state="looking",
    )


def _reconfigure(world: World, action: Reconfigure) -> World:
    """A committed step. A leader that loses its vote is followed by another one at once."""
    changed = {s.id for s in action.joining} | set(action.leaving)
    kept = [s for s in action.based_on.servers if s.id not in changed]
    servers = tuple(sorted((*kept, *action.joining), key=lambda s: s.id))
    zxid = max(world.zxid, action.based_on.version) + 1
    world = replace(world, config=CommittedConfig(zxid, servers), zxid=zxid)
    if world.leader in config_of(world).voters:
        return _follow(world, world.leader)
    return _elect(world)


# ---------------------------------------------------------------------- what happens by itself


def wait(world: World) -> World:
    """One round of what Kubernetes and the members do while the operator waits."""
    world = _grow_claims(_run_pods(world))
    if world.leader is None:
        return _elect(world)
    return _follow(world, world.leader)


def _run_pods(world: World) -> World:
    """Make the pods those the StatefulSets ask for."""
    asked: dict[int, Object] = {}
    for body in world.observed.children:
        if body["kind"] != "StatefulSet":
            continue
        first = (body["spec"].get("ordinals") or {}).get("start", 0)
        asked.update(dict.fromkeys(range(first, first + body["spec"].get("replicas", 1)), body))
    components = {names.component_of(i) for i in asked} | {
        c
        for c in (names.VOTER, names.OBSERVER)
        if world.observed.child(
            "StatefulSet", names.statefulset_name(world.observed.ensemble.name, c)
        )
    }
    # A StatefulSet that is being remade leaves its pods alone.
    ending = {
        p.id
        for p in world.observed.pods
        if p.terminating or (p.id not in asked and p.component in components)
    }
    for member_id in sorted(ending - asked.keys()):
        world = world.tell(f"{world.name(member_id)} stops")
    world = _drop_pods(world, ending) if ending else world
    world = _drop_claims(world, ending - asked.keys())
    for member_id in sorted(asked.keys() - {p.id for p in world.observed.pods}):
        world = _start_pod(world, member_id, asked[member_id])
    return world


def _drop_claims(world: World, left: set[int]) -> World:
    """Remove the volumes of members that left, where the StatefulSet is told to."""
    ensemble = world.observed.ensemble
    gone = []
    for claim in world.observed.claims:
        component = names.component_of(claim.member_id)
        body = world.observed.child("StatefulSet", names.statefulset_name(ensemble.name, component))
        policy = (body or {"spec": {}})["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        if claim.member_id in left and policy.get("whenScaled") == "Delete":
            gone.append(claim)
    claims = tuple(c for c in world.observed.claims if c not in gone)
    world = world.see(claims=claims)
    for claim in gone:
        world = world.tell(f"volume {claim.name} is deleted")
    return world


def _start_pod(world: World, member_id: int, statefulset: Object) -> World:
    observed = world.observed
    name = world.name(member_id)
    revision = str((statefulset.get("status") or {}).get("updateRevision") or "")
    pod = Pod(
        id=member_id,
        name=name,
        uid=f"forecast-{world.made + 1}",
        revision=revision,
        ready=False,
        terminating=False,
        phase="Running",
    )
    held = {c.name for c in observed.claims}
    new = [
        _new_claim(template, member_id, name)
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
        if f"{template['metadata']['name']}-{name}" not in held
    ]
    observed = replace(
        observed,
        pods=tuple(sorted((*observed.pods, pod), key=lambda p: p.id)),
        claims=tuple(sorted((*observed.claims, *new), key=lambda c: c.name)),
        answers={**observed.answers, member_id: Answers(member_id, reachable=False)},
    )
    return replace(world, observed=observed, made=world.made + 1).tell(f"{name} starts")


def _new_claim(template: Object, member_id: int, pod: str) -> Claim:
    size = parse_quantity(template["spec"]["resources"]["requests"]["storage"])
    return Claim(
        name=f"{template['metadata']['name']}-{pod}",
        uid=f"forecast-{template['metadata']['name']}-{pod}",
        member_id=member_id,
        volume=template["metadata"]["name"],
        phase="Bound",
        requested=size,
        capacity=size,
        identity=(template["metadata"].get("labels") or {}).get(names.LABEL_IDENTITY, ""),
        member=False,
        storage_class=template["spec"].get("storageClassName") or "",
    )


def _grow_claims(world: World) -> World:
    for claim in world.observed.claims:
        if claim.resizing and claim.requested > claim.capacity:
            world = world.tell(f"volume {claim.name} grows to {claim.requested / 1024**3:.3g}Gi")
    claims = tuple(
        replace(c, capacity=max(c.capacity, c.requested), resizing=False)
        if c.phase == "Bound"
        else c
        for c in world.observed.claims
    )
    return world.see(claims=claims)


def _able(world: World) -> frozenset[int]:
    """Members that serve, or would if they had a leader. A pod in trouble stays in trouble."""
    return frozenset(
        pod.id for pod in world.observed.pods if not pod.terminating and pod.trouble is None
    )


def _elect(world: World) -> World:
    """Let a majority of able voters choose; the highest id wins, as between equals it does."""
    candidates = _able(world) & config_of(world).voters
    if not _is_majority(world, candidates):
        return world
    epoch = (world.zxid >> 32) + 1
    leader = max(candidates)
    world = replace(world, zxid=epoch << 32, elections=world.elections + 1)
    return _follow(world, leader).tell(f"{world.name(leader)} leads epoch {epoch}")


def _follow(world: World, leader: int) -> World:
    """Let every able member be in sync with the leader."""
    observed, config = world.observed, config_of(world)
    able = _able(world) | {i for i, a in observed.answers.items() if a.serving}
    answers = dict(observed.answers)
    for member_id in able:
        known = answers.get(member_id) or Answers(member_id, reachable=False)
        answers[member_id] = _in_sync(known, leader=leader, zxid=world.zxid, config=config)
    pods = tuple(replace(p, ready=True) if p.id in able else p for p in observed.pods)
    status = observed.ensemble.status
    if not status.get("foundedAt"):
        status = {**status, "foundedAt": format_time(observed.now)}
    observed = replace(
        observed,
        answers=answers,
        pods=pods,
        committed=config,
        ensemble=replace(observed.ensemble, status=status),
    )
    return replace(world, observed=observed, config=config)


def _in_sync(known: Answers, *, leader: int, zxid: int, config: CommittedConfig) -> Answers:
    if known.id == leader:
        server, peer = "leader", "leading - broadcast"
    elif known.id in config.voters:
        server, peer = "follower", "following - broadcast"
    else:
        server, peer = "observer", "observing - broadcast"
    return replace(
        known,
        reachable=True,
        problem=None,
        leader_id=leader,
        is_leader=known.id == leader,
        server_state=server,
        peer_state=peer,
        zxid=zxid,
        voting_view=config.voters,
    )
