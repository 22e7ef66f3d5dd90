"""The command `kubectl zk top`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import click
from rich.console import RenderableType

from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import (
    ensemble_name,
    located,
    output_option,
    print_answer,
)
from zookeeper_operator.cli.reading import find_ensemble, open_admin_servers, open_cluster
from zookeeper_operator.cli.screen import keep_showing
from zookeeper_operator.cli.top.sample import fetch_ensemble_samples
from zookeeper_operator.cli.top.view import Load, Sample, build_load, load_as_value, render_load
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport

_SHORTEST: Final = 0.2


@click.command()
@ensemble_name
@click.option(
    "--interval",
    "-i",
    type=click.FloatRange(_SHORTEST, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two readings.",
)
@click.option(
    "--clients",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    help="Also list so many of the busiest clients, by address.",
)
@click.option("--once", is_flag=True, help="Print one interval and exit, also at a terminal.")
@output_option
@located
def top(
    target: KubeContext, *, name: str, interval: float, clients: int, once: bool, output: str
) -> None:
    """Show how busy each member is: requests, latencies, clients, outstanding requests.

    At a terminal the screen is kept up to date, until Ctrl-C. Otherwise, and with -o json, one interval is
    printed.
    """
    if once or output == "json" or not sys.stdout.isatty():
        load = asyncio.run(_once(target, name, interval, clients))
        print_answer(output, load_as_value(load), render_load(load))
        return
    try:
        asyncio.run(_keep_showing(target, name, interval, clients))
    except KeyboardInterrupt:
        return


class Loads:
    """The load of one ensemble, interval by interval."""

    def __init__(
        self, kube: KubeClient, admin: AdminTransport, namespace: str, name: str, clients: int
    ) -> None:
        self._kube = kube
        self._admin = admin
        self._namespace = namespace
        self._name = name
        self._clients = clients
        self._before: Mapping[str, Sample] | None = None

    async def next(self, seconds: float) -> Load:
        """Wait for the end of an interval; the first one begins now.

        Raises:
            Failure: the ensemble has no member.
            KubeError: the API server could not be asked.
        """
        if self._before is None:
            self._before = await self._sample()
        await asyncio.sleep(seconds)
        before, after = self._before, await self._sample()
        self._before = after
        return build_load(self._namespace, self._name, before, after, clients=self._clients)

    async def _sample(self) -> Mapping[str, Sample]:
        return await fetch_ensemble_samples(
            self._kube, self._admin, self._namespace, self._name, clients=self._clients > 0
        )


@asynccontextmanager
async def _open(target: KubeContext, name: str, clients: int) -> AsyncIterator[Loads]:
    async with open_cluster(target) as kube, open_admin_servers(target, kube) as admin:
        body = await find_ensemble(kube, target.namespace, name)
        yield Loads(kube, admin, target.namespace, body["metadata"]["name"], clients)


async def _once(target: KubeContext, name: str, interval: float, clients: int) -> Load:
    async with _open(target, name, clients) as loads:
        return await loads.next(interval)


async def _keep_showing(target: KubeContext, name: str, interval: float, clients: int) -> None:
    async with _open(target, name, clients) as loads:

        async def following() -> RenderableType:
            return render_load(await loads.next(interval))

        await keep_showing(render_load(await loads.next(min(interval, 1.0))), following)
