"""Hashes of what is built: how a change is told from no change without comparing whole objects."""

import hashlib
import json
from typing import Any, Final

from zookeeper_operator.core import names
from zookeeper_operator.core.ensemble import Object

_LENGTH: Final = 16


def content_hash(obj: Any) -> str:
    """A short hash of any JSON value; the order of keys in a map does not matter."""
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_LENGTH]


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
