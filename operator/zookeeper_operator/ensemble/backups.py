"""What the schedules of an ensemble say of its backups. Pure.

The schedules know when a backup was due; the ensemble only repeats it. Of several schedules one that is on
time is enough.
"""

from collections.abc import Iterable
from typing import Final

import pydantic

from zookeeper_operator.api.backup_schedule import KIND, ON_TIME, PLURAL, BackupScheduleStatus
from zookeeper_operator.api.conditions import BACKUP_RECENT, FALSE, TRUE, UNKNOWN, Condition, find
from zookeeper_operator.api.group import API_VERSION
from zookeeper_operator.kube.api import Object, Resource

SCHEDULES: Final = Resource(API_VERSION, KIND, PLURAL)
_BEST_FIRST: Final = (TRUE, FALSE, UNKNOWN)


def read_backup_recent(ensemble: str, schedules: Iterable[Object]) -> Condition | None:
    """The condition `BackupRecent` by the schedules of a namespace; None if none is about the ensemble."""
    found = [
        condition
        for body in schedules
        if _ensemble_of(body) == ensemble and (condition := _repeated(body)) is not None
    ]
    return min(found, key=lambda c: (_BEST_FIRST.index(c.status), c.message), default=None)


def _ensemble_of(body: Object) -> str:
    template = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
    return str((template.get("ensembleRef") or {}).get("name") or "")


def _repeated(body: Object) -> Condition | None:
    """What a schedule says; None before it has said anything."""
    try:
        status = BackupScheduleStatus.model_validate(body.get("status") or {})
    except pydantic.ValidationError:
        return None
    said = find(status.conditions, ON_TIME)
    if said is None:
        return None
    name = body["metadata"]["name"]
    return said.model_copy(
        update={"type": BACKUP_RECENT, "message": f"schedule {name}: {said.message}"}
    )
