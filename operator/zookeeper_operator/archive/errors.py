"""What goes wrong with a backup, each with a reason for programs and a sentence for people. Pure."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a step of a backup or a restore has failed."""

    SYNC_FAILED = "SyncFailed"
    """The joiner did not sync in time, or wrote no snapshot."""
    VERIFICATION_FAILED = "VerificationFailed"
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


class ArchiveError(Exception):
    """A step has failed; the message says what is wrong, where, and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
