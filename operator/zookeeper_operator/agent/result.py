"""What an agent has done: the JSON in its termination message. Pure.

It has exit code 0 and one of the results, or 1 and a `Failure`. The joiner's scripts leave a `Failure` too.
"""

import json
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.backup import Verification
from zookeeper_operator.api.model import ApiModel

LONGEST: Final = 4096  # bytes of a termination message
LONGEST_MESSAGE: Final = 1024  # characters of the text in a failure
MOST_REMOVED: Final = 50  # names in a result


class Reason(StrEnum):
    """Why a step of a backup or a restore has failed."""

    SYNC_FAILED = "SyncFailed"
    """The joiner did not sync in time, or wrote no snapshot."""
    RESTORE_FAILED = "RestoreFailed"
    """A server that was started with the snapshot did not serve it, or served something else."""
    WORK_VOLUME_FULL = "WorkVolumeFull"
    """The volume that the containers of the pod share is full."""
    INCONSISTENT_SNAPSHOT = "InconsistentSnapshot"
    """The snapshot is torn, or nothing proves that it is not. Another attempt may succeed."""
    CORRUPT_SNAPSHOT = "CorruptSnapshot"
    """A seal is wrong, or the file is no snapshot."""
    STORAGE_REFUSED = "StorageRefused"
    """The credentials are wrong, or do not allow it."""
    STORAGE_NOT_FOUND = "StorageNotFound"
    """There is no such bucket."""
    STORAGE_UNAVAILABLE = "StorageUnavailable"
    """It does not answer, or answers with an error. Another attempt may succeed."""
    STORAGE_FULL = "StorageFull"
    """There is no room left."""
    ALREADY_STORED = "AlreadyStored"
    """Something is stored where this backup should be; nothing is ever overwritten."""
    INVALID_KEY = "InvalidKey"
    """The encryption key is missing or has not 32 bytes, or it is not the one of the backup."""
    INVALID_CREDENTIALS = "InvalidCredentials"
    """A key of the Secret with the credentials or of the CA is missing or cannot be read."""
    BACKUP_NOT_FOUND = "BackupNotFound"
    """There is no complete backup in the directory."""
    CORRUPT_BACKUP = "CorruptBackup"
    """What is stored is not what was stored: a checksum is wrong, or the manifest cannot be read."""
    VOLUME_FULL = "VolumeFull"
    """The volume of the member has no room for the data."""
    INVALID_TASK = "InvalidTask"
    """The task cannot be read, or asks for what cannot be."""
    UNEXPECTED = "UnexpectedError"
    """A defect of the agent; its log says more."""


class Failure(ApiModel):
    """Why there is no result."""

    reason: str = Field(description="One of `Reason`, or of one that another version knows.")
    message: str = Field(description="What is wrong, where, and what to do.")


class Verified(ApiModel):
    """How the stored data was verified."""

    at: str = Field(description="When, such as `2026-11-26T02:00:17Z`.")
    by: Verification = Field(description="By a server that was started with it, or by its checksums.")
    znodes: int = Field(description="The znodes that were counted.")
    load_seconds: int | None = Field(
        default=None, description="How long the server took until it served them."
    )


class BackUpResult(ApiModel):
    """A complete backup."""

    location: str = Field(description="`s3://BUCKET/PATH` or `pvc://CLAIM/PATH`.")
    path: str = Field(description="Its directory below the bucket or the volume.")
    started_at: str = Field(description="The time in the name of its directory.")
    completed_at: str = Field(description="When its manifest was written.")
    size_bytes: int = Field(description="Size of the snapshot.")
    stored_bytes: int = Field(description="Size of what is stored.")
    sha256: str = Field(description="SHA-256 of what is stored, in hexadecimal.")
    zxid: str = Field(description="The last transaction in it, in hexadecimal.")
    epoch: int = Field(description="Its epoch.")
    znodes: int = Field(description="Znodes in it.")
    data_bytes: int = Field(description="Bytes of data in them.")
    ephemerals: int = Field(description="Ephemeral znodes in it.")
    sessions: int = Field(description="Sessions in it.")
    digest: str = Field(description="ZooKeeper's digest of the data, in hexadecimal.")
    consistency: Literal["Exact", "Unknown"] = Field(
        description="`Unknown` where the ensemble was idle: the file proves nothing, and nothing changed."
    )
    zookeeper_version: str = Field(default="", description="Version of the server that wrote it.")
    ensemble_identity: str = Field(description="Identity of the ensemble.")
    encrypted_by: str | None = Field(default=None, description="Id of the encryption key.")
    verified: Verified = Field(description="How it was verified.")
    removed: tuple[str, ...] = Field(
        default=(),
        description="Directories that the retention removed, without the path above; the first 50.",
    )
    removed_count: int = Field(default=0, description="How many the retention removed.")
    retention_failure: Failure | None = Field(
        default=None, description="Why the retention was not applied; the backup itself is complete."
    )


class RestoreResult(ApiModel):
    """The database of a member, ready to be started with."""

    restored: bool = Field(
        description="False: the member had a database already, and nothing was changed."
    )
    path: str = Field(description="The directory of the backup.")
    zxid: str = Field(default="", description="The zxid of the restored tree, in hexadecimal.")
    epoch: int = Field(default=0, description="Its epoch.")
    znodes: int = Field(default=0, description="Znodes in it.")
    sessions: int = Field(default=0, description="Sessions that were left out.")
    ephemerals: int = Field(default=0, description="Ephemeral znodes that were left out.")
    digest: str = Field(default="", description="ZooKeeper's digest of it, in hexadecimal.")


class PruneResult(ApiModel):
    """What was removed."""

    removed: tuple[str, ...] = Field(
        default=(), description="Directories, without the path above; the first 50."
    )
    removed_count: int = Field(default=0, description="How many.")


def termination_message(value: ApiModel) -> str:
    """Return a result as the text of a termination message, which is never too long to be read."""
    text = _text(value)
    if len(text.encode()) > LONGEST and isinstance(value, Failure):
        return _text(Failure(reason=value.reason, message=value.message[:LONGEST_MESSAGE] + "..."))
    return text


def _text(value: ApiModel) -> str:
    return json.dumps(value.to_api(), separators=(",", ":"))
