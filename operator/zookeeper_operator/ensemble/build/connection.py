"""Where applications connect: a ConfigMap, and a Secret in the form of a service binding."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.membership import Membership
from zookeeper_operator.ensemble.build.objects import child, secret_data
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object


def _hosts(ensemble: Ensemble, membership: Membership) -> list[str]:
    """The addresses of the voters, by id.

    By id and not by role: a voter that has handed its vote over for a restart stays in the list, so
    that a roll does not change what applications read. Observers are left out: they come and go, and
    are reached by the client Service.
    """
    ids = sorted(i for i in membership.ids if i < names.FIRST_OBSERVER_ID)
    return [
        names.member_host(ensemble.name, ensemble.namespace, i, ensemble.cluster_domain)
        for i in ids
    ]


def connection_string(ensemble: Ensemble, membership: Membership) -> str:
    """`host:port` of every voter, separated by commas: what every ZooKeeper client takes."""
    return ",".join(f"{host}:{names.CLIENT_PORT}" for host in _hosts(ensemble, membership))


def build_connection(ensemble: Ensemble, membership: Membership) -> Object:
    """The ConfigMap `NAME-connection`."""
    return child(
        ensemble,
        api_version="v1",
        kind="ConfigMap",
        name=names.connection_name(ensemble.name),
        content={
            "data": {
                "connectionString": connection_string(ensemble, membership),
                "hosts": ",".join(_hosts(ensemble, membership)),
                "port": str(names.CLIENT_PORT),
                "chroot": "",
            }
        },
    )


def build_binding(ensemble: Ensemble, membership: Membership) -> Object:
    """The Secret `NAME-connection`, as https://servicebinding.io/spec/core/1.1.0/ lays it out.

    `host` is the client Service, for applications that take a single host; `uri` names every voter.
    """
    service = names.client_service_name(ensemble.name)
    connection = connection_string(ensemble, membership)
    return child(
        ensemble,
        api_version="v1",
        kind="Secret",
        name=names.connection_name(ensemble.name),
        content={
            "type": "servicebinding.io/zookeeper",
            "data": secret_data(
                {
                    "type": "zookeeper",
                    "provider": names.FIELD_MANAGER,
                    "host": f"{service}.{ensemble.namespace}.svc.{ensemble.cluster_domain}",
                    "port": str(names.CLIENT_PORT),
                    "uri": f"zookeeper://{connection}",
                    "connectionString": connection,
                }
            ),
        },
    )
