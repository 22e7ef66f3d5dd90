"""From the API server's objects to the few facts are decided from.

Pods and claims are read here and nowhere else. A pod that does not come up by itself is recognised by
what the kubelet and the scheduler say about it, so that the status can repeat it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.conditions import find_written
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Claim, Pod, StorageClass, Trouble
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity

# What start.sh exits with when it refuses a volume; it says why in the termination message.
EXIT_FOREIGN_VOLUME: Final = 64

_PULL_REASONS: Final = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
)
_START_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
# The scheduler may see a pod before the claim that was made for it, and says "not found" for a moment.
_SCHEDULING: Final = timedelta(seconds=5)
# A server that cannot work ends within seconds; one that has run for so long is not in a crash loop.
_STEADY: Final = timedelta(minutes=1)
_LOOP_RESTARTS: Final = 2
# A driver that grows file systems online clears this within a minute or two; after that the volume waits
# for its pod to be restarted.
_ONLINE_GROWTH: Final = timedelta(minutes=3)

# Times in the API are whole seconds.
_ROUNDING: Final = timedelta(seconds=1)

_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def member_id_of(name: str) -> int | None:
    """The member id at the end of a pod's or a claim's name."""
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else None


def read_pod(pod: Object, *, now: datetime) -> Pod | None:
    """One member's pod; None if its name has no member id."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    member_id = member_id_of(metadata["name"])
    if member_id is None:
        return None
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    readiness = find_written(status, "Ready")
    ready = readiness.get("status") == "True"
    return Pod(
        id=member_id,
        name=metadata["name"],
        uid=metadata["uid"],
        revision=labels.get(names.LABEL_REVISION, ""),
        ready=ready,
        terminating=bool(metadata.get("deletionTimestamp")),
        running=_runs(status),
        node=(pod.get("spec") or {}).get("nodeName", ""),
        ip=status.get("podIP", ""),
        host_ip=status.get("hostIP", ""),
        trouble=_trouble(status, now),
        unready_since=None
        if ready
        else _moment(readiness.get("lastTransitionTime") or metadata.get("creationTimestamp")),
        config=config_of(pod.get("spec") or {}),
        replace_requested=annotations.get(names.ANNOTATION_REPLACE) == "true",
        rollout_restart=annotations.get(names.ANNOTATION_ROLLOUT_RESTART, ""),
        never_ready=_was_never_ready(status),
    )


def _was_never_ready(status: Mapping[str, Any]) -> bool:
    """Whether a pod has not been ready in its life.

    The kubelet writes all conditions of a new pod at the same moment, or `Initialized` later. `Ready` changes
    after that only by becoming true.
    """
    ready, initialized = find_written(status, "Ready"), find_written(status, "Initialized")
    if not ready:
        return True
    since, begun = (
        _moment(condition.get("lastTransitionTime")) for condition in (ready, initialized)
    )
    return (
        ready.get("status") != "True"
        and since is not None
        and begun is not None
        and since - begun <= _ROUNDING
    )


def config_of(pod_spec: Mapping[str, Any]) -> str:
    """The name of the configuration that a pod is made with; empty if it names none."""
    volumes = pod_spec.get("volumes") or []
    found = (v.get("configMap") or {} for v in volumes if v.get("name") == names.CONFIG_VOLUME)
    return str(next(found, {}).get("name", ""))


def _runs(status: Mapping[str, Any]) -> bool:
    """Whether the member's container runs."""
    containers = status.get("containerStatuses") or []
    return any(
        c.get("name") == names.CONTAINER and "running" in (c.get("state") or {}) for c in containers
    )


def is_node_ready(node: Object | None) -> bool:
    """Whether a node exists and its kubelet reports to the cluster."""
    return (
        node is not None and find_written(node.get("status") or {}, "Ready").get("status") == "True"
    )


