"""The metrics of the members: ZooKeeper's own provider for Prometheus, and who may scrape it.

The provider is a part of the official image, but not of every image, and a server that does not find the
class of its provider ends, as does one whose port is taken. So the keys are a file of their own, which
start.sh uses only where the image has the provider, and nothing is turned on at a port that the spec gives
to something else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.schema.known_keys import PORT
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.sidecars import declared_ports, running_containers
from zookeeper_operator.kube.api import Object

PROVIDER: Final = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
CLASS_KEY: Final = "metricsProvider.className"
PORT_KEY: Final = "metricsProvider.httpPort"

_EVERY_POD: Final[tuple[Object, ...]] = ({"namespaceSelector": {}},)


@dataclass(frozen=True)
class Endpoint:
    """Where each member serves metrics.

    `keys` are those that `spec.config` does not set; empty if it names a provider itself. `peers` are who may
    connect; None for anybody.
    """

    port: int
    keys: Mapping[str, str]
    peers: tuple[Object, ...] | None

    @property
    def text(self) -> str:
        """The lines for zoo.cfg."""
        return "".join(f"{key}={value}\n" for key, value in self.keys.items())


def metrics_endpoint(spec: EnsembleSpec) -> Endpoint | None:
    """Where the members of a spec serve metrics; None if they do not.

    A provider that `spec.config` names is the user's: it is taken as it is, and was open to anybody before
    `spec.metrics` could say more.
    """
    port = spec.config.get(PORT_KEY, spec.metrics.port)
    if not PORT.take(port):
        return None
    peers = tuple(peer.to_peer() for peer in spec.metrics.from_)
    if spec.config.get(CLASS_KEY):
        return Endpoint(int(port), {}, peers or None)
    if not spec.metrics.enabled or port_user(spec, int(port)) is not None:
        return None
    keys = {CLASS_KEY: PROVIDER, PORT_KEY: str(port)}
    missing = {key: value for key, value in keys.items() if key not in spec.config}
    return Endpoint(int(port), missing, peers or _EVERY_POD)


def port_user(spec: EnsembleSpec, port: int) -> str | None:
    """The part of a spec that uses a port already, other than for metrics; None if there is none."""
    for kind, container in running_containers(spec.pod_template):
        if any(declared.get("containerPort") == port for declared in declared_ports(container)):
            return f"spec.podTemplate.spec.{kind}[{container['name']}].ports"
    number = re.compile(rf"(?<![0-9]){port}(?![0-9])")
    named = next((option for option in spec.jvm.options if number.search(option)), None)
    return None if named is None else f"spec.jvm.options ({named})"


def container_ports(spec: EnsembleSpec) -> list[Object]:
    """The port of the ZooKeeper container at which Prometheus finds the metrics."""
    endpoint = metrics_endpoint(spec)
    if endpoint is None or spec.config.get(CLASS_KEY, PROVIDER) != PROVIDER:
        return []
    return [{"name": names.METRICS_PORT, "containerPort": endpoint.port, "protocol": "TCP"}]


def declares_metrics(template: Mapping[str, Any]) -> bool:
    """Whether a pod template is one whose members serve metrics."""
    return any(
        port.get("name") == names.METRICS_PORT
        for container in template["spec"].get("containers") or []
        if container.get("name") == names.CONTAINER
        for port in declared_ports(container)
    )
