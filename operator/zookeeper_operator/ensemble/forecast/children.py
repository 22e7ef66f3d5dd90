"""The child objects as the API server keeps them: what an apply or a delete makes of them.

Pure. Pods and claims are not here: see `pods` and `claims`.
"""

from dataclasses import replace
from typing import Any

from zookeeper_operator.ensemble.forecast.world import Revision, World
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time


def as_shown(
    body: Object, *, uid: str, created: str, resource_version: str, generation: int, **extra: Any
) -> Object:
    """A child as the API server shows it; `created` is when it was created."""
    metadata = {
        **body["metadata"],
        "uid": uid,
        "creationTimestamp": created,
        "resourceVersion": resource_version,
        "generation": generation,
    }
    return {**body, "metadata": metadata, **extra}


def rollout_status(generation: int, revision: str) -> Object:
    """The status of a StatefulSet whose controller has seen this generation."""
    return {"observedGeneration": generation, "updateRevision": revision}


def put_child(world: World, body: Object) -> World:
    """A child that is created, or changed in its place."""
    kind, name = body["kind"], body["metadata"]["name"]
    live = world.observed.child(kind, name)
    metadata = live["metadata"] if live is not None else {}
    created = world.created + 1
    generation = metadata.get("generation", 0) + 1
    extra: Object = {}
    if kind == "StatefulSet":
        world, revision = _revision_of(world, name, body["spec"]["template"])
        extra["status"] = rollout_status(generation, revision)
    shown = as_shown(
        body,
        uid=metadata.get("uid", f"forecast-{created}"),
        created=metadata.get("creationTimestamp") or format_time(world.observed.now),
        resource_version=str(created),
        generation=generation,
        **extra,
    )
    children = (*_others(world, kind, name), shown)
    return replace(world, observed=replace(world.observed, children=children), created=created)


def drop_child(world: World, kind: str, name: str) -> World:
    """A child that is deleted; what it owns is left alone."""
    return world.with_observed(children=_others(world, kind, name))


def _others(world: World, kind: str, name: str) -> tuple[Object, ...]:
    return tuple(
        c for c in world.observed.children if (c["kind"], c["metadata"]["name"]) != (kind, name)
    )


def _revision_of(world: World, statefulset: str, template: Object) -> tuple[World, str]:
    """The revision of a template; the same template gets the same one again."""
    of_this = (r for r in world.revisions if r.statefulset == statefulset)
    known = next((r.name for r in of_this if r.template == template), None)
    if known is not None:
        return world, known
    name = _unused_revision(world, statefulset)
    revisions = (*world.revisions, Revision(statefulset, template, name))
    return replace(world, revisions=revisions), name


def _unused_revision(world: World, statefulset: str) -> str:
    taken = {r.name for r in world.revisions} | {p.revision for p in world.observed.pods}
    revision, number = f"{statefulset}-new", 1
    while revision in taken:
        number += 1
        revision = f"{statefulset}-new{number}"
    return revision
