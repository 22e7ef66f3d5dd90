"""The NetworkPolicy: who may connect to which port of the members. What no rule opens is closed."""

from collections.abc import Iterator
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

    Clients may come from `spec.networkPolicy.clients`, quorum traffic only from members of this target, of
    the source that it takes over, and from its backups (with TLS the operator shakes hands with their
    election ports), and the AdminServer is for the operator, unless the spec opens it to the outside. Probes
    come from the node and are always let through. The port of the metrics is open to `spec.metrics.from`,
    unless no pod template has it yet (`serves_metrics` is False). All the ports that containers of
    `spec.podTemplate` declare are open to all, since a port is declared for others, but for those that
    `spec.networkPolicy.extraIngress` opens to some. None of these can be one of the member's own.
    """
    spec = target.spec
    operator = _operator(target)
    members = {"podSelector": {"matchLabels": member_selector(target)}}
    backups = {"podSelector": {"matchLabels": {names.LABEL_BACKUP_OF: target.name}}}
    ingress = [
        _rule(*client_ports(target), peers=_clients(target)),
        # A backup copies the data from the leader, as a member that joins does.
        _rule(
            names.QUORUM_PORT, names.ELECTION_PORT, peers=[members, backups, *target.source_peers]
        ),
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
    ingress += _rules_of_containers(target)
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


def _operator(target: Target) -> Object:
    """The pods of the operator, as a peer."""
    return {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": target.operator_namespace}
        },
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": names.FIELD_MANAGER}},
    }


def _clients(target: Target) -> list[Any] | None:
    """Who may connect to the client ports; None for anyone."""
    peers = target.spec.network_policy.clients
    # The operator reconfigures the ensemble by a session of its own.
    return [*(peer.to_peer() for peer in peers), _operator(target)] if peers else None


def _rules_of_containers(target: Target) -> Iterator[Object]:
    """The rules for the ports of containers that the user adds."""
    rules = target.spec.network_policy.extra_ingress
    limited = [port for rule in rules for port in rule.ports]
    declared = [
        (number, protocol)
        for number, protocol in opened_ports(target.spec.pod_template)
        if not any(port.covers(number, protocol) for port in limited)
        and not (target.phase.clients and number == names.SECURE_CLIENT_PORT)
    ]
    if declared:
        yield {"ports": [{"port": number, "protocol": protocol} for number, protocol in declared]}
    yield from (rule.to_rule() for rule in rules)
