"""Writes by patch: server-side apply, and the merge patch that makes room for a refused one.

Apply merges: what other managers have set stays. Where that cannot stand beside our values (a Service's
port whose number, its key in the list, was changed; the settings of an update strategy that is not ours),
the API server refuses every apply. Only then our lists replace the present ones first, and what excludes
our values is removed.
"""

import contextlib
from http import HTTPStatus
from typing import Final

from zookeeper_operator.kube.api import FIELD_MANAGER, KubeError, Object, Resource
from zookeeper_operator.kube.transport import Transport

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_FORCED: Final = {"fieldManager": FIELD_MANAGER, "force": "true"}


async def apply(transport: Transport, resource: Resource, body: Object) -> Object:
    """Apply an object as our field manager, conflicts forced; the object as it is now.

    Raises:
        KubeError: the API server refuses it whatever other managers have set.
    """
    try:
        return await _apply(transport, resource, body)
    except KubeError as error:
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        with contextlib.suppress(KubeError):
            await merge_patch(transport, resource, without_rivals(body))
            return await _apply(transport, resource, body)
        raise


async def apply_status(transport: Transport, resource: Resource, body: Object) -> Object:
    """Apply the status subresource as our field manager, conflicts forced."""
    return await transport.json(
        "PATCH",
        _path(resource, body) + "/status",
        verb="apply_status",
        kind=resource.kind,
        query=_FORCED,
        body=body,
        content_type=_APPLY,
    )


async def merge_patch(transport: Transport, resource: Resource, body: Object) -> Object:
    """Merge fields into an existing object; `Conflict` if a given resourceVersion is outdated."""
    return await transport.json(
        "PATCH",
        _path(resource, body),
        verb="patch",
        kind=resource.kind,
        body=body,
        content_type=_MERGE,
    )


def without_rivals(body: Object) -> Object:
    """A merge patch to a body that also removes what Kubernetes does not allow beside its values."""
    if body["kind"] != "StatefulSet" or body["spec"].get("updateStrategy") != {"type": "OnDelete"}:
        return body
    strategy = {"type": "OnDelete", "rollingUpdate": None}
    return {**body, "spec": {**body["spec"], "updateStrategy": strategy}}


async def _apply(transport: Transport, resource: Resource, body: Object) -> Object:
    return await transport.json(
        "PATCH",
        _path(resource, body),
        verb="apply",
        kind=resource.kind,
        query=_FORCED,
        body=body,
        content_type=_APPLY,
    )


def _path(resource: Resource, body: Object) -> str:
    metadata = body["metadata"]
    return resource.path(metadata.get("namespace"), metadata["name"])
