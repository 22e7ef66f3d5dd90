"""`kube.api.Kube` for a real API server, and the calls beyond it that the operator and the CLI need.

It never retries: the caller reconciles again.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Self

from zookeeper_operator.kube import apply
from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.kube.credentials import ConnectionFacts, load_credentials
from zookeeper_operator.kube.errors import MissingObjectError
from zookeeper_operator.kube.listing import fetch_list
from zookeeper_operator.kube.preflight import find_obstacles
from zookeeper_operator.kube.transport import OnRequest, Transport
from zookeeper_operator.settings import Settings

_ONLY_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class KubeClient:
    """One per process and event loop; close it at the end.

    `transport` is for requests to subresources of pods, which are not objects.
    """

    def __init__(self, transport: Transport) -> None:
        """Use a transport; `connect` is the usual way."""
        self.transport = transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Requests after this fail."""
        await self.transport.close()

    # ----------------------------------------------------------------- kube.api.Kube

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live; None if there is none.

        A kind the API server does not know is an error, not an absent object.
        """
        path = resource.path(namespace, name)
        try:
            return await self.transport.json("GET", path, verb="get", kind=resource.kind)
        except MissingObjectError:
            return None

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Read one object's metadata live, and nothing else of it; None if there is none."""
        path = resource.path(namespace, name)
        try:
            return await self.transport.json(
                "GET", path, verb="get", kind=resource.kind, accept=_ONLY_METADATA
            )
        except MissingObjectError:
            return None

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Read all objects that match both selectors, live. Items carry apiVersion and kind."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        return (await fetch_list(self.transport, resource, namespace, selectors)).items

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Server-side apply as our field manager, conflicts forced; the object as it is now."""
        return await apply.apply(self.transport, resource, body)

    async def patch(self, resource: Resource, body: Object) -> Object:
        """Merge fields into an object that exists; the object as it is now."""
        return await apply.merge_patch(self.transport, resource, body)

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Server-side apply of the status subresource; a UID and a version are preconditions.

        The API server checks the version alone: to a status it gives the metadata of the object that is
        there, so it does not notice the UID of one that was deleted (measured on 1.34).
        """
        metadata = body["metadata"]
        if "uid" in metadata and "resourceVersion" not in metadata:
            body = {
                **body,
                "metadata": {
                    **metadata,
                    "resourceVersion": await self._version(resource, metadata),
                },
            }
        return await apply.apply_status(self.transport, resource, body)

    async def _version(self, resource: Resource, metadata: Mapping[str, Any]) -> str:
        """The version of the object that has this name and this UID."""
        live = await self.get_metadata(resource, metadata["namespace"], metadata["name"])
        if live is None or live["metadata"]["uid"] != metadata["uid"]:
            message = f"{resource.kind} {metadata['name']} of UID {metadata['uid']} does not exist any more"
            raise KubeError(HTTPStatus.CONFLICT, "Conflict", message)
        version: str = live["metadata"]["resourceVersion"]
        return version

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Delete an object if it still has this UID. Already gone is success; another UID is not.

        What the object owns is deleted after it, or left alone (`orphan`).
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Orphan" if orphan else "Background",
        }
        path = resource.path(namespace, name)
        try:
            await self.transport.json(
                "DELETE", path, verb="delete", kind=resource.kind, body=options
            )
        except MissingObjectError:
            return
        except KubeError as error:
            # Between its own reads the API server may answer Conflict for an object that is just going.
            conflict = error.reason == "Conflict"
            if not conflict or await self.get(resource, namespace, name) is not None:
                raise

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object; `AlreadyExists` if there is one of that name."""
        path = resource.path(body["metadata"].get("namespace"))
        return await self.transport.json("POST", path, verb="create", kind=resource.kind, body=body)

    # ------------------------------------------------------------------ beyond the Protocol

    async def merge_patch(self, resource: Resource, body: Object) -> Object:
        """Merge fields into an existing object; `Conflict` if a given resourceVersion is outdated."""
        return await apply.merge_patch(self.transport, resource, body)

    async def preflight(
        self, resources: Sequence[Resource], namespaces: Sequence[str] = ()
    ) -> Sequence[str]:
        """What prevents reading these kinds there, as sentences; empty if nothing.

        Namespaces empty: all of them.
        """
        return await find_obstacles(self.transport, resources, namespaces)

    async def credentials(self) -> ConnectionFacts:
        """How to reach the API server, fresh, for a client of another kind (the watcher).

        Raises:
            KubeError: the credentials cannot be read now.
        """
        return await self.transport.credentials.facts()


async def connect(settings: Settings, *, on_request: OnRequest | None = None) -> KubeClient:
    """A client for the cluster the settings name: their kubeconfig, or the pod's service account.

    Nothing is sent yet; `preflight` finds out whether it works.

    Raises:
        KubeError: the credentials cannot be loaded; the message says why.
    """
    credentials = await load_credentials(settings.kubeconfig, settings.context)
    return KubeClient(Transport(credentials, on_request))
