"""The ensemble as its spec asks for it, and the server lines that make up a membership.

Values only. A `ZookeeperEnsemble` object becomes an `Ensemble` once, in `read_ensemble`; after that
no code looks into the raw custom resource for configuration.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from zookeeper_operator.api.v1alpha1 import EnsembleSpec
from zookeeper_operator.core import names

Object = dict[str, Any]
"""A Kubernetes object as the API server tells it."""

Role = Literal["participant", "observer"]

_SERVER_LINE: Final = re.compile(
    r"^server\.(?P<id>\d+)=(?P<host>[^:;|]+|\[[^]]+\]):(?P<quorum>\d+):(?P<election>\d+)"
    r"(?::(?P<role>participant|observer))?(?:;(?P<client>\S+))?$"
)


@dataclass(frozen=True)
class Server:
    """One `server.N=` line of a ZooKeeper configuration."""

    id: int
    host: str
    role: Role = "participant"
    quorum_port: int = names.QUORUM_PORT
    election_port: int = names.ELECTION_PORT
    client: str = f"0.0.0.0:{names.CLIENT_PORT}"

    def line(self) -> str:
        """The line as `reconfig` takes it and `/zookeeper/config` shows it."""
        return (
            f"server.{self.id}={self.host}:{self.quorum_port}:{self.election_port}"
            f":{self.role};{self.client}"
        )


@dataclass(frozen=True)
class CommittedConfig:
    """What the ensemble itself has committed in `/zookeeper/config`.

    `version` is the zxid of the reconfiguration that made it (0: never reconfigured, never led).
    """

    version: int
    servers: tuple[Server, ...]

    @property
    def voters(self) -> frozenset[int]:
        """Ids of the participants: the only ones whose acknowledgement counts."""
        return frozenset(s.id for s in self.servers if s.role == "participant")

    @property
    def observers(self) -> frozenset[int]:
        """Ids of the committed observers."""
        return frozenset(s.id for s in self.servers if s.role == "observer")

    @property
    def ids(self) -> frozenset[int]:
        """Everyone the configuration names."""
        return frozenset(s.id for s in self.servers)

    def server(self, member_id: int) -> Server | None:
        """The line of one member, or None if the configuration does not name it."""
        return next((s for s in self.servers if s.id == member_id), None)


def majority(voters: int) -> int:
    """How many of so many voters must acknowledge a write (ZooKeeper's simple majority)."""
    return voters // 2 + 1


def parse_server(line: str) -> Server:
    """Read one `server.N=` line.

    Raises:
        ValueError: the line has another form (it is quoted in the message).
    """
    found = _SERVER_LINE.match(line.strip())
    if found is None:
        raise ValueError(f"not a server line: {line!r}")
    client = found["client"] or f"0.0.0.0:{names.CLIENT_PORT}"
    if ":" not in client:
        client = f"0.0.0.0:{client}"
    return Server(
        id=int(found["id"]),
        host=found["host"],
        role="observer" if found["role"] == "observer" else "participant",
        quorum_port=int(found["quorum"]),
        election_port=int(found["election"]),
        client=client,
    )


def parse_config(text: str) -> CommittedConfig:
    """Read the content of `/zookeeper/config`: server lines and a last line `version=<hex>`.

    Raises:
        ValueError: a line has another form, or there is no version.
    """
    servers: list[Server] = []
    version: int | None = None
    for line in filter(None, (raw.strip() for raw in text.splitlines())):
        if line.startswith("version="):
            version = int(line.removeprefix("version="), 16)
        else:
            servers.append(parse_server(line))
    if version is None:
        raise ValueError("the configuration has no version line")
    return CommittedConfig(version, tuple(sorted(servers, key=lambda s: s.id)))


@dataclass(frozen=True)
class Ensemble:
    """One `ZookeeperEnsemble`, read and typed."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: EnsembleSpec
    restarted_at: str = ""
    deleting: bool = False
    cluster_domain: str = "cluster.local"
    operator_namespace: str = "zookeeper-operator"
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def voter_ids(self) -> range:
        """The ids of the voters the spec asks for: pod index == myid == server.N."""
        return range(1, self.spec.replicas + 1)

    @property
    def observer_ids(self) -> range:
        """The ids of the observers the spec asks for."""
        first = names.FIRST_OBSERVER_ID
        return range(first, first + self.spec.observers.replicas)

    def server(self, member_id: int, role: Role = "participant") -> Server:
        """The server line of one of our members."""
        host = names.member_host(self.name, self.namespace, member_id, self.cluster_domain)
        return Server(member_id, host, role)

    @property
    def labels(self) -> dict[str, str]:
        """What every child carries and is found by."""
        return {
            "app.kubernetes.io/name": "zookeeper",
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/managed-by": names.FIELD_MANAGER,
            names.LABEL_ENSEMBLE: self.name,
        }

    @property
    def owner_reference(self) -> Object:
        """The controller reference that ties a child's life to the ensemble's."""
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }


def read_ensemble(body: Object, *, cluster_domain: str, operator_namespace: str) -> Ensemble:
    """Type a raw `ZookeeperEnsemble`.

    Raises:
        pydantic.ValidationError: the spec is not what the CRD would let through, for example an
            object stored under an older schema.
    """
    metadata = body["metadata"]
    return Ensemble(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=EnsembleSpec.model_validate(body.get("spec") or {}),
        restarted_at=(metadata.get("annotations") or {}).get(names.ANNOTATION_RESTARTED_AT, ""),
        deleting=bool(metadata.get("deletionTimestamp")),
        cluster_domain=cluster_domain,
        operator_namespace=operator_namespace,
        status=body.get("status") or {},
    )
