"""Where servers take clients: addresses as people write them, and as server lines name them. Pure."""

from typing import Final

from zookeeper_operator.zookeeper.protocol import Endpoint
from zookeeper_operator.zookeeper.servers import CLIENT_PORT, Server

_LAST_PORT: Final = 65535


def parse_endpoints(connection_string: str) -> tuple[Endpoint, ...]:
    """The addresses of a connection string; one without a port has the usual one."""
    return tuple(_parse_endpoint(part) for part in connection_string.split(",") if part.strip())


def _parse_endpoint(text: str) -> Endpoint:
    host, separator, port = text.strip().rpartition(":")
    if not separator or not port.isdigit() or host.endswith(":"):
        host, port = text.strip(), str(CLIENT_PORT)
    return Endpoint(host.strip("[]"), int(port))


def endpoint_of(server: Server, *, otherwise: int = CLIENT_PORT) -> Endpoint:
    """Where a server of a source takes clients; `otherwise` is the port of one whose line does not say."""
    _, _, port = server.client.rpartition(":")
    known = port.isdigit() and 0 < int(port) <= _LAST_PORT
    return Endpoint(server.host.strip("[]"), int(port) if known else otherwise)
