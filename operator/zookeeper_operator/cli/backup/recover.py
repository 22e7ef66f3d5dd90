"""The command `kubectl zk recover`: what it would do, what may be lost, and the request for it."""

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

import click

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.member import list_pods
from zookeeper_operator.cli.options import ensemble_name, located
from zookeeper_operator.cli.reading import Reader, find_ensemble, open_cluster, open_members
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.step import Verdict
from zookeeper_operator.kube.api import Kube, Object
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.zookeeper.protocol import ZooKeeper

_POLL_SECONDS: Final = 2.0


@click.command()
@ensemble_name
@click.option("--survivor", type=int, required=True, help="Id of the member that holds the data.")
@click.option(
    "--accept-data-loss",
    is_flag=True,
    help="Do it. Writes that only the lost members have are gone for good.",
)
@click.option(
    "--timeout", type=click.IntRange(1), default=900, show_default=True, help="Seconds to wait."
)
@located
def recover(
    target: KubeContext, *, name: str, survivor: int, accept_data_loss: bool, timeout: int
) -> None:
    """Make one surviving member the whole ensemble, after the others have lost their data for good.

    Without --accept-data-loss it only shows whether that is possible now, and what may be lost.
    """
    asyncio.run(_recover(target, name, survivor, accept=accept_data_loss, timeout_seconds=timeout))


async def _recover(
    target: KubeContext, name: str, survivor: int, *, accept: bool, timeout_seconds: int
) -> None:
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        body = await find_ensemble(kube, target.namespace, name)
        ensemble = body["metadata"]["name"]
        pods = await list_pods(kube, target.namespace, ensemble)
        pod = next((p for p in pods if p.id == survivor), None)
        if pod is None:
            raise Failure(f"member {survivor} of {ensemble} has no pod")
        request = f"{survivor}/{pod.uid}"
        refused = await _rehearse(kube, zookeeper, body, request, survivor)
        click.echo(describe_loss(body, survivor))
        if refused is not None and (not accept or refused.reason != reasons.RECOVERING):
            raise Failure(refused.message)
        if not accept:
            raise Failure("nothing was changed; to recover, add --accept-data-loss")
        await _annotate(kube, body, request)
        try:
            await _follow(kube, body, time.monotonic() + timeout_seconds)
        finally:
            await _annotate(kube, body, "")
    click.echo(
        f"{ensemble} serves again with the data of member {survivor}; the other members join, see kubectl zk "
        "status. Compare it with the newest backup: kubectl zk diff"
    )


async def _rehearse(
    kube: KubeClient, zookeeper: ZooKeeper, body: Object, request: str, survivor: int
) -> Verdict | None:
    """What the operator would answer to the request; None if it would begin.

    Raises:
        Failure: there is nothing to recover.
    """
    metadata = body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), names.ANNOTATION_RECOVER: request}
    edited = {**body, "metadata": {**metadata, "annotations": annotations}}
    observed = await Reader(kube, zookeeper).observe(body, edited=edited)
    if observed is None:
        raise Failure(f"ensemble {metadata['name']} has just been deleted")
    if observed.former_volumes is None:
        # A user of one namespace may not list volumes; the operator may, and decides.
        observed = replace(observed, former_volumes=())
    situation = understand(observed)
    if situation.quorum.serving:
        serving = ", ".join(map(str, sorted(situation.quorum.serving)))
        raise Failure(f"there is nothing to recover: member {serving} serves")
    if situation.recovery is None:
        raise Failure(
            f"{metadata['name']} was never founded, or is stopped: there is nothing to recover on member "
            f"{survivor}"
        )
    return situation.recovery.refused


def describe_loss(body: Object, survivor: int) -> str:
    """What may be lost, as far as the last status says."""
    members = (body.get("status") or {}).get("members") or []
    others = ", ".join(str(m["id"]) for m in members if m.get("id") != survivor) or "none"
    known = next((m.get("zxid") for m in members if m.get("id") == survivor), None)
    return (
        f"Member {survivor} becomes the whole ensemble. What the other members ({others}) have acknowledged "
        f"without it is lost. Its last known transaction is {known or 'not known'}. Clients keep no session "
        "and no ephemeral znode that it does not have."
    )


async def _annotate(kube: Kube, body: Object, request: str) -> None:
    """Write the request, or take it off the ensemble."""
    metadata = body["metadata"]
    applied: dict[str, Any] = {key: metadata[key] for key in ("name", "namespace", "uid")}
    if request:
        applied["annotations"] = {names.ANNOTATION_RECOVER: request}
    await kube.apply(
        names.ENSEMBLES,
        {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": applied},
    )


async def _follow(kube: Kube, body: Object, deadline: float) -> None:
    """Show what the operator reports until the ensemble serves.

    Raises:
        Failure: it is refused, or takes too long.
    """
    metadata, shown, begun = body["metadata"], "", time.monotonic()
    while time.monotonic() < deadline:
        live = await kube.get(names.ENSEMBLES, metadata["namespace"], metadata["name"])
        if live is None:
            raise Failure(f"ensemble {metadata['name']} was deleted meanwhile")
        standing = conditions.find_written(live.get("status") or {}, conditions.QUORUM_HEALTHY)
        if standing.get("status") == conditions.TRUE:
            return
        said = str(standing.get("message") or "")
        if said != shown:
            click.echo(f"{time.monotonic() - begun:4.0f} s  {standing.get('reason')}: {said}")
            shown = said
        await asyncio.sleep(_POLL_SECONDS)
    raise Failure(f"it does not serve yet; the operator reports: {shown}")
