"""The names that the parts of a backup are found by. They are functions of names and UIDs, forever."""

from datetime import datetime
from typing import Final

from zookeeper_operator.api.group import GROUP
from zookeeper_operator.ensemble.backups import SCHEDULES
from zookeeper_operator.ensemble.names import BACKUPS, LABEL_BACKUP_OF, backup_name

__all__ = ["BACKUPS", "LABEL_BACKUP_OF", "SCHEDULES", "backup_name"]

APP: Final = "zookeeper-backup"
"""The value of `app.kubernetes.io/name` of a Job and its pods."""

LABEL_BACKUP: Final = f"{GROUP}/backup"
"""On a Job and its pod: the name of the backup."""

LABEL_BACKUP_UID: Final = f"{GROUP}/backup-uid"
LABEL_SCHEDULE: Final = f"{GROUP}/backup-schedule"
"""On a backup: the schedule that it was created by."""

ANNOTATION_ATTEMPT: Final = f"{GROUP}/attempt"
"""On a Job: 1 for the first one of a backup."""

ANNOTATION_SCHEDULED_AT: Final = f"{GROUP}/scheduled-at"
"""On a backup: the time of its schedule for which it was created."""

FINALIZER: Final = f"{GROUP}/stored-backup"
"""On a backup whose `deletionPolicy` is `Delete`: what is stored is removed first."""

SYNC: Final = "sync"
VERIFY: Final = "verify"
AGENT: Final = "agent"
"""The containers of the pod, in the order in which they run."""


def config_name(ensemble: str, uid: str) -> str:
    """The ConfigMap that the Job of one backup mounts."""
    return f"{backup_name(ensemble)}-{uid[:8]}"


def prune_name(uid: str) -> str:
    """The Job, and its ConfigMap, that remove what is stored of a deleted backup."""
    return f"prune-{uid}"


def scheduled_name(schedule: str, moment: datetime) -> str:
    """The backup of one time of a schedule: the same time never leads to two of them."""
    return f"{schedule}-{moment:%Y%m%d-%H%M}"