def _trouble(status: Mapping[str, Any], now: datetime) -> Trouble | None:
    scheduled = find_written(status, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        since = _moment(scheduled.get("lastTransitionTime"))
        if since is not None and now - since < _SCHEDULING:
            return None
        return Trouble(reasons.UNSCHEDULABLE, scheduled.get("message", "no node fits"))
    statuses = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    return next(filter(None, (_container_trouble(s, now) for s in statuses)), None)


def _container_trouble(container: Mapping[str, Any], now: datetime) -> Trouble | None:
    if container.get("ready"):
        return None
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL_REASONS:
        return Trouble(reasons.IMAGE_PULL_FAILED, message or f"{reason} {container.get('image')}")
    if reason in _START_REASONS:
        return Trouble(reasons.CRASH_LOOPING, f"{reason}: {message}")
    ended = state.get("terminated") or last.get("terminated")
    if not ended:
        return None
    said = str(ended.get("message") or "").strip()
    if ended.get("exitCode") == EXIT_FOREIGN_VOLUME:
        return Trouble(reasons.FOREIGN_VOLUME, said or "the volume is refused; see the pod's log")
    if ended.get("reason") == "OOMKilled":
        return Trouble(
            reasons.OUT_OF_MEMORY,
            "killed because it used more memory than its limit; raise spec.resources.limits.memory",
        )
    if reason == "CrashLoopBackOff" or _ends_again(container, now):
        return Trouble(
            reasons.CRASH_LOOPING,
            f"ends again and again, last with exit code {ended.get('exitCode')}"
            + (f": {said}" if said else "; see the pod's log"),
        )
    return None


def _ends_again(container: Mapping[str, Any], now: datetime) -> bool:
    """Whether one that runs, or has just ended, is in the middle of a crash loop.

    The kubelet says so only while it waits for the next start; in between it would look like a member
    that is on its way.
    """
    state, last = container.get("state") or {}, container.get("lastState") or {}
    before = last.get("terminated") or {}
    begun, ended = _moment(before.get("startedAt")), _moment(before.get("finishedAt"))
    if container.get("restartCount", 0) < _LOOP_RESTARTS or begun is None or ended is None:
        return False
    started = (state.get("running") or {}).get("startedAt")
    return ended - begun < _STEADY and not _older_than(started, _STEADY, now)


def read_claim(claim: Object, *, now: datetime) -> Claim | None:
    """One member's volume claim; None if its name is not one that a StatefulSet of ours gives."""
    metadata, spec, status = claim["metadata"], claim.get("spec") or {}, claim.get("status") or {}
    member_id = member_id_of(metadata["name"])
    volume = metadata["name"].partition("-")[0]
    if member_id is None or volume not in {names.DATA_VOLUME, names.LOG_VOLUME}:
        return None
    requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage", 0)
    pending = find_written(status, "FileSystemResizePending")
    resizing = find_written(status, "Resizing").get("status") == "True"
    annotations = metadata.get("annotations") or {}
    capacity = parse_quantity((status.get("capacity") or {}).get("storage", 0))
    return Claim(
        name=metadata["name"],
        uid=metadata["uid"],
        member_id=member_id,
        volume=volume,
        phase=status.get("phase", "Pending"),
        requested=parse_quantity(requested),
        capacity=capacity,
        identity=(metadata.get("labels") or {}).get(names.LABEL_IDENTITY, ""),
        member=annotations.get(names.ANNOTATION_MEMBER) == "true",
        storage_class=spec.get("storageClassName") or "",
        terminating=bool(metadata.get("deletionTimestamp")),
        owners=frozenset(o["uid"] for o in metadata.get("ownerReferences") or []),
        resizing=resizing
        or (status.get("phase") == "Bound" and capacity < parse_quantity(requested)),
        file_system_resize_pending=pending.get("status") == "True"
        and _older_than(pending.get("lastTransitionTime"), _ONLINE_GROWTH, now),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _older_than(moment: str | None, age: timedelta, now: datetime) -> bool:
    since = _moment(moment)
    return since is not None and now - since > age


def read_storage_classes(classes: Iterable[Object]) -> Mapping[str, StorageClass]:
    """The storage classes by name."""
    return {
        c["metadata"]["name"]: StorageClass(
            name=c["metadata"]["name"],
            expandable=bool(c.get("allowVolumeExpansion")),
            default=(c["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true",
        )
        for c in classes
    }


def controller_uid(body: Object) -> str:
    """The UID of the object that controls this one; empty if none does."""
    owners = body["metadata"].get("ownerReferences") or []
    return next((o["uid"] for o in owners if o.get("controller")), "")


def is_ours(body: Object, *, name: str, uid: str) -> bool:
    """Whether an object belongs to the ensemble of that name and UID.

    One without a controller that bears all our labels is ours too: it was left behind on purpose when the
    ensemble was deleted with `--cascade=orphan`, or its StatefulSet is being remade.
    """
    owner = controller_uid(body)
    if owner:
        return owner == uid
    labels = body["metadata"].get("labels") or {}
    return (
        labels.get(names.LABEL_ENSEMBLE) == name
        and labels.get("app.kubernetes.io/managed-by") == names.FIELD_MANAGER
    )
