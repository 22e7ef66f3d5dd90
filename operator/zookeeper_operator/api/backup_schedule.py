"""The resource that makes backups by the clock: `ZookeeperBackupSchedule`, its spec and its status."""

from typing import Final

from pydantic import Field

from zookeeper_operator.api.backup import BackupSpec
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.api.security import MAX_DURATION_LENGTH

KIND: Final = "ZookeeperBackupSchedule"
PLURAL: Final = "zookeeperbackupschedules"
SHORT_NAMES: Final = ("zkbs",)

ON_TIME: Final = "OnTime"
"""The condition that says whether the backups are made when they should be."""

MAX_SCHEDULE_NAME_LENGTH: Final = 46
"""So that the names of its backups, which add the time, fit into a label."""


class BackupRetention(ApiModel):
    """Which backups of a schedule stay. What is stored of the others is removed."""

    keep_last: int = Field(
        default=7,
        description="Keep this many backups, the newest ones.",
        json_schema_extra={"format": "int32"},
    )
    keep_for: str | None = Field(
        default=None,
        description="Keep those that are younger than this as well, such as `720h`.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_DURATION_LENGTH},
    )
    keep_verified: int = Field(
        default=1,
        description="Keep this many of those that are verified, the newest ones, whatever else.",
        json_schema_extra={"format": "int32"},
    )


class BackupTemplate(ApiModel):
    """What each backup of a schedule is created from."""

    spec: BackupSpec = Field(description="The spec of each backup.")


class BackupScheduleSpec(ApiModel):
    """What a user asks for."""

    schedule: str = Field(
        description=(
            "When, as five fields of cron: minute, hour, day of the month, month, day of the week; "
            "or `@hourly`, `@daily`, `@weekly`, `@monthly`."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 128},
    )
    time_zone: str = Field(
        default="UTC",
        description="Time zone of `schedule`, such as `Europe/Berlin`.",
        json_schema_extra={"minLength": 1, "maxLength": 64},
    )
    suspend: bool = Field(default=False, description="Create no backups.")
    immediate: bool = Field(
        default=False, description="Create the first backup as soon as the schedule is created."
    )
    starting_deadline_seconds: int = Field(
        default=3600,
        description=(
            "How late a backup may still be created whose time was missed, for example because the "
            "operator was down."
        ),
        json_schema_extra={"format": "int32"},
    )
    retention: BackupRetention = Field(
        default_factory=BackupRetention,
        description="Which backups of the schedule stay.",
    )
    template: BackupTemplate = Field(description="What each backup is created from.")


class BackupReference(ApiModel):
    """One backup of the schedule."""

    name: str = Field(description="Its name.")
    at: str = Field(description="When it was completed.", json_schema_extra={"format": "date-time"})


class BackupScheduleStatus(ApiModel):
    """What the operator has seen."""

    observed_generation: int = Field(
        default=0,
        description="Generation of the spec this status was computed for.",
        json_schema_extra={"format": "int64"},
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        description="Whether its backups are made on time.",
        json_schema_extra={
            "maxItems": 32,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    last_schedule_time: str | None = Field(
        default=None,
        description="The last time of `schedule` for which a backup was created.",
        json_schema_extra={"format": "date-time"},
    )
    next_schedule_time: str | None = Field(
        default=None,
        description="When the next backup is created.",
        json_schema_extra={"format": "date-time"},
    )
    last_successful: BackupReference | None = Field(
        default=None, description="The newest backup that has succeeded."
    )
    last_verified: BackupReference | None = Field(
        default=None, description="The newest backup that is verified."
    )
    active: str | None = Field(
        default=None, description="The backup that waits or runs, if there is one."
    )
