"""What wakes a backup and a schedule, and what a schedule reports."""

from datetime import timedelta

from tests.unit.backup.values import NOW, ended, schedule
from tests.unit.ensemble.store import Store

from zookeeper_operator.backup import names, series
from zookeeper_operator.backup.controller import JOBS, BackupController
from zookeeper_operator.backup.due import build_status, look
from zookeeper_operator.backup.schedule_controller import ScheduleController
from zookeeper_operator.backup.series import ScheduleReport
from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key
from zookeeper_operator.settings import Settings


def event(name: str, **labels: str) -> Event:
    return Event("MODIFIED", {"metadata": {"namespace": "place", "name": name, "labels": labels}})


def test_a_backup_is_woken_by_itself_its_job_and_its_pod() -> None:
    controller = BackupController(Store([]), Settings())
    key = (Key("ZookeeperBackup", "place", "first"),)
    assert controller.keys_of(names.BACKUPS, event("first")) == key
    job = event("zk-backup", **{names.LABEL_BACKUP: "first"})
    assert controller.keys_of(JOBS, job) == key
    assert controller.keys_of(JOBS, event("another")) == ()


def test_a_schedule_is_woken_by_itself_and_its_backups() -> None:
    controller = ScheduleController(Store([]), Settings(), Board())
    key = (Key("ZookeeperBackupSchedule", "place", "nightly"),)
    assert controller.keys_of(names.SCHEDULES, event("nightly")) == key
    of_it = event("nightly-20261126-0200", **{names.LABEL_SCHEDULE: "nightly"})
    assert controller.keys_of(names.BACKUPS, of_it) == key
    assert controller.keys_of(names.BACKUPS, event("by-hand")) == ()


def test_what_a_schedule_reports() -> None:
    backups = [ended(NOW - timedelta(days=3))]
    of = schedule()
    outlook = look(of, backups, NOW)
    report = ScheduleReport(of, build_status(of, backups, outlook, NOW), overdue=outlook.overdue)
    values = {sample.name: sample.value for sample in report.samples}
    assert {sample.labels for sample in report.samples} == {("place", "nightly", "zk")}
    assert values["zookeeper_operator_backup_overdue"] == 1
    verified = "zookeeper_operator_backup_last_verified_timestamp_seconds"
    assert values[verified] == (NOW - timedelta(days=3)).timestamp()
    assert set(values) == {entry.name for entry in series.REPORTED}
