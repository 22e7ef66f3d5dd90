"""The containers that a user's `spec.podTemplate` adds to a member or changes, and the ports they declare."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from zookeeper_operator.api.schema.known_keys import OWN_PORTS

_PROTOCOLS: Final = frozenset({"TCP", "UDP", "SCTP"})
_MAX_PORT: Final = 65_535

Kind = str


def running_containers(template: Mapping[str, Any]) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """Each container that runs as long as the member does, with the field it stands in.

    An init container does so only if it is always restarted.
    """
    spec = template.get("spec")
    for kind in ("containers", "initContainers"):
        items = spec.get(kind) if isinstance(spec, Mapping) else None
        for container in items if isinstance(items, list) else []:
            if not isinstance(container, Mapping) or not isinstance(container.get("name"), str):
                continue
            if kind == "containers" or container.get("restartPolicy") == "Always":
                yield kind, container


def declared_ports(container: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The ports that a container declares, as they stand there."""
    ports = container.get("ports")
    for port in ports if isinstance(ports, list) else []:
        if isinstance(port, Mapping):
            yield port


def opened_ports(template: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Number and protocol of each declared port that is not one of the member's own, sorted."""
    found = set()
    for _, container in running_containers(template):
        for port in declared_ports(container):
            number, protocol = port.get("containerPort"), port.get("protocol", "TCP")
            if type(number) is not int or not 0 < number <= _MAX_PORT or number in OWN_PORTS:
                continue
            if protocol in _PROTOCOLS:
                found.add((number, protocol))
    return sorted(found)
