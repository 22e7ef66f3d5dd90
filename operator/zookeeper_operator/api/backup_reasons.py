"""Every reason that backups and their schedules give, in one table, as `reasons` is for ensembles.

What the pods of a backup report is here too, so that each of their words has an explanation.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.reasons import (
    FIRST_BACKUP,
    INVALID_SCHEDULE,
    LAST_FAILED,
    NOT_VERIFIED,
    REASONS,
    RECENT_AND_VERIFIED,
    SUSPENDED,
    TOO_OLD,
    Reason,
)

ENSEMBLE_NOT_FOUND: Final = "EnsembleNotFound"
QUORUM_NOT_WHOLE: Final = "QuorumNotWhole"
TLS_CHANGING: Final = "TlsChanging"
ANOTHER_BACKUP_RUNS: Final = "AnotherBackupRuns"
TRYING_AGAIN: Final = "TryingAgain"
RUNNING: Final = "Running"
STORED: Final = "Stored"
RESTORED: Final = "Restored"
CHECKED: Final = "Checked"

WAITED_TOO_LONG: Final = "WaitedTooLong"
TIMED_OUT: Final = "TimedOut"
POD_LOST: Final = "PodLost"
RESULT_LOST: Final = "ResultLost"
JOB_LOST: Final = "JobLost"
JOB_REFUSED: Final = "JobRefused"
INVALID_SPEC: Final = "InvalidSpec"
SERVICE_ACCOUNT_REFUSED: Final = "ServiceAccountRefused"
OPERATOR_IMAGE_UNKNOWN: Final = "OperatorImageUnknown"
OUT_OF_MEMORY: Final = "OutOfMemory"
UNSCHEDULABLE: Final = "Unschedulable"

RETENTION_FAILED: Final = "RetentionFailed"
REMOVING_STORED: Final = "RemovingStored"
NOT_REMOVED: Final = "NotRemoved"


OF_SCHEDULES: Final = (
    RECENT_AND_VERIFIED,
    FIRST_BACKUP,
    NOT_VERIFIED,
    TOO_OLD,
    LAST_FAILED,
    SUSPENDED,
    INVALID_SCHEDULE,
)
"""Those that an ensemble repeats in its condition `BackupRecent`."""

BACKUP_CREATED: Final = "BackupCreated"
BACKUP_REMOVED: Final = "BackupRemoved"

_TABLE: Final = (
    Reason(ENSEMBLE_NOT_FOUND, "There is no ensemble of that name in the namespace of the backup."),
    Reason(
        QUORUM_NOT_WHOLE, "A voter of the ensemble is missing; the backup waits until all serve."
    ),
    Reason(TLS_CHANGING, "The members are turning TLS on or off; the backup waits for the end."),
    Reason(ANOTHER_BACKUP_RUNS, "Another backup of the ensemble runs; one at a time may."),
    Reason(
        TRYING_AGAIN,
        "The first attempt has ended without a backup for a cause that may have passed.",
    ),
    Reason(RUNNING, "The backup is not complete yet."),
    Reason(STORED, "The data and its manifest are stored."),
    Reason(RESTORED, "A ZooKeeper server was started with the data and served all of it."),
    Reason(CHECKED, "The checksums and the digest of the data are right."),
    Reason(
        WAITED_TOO_LONG,
        "The ensemble could not be backed up within `timeout`; the message says why.",
        severity="warning",
        runbook=True,
    ),
    Reason(TIMED_OUT, "The backup took longer than `timeout`.", severity="warning"),
    Reason(
        POD_LOST,
        "The pod of the backup was deleted or evicted, twice.",
        severity="warning",
    ),
    Reason(
        RESULT_LOST,
        "The pod of the backup was deleted before its result was read, twice.",
        severity="warning",
    ),
    Reason(JOB_LOST, "The Job of the backup was deleted.", severity="warning"),
    Reason(
        JOB_REFUSED,
        "The API server refuses the Job of the backup; the message says why.",
        severity="warning",
    ),
    Reason(INVALID_SPEC, "The spec cannot be acted on; the message says why.", severity="warning"),
    Reason(
        SERVICE_ACCOUNT_REFUSED,
        "The operator was not installed to let backups use that service account "
        "(`backups.serviceAccounts`).",
        severity="warning",
    ),
    Reason(
        OPERATOR_IMAGE_UNKNOWN,
        "The operator does not know its own image (`ZOOKEEPER_OPERATOR_IMAGE`), which a backup runs.",
        severity="warning",
    ),
    Reason(
        OUT_OF_MEMORY,
        "A container of the backup used more memory than its limit; raise `resources`.",
        severity="warning",
    ),
    Reason(UNSCHEDULABLE, "No node fits the pod of the backup.", severity="warning"),
    Reason(
        "SyncFailed",
        "The server of the backup did not sync from the ensemble, or wrote no snapshot.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        "VerificationFailed",
        "A server that was started with the copy did not serve it, or served something else.",
        severity="critical",
        runbook=True,
    ),
    Reason(
        "WorkVolumeFull",
        "The disk of the node has no room for the copy.",
        severity="warning",
    ),
    Reason(
        "InconsistentSnapshot",
        "Two copies in a row were not the image of the data at one moment.",
        severity="warning",
    ),
    Reason(
        "CorruptSnapshot",
        "A checksum of the copy is wrong, or it is no snapshot.",
        severity="critical",
    ),
    Reason(
        "StorageRefused",
        "The storage refuses the credentials, or what they ask for.",
        severity="warning",
        runbook=True,
    ),
    Reason("StorageNotFound", "There is no such bucket.", severity="warning"),
    Reason(
        "StorageUnavailable",
        "The storage does not answer, or answers with an error.",
        severity="warning",
        runbook=True,
    ),
    Reason("StorageFull", "The storage has no room left.", severity="warning", runbook=True),
    Reason(
        "AlreadyStored",
        "Something is stored where the backup should be; nothing is ever overwritten.",
        severity="warning",
    ),
    Reason(
        "InvalidKey",
        "The encryption key is missing, has not 32 bytes, or is not that of the backup.",
        severity="warning",
    ),
    Reason(
        "InvalidCredentials",
        "A key of the Secret with the credentials or the CA is missing or cannot be read.",
        severity="warning",
    ),
    Reason("BackupNotFound", "There is no complete backup in the directory.", severity="warning"),
    Reason(
        "CorruptBackup",
        "What is stored is not what was stored.",
        severity="critical",
    ),
    Reason("VolumeFull", "The volume of the member has no room for the data.", severity="warning"),
    Reason(
        "InvalidTask",
        "The agent cannot read its task: it is of another version than the operator.",
        severity="warning",
    ),
    Reason(
        "UnexpectedError",
        "The agent has ended unexpectedly; its log says more.",
        severity="warning",
    ),
    Reason(
        RETENTION_FAILED,
        "The backup is complete, but older ones could not be removed.",
        severity="warning",
    ),
    Reason(REMOVING_STORED, "The backup is being deleted, and what is stored of it is removed."),
    Reason(
        NOT_REMOVED,
        "What is stored of a deleted backup could not be removed in time, and stays.",
        severity="warning",
    ),
    *(REASONS[name] for name in OF_SCHEDULES),
    Reason(BACKUP_CREATED, "The schedule has created a backup.", event_only=True),
    Reason(BACKUP_REMOVED, "The retention of the schedule has removed a backup.", event_only=True),
)

BACKUP_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {reason.name: reason for reason in _TABLE}
)
"""Every reason by its name, in the order of the reference page."""
