"""Why a pod does not come up by itself, from what the kubelet and the scheduler say in its status.

Pure. The words of Kubernetes are kept but for what changes each time, so that the status can repeat them;
advice names the field of the spec that the container at fault is made from. A container that the user added
is distinguished from the server: a member serves without it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.conditions import find_written
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.bootstrap import read_failure
from zookeeper_operator.ensemble.kubelet_texts import settled_text
from zookeeper_operator.ensemble.observed import Trouble
from zookeeper_operator.kube.texts import ending
from zookeeper_operator.kube.times import parse_time

# What start.sh exits with when it refuses a volume; it says why in the termination message.
EXIT_FOREIGN_VOLUME: Final = 64

_PULL_REASONS: Final = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
)
_START_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
_CONTAINERS: Final = "spec.podTemplate.spec.containers"
_INIT_CONTAINERS: Final = "spec.podTemplate.spec.initContainers"
_CREATING: Final = frozenset({"ContainerCreating", "PodInitializing"})
# The scheduler may see a pod before the claim that was made for it, and says "not found" for a moment.
_SCHEDULING: Final = timedelta(seconds=5)
# A server that cannot work ends within seconds; one that has run for so long is not in a crash loop.
_STEADY: Final = timedelta(minutes=1)
_LOOP_RESTARTS: Final = 2
# Of what a container printed last: the message fits into an Event, and the cause stands at its end.
_LONGEST_LOG: Final = 600

Status = Mapping[str, Any]


def server_of(status: Status) -> Status:
    """The status of the container that ZooKeeper runs in; empty if it has none yet."""
    return next(
        (c for c in status.get("containerStatuses") or [] if c["name"] == names.CONTAINER), {}
    )


def member_trouble(status: Status, now: datetime) -> Trouble | None:
    """What keeps the member of a pod from coming up: no node, an init container, or its own container."""
    scheduled = find_written(status, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        since = parse_time(scheduled.get("lastTransitionTime"))
        if since is not None and now - since < _SCHEDULING:
            return None
        return Trouble(
            reasons.UNSCHEDULABLE, settled_text(scheduled.get("message", "no node fits"))
        )
    server = server_of(status)
    before = None if runs(server) else _first_trouble(_init_containers(status), now)
    return before or _first_trouble([_Container(server)] if server else [], now)


def sidecar_trouble(status: Status, now: datetime) -> Trouble | None:
    """What is wrong with a container that the member serves without, under a reason of its own."""
    beside = _init_containers(status) if runs(server_of(status)) else []
    others = [
        _Container(c, _CONTAINERS)
        for c in status.get("containerStatuses") or []
        if c["name"] != names.CONTAINER
    ]
    found = _first_trouble([*beside, *others], now)
    return None if found is None else Trouble(reasons.SIDECAR_FAILED, found.message)


def creating_since(status: Status) -> datetime | None:
    """Since when a pod has had a node and no container of it has been started; None if one has."""
    containers = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    scheduled = find_written(status, "PodScheduled")
    waiting = [((c.get("state") or {}).get("waiting") or {}).get("reason") for c in containers]
    if scheduled.get("status") != "True" or not all(reason in _CREATING for reason in waiting):
        return None
    return parse_time(scheduled.get("lastTransitionTime"))


@dataclass(frozen=True)
class _Container:
    """The status of one container; `field` is where the user has added it, empty for the member's own."""

    status: Status
    field: str = ""

    @property
    def named(self) -> str:
        """How a message about it begins."""
        return f"container {self.status['name']}: " if self.field else ""

    @property
    def image(self) -> str:
        """The fields that its image comes from."""
        return (
            f"its image in {self.field}"
            if self.field
            else "spec.image, spec.version or spec.image.pullSecrets"
        )

    @property
    def log(self) -> str:
        """Where its log is."""
        return (
            f"its log (kubectl logs --container {self.status['name']})"
            if self.field
            else ("the pod's log")
        )

    @property
    def memory(self) -> str:
        """The field that limits its memory."""
        return (
            f"its resources.limits.memory in {self.field}"
            if self.field
            else "spec.resources.limits.memory"
        )


