"""Which objects of a schedule are still about something: the same rule as for what is stored. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from zookeeper_operator.api.backup_schedule import BackupRetention
from zookeeper_operator.archive.layout import parse_directory_name
from zookeeper_operator.archive.retention import RetentionRule, superseded
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.duration import parse_duration

_FAILED_KEPT: Final = 3
"""Failed ones that stay, for those who ask why."""


@dataclass(frozen=True)
class _Candidate:
    """A backup that has succeeded, by its object."""

    path: str
    transaction: int
    started_at: datetime
    restored_once: bool
    backup: Backup


def read_rule(retention: BackupRetention) -> RetentionRule | None:
    """What the retention of a schedule says; None if it cannot be read, and then everything stays."""
    try:
        kept = None if retention.keep_for is None else parse_duration(retention.keep_for)
    except ValueError:
        return None
    return RetentionRule(
        keep_last=retention.keep_last,
        keep_for_seconds=None if kept is None else int(kept.total_seconds()),
        keep_verified=retention.keep_verified,
    )


def removable(backups: Sequence[Backup], rule: RetentionRule, now: datetime) -> list[Backup]:
    """The backups of one schedule whose objects must go.

    The agent has removed what is stored of them by the same rule, and it knows no other directory than that
    of the backup which it stores. So each directory of each storage keeps its own newest ones: a backup where
    a schedule stored before its storage was changed does not count for what is stored now. What cannot be
    compared, because its status is not as it was written, stays. Of failed ones, which have stored nothing,
    the newest few stay.
    """
    by_directory: dict[tuple[str, ...], list[_Candidate]] = {}
    for candidate in filter(None, map(_candidate, backups)):
        by_directory.setdefault(_directory(candidate), []).append(candidate)
    gone = [c for found in by_directory.values() for c in superseded(found, rule, now)]
    failed = sorted(
        (b for b in backups if b.done and not b.succeeded), key=lambda b: b.metadata.created
    )
    return [*(candidate.backup for candidate in gone), *failed[:-_FAILED_KEPT]]


def _directory(candidate: _Candidate) -> tuple[str, ...]:
    """Where all backups of one ensemble are in one storage, whoever may read it with which credentials."""
    status, storage = candidate.backup.status, candidate.backup.spec.storage
    s3, claim = storage.s3, storage.persistent_volume_claim
    store = (
        ("s3", s3.endpoint or "", s3.bucket)
        if s3 is not None
        else ("claim", "" if claim is None else claim.claim_name)
    )
    parent = PurePosixPath(candidate.path).parent
    return (*store, str(parent), status.ensemble_identity or "")


def _candidate(backup: Backup) -> _Candidate | None:
    status = backup.status
    if not backup.succeeded or status.path is None:
        return None
    named = parse_directory_name(PurePosixPath(status.path).name)
    if named is None:
        return None
    by_server = status.verified is not None and status.verified.by == "Restore"
    return _Candidate(status.path, named.zxid, named.started_at, by_server, backup)
