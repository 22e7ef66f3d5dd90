"""The command `kubectl zk page`."""

import asyncio
import contextlib
import sys
import webbrowser
from collections.abc import AsyncIterator
from typing import Final

import click
from aiohttp import web

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import ensemble_name, located
from zookeeper_operator.cli.page.guard import Keys
from zookeeper_operator.cli.page.loads import LoadReader
from zookeeper_operator.cli.page.server import Sources, build_app
from zookeeper_operator.cli.page.watcher import Watchers
from zookeeper_operator.cli.page.whatif import WhatIf
from zookeeper_operator.cli.page.znodes import Znodes
from zookeeper_operator.cli.reading import (
    client_ports,
    find_ensemble,
    list_ensembles,
    open_admin_servers,
    open_cluster,
    open_members,
)

_HOST: Final = "127.0.0.1"


@click.command()
@ensemble_name
@click.option(
    "--all-namespaces",
    "-A",
    "everywhere",
    is_flag=True,
    help="List the ensembles of all namespaces.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of this machine; any free one if not given.",
)
@click.option("--no-browser", is_flag=True, help="Print the link, and do not open it.")
@located
def page(target: KubeContext, *, name: str, everywhere: bool, port: int, no_browser: bool) -> None:
    """Show ensembles on a web page of this machine: members, elections as they happen, znodes.

    The page acts with your own rights, only reads, and is served to your browser alone, until Ctrl-C.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(target, name, everywhere=everywhere, port=port, browser=not no_browser))


async def _serve(
    target: KubeContext, name: str, *, everywhere: bool, port: int, browser: bool
) -> None:
    async with open_page(target, name, everywhere=everywhere, port=port) as link:
        click.echo(f"{link}\nThe link works once. Ctrl-C ends the page.")
        sys.stdout.flush()
        if browser and not await asyncio.to_thread(webbrowser.open, link):
            click.echo("no browser was found; open the link yourself", err=True)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def open_page(
    target: KubeContext, name: str, *, everywhere: bool, port: int
) -> AsyncIterator[str]:
    """Serve the page for as long as the context lasts; the link that opens it.

    Raises:
        Failure: the cluster cannot be reached, there is no such ensemble, or the port is taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        kube = await stack.enter_async_context(open_cluster(target))
        members = await stack.enter_async_context(open_members(target, kube))
        admin = await stack.enter_async_context(open_admin_servers(target, kube))
        # What is wrong is said at the terminal, where it can be corrected.
        if name:
            await find_ensemble(kube, target.namespace, name)
        else:
            await list_ensembles(kube, None if everywhere else target.namespace)
        znodes = Znodes(kube, client_ports(target, kube))
        stack.push_async_callback(znodes.close)
        watchers = Watchers(kube, members, None if everywhere else target.namespace)
        stack.push_async_callback(watchers.close)
        sources = Sources(
            watchers,
            znodes,
            LoadReader(kube, admin),
            WhatIf(target, kube),
            {
                "context": target.context,
                "namespace": "" if everywhere else target.namespace,
                "name": name,
                "home": target.namespace,
            },
        )
        yield await stack.enter_async_context(serve(sources, port))


@contextlib.asynccontextmanager
async def serve(sources: Sources, port: int) -> AsyncIterator[str]:
    """Serve the page from these sources; the link that opens it, once.

    Raises:
        Failure: the port is taken.
    """
    keys = Keys()
    runner = web.AppRunner(
        build_app(sources, keys), access_log=None, handler_cancellation=True, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, _HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise Failure(f"port {port} cannot be used: {error.strerror}") from error
        bound = runner.addresses[0][1]
        yield f"http://{_HOST}:{bound}/#{keys.token}"
    finally:
        await runner.cleanup()
