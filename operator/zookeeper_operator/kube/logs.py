"""The log of one container, by the log subresource of its pod (right: get on pods/log)."""

from http import HTTPStatus
from urllib.parse import quote

from zookeeper_operator.kube.errors import read_refusal
from zookeeper_operator.kube.transport import Transport


async def fetch_log(
    transport: Transport,
    namespace: str,
    pod: str,
    container: str,
    *,
    previous: bool,
    lines: int,
    most_bytes: int,
) -> bytes:
    """The last lines of a log; of the container before the present one with `previous`.

    Raises:
        KubeError: there is no such log, it may not be read, or the node does not answer.
    """
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
    query = {
        "container": container,
        "previous": "true" if previous else "false",
        "tailLines": str(lines),
        "timestamps": "true",
    }
    async with transport.request(
        "GET", path, verb="get", kind="Pod", query=query, accept="*/*"
    ) as answer:
        content = b""
        async for chunk in answer.content.iter_chunked(1 << 16):
            # The newest lines come last, and they say the most.
            content = (content + chunk)[-most_bytes:]
        if answer.status != HTTPStatus.OK:
            raise read_refusal(answer.status, content)
        return content
