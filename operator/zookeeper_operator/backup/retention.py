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

    The agent has removed what is stored of them by the same rule. What cannot be compared, because its
    status is not as it was written, stays. Of failed ones, which have stored nothing, the newest few stay.
    """
    by_identity: dict[str | None, list[_Candidate]] = {}
    for candidate in filter(None, map(_candidate, backups)):
        identity = candidate.backup.status.ensemble_identity
        by_identity.setdefault(identity, []).append(candidate)
    gone = [c for found in by_identity.values() for c in superseded(found, rule, now)]
    failed = sorted(
        (b for b in backups if b.done and not b.succeeded), key=lambda b: b.metadata.created
    )
    return [*(candidate.backup for candidate in gone), *failed[:-_FAILED_KEPT]]


def _candidate(backup: Backup) -> _Candidate | None:
    status = backup.status
    if not backup.succeeded or status.path is None:
        return None
    named = parse_directory_name(PurePosixPath(status.path).name)
    if named is None:
        return None
    by_server = status.verified is not None and status.verified.by == "Restore"
    return _Candidate(status.path, named.zxid, named.started_at, by_server, backup)
