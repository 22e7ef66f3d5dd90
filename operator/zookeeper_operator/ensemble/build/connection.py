"""Where applications connect: a ConfigMap, and a Secret in the form of a service binding."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, secret_data
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def _hosts(target: Target) -> list[str]:
    """The addresses of the voters, by id.

    By id and not by role: a voter that has handed its vote over for a restart stays in the list, so
    that a roll does not change what applications read. Observers are left out: they come and go, and
    are reached by the client Service. While members of another ensemble are taken over, all of ours that get
    their votes are named: they serve before.
    """
    ids = {i for i in target.own_ids if i < names.FIRST_OBSERVER_ID}
    servers, source = target.membership.servers, target.membership.source
    if any(server.id < target.first_id for server in servers):
        size = sum(server.role == "participant" for server in source)
        ids |= set(range(target.first_id, target.first_id + size))
    return [
        names.member_host(target.name, target.namespace, i, target.cluster_domain)
        for i in sorted(ids)
    ]


def connection_string(target: Target) -> str:
    """`host:port` of every voter, separated by commas: what every ZooKeeper client takes.

    By the way that is open: with TLS as soon as no member takes plain clients.
    """
    return ",".join(f"{host}:{_port(target)}" for host in _hosts(target))


def _port(target: Target) -> int:
    return names.SECURE_CLIENT_PORT if target.closed else names.CLIENT_PORT


def tls_connection_string(target: Target) -> str:
    """The same for clients with TLS; empty while not every member listens for them."""
    if not target.reached.clients:
        return ""
    return ",".join(f"{host}:{names.SECURE_CLIENT_PORT}" for host in _hosts(target))


def _tls_values(target: Target) -> dict[str, str]:
    """What clients need for TLS; nothing while not every member listens for them."""
    found = tls_connection_string(target)
    if not found:
        return {}
    only = {"tls": "true"} if target.closed else {}
    return {
        **only,
        "tlsConnectionString": found,
        "tlsPort": str(names.SECURE_CLIENT_PORT),
        "ca.crt": target.trust,
    }


def build_connection(target: Target) -> Object:
    """The ConfigMap `NAME-connection`."""
    return child(
        target,
        api_version="v1",
        kind="ConfigMap",
        name=names.connection_name(target.name),
        content={
            "data": {
                "connectionString": connection_string(target),
                "hosts": ",".join(_hosts(target)),
                "port": str(_port(target)),
                "chroot": "",
                **_tls_values(target),
            }
        },
    )


def build_binding(target: Target) -> Object:
    """The Secret `NAME-connection`, as https://servicebinding.io/spec/core/1.1.0/ lays it out.

    `host` is the client Service, for applications that take a single host; `uri` names every voter.
    """
    service = names.client_service_name(target.name)
    connection = connection_string(target)
    return child(
        target,
        api_version="v1",
        kind="Secret",
        name=names.connection_name(target.name),
        content={
            "type": "servicebinding.io/zookeeper",
            "data": secret_data(
                {
                    "type": "zookeeper",
                    "provider": names.FIELD_MANAGER,
                    "host": f"{service}.{target.namespace}.svc.{target.cluster_domain}",
                    "port": str(_port(target)),
                    "uri": f"zookeeper://{connection}",
                    "connectionString": connection,
                    **_tls_values(target),
                }
            ),
        },
    )
