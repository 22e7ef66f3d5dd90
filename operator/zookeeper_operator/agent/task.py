"""What an agent must do: the content of `task.json`, which the operator writes. Pure. It holds no secret.

Unknown fields are ignored, so that an agent of another version than the operator's reads what it knows.
"""

from typing import Literal

from pydantic import Field

from zookeeper_operator.api.backup import BackupStorage, Verification
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.archive.retention import RetentionRule


class Source(ApiModel):
    """Whose backup it is: the directory of the backups of one ensemble."""

    namespace: str = Field(description="Namespace of the ensemble.")
    ensemble: str = Field(description="Name of the ensemble.")
    identity: str = Field(description="Identity of the ensemble, as its volumes bear it.")


class BackUpTask(ApiModel):
    """Store the snapshot in `mounts.SNAPSHOTS`, and remove what the retention does not keep."""

    storage: BackupStorage = Field(description="Where to store it.")
    encrypted: bool = Field(
        default=False, description="Encrypt it by the key in `mounts.ENCRYPTION_KEY`."
    )
    source: Source = Field(description="The ensemble.")
    backup: str = Field(description="Name of the ZookeeperBackup.")
    backup_uid: str = Field(
        description="Its UID: if a backup of this UID is complete, it is the result."
    )
    schedule: str | None = Field(
        default=None, description="Name of the schedule that it belongs to."
    )
    verify: Verification = Field(
        default="Restore",
        description=(
            "With `Restore` it is refused unless `mounts.VERIFIED` says that a server has served it."
        ),
    )
    zookeeper_version: str = Field(default="", description="Version of the ensemble.")
    last_epoch: int | None = Field(
        default=None, description="The highest epoch in the status of the ensemble."
    )
    retention: RetentionRule | None = Field(
        default=None, description="Which backups of the schedule stay; None: all."
    )


class RestoreTask(ApiModel):
    """Write the database of one member from a backup, where there is none yet."""

    storage: BackupStorage = Field(description="Where the backup is stored.")
    path: str = Field(
        description="Its directory below the bucket or the volume: `status.path` of its object."
    )
    encrypted: bool = Field(
        default=False,
        description="There is a key in `mounts.ENCRYPTION_KEY`; needed if the backup is encrypted.",
    )
    sha256: str | None = Field(
        default=None,
        description="What `status.sha256` of its object says; a backup with another one is refused.",
    )
    subtree: str = Field(
        default="/",
        description=(
            "Only the znode of this path, what is below it, its ancestors, and what is below `/zookeeper`."
        ),
    )
    last_epoch: int | None = Field(
        default=None,
        description="The highest epoch that clients of the ensemble may have seen, where known. "
        "That of the backup counts in any case.",
    )
    target: Source = Field(description="The ensemble that is restored.")
    member: int = Field(default=1, description="The id of the member.")


class PruneTask(ApiModel):
    """Remove backups: those named, and those that a retention does not keep."""

    storage: BackupStorage = Field(description="Where they are stored.")
    source: Source = Field(description="The ensemble; nothing of another one is removed.")
    paths: tuple[str, ...] = Field(
        default=(),
        description="`status.path` of those to remove. One that is not there is removed.",
    )
    schedule: str | None = Field(default=None, description="The schedule of the retention.")
    retention: RetentionRule | None = Field(
        default=None, description="Which backups of the schedule stay; None: all."
    )


Command = Literal["back-up", "restore", "prune"]
