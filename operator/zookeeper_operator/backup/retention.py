"""Which objects of a schedule are still about something: the same rule as for what is stored. Pure."""

from collections.abc import Sequence
from datetime import datetime

from zookeeper_operator.agent.task import RetentionRule
from zookeeper_operator.archive.retention import superseded
from zookeeper_operator.backup.due import newest
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.times import parse_time

_FAILED_KEPT = 3
"""Failed ones that stay, for those who ask why."""


def removable(backups: Sequence[Backup], rule: RetentionRule, now: datetime) -> list[Backup]:
    """The backups of one schedule whose objects must go, the oldest first.

    The agent removes what is stored by the same rule before. Of failed ones, which have stored nothing, the
    newest few stay.
    """
    stored = {b.status.path or b.metadata.name: b for b in backups if b.succeeded}
    gone = superseded([_Candidate.of(path, b) for path, b in stored.items()], rule, now)
    failed = sorted(
        (b for b in backups if b.done and not b.succeeded), key=lambda b: b.metadata.created
    )
    return [*(stored[c.path] for c in gone), *failed[:-_FAILED_KEPT]]
