"""All objects of one kind, page by page, and the version of the list."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.kube.transport import Transport

_PAGE: Final = 500


@dataclass(frozen=True)
class Listed:
    """The objects, which carry apiVersion and kind, and the version that a watch begins after."""

    items: list[Object]
    version: str


async def fetch_list(
    transport: Transport, resource: Resource, namespace: str | None, selectors: Mapping[str, str]
) -> Listed:
    """Read all objects that match the selectors, live.

    Args:
        transport: the API server.
        resource: what is listed.
        namespace: where; None: everywhere.
        selectors: `labelSelector`, `fieldSelector`; those that are empty do not count.

    Raises:
        KubeError: the API server refused, or could not be asked.
    """
    query = {"limit": str(_PAGE), **{key: text for key, text in selectors.items() if text}}
    try:
        return await _list_pages(transport, resource, namespace, query)
    except KubeError as error:
        if error.status != HTTPStatus.GONE:
            raise
    # The snapshot that the pages belong to has expired.
    return await _list_pages(transport, resource, namespace, query)


async def _list_pages(
    transport: Transport, resource: Resource, namespace: str | None, query: Mapping[str, str]
) -> Listed:
    path = resource.path(namespace)
    items: list[Object] = []
    asked = dict(query)
    while True:
        page = await transport.json("GET", path, verb="list", kind=resource.kind, query=asked)
        items += page.get("items") or []
        metadata = page.get("metadata") or {}
        following = metadata.get("continue")
        if not following:
            break
        asked["continue"] = following
    for item in items:
        item["apiVersion"] = resource.api_version
        item["kind"] = resource.kind
    return Listed(items, str(metadata.get("resourceVersion") or ""))
