"""The addresses under which members are reached from outside the cluster.

Pure. A member without a pod keeps the address it had: its Service is still there, and a connection string
read while a member is restarted must not lack that member.
"""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.api import Object


def external_connection_string(observed: Observed, membership: Membership) -> str | None:
    """A connection string for clients outside, or None while not every voter has an address."""
    if observed.ensemble.spec.external is None:
        return None
    voters = _voters(observed, membership)
    before = str(observed.ensemble.status.get("externalConnectionString") or "").split(",")
    hosts = [address.rpartition(":")[0] for address in before]
    known = dict(zip(voters, hosts, strict=True)) if len(hosts) == len(voters) else {}
    addresses = [external_address(observed, i, known_host=known.get(i, "")) for i in voters]
    if not all(addresses):
        return None
    return ",".join(filter(None, addresses))


def missing_addresses(observed: Observed, membership: Membership) -> str:
    """What the access from outside waits for; empty if every voter has an address, or none is asked for."""
    external = observed.ensemble.spec.external
    if external is None or external_connection_string(observed, membership):
        return ""
    voters = _voters(observed, membership)
    waiting = [
        names.external_service_name(observed.ensemble.name, i)
        for i in voters
        if external_address(observed, i) is None
    ]
    listed = ", ".join(waiting)
    if external.type == "LoadBalancer":
        return (
            f"no load balancer has been assigned to {listed}; that is done by the cluster's provider of "
            "load balancers: if there is none, use spec.external.type NodePort"
        )
    return f"{listed} has no address yet: its node port or the node of its member is not known"


def _voters(observed: Observed, membership: Membership) -> list[int]:
    foreign = observed.ensemble.is_foreign
    ids = (s.id for s in membership.servers)
    return sorted(i for i in ids if i < names.FIRST_OBSERVER_ID and not foreign(i))


def external_address(observed: Observed, member_id: int, *, known_host: str = "") -> str | None:
    """`host:port` of one member from outside, or None while it is not known.

    `known_host` is where it was before, for a member whose node is not known because it has no pod.
    """
    ensemble = observed.ensemble
    external = ensemble.spec.external
    service = observed.child("Service", names.external_service_name(ensemble.name, member_id))
    if external is None or service is None:
        return None
    # The live Service may have been edited by someone else and not be corrected yet.
    ports = service["spec"].get("ports") or []
    # The plain port comes first, as long as there is one.
    client: Object = next(
        (port for port in ports if port.get("name") in {"client", "client-tls"}), {}
    )
    pod = observed.pod(member_id)
    if external.host_template:
        host = names.external_host(
            ensemble.name, ensemble.namespace, member_id, external.host_template
        )
    elif external.type == "LoadBalancer":
        host = _load_balancer_host(service)
    else:
        host = (pod.host_ip if pod else "") or known_host
    port = client.get("port") if external.type == "LoadBalancer" else client.get("nodePort")
    if external.port_base is not None:
        port = external.port_base + member_id - 1
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{port}" if host and port else None


def _load_balancer_host(service: Object) -> str:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return str(ingress[0].get("hostname") or ingress[0].get("ip") or "") if ingress else ""
