"""The status of a `ZookeeperBackup`: what the operator writes and users read."""

from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.backup import Verification
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.model import ApiModel

COMPLETE: Final = "Complete"
"""The condition that says whether everything is stored."""

VERIFIED: Final = "Verified"
"""The condition that says whether what is stored is verified."""

Phase = Literal["Pending", "Syncing", "Verifying", "Uploading", "Succeeded", "Failed"]


class VerifiedStatus(ApiModel):
    """How the stored data was verified."""

    at: str = Field(description="When.", json_schema_extra={"format": "date-time"})
    by: Verification = Field(
        description="`Restore`, by a ZooKeeper server that was started with it, or `Checksum`."
    )
    znodes: int = Field(
        default=0,
        description="Znodes that were counted.",
        json_schema_extra={"format": "int64"},
    )
    load_seconds: int | None = Field(
        default=None,
        description="How long the server took from its start until it served the data.",
        json_schema_extra={"format": "int32"},
    )


class BackupStatus(ApiModel):
    """What the operator has seen."""

    phase: Phase | None = Field(
        default=None,
        description=(
            "`Pending`: it waits, see `reason`. `Syncing`: a server copies the data from the ensemble. "
            "`Verifying`: another one is started with the copy. `Uploading`: the copy is checked and "
            "stored. `Succeeded` and `Failed` are final."
        ),
    )
    reason: str = Field(
        default="", description="Why it waits or has failed, in one word, for programs."
    )
    message: str = Field(default="", description="The same in a sentence, for people.")
    observed_generation: int = Field(
        default=0,
        description="Generation of the spec this status was computed for.",
        json_schema_extra={"format": "int64"},
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        description="Whether it is complete, and whether it is verified.",
        json_schema_extra={
            "maxItems": 32,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    attempts: int | None = Field(
        default=None,
        description="How often its Job has been created.",
        json_schema_extra={"format": "int32"},
    )
    started_at: str | None = Field(
        default=None,
        description="When its first Job was created.",
        json_schema_extra={"format": "date-time"},
    )
    completed_at: str | None = Field(
        default=None,
        description="When it succeeded or failed.",
        json_schema_extra={"format": "date-time"},
    )
    location: str | None = Field(
        default=None,
        description="Where it is stored, such as `s3://BUCKET/PATH` or `pvc://CLAIM/PATH`.",
    )
    path: str | None = Field(
        default=None,
        description="Its directory below the bucket or the volume, for `bootstrap.fromBackup`.",
    )
    size_bytes: int | None = Field(
        default=None,
        description="Size of the data.",
        json_schema_extra={"format": "int64"},
    )
    stored_bytes: int | None = Field(
        default=None,
        description="Size of what is stored: compressed and, if asked for, encrypted.",
        json_schema_extra={"format": "int64"},
    )
    sha256: str | None = Field(default=None, description="SHA-256 of what is stored.")
    zxid: str | None = Field(
        default=None, description="The last transaction in it, in hexadecimal."
    )
    epoch: int | None = Field(
        default=None,
        description="Epoch of that transaction.",
        json_schema_extra={"format": "int64"},
    )
    znodes: int | None = Field(
        default=None, description="Znodes in it.", json_schema_extra={"format": "int64"}
    )
    ephemerals: int | None = Field(
        default=None,
        description="Ephemeral znodes in it, which a restore leaves out.",
        json_schema_extra={"format": "int64"},
    )
    digest: str | None = Field(
        default=None, description="ZooKeeper's own digest of the data, in hexadecimal."
    )
    zookeeper_version: str | None = Field(
        default=None, description="ZooKeeper version of the server that wrote it."
    )
    ensemble_identity: str | None = Field(
        default=None, description="Identity of the ensemble, as in its status."
    )
    verified: VerifiedStatus | None = Field(default=None, description="How it was verified.")
