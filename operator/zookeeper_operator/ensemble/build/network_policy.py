"""The NetworkPolicy: the client port is open, everything else is not."""

from typing import Any

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.metrics import metrics_endpoint
from zookeeper_operator.ensemble.build.objects import child, member_selector
from zookeeper_operator.ensemble.build.sidecars import opened_ports
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def _rule(*ports: int, peers: list[Any] | None = None) -> Object:
    """One ingress rule; without peers, from anywhere."""
    opened: Object = {"ports": [{"port": port, "protocol": "TCP"} for port in ports]}
    if peers is not None:
        opened["from"] = peers
    return opened


def client_ports(target: Target) -> tuple[int, ...]:
    """The ports that are open to clients."""
    secure = (names.SECURE_CLIENT_PORT,) if target.phase.clients else ()
    return secure if secure and target.closed else (names.CLIENT_PORT, *secure)


def build_network_policy(target: Target, *, serves_metrics: bool = True) -> Object:
    """The policy `NAME` over all members, for ingress.

    Clients may come from anywhere, quorum traffic only from members of this target, and of the source it
    takes over (with TLS the operator shakes hands with their election ports), and the
    AdminServer is for the operator, unless the spec opens it to the outside. Probes come from the
    node and are always let through. The port of the metrics is open to `spec.metrics.from`, unless no pod
    template has it yet (`serves_metrics` is False), and so are to all the ports that containers of
    `spec.podTemplate` declare: a port is declared for others. None of these can be one of the member's own.
    """
    spec = target.spec
    operator = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": target.operator_namespace}
        },
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": names.FIELD_MANAGER}},
    }
    members = {"podSelector": {"matchLabels": member_selector(target)}}
    ingress = [
        _rule(*client_ports(target)),
        _rule(names.QUORUM_PORT, names.ELECTION_PORT, peers=[members, *target.source_peers]),
    ]
    if target.phase.quorum:
        # The operator reads there which certificate a member serves.
        ingress.append(_rule(names.ELECTION_PORT, peers=[operator]))
    if spec.external is not None and spec.external.admin_server:
        ingress.append(_rule(names.ADMIN_PORT))
    else:
        ingress.append(_rule(names.ADMIN_PORT, peers=[operator]))
    metrics = metrics_endpoint(spec)
    if metrics is not None and (serves_metrics or not metrics.keys):
        peers = None if metrics.peers is None else list(metrics.peers)
        ingress.append(_rule(metrics.port, peers=peers))
    if declared := opened_ports(spec.pod_template):
        ports = [{"port": number, "protocol": protocol} for number, protocol in declared]
        ingress.append({"ports": ports})
    return child(
        target,
        api_version="networking.k8s.io/v1",
        kind="NetworkPolicy",
        name=target.name,
        content={
            "spec": {
                "podSelector": {"matchLabels": member_selector(target)},
                "policyTypes": ["Ingress"],
                "ingress": ingress,
            }
        },
    )
