"""What a new ensemble begins with: the part of the spec that is read only while it is not founded."""

from typing import Final

from pydantic import Field

from zookeeper_operator.api.backup import BackupStorage, EncryptionSpec
from zookeeper_operator.api.model import ApiModel, LocalReference

MAX_PATH_LENGTH: Final = 1024


class BackupLocation(ApiModel):
    """A backup by its place, for one of another namespace or cluster."""

    storage: BackupStorage = Field(description="Where it is stored: exactly one of these.")
    path: str = Field(
        description=(
            "Its directory below the bucket or the volume: `status.path` of its ZookeeperBackup, or what "
            "`kubectl zk backups` lists."
        ),
        json_schema_extra={"minLength": 1, "maxLength": MAX_PATH_LENGTH},
    )


class FromBackupSpec(ApiModel):
    """The backup that a new ensemble is founded from: exactly one of `backupRef` and `location`."""

    backup_ref: LocalReference | None = Field(
        default=None, description="A ZookeeperBackup in the namespace of the ensemble."
    )
    location: BackupLocation | None = Field(
        default=None,
        description="A backup by its place, for one of another namespace or cluster.",
    )
    encryption: EncryptionSpec | None = Field(
        default=None,
        description=(
            "The key that the backup is encrypted with. Without it that of the ZookeeperBackup, where "
            "`backupRef` names one."
        ),
    )
    subtree: str = Field(
        default="/",
        description="Restore only this znode, its ancestors and what is below it.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_PATH_LENGTH},
    )
    min_epoch: int | None = Field(
        default=None,
        description=(
            "The highest epoch that clients of the ensemble may have seen, if it is higher than that of the "
            "backup: they refuse a server of an earlier one. `status.leader.epoch` shows it. Without it 1000 "
            "more than that of the backup."
        ),
        json_schema_extra={"format": "int32"},
    )


class BootstrapSpec(ApiModel):
    """What a new ensemble begins with."""

    from_backup: FromBackupSpec = Field(
        description="The backup that it is founded from, in place of an empty database."
    )
