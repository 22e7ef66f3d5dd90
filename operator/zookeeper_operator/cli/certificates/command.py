"""`kubectl zk certificates`: reads the certificate of each port by a handshake, as a client would."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click

from zookeeper_operator.cli.certificates.view import (
    PortView,
    certificates_as_value,
    render_certificates,
)
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.member import list_pods
from zookeeper_operator.cli.options import ensemble_name, located, output_option, print_answer
from zookeeper_operator.cli.reading import client_ports, find_ensemble, open_cluster
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.security.certificates import ports_of
from zookeeper_operator.ensemble.security.phase import read_phase
from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.zookeeper.handshake import NotServed, read_served
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import ClientRoute

_SECONDS: Final = 5.0


@click.command()
@ensemble_name
@output_option
@located
def certificates(target: KubeContext, name: str, output: str) -> None:
    """Show which certificate each port of each member serves, until when, and for which names.

    It is read by a handshake with ports 2281 and 3888; no Secret is read.
    """
    found, views = asyncio.run(_certificates(target, name))
    now = datetime.now(UTC)
    value = certificates_as_value(target.namespace, found, views, now)
    print_answer(output, value, render_certificates(views, now))


async def _certificates(target: KubeContext, name: str) -> tuple[str, list[PortView]]:
    async with open_cluster(target) as kube:
        body = await find_ensemble(kube, target.namespace, name)
        found = body["metadata"]["name"]
        pods = await list_pods(kube, target.namespace, found)
        route = client_ports(target, kube)
        views = await read_ports(route, target.namespace, pods)
    if not views:
        raise Failure(f"no member of {found} has a port with TLS")
    return found, views


async def read_ports(route: ClientRoute, namespace: str, pods: Sequence[Pod]) -> list[PortView]:
    """What the TLS ports of these members serve, by member and port; none of members without TLS."""
    asked = [(pod, port) for pod in pods if not pod.terminating for port in _ports(pod)]
    return list(await asyncio.gather(*(_read(route, namespace, pod, port) for pod, port in asked)))


def _ports(pod: Pod) -> tuple[int, ...]:
    phase = read_phase(pod.template)
    return () if phase is None else ports_of(phase.quorum, phase.clients)


async def _read(route: ClientRoute, namespace: str, pod: Pod, port: int) -> PortView:
    if not pod.ip:
        return PortView(pod.name, port, why="the pod has no address yet")
    member = Address(pod.id, namespace, pod.name, pod.ip)
    try:
        async with route.open([member], port) as hosts:
            host, _, number = hosts[0].rpartition(":")
            answer = await read_served(host.strip("[]"), int(number), timeout_seconds=_SECONDS)
    except (KubeError, OSError) as error:
        return PortView(pod.name, port, why=f"it cannot be reached from here: {error}")
    if isinstance(answer, NotServed):
        return PortView(pod.name, port, why=answer.why)
    return PortView(pod.name, port, answer.chain)
