"""The objects of one kind as they are now, and every change of them: a list, then a watch.

For a command that shows things; the operator watches by `control.watch`. Where watching takes a right that is
missing, the objects are listed again and again.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.kube.errors import read_object, read_refusal, refusal
from zookeeper_operator.kube.listing import fetch_list
from zookeeper_operator.kube.transport import Transport

# The API server ends the watch after this, before the limit of the transport does; then it continues.
_WATCH_SECONDS: Final = 20
_LIST_AGAIN_SECONDS: Final = 2.0
_LONGEST_LINE: Final = 8 << 20


@dataclass(frozen=True)
class Followed:
    """The objects by their UID, and the UIDs of those that have changed since the last time or are gone."""

    objects: Mapping[str, Object]
    changed: frozenset[str]


async def follow(
    transport: Transport,
    resource: Resource,
    namespace: str | None,
    *,
    labels: str = "",
    fields: str = "",
) -> AsyncGenerator[Followed, None]:
    """Yield all objects that match, then again after each change, for ever.

    Raises:
        KubeError: the API server refused, or could not be asked (any more).
    """
    selectors = {
        key: text for key, text in (("labelSelector", labels), ("fieldSelector", fields)) if text
    }
    objects: dict[str, Object] = {}
    may_watch = True
    while True:
        listed = await fetch_list(transport, resource, namespace, selectors)
        found = {o["metadata"]["uid"]: o for o in listed.items}
        changed = frozenset(
            uid for uid in {*objects, *found} if _version(objects, uid) != _version(found, uid)
        )
        objects.clear()
        objects.update(found)
        yield Followed(objects, changed)
        if not may_watch:
            await asyncio.sleep(_LIST_AGAIN_SECONDS)
            continue
        try:
            async with contextlib.aclosing(
                _watch(
                    transport,
                    resource,
                    namespace,
                    selectors,
                    objects=objects,
                    version=listed.version,
                )
            ) as changes:
                async for uid in changes:
                    yield Followed(objects, frozenset({uid}))
        except KubeError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                may_watch = False
            elif error.status != HTTPStatus.GONE:
                raise


def _version(objects: Mapping[str, Object], uid: str) -> object:
    found = objects.get(uid)
    return None if found is None else found["metadata"].get("resourceVersion")


async def _watch(
    transport: Transport,
    resource: Resource,
    namespace: str | None,
    selectors: Mapping[str, str],
    *,
    objects: dict[str, Object],
    version: str,
) -> AsyncGenerator[str, None]:
    """Keep the objects up to date from a version on; yield the UID of each that has changed."""
    while True:
        query = {
            **selectors,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
            "resourceVersion": version,
        }
        path = resource.path(namespace)
        async with transport.request(
            "GET", path, verb="watch", kind=resource.kind, query=query
        ) as stream:
            if stream.status != HTTPStatus.OK:
                raise read_refusal(stream.status, await stream.read())
            pending = b""
            async for chunk in stream.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > _LONGEST_LINE:
                    raise KubeError(0, "Watch", "the API server sends an object that is too large")
                for line in filter(None, lines):
                    event = _read(line)
                    body = event.get("object") or {}
                    kind = event.get("type")
                    if kind == "ERROR":
                        raise refusal(int(body.get("code") or 0), body)
                    metadata = body.get("metadata") or {}
                    version = str(metadata.get("resourceVersion") or version)
                    if kind == "BOOKMARK" or "uid" not in metadata:
                        continue
                    if kind == "DELETED":
                        objects.pop(metadata["uid"], None)
                    else:
                        objects[metadata["uid"]] = body
                    yield metadata["uid"]


def _read(line: bytes) -> dict[str, Any]:
    found = read_object(line)
    if found is None:
        raise KubeError(0, "Watch", "the API server sends something that is not an object")
    return found
