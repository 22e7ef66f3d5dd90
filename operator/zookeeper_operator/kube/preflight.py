"""What prevents the operator from reading the kinds it needs, in sentences for its administrator."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from zookeeper_operator.kube.api import KubeError, Resource
from zookeeper_operator.kube.transport import Transport


async def find_obstacles(
    transport: Transport, resources: Sequence[Resource], namespaces: Sequence[str]
) -> list[str]:
    """Try to list every kind in every namespace (none given: in all at once); empty if all of it works."""
    places = [
        (resource, namespace)
        for resource in resources
        for namespace in ((namespaces or (None,)) if resource.namespaced else (None,))
    ]
    found = await asyncio.gather(*(_obstacle(transport, *place) for place in places))
    return list(dict.fromkeys(filter(None, found)))


async def _obstacle(transport: Transport, resource: Resource, namespace: str | None) -> str | None:
    try:
        await transport.json(
            "GET",
            resource.path(namespace),
            verb="list",
            kind=resource.kind,
            query={"limit": "1"},
        )
    except KubeError as error:
        return describe_obstacle(resource, namespace, error)
    return None


def describe_obstacle(resource: Resource, namespace: str | None, error: KubeError) -> str:
    """The sentence for a list that was refused."""
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    if not resource.namespaced:
        where = "of the cluster"
    match error.status:
        case HTTPStatus.NOT_FOUND:
            return (
                f"The API server does not serve {resource.plural} of "
                f"{resource.api_version}; install the CustomResourceDefinition first."
            )
        case HTTPStatus.FORBIDDEN:
            return (
                f"The operator may not list {resource.plural} {where}; grant it get, list "
                f"and watch on them ({error.message})."
            )
        case HTTPStatus.UNAUTHORIZED:
            return f"The API server does not accept our credentials ({error.message})."
        case _:
            return f"{resource.plural} {where} cannot be listed: {error.message}."
