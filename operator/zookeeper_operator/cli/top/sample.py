"""Asks every member of an ensemble how busy it is, all at once."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.member import list_pods
from zookeeper_operator.cli.reading import PROBE_SECONDS
from zookeeper_operator.cli.top.view import Sample
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.kube.api import Kube
from zookeeper_operator.zookeeper.admin import BODY_BYTES, fetch_reply
from zookeeper_operator.zookeeper.figures import (
    CLIENTS_COMMAND,
    FIGURES_COMMAND,
    Figures,
    read_clients,
    read_figures,
)
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport

_CLIENTS_BYTES: Final = 16 * BODY_BYTES
"""Some 40 000 connections of one member."""


async def fetch_ensemble_samples(
    kube: Kube, admin: AdminTransport, namespace: str, name: str, *, clients: bool
) -> Mapping[str, Sample]:
    """Ask every member that has a pod now, by the name of its pod.

    Raises:
        Failure: there is none.
        KubeError: the API server could not be asked.
    """
    pods = await list_pods(kube, namespace, name)
    if not pods:
        raise Failure(f"{name} has no running member")
    return await fetch_samples(admin, addresses_of(namespace, pods), clients=clients)


async def fetch_samples(
    admin: AdminTransport, members: Sequence[Address], *, clients: bool
) -> Mapping[str, Sample]:
    """Ask every member, by the name of its pod; a member that does not answer says why."""
    found = await asyncio.gather(
        *(_fetch_sample(admin, member, clients=clients) for member in members)
    )
    return dict(zip((member.pod for member in members), found, strict=True))


async def _fetch_sample(admin: AdminTransport, member: Address, *, clients: bool) -> Sample:
    # Like the operator, ask `leader` first: a member that does not serve answers `monitor` with a stack
    # trace in its log.
    first = await fetch_reply(admin, member, "leader", seconds=PROBE_SECONDS)
    if first.fields is None:
        return Sample(Figures(time.monotonic(), first.refused or first.trouble or "no answer"))
    reply = await fetch_reply(admin, member, FIGURES_COMMAND, seconds=PROBE_SECONDS)
    figures = read_figures(reply, time.monotonic())
    if not clients:
        return Sample(figures)
    listed = await fetch_reply(
        admin, member, CLIENTS_COMMAND, seconds=PROBE_SECONDS, limit=_CLIENTS_BYTES
    )
    return Sample(figures, read_clients(listed))
