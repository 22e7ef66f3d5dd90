"""A member's AdminServer, asked through the API server: for an operator outside the cluster."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.kube.errors import read_object
from zookeeper_operator.kube.transport import Transport
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import read_at_most
from zookeeper_operator.zookeeper.servers import ADMIN_PORT

_BAD_GATEWAY: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)

_NOTHING_LISTENS: Final = "connect: connection refused"  # as the API server's dialler words it


class PodProxyAdmin:
    """`AdminTransport` by the proxy subresource of pods (right: get on pods/proxy)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        """At most `limit` bytes of the answer to one command.

        Raises:
            ConnectionRefusedError: nothing listens at its address.
            OSError: the member, or the API server, could not be reached.
        """
        path = (
            f"/api/v1/namespaces/{quote(member.namespace, safe='')}"
            f"/pods/{quote(member.pod, safe='')}:{ADMIN_PORT}/proxy/commands/{command}"
        )
        try:
            async with self._transport.request("GET", path, verb="get", kind="Pod") as answer:
                status = answer.status
                body = await read_at_most(answer.content, limit)
        except KubeError as error:
            raise ConnectionError(error.message) from error
        refusal = _refusal_of_proxy(body)
        if refusal is not None and _NOTHING_LISTENS in refusal:
            raise ConnectionRefusedError(refusal)
        if refusal is not None or status in _BAD_GATEWAY:
            raise ConnectionError(refusal or f"the API server's proxy answered {status}")
        return body

    async def close(self) -> None:
        """Nothing to close: the connections are the Kubernetes client's."""


def _refusal_of_proxy(body: bytes) -> str | None:
    """The message of the proxy itself, if it was not the member that answered."""
    if b'"Status"' not in body[:1000]:
        return None
    found = read_object(body)
    if found is None or found.get("kind") != "Status":
        return None
    return str(found.get("message") or "refused by the API server")
