"""The command `kubectl zk top`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from zookeeper_operator.cli.failure import Failure, explain
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.member import list_pods
from zookeeper_operator.cli.options import (
    ensemble_name,
    located,
    open_console,
    output_option,
    print_answer,
)
from zookeeper_operator.cli.reading import find_ensemble, open_admin_servers, open_cluster
from zookeeper_operator.cli.top.sample import fetch_samples
from zookeeper_operator.cli.top.view import Load, Sample, build_load, load_as_value, render_load
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.kube.api import KubeError
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
        pods = await list_pods(self._kube, self._namespace, self._name)
        if not pods:
            raise Failure(f"{self._name} has no running member")
        members = addresses_of(self._namespace, pods)
        return await fetch_samples(self._admin, members, clients=self._clients > 0)


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
        # The first failure ends the command, as with --once; a later one may be transient.
        screen = render_load(await loads.next(min(interval, 1.0)))
        with Live(screen, console=open_console(), auto_refresh=False) as live:
            live.refresh()
            while True:
                try:
                    screen = render_load(await loads.next(interval))
                    live.update(screen, refresh=True)
                except KubeError as error:
                    live.update(Group(screen, Text(explain(error), style="red")), refresh=True)
                except Failure as error:
                    problem = Text(error.format_message(), style="red")
                    live.update(Group(screen, problem), refresh=True)
