"""Backups and schedules as values, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from zookeeper_operator.api.backup_status import BackupStatus
from zookeeper_operator.backup.names import BACKUPS, LABEL_SCHEDULE, SCHEDULES
from zookeeper_operator.backup.resource import Backup, Schedule, read_backup, read_schedule
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SPEC: Object = {
    "ensembleRef": {"name": "zk"},
    "storage": {"persistentVolumeClaim": {"claimName": "backups"}},
}


def body(
    kind: str, name: str, spec: Object, status: Object, created: datetime, **meta: Any
) -> Object:
    resource = BACKUPS if kind == BACKUPS.kind else SCHEDULES
    return {
        "apiVersion": resource.api_version,
        "kind": kind,
        "metadata": {
            "namespace": "place",
            "name": name,
            "uid": f"uid-of-{name}",
            "generation": 1,
            "creationTimestamp": format_time(created),
            **meta,
        },
        "spec": spec,
        "status": status,
    }


def backup(
    name: str = "first",
    *,
    created: datetime = NOW,
    status: BackupStatus | Object | None = None,
    **spec: Any,
) -> Backup:
    written = status.to_api() if isinstance(status, BackupStatus) else status or {}
    found = body(BACKUPS.kind, name, {**SPEC, **spec}, written, created)
    found["metadata"]["labels"] = {LABEL_SCHEDULE: "nightly"}
    return read_backup(found)


def ended(
    at: datetime,
    *,
    zxid: int = 1,
    ok: bool = True,
    by: str = "Restore",
    name: str = "",
    identity: str = "identity",
    **spec: Any,
) -> Backup:
    """A backup that has ended, with the directory that the agent would have given it."""
    truth = "True" if ok else "False"
    conditions = [
        {"type": type_, "status": truth, "reason": "Test", "lastTransitionTime": format_time(at)}
        for type_ in ("Complete", "Verified")
    ]
    status: Object = {
        "phase": "Succeeded" if ok else "Failed",
        "reason": "" if ok else "StorageFull",
        "completedAt": format_time(at),
        "conditions": conditions,
    }
    if ok:
        status |= {
            "path": f"place/zk/identity/{at:%Y%m%dT%H%M%SZ}-{zxid:x}",
            "ensembleIdentity": identity,
            "verified": {"at": format_time(at), "by": by},
        }
    return backup(name or f"b-{at:%Y%m%d-%H%M%S}-{zxid}", created=at, status=status, **spec)


def schedule(
    *, created: datetime = NOW - timedelta(days=10), status: Object | None = None, **spec: Any
) -> Schedule:
    asked = {"schedule": "0 2 * * *", "template": {"spec": SPEC}, **spec}
    return read_schedule(body(SCHEDULES.kind, "nightly", asked, status or {}, created))
