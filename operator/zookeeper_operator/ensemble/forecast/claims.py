"""Volume claims: how they are created, marked, grown and removed.

Pure. A claim whose volume is lost, or whose storage class does not exist, stays as it is.
"""

from collections.abc import Mapping
from dataclasses import replace

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.observed import Claim, StorageClass
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity


def requested_size(body: Object) -> int | None:
    """The size that an apply of a claim requests; None if it leaves the size alone."""
    spelled = _spelled_size(body)
    return parse_quantity(spelled) if spelled else None


def _spelled_size(body: Object) -> str:
    requests = ((body.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", ""))


def apply_claim(world: World, body: Object) -> World:
    """An apply of a claim: its mark, its size, and a label of another manager that it takes over."""
    annotations = body["metadata"].get("annotations") or {}
    member = {"true": True, "false": False}.get(annotations.get(names.ANNOTATION_MEMBER, ""))
    size = requested_size(body)
    labels = body["metadata"].get("labels") or {}

    def changed(claim: Claim) -> Claim:
        if claim.name != body["metadata"]["name"]:
            return claim
        requested = claim.requested if size is None else size
        grows = claim.resizing or requested > claim.capacity
        return replace(
            claim,
            member=member,
            requested=requested,
            size=_spelled_size(body) or claim.size,
            resizing=grows,
            # What was applied before and is left out now goes.
            instance=labels.get(names.LABEL_INSTANCE, claim.instance or None),
        )

    return world.with_observed(claims=tuple(map(changed, world.observed.claims)))


def delete_claims(world: World, doomed: frozenset[str]) -> World:
    """Claims that are deleted; each stays until no pod uses it any more."""
    claims = tuple(
        replace(c, terminating=True) if c.name in doomed else c for c in world.observed.claims
    )
    return world.with_observed(claims=claims)


def release_claims(world: World, ended: frozenset[int], left: frozenset[int]) -> World:
    """What happens to the claims when the pods of some members have ended.

    Deleted claims go. Those of members that left go where the StatefulSet is configured to remove them.
    """
    leaving = [
        c
        for c in world.observed.claims
        if c.member_id in left and not c.terminating and _is_removed_when_scaled(world, c)
    ]
    claims = tuple(
        c
        for c in world.observed.claims
        if c not in leaving and not (c.terminating and c.member_id in ended)
    )
    world = world.with_observed(claims=claims)
    for claim in leaving:
        world = world.with_news(f"volume {claim.name} is deleted")
    return world


def _is_removed_when_scaled(world: World, claim: Claim) -> bool:
    component = names.component_of(claim.member_id)
    body = world.observed.statefulset(component)
    if body is None:
        return False
    policy = body["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get("whenScaled") == "Delete")


def provide_claims(world: World, member_id: int, statefulset: Object) -> World:
    """The claims of a member whose pod starts: the missing ones are created.

    A file system that waited for a restart of its pod grows now.
    """
    observed = world.observed
    pod = world.name(member_id)
    held = {c.name for c in observed.claims}
    created = [
        _new_claim(template, member_id, pod, observed.storage_classes)
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
        if f"{template['metadata']['name']}-{pod}" not in held
    ]
    mounted = [
        _grown(c) if c.member_id == member_id and c.file_system_resize_pending else c
        for c in observed.claims
    ]
    claims = tuple(sorted((*mounted, *created), key=lambda c: c.name))
    return world.with_observed(claims=claims)


def _new_claim(
    template: Object, member_id: int, pod: str, classes: Mapping[str, StorageClass]
) -> Claim:
    spelled = _spelled_size(template)
    size = parse_quantity(spelled)
    default = next((c.name for c in classes.values() if c.default), "")
    return Claim(
        name=f"{template['metadata']['name']}-{pod}",
        uid=f"forecast-{template['metadata']['name']}-{pod}",
        member_id=member_id,
        volume=template["metadata"]["name"],
        phase="Bound",
        requested=size,
        size=spelled,
        capacity=size,
        identity=(template["metadata"].get("labels") or {}).get(names.LABEL_IDENTITY, ""),
        instance=(template["metadata"].get("labels") or {}).get(names.LABEL_INSTANCE),
        member=None,
        storage_class=template["spec"].get("storageClassName") or default,
    )


def bind_claims(world: World) -> World:
    """Claims get their volumes where their storage class exists."""
    classes = world.observed.storage_classes
    has_default = any(c.default for c in classes.values())

    def is_provided(claim: Claim) -> bool:
        return claim.storage_class in classes if claim.storage_class else has_default

    bound = [c for c in world.observed.claims if c.phase == "Pending" and is_provided(c)]
    if not bound:
        return world
    claims = tuple(
        replace(c, phase="Bound", capacity=c.requested) if c in bound else c
        for c in world.observed.claims
    )
    return world.with_observed(claims=claims)


def grow_claims(world: World) -> World:
    """Volumes grow, except those that wait for a restart of their pod."""
    growing = [c for c in world.observed.claims if _grows_online(c)]
    if not growing:
        return world
    for claim in growing:
        if claim.requested > claim.capacity:
            size = f"{claim.requested / 1024**3:.3g}Gi"
            world = world.with_news(f"volume {claim.name} grows to {size}")
    claims = tuple(_grown(c) if c in growing else c for c in world.observed.claims)
    return world.with_observed(claims=claims)


def _grows_online(claim: Claim) -> bool:
    return claim.phase == "Bound" and claim.resizing and not claim.file_system_resize_pending


def _grown(claim: Claim) -> Claim:
    return replace(
        claim,
        capacity=max(claim.capacity, claim.requested),
        resizing=False,
        file_system_resize_pending=False,
    )
