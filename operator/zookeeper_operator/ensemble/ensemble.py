"""The ensemble as its spec asks for it.

Values only. A `ZookeeperEnsemble` object becomes an `Ensemble` once, in `read_ensemble`; after that
no code reads the raw custom resource for configuration.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from zookeeper_operator.api.ensemble import (
    LAST_VOTER_ID,
    MAX_OBSERVERS,
    MAX_REPLICAS,
    EnsembleSpec,
    ImagePullPolicy,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Role, Server


@dataclass(frozen=True)
class Ensemble:
    """One `ZookeeperEnsemble`, read and typed."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: EnsembleSpec
    restarted_at: str = ""
    recover: str = ""
    """What a person asks for by the annotation `recover`; `plan.recovery` reads it."""
    deleting: bool = False
    cluster_domain: str = "cluster.local"
    operator_namespace: str = "zookeeper-operator"
    allowed_privileges: frozenset[str] = frozenset()
    patch_pods: bool = True
    """Whether the operator may annotate pods."""
    cert_manager: bool = False
    """Whether the operator creates Certificates of cert-manager."""
    operator: str = ""
    agent_image: str = ""
    agent_pull_policy: ImagePullPolicy = "IfNotPresent"
    resource_version: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asks_cert_manager(self) -> bool:
        """Whether its certificate must come from a Certificate that the operator creates."""
        tls = self.spec.tls
        return self.cert_manager and tls is not None and tls.source.issuer_ref is not None

    @property
    def first_id(self) -> int:
        """The id of the first member. What has a lower one is not ours, but a member of a source."""
        return min(max(self.spec.first_member_id, 1), LAST_VOTER_ID)

    def is_foreign(self, member_id: int) -> bool:
        """Whether a member belongs to the source that is taken over."""
        return member_id < self.first_id

    @property
    def voter_ids(self) -> range:
        """The ids of the voters the spec asks for: pod index == myid == server.N.

        There are never more than the CRD allows, whatever is stored.
        """
        last = self.first_id + min(self.spec.replicas, MAX_REPLICAS) - 1
        return range(self.first_id, min(last, LAST_VOTER_ID) + 1)

    @property
    def observer_ids(self) -> range:
        """The ids of the observers the spec asks for."""
        first = names.FIRST_OBSERVER_ID
        return range(first, first + min(self.spec.observers.replicas, MAX_OBSERVERS))

    def server(self, member_id: int, role: Role = "participant") -> Server:
        """The server line of one of our members, open to plain clients."""
        host = names.member_host(self.name, self.namespace, member_id, self.cluster_domain)
        return Server(member_id, host, role)


def read_ensemble(
    body: Object,
    *,
    cluster_domain: str,
    operator_namespace: str,
    allowed_privileges: Collection[str] = (),
    patch_pods: bool = True,
    cert_manager: bool = False,
    operator: str = "",
    agent_image: str = "",
    agent_pull_policy: ImagePullPolicy = "IfNotPresent",
) -> Ensemble:
    """Type a raw `ZookeeperEnsemble`.

    `operator` is who manages it; empty for a reader, who manages nothing. `agent_image` is what runs in the
    pod of a member that is restored.

    Raises:
        pydantic.ValidationError: the spec is not what the CRD would let through, for example an
            object stored under an older schema.
    """
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return Ensemble(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=EnsembleSpec.model_validate(body.get("spec") or {}),
        restarted_at=annotations.get(names.ANNOTATION_RESTARTED_AT, ""),
        recover=annotations.get(names.ANNOTATION_RECOVER, ""),
        deleting=bool(metadata.get("deletionTimestamp")),
        cluster_domain=cluster_domain,
        operator_namespace=operator_namespace,
        allowed_privileges=frozenset(allowed_privileges),
        patch_pods=patch_pods,
        cert_manager=cert_manager,
        operator=operator,
        agent_image=agent_image,
        agent_pull_policy=agent_pull_policy,
        resource_version=metadata.get("resourceVersion", ""),
        status=body.get("status") or {},
    )
