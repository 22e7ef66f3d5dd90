"""The operator's Lease in the Kubernetes API: the store that `control.lease` elects by."""

from datetime import UTC, datetime
from typing import Final

from zookeeper_operator.control.lease import ConflictError, LeaseError, LeaseRecord
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.kube.times import format_micro_time

_LEASE: Final[Resource] = RESOURCES["Lease"]
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_CHANGED: Final = frozenset({404, 409})


class KubeLeaseStore:
    """`control.lease.LeaseStore`: one Lease object, compared and swapped by its resourceVersion.

    Labels and annotations of the Lease are left alone. Needs the rights to get, create and patch it.
    """

    def __init__(self, kube: KubeClient, namespace: str, name: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name

    async def read(self) -> LeaseRecord | None:
        """Read the record live; None if there is no Lease.

        Raises:
            LeaseError: it could not be read.
        """
        try:
            lease = await self._kube.get(_LEASE, self._namespace, self._name)
        except KubeError as error:
            raise LeaseError(str(error)) from error
        return None if lease is None else _parse(lease)

    async def write(self, lease: LeaseRecord) -> LeaseRecord:
        """Write the record if its resource_version is still current; return it with the new one.

        An empty resource_version creates the Lease.

        Raises:
            ConflictError: the Lease was changed or deleted, or exists already.
            LeaseError: it could not be written.
        """
        body = self._format(lease)
        try:
            if lease.resource_version:
                written = await self._kube.merge_patch(_LEASE, body)
            else:
                written = await self._kube.create(_LEASE, body)
        except KubeError as error:
            kind = ConflictError if error.status in _CHANGED else LeaseError
            raise kind(str(error)) from error
        return _parse(written)

    def _format(self, lease: LeaseRecord) -> Object:
        metadata = {"namespace": self._namespace, "name": self._name}
        if lease.resource_version:
            metadata["resourceVersion"] = lease.resource_version
        return {
            "apiVersion": _LEASE.api_version,
            "kind": _LEASE.kind,
            "metadata": metadata,
            "spec": {
                "holderIdentity": lease.holder,
                "leaseDurationSeconds": lease.duration_seconds,
                "acquireTime": format_micro_time(lease.acquire_time),
                "renewTime": format_micro_time(lease.renew_time),
                "leaseTransitions": lease.transitions,
            },
        }


def _parse(lease: Object) -> LeaseRecord:
    spec: Object = lease.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or 1,
        acquire_time=_parse_time(spec.get("acquireTime")),
        renew_time=_parse_time(spec.get("renewTime")),
        transitions=spec.get("leaseTransitions") or 0,
        resource_version=lease["metadata"]["resourceVersion"],
    )


def _parse_time(text: str | None) -> datetime:
    """The time in a Lease; it only informs people, so an unreadable one is no reason to fail."""
    try:
        return datetime.fromisoformat(text) if text else _EPOCH
    except ValueError:
        return _EPOCH
