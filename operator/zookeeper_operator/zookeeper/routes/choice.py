"""Which route to take to the members: the only place that knows all of them."""

import contextlib
from collections.abc import AsyncIterator

from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.admin import OnProbe
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.routes.pod_proxy import PodProxyAdmin
from zookeeper_operator.zookeeper.routes.port_forward import PortForwardClients
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport, ClientRoute


@contextlib.asynccontextmanager
async def open_zookeeper(
    settings: Settings, kube: KubeClient, *, on_probe: OnProbe | None = None
) -> AsyncIterator[ZooKeeperClient]:
    """A client that takes the route the settings allow.

    With a kubeconfig we are assumed to be outside the cluster: that takes the rights to get pods/proxy
    and to create pods/portforward.
    """
    client = ZooKeeperClient(
        _admin_route(settings, kube),
        client_route(settings, kube),
        probe_timeout_seconds=settings.probe_timeout_seconds,
        threads=settings.workers,
        on_probe=on_probe,
    )
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def open_admin(settings: Settings, kube: KubeClient) -> AsyncIterator[AdminTransport]:
    """The route to the AdminServers that the settings allow, for single questions."""
    route = _admin_route(settings, kube)
    try:
        yield route
    finally:
        await route.close()


def _admin_route(settings: Settings, kube: KubeClient) -> AdminTransport:
    return PodProxyAdmin(kube.transport) if goes_through_api_server(settings) else DirectAdmin()


def client_route(settings: Settings, kube: KubeClient) -> ClientRoute:
    """The route to the client ports that the settings allow."""
    outside = goes_through_api_server(settings)
    return PortForwardClients(kube.transport) if outside else DirectClients()


def goes_through_api_server(settings: Settings) -> bool:
    """Whether members are reached through the API server instead of by their pods' addresses."""
    return settings.reach == "api-server" or (
        settings.reach == "auto" and bool(settings.kubeconfig)
    )
