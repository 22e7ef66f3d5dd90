"""A backup and a schedule as values: what their objects say, typed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zookeeper_operator.api.backup import BackupSpec
from zookeeper_operator.api.backup_schedule import BackupScheduleSpec, BackupScheduleStatus
from zookeeper_operator.api.backup_status import COMPLETE, VERIFIED, BackupStatus
from zookeeper_operator.api.conditions import TRUE, find
from zookeeper_operator.backup import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.duration import parse_duration
from zookeeper_operator.kube.times import parse_time

FINAL_PHASES = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class Metadata:
    """What both kinds have in common."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleting_since: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...]


@dataclass(frozen=True)
class Backup:
    """One `ZookeeperBackup`."""

    metadata: Metadata
    spec: BackupSpec
    status: BackupStatus

    @property
    def done(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.status.phase in FINAL_PHASES

    @property
    def succeeded(self) -> bool:
        """Whether everything is stored."""
        complete = find(self.status.conditions, COMPLETE)
        return complete is not None and complete.status == TRUE

    @property
    def verified(self) -> bool:
        """Whether what is stored is verified."""
        verified = find(self.status.conditions, VERIFIED)
        return self.succeeded and verified is not None and verified.status == TRUE

    @property
    def completed(self) -> datetime | None:
        """When it succeeded or failed."""
        return parse_time(self.status.completed_at)

    @property
    def timeout(self) -> timedelta:
        """How long it may wait, and how long it may take."""
        return parse_duration(self.spec.timeout)

    @property
    def schedule(self) -> str:
        """The schedule that it was created by; empty if a person did."""
        return self.metadata.labels.get(names.LABEL_SCHEDULE, "")


@dataclass(frozen=True)
class Schedule:
    """One `ZookeeperBackupSchedule`."""

    metadata: Metadata
    spec: BackupScheduleSpec
    status: BackupScheduleStatus


def read_backup(body: Object) -> Backup:
    """Type a raw `ZookeeperBackup`.

    Raises:
        pydantic.ValidationError: the spec is not what the CRD would let through.
        ValueError: its time limit is no duration.
    """
    backup = Backup(
        read_metadata(body),
        BackupSpec.model_validate(body.get("spec") or {}),
        BackupStatus.model_validate(body.get("status") or {}),
    )
    parse_duration(backup.spec.timeout)
    return backup


def read_schedule(body: Object) -> Schedule:
    """Type a raw `ZookeeperBackupSchedule`.

    Raises:
        pydantic.ValidationError: the spec is not what the CRD would let through.
    """
    return Schedule(
        read_metadata(body),
        BackupScheduleSpec.model_validate(body.get("spec") or {}),
        BackupScheduleStatus.model_validate(body.get("status") or {}),
    )


def read_metadata(body: Object) -> Metadata:
    """Type the metadata of an object."""
    metadata: Mapping[str, Any] = body["metadata"]
    created = parse_time(metadata["creationTimestamp"])
    if created is None:
        raise ValueError("an object of the API server has a creation time")
    return Metadata(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        resource_version=metadata.get("resourceVersion", ""),
        created=created,
        deleting_since=parse_time(metadata.get("deletionTimestamp")),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
    )
