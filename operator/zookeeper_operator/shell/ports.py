"""The two outside worlds, as the rest of the program sees them.

`Kube` is the Kubernetes API by plain dicts, `ZooKeeper` is the ensemble itself. The real adapters
(`shell.kube`, `shell.zookeeper`) and the simulator implement the same two Protocols; there is no other
seam, and nothing behind them decides anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from zookeeper_operator.core.ensemble import CommittedConfig, Object, Server
from zookeeper_operator.core.observed import Answers


@dataclass(frozen=True)
class Resource:
    """Where objects of one kind live in the Kubernetes API."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


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
    """The namespace is being deleted: nothing can be made in it, and what is there goes by itself."""


class Kube(Protocol):
    """The Kubernetes API. Every method raises `KubeError`."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live; None if there is none."""

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = ""
    ) -> list[Object]:
        """Read all objects that match a label selector, live. Items carry apiVersion and kind."""

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Server-side apply as our field manager, conflicts forced; the object as it is now.

        Afterwards it has every value of `body`, whatever others have made of it before.
        """

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Server-side apply of the status subresource."""

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Delete an object if it still has this UID. Already gone is success; another UID is not."""

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object.

        Raises:
            KubeError: there is one of that name (409), or another refusal.
        """


@dataclass(frozen=True)
class Address:
    """How to reach one member: its pod."""

    id: int
    namespace: str
    pod: str
    ip: str


@dataclass(frozen=True)
class Access:
    """How to speak with an ensemble as its super user. `repr` keeps the password to itself."""

    members: tuple[Address, ...]
    password: str = ""

    def __repr__(self) -> str:
        """Name the members, never the password."""
        return f"Access(members={self.members!r})"


class ReconfigureRefusedError(Exception):
    """The ensemble answered a reconfiguration with a refusal that trying again will not change."""


class EnsembleUnreachableError(Exception):
    """No member could be asked, or none answered in time."""


class ZooKeeper(Protocol):
    """The ensemble itself: its members' AdminServers and its client port."""

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer.

        `thorough` also asks what costs a member more than a millisecond or two.
        """

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read `/zookeeper/config` after a sync.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Commit one step, if `based_on` is still what is committed; the configuration after it.

        The answer to the call itself is not trusted (ConnectionLoss is common for calls that were
        committed): what was read back decides.

        Raises:
            ReconfigureRefusedError: refused (no quorum of the new configuration, no right, bad line).
            EnsembleUnreachableError: could not be asked, or the outcome could not be read back.
        """


RESOURCES: Mapping[str, Resource] = {
    r.kind: r
    for r in (
        Resource("zookeeper.ensemble.dev/v1alpha1", "ZookeeperEnsemble", "zookeeperensembles"),
        Resource("apps/v1", "StatefulSet", "statefulsets"),
        Resource("v1", "Service", "services"),
        Resource("v1", "ConfigMap", "configmaps"),
        Resource("v1", "Secret", "secrets"),
        Resource("v1", "Pod", "pods"),
        Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Resource("v1", "Event", "events"),
        Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
        Resource("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False),
        Resource("coordination.k8s.io/v1", "Lease", "leases"),
    )
}