def _init_containers(status: Status) -> list[_Container]:
    return [_Container(c, _INIT_CONTAINERS) for c in status.get("initContainerStatuses") or []]


def _restore_trouble(status: Status) -> Trouble | None:
    """Why the restore of the first member fails, in the words of the program that has just tried."""
    if status.get("ready"):
        return None
    state, last = status.get("state") or {}, status.get("lastState") or {}
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in _PULL_REASONS:
        why = settled_text(waiting.get("message", "")) or waiting["reason"]
        return Trouble(
            reasons.IMAGE_PULL_FAILED,
            f"the image of the operator, which restores the member, cannot be pulled: {why}",
        )
    ended = state.get("terminated") or last.get("terminated") or {}
    if not ended.get("exitCode"):
        return None
    said = settled_text(read_failure(str(ended.get("message") or "")))
    return Trouble(
        reasons.RESTORE_FAILED,
        f"the restore has failed and is tried again: {ending(said, _LONGEST_LOG) or 'see its log'}",
    )


def runs(container: Status) -> bool:
    """Whether a container runs, by its status."""
    return bool((container.get("state") or {}).get("running"))


def _first_trouble(containers: Iterable[_Container], now: datetime) -> Trouble | None:
    return next(filter(None, (_container_trouble(c, now) for c in containers)), None)


def _container_trouble(container: _Container, now: datetime) -> Trouble | None:
    status, named = container.status, container.named
    if container.field == _INIT_CONTAINERS and status["name"] == names.RESTORE:
        return _restore_trouble(status)
    if status.get("ready"):
        return None
    state, last = status.get("state") or {}, status.get("lastState") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL_REASONS:
        why = f"the image {status.get('image')} cannot be pulled: {settled_text(message) or reason}"
        return Trouble(reasons.IMAGE_PULL_FAILED, f"{named}{why}; change {container.image}")
    if reason in _START_REASONS:
        return Trouble(reasons.CRASH_LOOPING, f"{named}{reason}: {settled_text(message)}")
    ended = state.get("terminated") or last.get("terminated")
    if not ended:
        return None
    message = str(ended.get("message") or "").strip()
    if not container.field and ended.get("exitCode") == EXIT_FOREIGN_VOLUME:
        # The words of our own start script, which stay the same: the identities in them are what matters.
        return Trouble(
            reasons.FOREIGN_VOLUME, message or "the volume is refused; see the pod's log"
        )
    if ended.get("reason") == "OOMKilled":
        return Trouble(
            reasons.OUT_OF_MEMORY,
            f"{named}killed because it used more memory than its limit; raise {container.memory}",
        )
    if reason == "CrashLoopBackOff" or _ends_again(status, now):
        said = settled_text(message)
        return Trouble(
            reasons.CRASH_LOOPING,
            f"{named}ends again and again, last with exit code {ended.get('exitCode')}"
            + (f": {ending(said, _LONGEST_LOG)}" if said else f"; see {container.log}"),
        )
    return None


def _ends_again(container: Status, now: datetime) -> bool:
    """Whether one that runs, or has just ended, is in the middle of a crash loop.

    The kubelet says so only while it waits for the next start; in between it would seem to be a member
    that is on its way.
    """
    state, last = container.get("state") or {}, container.get("lastState") or {}
    before = last.get("terminated") or {}
    begun, ended = parse_time(before.get("startedAt")), parse_time(before.get("finishedAt"))
    if container.get("restartCount", 0) < _LOOP_RESTARTS or begun is None or ended is None:
        return False
    started = parse_time((state.get("running") or {}).get("startedAt"))
    ran_on = started is not None and now - started > _STEADY
    return ended - begun < _STEADY and not ran_on
