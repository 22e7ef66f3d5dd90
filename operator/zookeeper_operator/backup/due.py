"""What a schedule does now: which backup is due, and what its status says. Pure.

A backup is created for a time of the schedule, and its name is made of that time. So however often a time
is decided about, one backup is created for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.backup_schedule import ON_TIME, BackupReference, BackupScheduleStatus
from zookeeper_operator.api.conditions import FALSE, TRUE, UNKNOWN, Condition, Status, merge
from zookeeper_operator.backup.cron import Cron, CronError, parse_cron
from zookeeper_operator.backup.resource import Backup, Schedule
from zookeeper_operator.ensemble.plan.step import Verdict
from zookeeper_operator.kube.duration import parse_duration
from zookeeper_operator.kube.times import format_time, parse_time

_STATUS: Final[Mapping[bool | None, Status]] = {True: TRUE, False: FALSE, None: UNKNOWN}
_FUTURE: Final = timedelta(minutes=1)
"""A time that is further ahead was written before a clock was set back; it holds nothing up."""


@dataclass(frozen=True)
class Outlook:
    """What a schedule does now.

    Attributes:
        due: The time to create a backup for; None if none is due, or one must end first.
        next: The next time of the schedule.
        verdict: Whether its backups are made on time.
        overdue: Whether a verified backup that must be there by now is not.
    """

    due: datetime | None
    next: datetime | None
    verdict: Verdict
    overdue: bool


def look(schedule: Schedule, backups: Sequence[Backup], now: datetime) -> Outlook:
    """What a schedule does now; `backups` are those that it has created."""
    spec = schedule.spec
    try:
        cron = parse_cron(spec.schedule, spec.time_zone)
    except CronError as error:
        return Outlook(None, None, Verdict(False, reasons.INVALID_SCHEDULE, str(error)), False)
    overdue, verdict = _judge(schedule, cron, backups, now)
    if spec.suspend:
        message = "the schedule is suspended (spec.suspend)"
        return Outlook(None, None, Verdict(None, reasons.SUSPENDED, message), False)
    busy = any(not backup.done for backup in backups)
    due = None if busy else _due(schedule, cron, now)
    return Outlook(due, cron.next_after(now), verdict, overdue)


def build_status(
    schedule: Schedule,
    backups: Sequence[Backup],
    outlook: Outlook,
    now: datetime,
    *,
    created: datetime | None = None,
) -> BackupScheduleStatus:
    """The status as it must be; `created` is the time that a backup has just been created for."""
    before = schedule.status
    active = sorted(b.metadata.name for b in backups if not b.done)
    condition = Condition(
        type=ON_TIME,
        status=_STATUS[outlook.verdict.state],
        reason=outlook.verdict.reason,
        message=outlook.verdict.message,
        observed_generation=schedule.metadata.generation,
    )
    return BackupScheduleStatus(
        observed_generation=schedule.metadata.generation,
        conditions=tuple(merge(before.conditions, [condition], format_time(now))),
        last_schedule_time=format_time(created) if created else before.last_schedule_time,
        next_schedule_time=format_time(outlook.next) if outlook.next else None,
        last_successful=_reference(newest(b for b in backups if b.succeeded))
        or before.last_successful,
        last_verified=_reference(newest(b for b in backups if b.verified)) or before.last_verified,
        active=active[-1] if active else None,
    )


def newest(backups: Iterable[Backup]) -> Backup | None:
    """The backup that was completed last; None if there is none."""
    found = [(b.completed, b.metadata.name, b) for b in backups if b.completed is not None]
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def _reference(backup: Backup | None) -> BackupReference | None:
    if backup is None or backup.status.completed_at is None:
        return None
    return BackupReference(name=backup.metadata.name, at=backup.status.completed_at)


def _due(schedule: Schedule, cron: Cron, now: datetime) -> datetime | None:
    """The latest time for which a backup can still be created, and has not been."""
    spec, last = schedule.spec, parse_time(schedule.status.last_schedule_time)
    if last is None and spec.immediate:
        return schedule.metadata.created
    since = schedule.metadata.created if last is None or last > now + _FUTURE else last
    earliest = now - timedelta(seconds=spec.starting_deadline_seconds)
    return cron.last_in(max(since, earliest), now)


def _judge(
    schedule: Schedule, cron: Cron, backups: Sequence[Backup], now: datetime
) -> tuple[bool, Verdict]:
    """Whether a verified backup is overdue, and the condition `OnTime`."""
    known = schedule.status.last_verified
    verified = _reference(newest(b for b in backups if b.verified)) or known
    at = None if verified is None else parse_time(verified.at)
    # What has been due for so long that it must be there, however late it was begun.
    limit = cron.last_in(schedule.metadata.created, now - _slack(schedule))
    last = newest(b for b in backups if b.done)
    if limit is not None and (at is None or at < limit):
        if at is None:
            message = f"there is no verified backup; one was due at {format_time(limit)}"
            return True, Verdict(False, reasons.NOT_VERIFIED, _why(message, last))
        message = f"the newest verified backup is of {format_time(at)}; one was due at {format_time(limit)}"
        return True, Verdict(False, reasons.TOO_OLD, _why(message, last))
    if last is not None and not last.succeeded:
        message = f"the newest backup has failed; the newest verified one is {_named(verified)}"
        return False, Verdict(False, reasons.LAST_FAILED, _why(message, last))
    if at is None:
        message = "no backup of the schedule has been due yet"
        return False, Verdict(None, reasons.FIRST_BACKUP, message)
    message = f"the newest verified backup is {_named(verified)}"
    return False, Verdict(True, reasons.RECENT_AND_VERIFIED, message)


def _slack(schedule: Schedule) -> timedelta:
    """How long after its time a backup may be verified: it may begin late, wait, and take its time."""
    limit = timedelta(seconds=schedule.spec.starting_deadline_seconds)
    try:
        return limit + 2 * parse_duration(schedule.spec.template.spec.timeout)
    except ValueError:
        return limit


def _named(reference: BackupReference | None) -> str:
    return f"{reference.name} of {reference.at}" if reference is not None else "none"


def _why(message: str, last: Backup | None) -> str:
    if last is None or last.succeeded:
        return message
    return f"{message}; {last.metadata.name}: {last.status.reason}: {last.status.message}"
