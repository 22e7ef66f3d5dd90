"""What a backup does next: wait, start its Job, follow it, try again, or end. Pure.

Nothing but the status and the Job is remembered, so a decision is the same whenever the operator was
interrupted: the Job is created before the status says so, and the status says how it ended before the Job
is deleted.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from zookeeper_operator.agent.result import BackUpResult, Failure
from zookeeper_operator.api import backup_reasons as reasons
from zookeeper_operator.api.backup_status import (
    COMPLETE,
    VERIFIED,
    BackupStatus,
    Phase,
    VerifiedStatus,
)
from zookeeper_operator.api.conditions import FALSE, TRUE, Condition, Status, merge
from zookeeper_operator.backup import names
from zookeeper_operator.backup.progress import Progress, read_progress
from zookeeper_operator.backup.readiness import Waiting, why_not_yet
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time, parse_time

_RUNNING: Final = frozenset({"Syncing", "Verifying", "Uploading"})
_MOST_ATTEMPTS: Final = 2
_WORTH_ANOTHER: Final = frozenset({"InconsistentSnapshot", reasons.POD_LOST, reasons.RESULT_LOST})
"""Causes of a failure that need not be there the next time."""


@dataclass(frozen=True)
class Situation:
    """What one reconcile has found.

    Attributes:
        backup: The backup.
        now: The time.
        ensemble: The object of the ensemble; None if there is none.
        job: The Job of the ensemble's backups, of whichever backup; None if there is none.
        pods: The pods of the Job.
        refusal: Why this operator may not run such a backup at all.
    """

    backup: Backup
    now: datetime
    ensemble: Object | None = None
    job: Object | None = None
    pods: tuple[Object, ...] = ()
    refusal: Failure | None = None


@dataclass(frozen=True)
class Decision:
    """What must be done.

    Attributes:
        status: The status as it must be.
        start: The attempt to create a Job for.
        stop: The UID of the Job to delete, after the status is written.
    """

    status: BackupStatus
    start: int | None = None
    stop: str | None = field(default=None)


def decide(situation: Situation) -> Decision:
    """What a backup does next."""
    backup, status = situation.backup, situation.backup.status
    job = situation.job if is_job_of(situation.job, backup) else None
    if backup.done:
        return Decision(status, stop=None if job is None else job["metadata"]["uid"])
    if job is not None and not job["metadata"].get("deletionTimestamp"):
        return _follow(situation, job)
    if job is None and status.phase in _RUNNING:
        lost = Failure(
            reason=reasons.JOB_LOST, message="the Job of the backup was deleted before it was done"
        )
        return Decision(failed(situation, lost))
    if situation.refusal is not None:
        return Decision(failed(situation, situation.refusal))
    waiting = why_not_yet(backup.spec.ensemble_ref.name, situation.ensemble) or _other(situation)
    if waiting is None:
        attempt = (status.attempts or 0) + 1
        return Decision(_running(situation, "Syncing", attempt=attempt), start=attempt)
    return Decision(wait(situation, waiting))


def is_job_of(job: Object | None, backup: Backup) -> bool:
    """Whether a Job was created for a backup, by its UID."""
    labels = {} if job is None else job["metadata"].get("labels") or {}
    return bool(labels.get(names.LABEL_BACKUP_UID) == backup.metadata.uid)


def wait(situation: Situation, waiting: Waiting) -> BackupStatus:
    """The status of a backup that waits, or has waited for too long."""
    backup = situation.backup
    rounds = (backup.status.attempts or 0) + 1
    if situation.now - backup.metadata.created <= rounds * backup.timeout:
        return _status(
            situation,
            phase="Pending",
            reason=waiting.reason,
            message=waiting.message,
            conditions=_conditions(FALSE, waiting.reason, waiting.message),
        )
    spent = f"it has waited for longer than spec.timeout ({backup.spec.timeout})"
    return failed(
        situation,
        Failure(reason=reasons.WAITED_TOO_LONG, message=f"{spent}: {waiting.message}"),
    )


def failed(situation: Situation, failure: Failure) -> BackupStatus:
    """The status of a backup that has failed."""
    return _status(
        situation,
        phase="Failed",
        reason=failure.reason,
        message=failure.message,
        completed_at=format_time(situation.now),
        conditions=_conditions(FALSE, failure.reason, failure.message),
    )


def _other(situation: Situation) -> Waiting | None:
    """The Job of another backup of the ensemble, or what is left of an earlier attempt."""
    if situation.job is None:
        return None
    other = (situation.job["metadata"].get("labels") or {}).get(names.LABEL_BACKUP, "")
    job = situation.job["metadata"]["name"]
    who = f"backup {other}" if other else "something else"
    return Waiting(
        reasons.ANOTHER_BACKUP_RUNS,
        f"the Job {job} of {who} is there; the backups of an ensemble run one at a time",
    )


def _follow(situation: Situation, job: Object) -> Decision:
    progress = read_progress(job, situation.pods, situation.now)
    attempt = _attempt_of(job)
    uid: str = job["metadata"]["uid"]
    if progress.result is not None:
        return Decision(_succeeded(situation, progress.result, attempt), stop=uid)
    if progress.phase != "Failed":
        return Decision(
            _running(situation, progress.phase, progress=progress, attempt=attempt, job=job)
        )
    failure = progress.failure or Failure(reason=reasons.POD_LOST, message="it has no result")
    if failure.reason in _WORTH_ANOTHER and attempt < _MOST_ATTEMPTS:
        message = f"it is tried again, because the first attempt has failed: {failure.message}"
        again = _status(
            situation,
            phase="Pending",
            reason=reasons.TRYING_AGAIN,
            message=message,
            attempts=attempt,
            conditions=_conditions(FALSE, reasons.TRYING_AGAIN, message),
        )
        return Decision(again, stop=uid)
    return Decision(failed(situation, failure), stop=uid)


def _attempt_of(job: Object) -> int:
    annotations = job["metadata"].get("annotations") or {}
    text = annotations.get(names.ANNOTATION_ATTEMPT, "")
    return int(text) if text.isdigit() else 1


def _running(
    situation: Situation,
    phase: Phase,
    *,
    attempt: int,
    progress: Progress | None = None,
    job: Object | None = None,
) -> BackupStatus:
    held_up = progress.failure if progress is not None else None
    begun = parse_time((job or {"metadata": {}})["metadata"].get("creationTimestamp"))
    return _status(
        situation,
        phase=phase,
        reason=held_up.reason if held_up else "",
        message=held_up.message if held_up else "",
        attempts=attempt,
        started_at=situation.backup.status.started_at or format_time(begun or situation.now),
        conditions=_conditions(FALSE, reasons.RUNNING, "the backup is not complete yet"),
    )


def _succeeded(situation: Situation, result: BackUpResult, attempt: int) -> BackupStatus:
    by = result.verified.by
    left = result.retention_failure
    message = f"older backups could not be removed: {left.message}" if left else ""
    how = (
        Condition(type=VERIFIED, status=TRUE, reason=reasons.RESTORED, message=_RESTORED)
        if by == "Restore"
        else Condition(type=VERIFIED, status=TRUE, reason=reasons.CHECKED, message=_CHECKED)
    )
    complete = Condition(
        type=COMPLETE, status=TRUE, reason=reasons.STORED, message=f"stored at {result.location}"
    )
    return _status(
        situation,
        phase="Succeeded",
        reason=reasons.RETENTION_FAILED if left else "",
        message=message,
        attempts=attempt,
        started_at=situation.backup.status.started_at or result.started_at,
        completed_at=result.completed_at,
        conditions=(complete, how),
        location=result.location,
        path=result.path,
        size_bytes=result.size_bytes,
        stored_bytes=result.stored_bytes,
        sha256=result.sha256,
        zxid=result.zxid,
        epoch=result.epoch,
        znodes=result.znodes,
        ephemerals=result.ephemerals,
        digest=result.digest,
        zookeeper_version=result.zookeeper_version or None,
        ensemble_identity=result.ensemble_identity,
        verified=VerifiedStatus(
            at=result.verified.at,
            by=by,
            znodes=result.verified.znodes,
            load_seconds=result.verified.load_seconds,
        ),
    )


_RESTORED: Final = "a ZooKeeper server was started with the data and served all of it"
_CHECKED: Final = "the checksums and the digest of the data are right"


def _conditions(status: Status, reason: str, message: str) -> tuple[Condition, ...]:
    return tuple(
        Condition(type=type_, status=status, reason=reason, message=message)
        for type_ in (COMPLETE, VERIFIED)
    )


def _status(
    situation: Situation, *, conditions: tuple[Condition, ...], **values: Any
) -> BackupStatus:
    """The status that stands, with these values: what is known of a backup is not lost again."""
    backup, generation = situation.backup, situation.backup.metadata.generation
    dated = merge(backup.status.conditions, conditions, format_time(situation.now))
    values["conditions"] = tuple(
        condition.model_copy(update={"observed_generation": generation}) for condition in dated
    )
    return backup.status.model_copy(update={**values, "observed_generation": generation})
