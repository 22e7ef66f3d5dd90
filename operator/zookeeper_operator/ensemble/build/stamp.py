"""The stamp of a child: a hash of what was applied last, by which a change is recognised."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash


def stamp_of(body: Object) -> str:
    """The stamp that an object bears; empty if it bears none."""
    annotations = body["metadata"].get("annotations") or {}
    return str(annotations.get(names.ANNOTATION_APPLIED) or "")


def stamped(body: Object) -> Object:
    """The body with the hash of itself as an annotation, computed as if it did not bear one.

    The stamp says what was applied last. Stamping what is stamped already changes nothing.
    """
    metadata = body["metadata"]
    annotations = {
        key: value
        for key, value in metadata.get("annotations", {}).items()
        if key != names.ANNOTATION_APPLIED
    }
    bare = {key: value for key, value in metadata.items() if key != "annotations"}
    if annotations:
        bare["annotations"] = annotations
    stamp = content_hash({**body, "metadata": bare})
    return {
        **body,
        "metadata": {**bare, "annotations": {**annotations, names.ANNOTATION_APPLIED: stamp}},
    }
