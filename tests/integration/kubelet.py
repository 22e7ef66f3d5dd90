"""The logs of the containers that KWOK only pretends to run: what a kubelet answers to the API server."""

import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

NETWORK: Final = "192.0.2.0/24"
"""Where the nodes of the stage are."""
_PORT: Final = 10250

Log = Callable[[str, str, str], str]
"""The log of a container, by namespace, pod and container."""


@contextlib.asynccontextmanager
async def serve_logs(directory: Path, log: Log) -> AsyncIterator[None]:
    """Serve logs at the addresses of all nodes, for as long as the context lasts."""
    trust = _prepare(directory)

    async def answer(request: web.Request) -> web.Response:
        found = request.match_info
        return web.Response(text=log(found["namespace"], found["pod"], found["container"]))

    app = web.Application()
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", _PORT, ssl_context=trust).start()  # noqa: S104 -- all nodes
        yield
    finally:
        await runner.cleanup()


def _prepare(directory: Path) -> ssl.SSLContext:
    """Make the nodes' addresses ours, and a certificate that the API server does not check."""
    key, certificate = directory / "kubelet.key", directory / "kubelet.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kubelet"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "1"),
        ],
        check=True,
        capture_output=True,
    )
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certificate, key)
    subprocess.run(["ip", "route", "replace", "local", NETWORK, "dev", "lo"], check=True)
    return trust
