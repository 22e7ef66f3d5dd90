"""The controller of `ZookeeperBackupSchedule`: it creates backups when they are due, and removes old ones."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

import pydantic

from zookeeper_operator.api import backup_reasons as reasons
from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.api.backup_schedule import ON_TIME, BackupScheduleStatus
from zookeeper_operator.api.conditions import find
from zookeeper_operator.backup import names
from zookeeper_operator.backup.controller import list_objects
from zookeeper_operator.backup.due import Outlook, build_status, look
from zookeeper_operator.backup.recording import Writer
from zookeeper_operator.backup.resource import Backup, Schedule, read_backup, read_schedule
from zookeeper_operator.backup.retention import read_rule, removable
from zookeeper_operator.backup.series import ScheduleReport
from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key, Listed, WatchedResource
from zookeeper_operator.ensemble import names as ensemble_names
from zookeeper_operator.ensemble.installation import manager_of
from zookeeper_operator.ensemble.observe import utc_now
from zookeeper_operator.kube.api import Kube, KubeError, NamespaceEndingError, Object, Resource
from zookeeper_operator.kube.events import OnEvent
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.settings import Settings

_SOONEST: Final = 1.0


class ScheduleController:
    """`control.controller.Controller` for schedules of backups."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        board: Board,
        *,
        wake: Callable[[Key], None] = lambda _key: None,
        may_act: Callable[[], bool] = lambda: True,
        on_event_written: OnEvent = lambda _type, _reason: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kube = kube
        self._settings = settings
        self._board = board
        self._wake = wake
        self._may_act = may_act
        self._now = now
        self._writer = Writer(
            kube,
            names.SCHEDULES,
            instance=settings.identity,
            may_act=may_act,
            on_event=on_event_written,
        )

    @property
    def watches(self) -> Sequence[WatchedResource]:
        """Schedules and backups."""
        return (WatchedResource(names.SCHEDULES), WatchedResource(names.BACKUPS))

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        """The schedule itself, or the one that has created a backup."""
        metadata = event.body["metadata"]
        own = resource == names.SCHEDULES
        label = (metadata.get("labels") or {}).get(names.LABEL_SCHEDULE, "")
        name = metadata["name"] if own else label
        return (Key(names.SCHEDULES.kind, metadata.get("namespace", ""), name),) if name else ()

    async def list_keys(self) -> Sequence[Listed]:
        """List the schedules of the namespaces that are watched."""
        return await list_objects(self._kube, names.SCHEDULES, self._settings)

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile one schedule; the seconds until the next time, None if it is gone.

        Raises:
            KubeError: the API server could not be asked, or refused in a way that is worth a backoff.
        """
        body = await self._kube.get(names.SCHEDULES, key.namespace, key.name)
        if body is None:
            return None
        try:
            schedule = read_schedule(body)
        except (pydantic.ValidationError, ValueError):
            return self._settings.resync_seconds  # the CRD lets nothing like it through
        if schedule.metadata.deleting_since is not None:
            return self._settings.resync_seconds
        try:
            return await self._reconcile(key, schedule)
        except NamespaceEndingError:
            return self._settings.resync_seconds

    async def _reconcile(self, key: Key, schedule: Schedule) -> float:
        ensemble = schedule.spec.template.spec.ensemble_ref.name
        found = await self._kube.get(ensemble_names.ENSEMBLES, key.namespace, ensemble)
        if found is not None and manager_of(found) not in {"", self._settings.installation}:
            self._board.remove(key)
            return self._settings.resync_seconds
        now = self._now()
        backups = await self._fetch_backups(schedule)
        outlook = look(schedule, backups, now)
        created = None
        if outlook.due is not None and self._may_act():
            backups = [*backups, await self._create(schedule, outlook.due, now)]
            created = outlook.due
        status = build_status(schedule, backups, outlook, now, created=created)
        if not await self._writer.write_status(schedule.metadata, schedule.status, status):
            return self._settings.unsettled_seconds
        await self._tell(key, schedule, status, now)
        await self._remove_old(schedule, backups, now)
        self._board.post(key, ScheduleReport(schedule, status, overdue=outlook.overdue))
        return self._when_again(outlook, now)

    async def _fetch_backups(self, schedule: Schedule) -> list[Backup]:
        """The backups that the schedule has created; one that cannot be read counts as none."""
        labels = f"{names.LABEL_SCHEDULE}={schedule.metadata.name}"
        bodies = await self._kube.list(names.BACKUPS, schedule.metadata.namespace, labels=labels)
        found = (_readable(body) for body in bodies)
        return [b for b in found if b is not None and b.metadata.deleting_since is None]

    async def _create(self, schedule: Schedule, due: datetime, now: datetime) -> Backup:
        """Create the backup of one time; the one that is there, if it was created before."""
        about = schedule.metadata
        body: Object = {
            "apiVersion": names.BACKUPS.api_version,
            "kind": names.BACKUPS.kind,
            "metadata": {
                "name": names.scheduled_name(about.name, due),
                "namespace": about.namespace,
                "labels": {names.LABEL_SCHEDULE: about.name},
                "annotations": {names.ANNOTATION_SCHEDULED_AT: format_time(due)},
            },
            "spec": schedule.spec.template.spec.to_api(),
        }
        try:
            created = await self._kube.create(names.BACKUPS, body)
        except KubeError as error:
            found = (
                await self._kube.get(names.BACKUPS, about.namespace, body["metadata"]["name"])
                if error.status == HTTPStatus.CONFLICT
                else None
            )
            if found is None:
                raise
            return read_backup(found)
        name = body["metadata"]["name"]
        await self._writer.record(
            about,
            warning=False,
            reason=reasons.BACKUP_CREATED,
            message=f"backup {name} has been created for {format_time(due)}",
            now=now,
        )
        return read_backup(created)

    async def _tell(
        self, key: Key, schedule: Schedule, status: BackupScheduleStatus, now: datetime
    ) -> None:
        """Report a new reason, and let the ensemble report it too."""
        before, after = (find(found.conditions, ON_TIME) for found in (schedule.status, status))
        if after is None or (before is not None and before.reason == after.reason):
            return
        self._wake(
            Key(
                ensemble_names.KIND,
                key.namespace,
                schedule.spec.template.spec.ensemble_ref.name,
            )
        )
        severity = BACKUP_REASONS[after.reason].severity
        if severity != "normal" or before is not None:
            await self._writer.record(
                schedule.metadata,
                warning=severity != "normal",
                reason=after.reason,
                message=after.message,
                now=now,
            )

    async def _remove_old(
        self, schedule: Schedule, backups: Sequence[Backup], now: datetime
    ) -> None:
        """Delete the objects of backups that the retention has removed, and of old failures."""
        rule = read_rule(schedule.spec.retention)
        for backup in removable(backups, rule, now) if rule is not None else ():
            if not self._may_act():
                return
            about = backup.metadata
            await self._kube.delete(names.BACKUPS, about.namespace, about.name, uid=about.uid)
            await self._writer.record(
                schedule.metadata,
                warning=False,
                reason=reasons.BACKUP_REMOVED,
                message=f"backup {about.name} has been removed by spec.retention",
                now=now,
            )

    def _when_again(self, outlook: Outlook, now: datetime) -> float:
        resync = self._settings.resync_seconds
        if outlook.next is None:
            return resync
        return min(resync, max(_SOONEST, (outlook.next - now).total_seconds()))


def _readable(body: Object) -> Backup | None:
    try:
        return read_backup(body)
    except (pydantic.ValidationError, ValueError):
        return None
