"""The metrics about backups: what each one means, and the samples of one schedule. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.api.backup_schedule import BackupScheduleStatus
from zookeeper_operator.backup.resource import Schedule
from zookeeper_operator.control.series import Entry, Sample, counter, gauge
from zookeeper_operator.kube.times import parse_time

_SCHEDULE: Final = ("namespace", "schedule", "ensemble")

COUNTED: Final[tuple[Entry, ...]] = (
    counter(
        "backups",
        ("namespace", "ensemble", "result"),
        "Backups that have ended, by result: `Succeeded`, or the reason of the failure.",
    ),
)
"""What the process counts."""

_OVERDUE: Final = gauge(
    "backup_overdue",
    _SCHEDULE,
    "1 if a verified backup that should be there by the schedule is not, else 0.",
)
_SUCCESSFUL: Final = gauge(
    "backup_last_successful_timestamp_seconds",
    _SCHEDULE,
    "When the newest successful backup of the schedule was completed, in seconds since 1970; absent "
    "without one.",
)
_VERIFIED: Final = gauge(
    "backup_last_verified_timestamp_seconds",
    _SCHEDULE,
    "When the newest verified backup of the schedule was completed, in seconds since 1970; absent without "
    "one.",
)
_NEXT: Final = gauge(
    "backup_next_timestamp_seconds",
    _SCHEDULE,
    "When the schedule creates the next backup, in seconds since 1970; absent while it is suspended.",
)

REPORTED: Final[tuple[Entry, ...]] = (_OVERDUE, _SUCCESSFUL, _VERIFIED, _NEXT)
"""What each schedule reports."""


@dataclass(frozen=True)
class ScheduleReport:
    """The report of one reconcile of a schedule."""

    schedule: Schedule
    status: BackupScheduleStatus
    overdue: bool

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples of the schedule."""
        about, status = self.schedule.metadata, self.status
        where = (
            about.namespace,
            about.name,
            self.schedule.spec.template.spec.ensemble_ref.name,
        )
        times: dict[Entry, str | None] = {
            _SUCCESSFUL: None if status.last_successful is None else status.last_successful.at,
            _VERIFIED: None if status.last_verified is None else status.last_verified.at,
            _NEXT: status.next_schedule_time,
        }
        known = {entry: parse_time(text) for entry, text in times.items()}
        return (
            Sample(_OVERDUE.name, where, float(self.overdue)),
            *(
                Sample(entry.name, where, moment.timestamp())
                for entry, moment in known.items()
                if moment is not None
            ),
        )

    async def probe(self) -> bool:
        """Nothing of it changes without an event."""
        return False
