"""The Services: the address of each member, of all of them, and from outside the cluster.

A member is addressed by a Service of its own because the address of a Service outlives every pod. With
names of pods, a DNS cache keeps a restarted member away for as long as the old address is cached, up
to 30 s.
"""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, member_selector
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def _port(name: str, number: int) -> Object:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": number}


def _client_ports(target: Target) -> list[Object]:
    """The ports for clients: for TLS as soon as members must listen for it, the plain one while any does."""
    secure = [_port("client-tls", names.SECURE_CLIENT_PORT)] if target.phase.clients else []
    plain = [] if secure and target.closed else [_port("client", names.CLIENT_PORT)]
    return [*plain, *secure]


def _member_ports(target: Target) -> list[Object]:
    return [
        *_client_ports(target),
        _port("quorum", names.QUORUM_PORT),
        _port("election", names.ELECTION_PORT),
    ]


def build_members_service(target: Target) -> Object:
    """The headless Service `NAME-members` that governs the StatefulSets.

    It shows pods that are not ready: a member becomes ready only with the help of the others.
    """
    return child(
        target,
        api_version="v1",
        kind="Service",
        name=names.members_service_name(target.name),
        content={
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": member_selector(target),
                "ports": _member_ports(target),
            }
        },
    )


def build_member_service(target: Target, member_id: int) -> Object:
    """The Service of one member: the host in its server line and in connection strings.

    One address family only, so that the name has one address: ZooKeeper compares addresses, and
    takes the first of several.
    """
    name = names.member_name(target.name, member_id)
    return child(
        target,
        api_version="v1",
        kind="Service",
        name=name,
        component=names.component_of(member_id),
        content={
            "spec": {
                "type": "ClusterIP",
                "publishNotReadyAddresses": True,
                "selector": {**member_selector(target), names.LABEL_POD_NAME: name},
                "ports": _member_ports(target),
            }
        },
    )


def build_client_service(target: Target) -> Object:
    """The Service `NAME-client`: every ready member, voter or observer, on the ports for clients only.

    Never the AdminServer, which has no password.
    """
    return child(
        target,
        api_version="v1",
        kind="Service",
        name=names.client_service_name(target.name),
        content={
            "spec": {
                "type": "ClusterIP",
                "ipFamilyPolicy": "PreferDualStack",
                "selector": member_selector(target),
                "ports": _client_ports(target),
            }
        },
    )


def build_external_service(target: Target, member_id: int) -> Object:
    """The Service by which one member is reached from outside.

    It shows the member even while it is not ready: there is no other member behind this address,
    and its AdminServer reports why.

    Raises:
        ValueError: the spec asks for no access from outside.
    """
    external = target.spec.external
    if external is None:
        raise ValueError("spec.external is not set")
    member = next((m for m in external.members if m.id == member_id), None)
    client, *others = _client_ports(target)
    if member is not None and member.node_port is not None:
        client["nodePort"] = member.node_port
    ports = [client, *others]
    if external.admin_server:
        admin = _port("admin", names.ADMIN_PORT)
        if member is not None and member.admin_node_port is not None:
            admin["nodePort"] = member.admin_node_port
        ports.append(admin)
    return child(
        target,
        api_version="v1",
        kind="Service",
        name=names.external_service_name(target.name, member_id),
        component=names.component_of(member_id),
        annotations=external.annotations,
        content={
            "spec": {
                "type": external.type,
                "externalTrafficPolicy": external.external_traffic_policy,
                "ipFamilyPolicy": "PreferDualStack",
                "publishNotReadyAddresses": True,
                "selector": {
                    **member_selector(target),
                    names.LABEL_POD_NAME: names.member_name(target.name, member_id),
                },
                "ports": ports,
            }
        },
    )
