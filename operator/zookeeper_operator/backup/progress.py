"""How far the Job of a backup is, from what the Job and its pod say. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import pydantic

from zookeeper_operator.agent.result import BackUpResult, Failure
from zookeeper_operator.api import backup_reasons as reasons
from zookeeper_operator.api.backup_status import Phase
from zookeeper_operator.api.conditions import find_written
from zookeeper_operator.archive.errors import Reason
from zookeeper_operator.backup import names
from zookeeper_operator.ensemble.kubelet_texts import settled_text
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import parse_time

_GRACE: Final = timedelta(seconds=30)
"""In which a pod may have no node, and a container may wait for its image, without a remark."""

_BY_CONTAINER: Final[Mapping[str, str]] = {
    names.SYNC: Reason.SYNC_FAILED,
    names.VERIFY: Reason.VERIFICATION_FAILED,
    names.AGENT: Reason.UNEXPECTED,
}
"""Why a container failed that left no word about it."""

_PHASES: Final[Mapping[str, Phase]] = {
    names.SYNC: "Syncing",
    names.VERIFY: "Verifying",
    names.AGENT: "Uploading",
}


@dataclass(frozen=True)
class Progress:
    """How far a Job is.

    Attributes:
        phase: What it does now, or `Succeeded` or `Failed`.
        failure: Why it has failed, or what holds it up.
        result: What it has done, if it has succeeded.
    """

    phase: Phase
    failure: Failure | None = None
    result: BackUpResult | None = None


def read_progress(job: Object, pods: Iterable[Object], now: datetime) -> Progress:
    """How far a Job is, by itself and by its pod; there is at most one."""
    pod = max(pods, key=lambda p: str(p["metadata"].get("creationTimestamp")), default=None)
    status = (pod or {}).get("status") or {}
    if outcome := job_outcome(job):
        return _completed(status) if outcome == "Complete" else _failed(job, status)
    failure = _first_failure(status)
    if failure is not None:
        # The controller of Jobs says so a moment later.
        return Progress("Failed", failure)
    return Progress(_phase(status), _obstacle(status, now))


def job_outcome(job: Object) -> Literal["Complete", "Failed"] | None:
    """Whether a Job has ended, and how."""
    for outcome in ("Complete", "Failed"):
        if find_written(job.get("status") or {}, outcome).get("status") == "True":
            return outcome
    return None


def _completed(status: Mapping[str, Any]) -> Progress:
    message = next((_message(s) for name, s in _terminated(status) if name == names.AGENT), "")
    try:
        return Progress("Succeeded", result=BackUpResult.model_validate_json(message))
    except pydantic.ValidationError:
        return Progress(
            "Failed",
            Failure(
                reason=reasons.RESULT_LOST,
                message="the Job has completed, but its pod and with it the result are gone",
            ),
        )


def _failed(job: Object, status: Mapping[str, Any]) -> Progress:
    failed = find_written(job.get("status") or {}, "Failed")
    if failed.get("reason") == "DeadlineExceeded":
        return Progress(
            "Failed",
            Failure(
                reason=reasons.TIMED_OUT,
                message="the backup took longer than spec.timeout; raise it, or see the log of its pod",
            ),
        )
    lost = Failure(
        reason=reasons.POD_LOST,
        message="the pod of the backup was deleted or evicted before it was done",
    )
    return Progress("Failed", _first_failure(status) or lost)


def _first_failure(status: Mapping[str, Any]) -> Failure | None:
    """Why the first container that failed has done so; None if none has."""
    for name, state in _terminated(status):
        if state.get("exitCode") == 0:
            continue
        if state.get("reason") == "OOMKilled":
            return Failure(
                reason=reasons.OUT_OF_MEMORY,
                message=f"container {name} used more memory than its limit; raise "
                "spec.resources.limits.memory",
            )
        return _said(_message(state)) or Failure(
            reason=_BY_CONTAINER.get(name, Reason.UNEXPECTED),
            message=f"container {name} ended with exit code {state.get('exitCode')}"
            + (f": {text}" if (text := _message(state)) else "; see its log"),
        )
    return None


def _said(message: str) -> Failure | None:
    """The failure that a container has left; None if it has left something else."""
    try:
        return Failure.model_validate_json(message)
    except pydantic.ValidationError:
        return None


def _terminated(status: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for container in _containers(status):
        state = (container.get("state") or {}).get("terminated")
        if state:
            yield container["name"], state


def _containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]


def _message(state: Mapping[str, Any]) -> str:
    return str(state.get("message") or "").strip()


def _phase(status: Mapping[str, Any]) -> Phase:
    """What runs now, or runs next."""
    ended = {name for name, _ in _terminated(status)}
    present = [c["name"] for c in _containers(status)] or [names.SYNC]
    current = next((name for name in present if name not in ended), present[-1])
    return _PHASES.get(current, "Syncing")


def _obstacle(status: Mapping[str, Any], now: datetime) -> Failure | None:
    """What holds the pod up, as the scheduler or the kubelet says it, if it has done so for a while."""
    scheduled = find_written(status, "PodScheduled")
    if scheduled.get("status") == "False" and _lasts(scheduled.get("lastTransitionTime"), now):
        return Failure(
            reason=reasons.UNSCHEDULABLE, message=settled_text(str(scheduled.get("message", "")))
        )
    if not _lasts(scheduled.get("lastTransitionTime"), now):
        return None
    for container in _containers(status):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("message"):
            return Failure(
                reason=str(waiting.get("reason")),
                message=f"container {container['name']}: {settled_text(waiting['message'])}",
            )
    return None


def _lasts(since: str | None, now: datetime) -> bool:
    begun = parse_time(since)
    return begun is not None and now - begun > _GRACE
