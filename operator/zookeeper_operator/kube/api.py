"""The Kubernetes API as the rest of the program sees it: plain dicts, one Protocol, its errors.

The real client (`kube.client`) and the simulator implement it; no implementation decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote


@dataclass(frozen=True)
class Resource:
    """Where objects of one kind live in the Kubernetes API."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL path of one object, or of all of them; no namespace means all namespaces."""
        prefix = "/apis" if "/" in self.api_version else "/api"
        path = f"{prefix}/{self.api_version}"
        if namespace and self.namespaced:
            path += f"/namespaces/{quote(namespace, safe='')}"
        path += f"/{self.plural}"
        return path if name is None else f"{path}/{quote(name, safe='')}"


FIELD_MANAGER: Final = "zookeeper-operator"
"""The operator's name to the API server: the owner of the fields it applies."""

Object = dict[str, Any]
"""A Kubernetes object as the API server shows it."""


class KubeError(Exception):
    """The API server refused a request, or could not be reached (`status` 0).

    `status` is the HTTP status, `reason` the API's own reason (`Conflict`, `NotFound`, `Invalid`, …).
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason or 'error'} ({status}): {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NamespaceEndingError(KubeError):
    """The namespace is being deleted: nothing can be created in it, and its objects are being deleted."""


class Kube(Protocol):
    """The Kubernetes API. Every method raises `KubeError`."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live; None if there is none."""

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Read one object's metadata live, and nothing else of it; None if there is none."""

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Read all objects that match both selectors, live. Items carry apiVersion and kind."""

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Server-side apply as our field manager, conflicts forced; the object as it is now.

        Afterwards it has every value of `body`, whatever other managers have set before.
        """

    async def patch(self, resource: Resource, body: Object) -> Object:
        """Merge the fields of `body` into an object that exists; the object as it is now.

        For an object that somebody else manages: none of its fields becomes ours. A UID and a resource
        version in the metadata are preconditions.

        Raises:
            KubeError: there is none (404), it is another one or of another version (409), or another refusal.
        """

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Server-side apply of the status subresource, conflicts forced.

        A UID and a resource version in the metadata are preconditions.

        Raises:
            KubeError: the object is another one, or of another version (409), or another refusal.
        """

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Delete an object if it still has this UID. Already gone is success; another UID is not."""

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object.

        Raises:
            KubeError: there is one of that name (409), or another refusal.
        """


RESOURCES: Mapping[str, Resource] = {
    r.kind: r
    for r in (
        Resource("apps/v1", "StatefulSet", "statefulsets"),
        Resource("v1", "Service", "services"),
        Resource("v1", "ConfigMap", "configmaps"),
        Resource("v1", "Secret", "secrets"),
        Resource("v1", "Pod", "pods"),
        Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Resource("v1", "Event", "events"),
        Resource("batch/v1", "Job", "jobs"),
        Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
        Resource("v1", "Node", "nodes", namespaced=False),
        Resource("v1", "PersistentVolume", "persistentvolumes", namespaced=False),
        Resource("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False),
        Resource("coordination.k8s.io/v1", "Lease", "leases"),
        Resource("cert-manager.io/v1", "Certificate", "certificates"),
    )
}
"""The kinds that the operator reads or writes: of Kubernetes itself, and of cert-manager where it is used."""
