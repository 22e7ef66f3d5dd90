"""What Kubernetes says in its Events about pods that cannot be created, or not be started.

Why a pod is refused by the API server, or its volumes are not mounted, stands in no status. Events are read
only then: of a StatefulSet while a pod of it is missing, of a pod while no container of it has been started
for some time. Otherwise none is read. An Event outlives what it reports, so the newest one about a pod
counts.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.kubelet_texts import settled_text
from zookeeper_operator.ensemble.observed import Pod, Trouble
from zookeeper_operator.ensemble.pods import missing_pods
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.kube.times import parse_time

# Volumes are attached and mounted within seconds; until then the kubelet may report what is not there yet.
_PATIENCE: Final = timedelta(seconds=10)
# In the first seconds the kubelet may not have seen yet that a claim is bound or a ConfigMap is there. It
# tries again after 0.5 s, then after twice as long each time, so what lasts is reported again in time.
_FIRST_SECONDS: Final = timedelta(seconds=5)
_CREATIONS: Final = frozenset({"FailedCreate", "SuccessfulCreate"})
_MOUNTS: Final = frozenset({"FailedMount", "FailedMapVolume", "FailedAttachVolume"})
_SANDBOXES: Final = frozenset({"FailedCreatePodSandBox", "NetworkNotReady"})
# What the kubelet does when every volume is mounted and the network of the pod is there.
_PROGRESS: Final = frozenset({"Pulling", "Pulled", "Created", "Started"})
_ABOUT: Final = re.compile(r"Pod (\S+) in StatefulSet")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


async def fetch_refused(
    kube: Kube, namespace: str, statefulsets: Sequence[Object], pods: Sequence[Pod]
) -> Mapping[str, Trouble]:
    """Why pods that must be there cannot be created, by their names, where Kubernetes has said it."""
    missing = [(s, absent) for s in statefulsets if (absent := missing_pods(s, pods))]
    found = await asyncio.gather(
        *(_fetch_events(kube, namespace, s["metadata"]["uid"]) for s, _ in missing)
    )
    return {
        name: trouble
        for (_, absent), events in zip(missing, found, strict=True)
        for name in absent
        if (trouble := refusal_of(name, events)) is not None
    }


async def with_start_trouble(
    kube: Kube, namespace: str, pods: Sequence[Pod], now: datetime
) -> tuple[Pod, ...]:
    """The same pods, with what keeps the kubelet from starting the containers of one."""
    return tuple(await asyncio.gather(*(_with_trouble(kube, namespace, p, now) for p in pods)))


def refusal_of(pod: str, events: Iterable[Object]) -> Trouble | None:
    """Why a pod was not created when its StatefulSet last tried; None if it was, or nothing is said."""
    about = [
        event
        for event in events
        if event.get("reason") in _CREATIONS
        and (named := _ABOUT.search(event.get("message", ""))) is not None
        and named[1] == pod
    ]
    last = max(about, key=lambda e: (_time_of(e), e["reason"] != "FailedCreate"), default=None)
    if last is None or last["reason"] != "FailedCreate":
        return None
    said = last["message"].partition(" failed error: ")
    return Trouble(reasons.POD_REFUSED, f"cannot be created: {settled_text(said[2] or said[0])}")


def start_trouble_of(events: Iterable[Object], since: datetime) -> Trouble | None:
    """What keeps the containers of a pod, which has had a node `since` then, from being started.

    An attachment that another node prevents is reported once; everything else again and again.
    """
    ordered = sorted(events, key=_time_of)
    if any(event.get("reason") in _PROGRESS for event in ordered):
        return None
    attached = max(
        (_time_of(e) for e in ordered if e.get("reason") == "SuccessfulAttachVolume"),
        default=_NEVER,
    )
    failed = [
        event
        for event in ordered
        if event.get("reason") in _MOUNTS | _SANDBOXES
        and _time_of(event)
        > (attached if event["reason"] == "FailedAttachVolume" else since + _FIRST_SECONDS)
    ]
    if not failed:
        return None
    # "timed out waiting for the condition" says less than the failure that it sums up.
    last = max(failed, key=lambda e: ("timed out waiting" not in e["message"], _time_of(e)))
    return Trouble(
        reasons.MOUNT_FAILED if last["reason"] in _MOUNTS else reasons.SANDBOX_FAILED,
        f"{last['reason']}: {settled_text(last['message'])}",
    )


async def _with_trouble(kube: Kube, namespace: str, pod: Pod, now: datetime) -> Pod:
    since = pod.creating_since
    if pod.trouble is not None or since is None or now - since < _PATIENCE:
        return pod
    events = await _fetch_events(kube, namespace, pod.uid)
    return replace(pod, trouble=start_trouble_of(events, since))


async def _fetch_events(kube: Kube, namespace: str, uid: str) -> list[Object]:
    fields = f"involvedObject.uid={uid}"
    try:
        return await kube.list(RESOURCES["Event"], namespace, fields=fields)
    except KubeError as error:
        # Without the right to read Events the ensemble is still managed.
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return []


def _time_of(event: Object) -> datetime:
    series = event.get("series") or {}
    moments = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return max(filter(None, map(parse_time, moments)), default=_NEVER)
