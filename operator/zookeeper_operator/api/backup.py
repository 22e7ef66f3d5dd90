"""The resource of one backup: `ZookeeperBackup` and its spec. Its status is in `backup_status`."""

from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.model import ApiModel, LocalReference
from zookeeper_operator.api.resources import ResourcesSpec
from zookeeper_operator.api.security import MAX_DURATION_LENGTH, SecretKeyReference

KIND: Final = "ZookeeperBackup"
PLURAL: Final = "zookeeperbackups"
SHORT_NAMES: Final = ("zkb",)

MAX_BACKUP_NAME_LENGTH: Final = 63
DEFAULT_TIMEOUT: Final = "1h"

Verification = Literal["Restore", "Checksum"]
DeletionPolicy = Literal["Retain", "Delete"]
ServerSideEncryption = Literal["AES256", "aws:kms"]


class CaSecretReference(ApiModel):
    """One key of a Secret or its default, which holds certificates of CAs."""

    name: str = Field(
        description="Name of the Secret, in the namespace of the backup.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )
    key: str = Field(
        default="ca.crt",
        description="Key of the Secret with the certificates, as PEM.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )


class S3Storage(ApiModel):
    """A bucket of S3, or of a server that speaks its protocol."""

    bucket: str = Field(
        description="Name of the bucket, which must exist.",
        json_schema_extra={"minLength": 3, "maxLength": 63},
    )
    prefix: str = Field(
        default="",
        description="What the names of all objects begin with, such as `backups/production`.",
        json_schema_extra={"maxLength": 512},
    )
    endpoint: str | None = Field(
        default=None,
        description="URL of the server, such as `https://minio.example.org:9000`. Without it AWS.",
        json_schema_extra={"minLength": 1, "maxLength": 512},
    )
    region: str = Field(
        default="us-east-1",
        description="Region of the bucket.",
        json_schema_extra={"minLength": 1, "maxLength": 64},
    )
    force_path_style: bool = Field(
        default=True,
        description="Name the bucket in the path of the URL, not in its host name.",
    )
    credentials_secret: LocalReference | None = Field(
        default=None,
        description=(
            "A Secret with the keys `access-key-id`, `secret-access-key` and, if needed, "
            "`session-token`. Without it the backup has the rights of `serviceAccountName`."
        ),
    )
    ca_secret: CaSecretReference | None = Field(
        default=None,
        description="A Secret with the CA of the endpoint. Without it the public CAs are trusted.",
    )
    server_side_encryption: ServerSideEncryption | None = Field(
        default=None,
        description="Encryption that the server is asked for: `AES256` or `aws:kms`.",
    )


class ClaimStorage(ApiModel):
    """A volume of the cluster."""

    claim_name: str = Field(
        description="Name of the PersistentVolumeClaim, in the namespace of the backup.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )
    sub_path: str = Field(
        default="",
        description="Directory of the volume below which the backups are; it is created.",
        json_schema_extra={"maxLength": 512},
    )


class BackupStorage(ApiModel):
    """Where a backup is stored: exactly one of these."""

    s3: S3Storage | None = Field(
        default=None, description="A bucket of S3, or of a server that speaks its protocol."
    )
    persistent_volume_claim: ClaimStorage | None = Field(
        default=None, description="A volume of the cluster, by its claim."
    )


class EncryptionSpec(ApiModel):
    """The key that a backup is encrypted with."""

    secret_ref: SecretKeyReference = Field(
        description=(
            "Where the key is: 32 random bytes, raw or as base64. Without this key the backup "
            "cannot be read again; keep a copy outside of the cluster."
        )
    )


class BackupSpec(ApiModel):
    """What a user asks for: one attempt. It cannot be changed."""

    ensemble_ref: LocalReference = Field(
        description="The ensemble, in the namespace of the backup."
    )
    storage: BackupStorage = Field(description="Where the backup is stored: exactly one of these.")
    service_account_name: str | None = Field(
        default=None,
        description=(
            "Service account of the pod that stores the backup, for storage that trusts it. "
            "Refused unless the operator was installed to allow it (`backups.serviceAccounts`)."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )
    verify: Verification = Field(
        default="Restore",
        description=(
            "`Restore`: before it is stored, a ZooKeeper server of the same version is started with "
            "the data. `Checksum`: the checksums and the digest of the data are verified only."
        ),
    )
    encryption: EncryptionSpec | None = Field(
        default=None,
        description="Encrypt the backup before it is stored (AES-256-GCM), by this key.",
    )
    deletion_policy: DeletionPolicy = Field(
        default="Retain",
        description=(
            "Whether what is stored stays when this object is deleted (`Retain`), or is removed "
            "with it (`Delete`)."
        ),
    )
    timeout: str = Field(
        default=DEFAULT_TIMEOUT,
        description=(
            "How long the backup may wait until the ensemble can be backed up, and how long it may "
            "take from then on."
        ),
        json_schema_extra={"maxLength": MAX_DURATION_LENGTH},
    )
    resources: ResourcesSpec = Field(
        default_factory=ResourcesSpec,
        description=(
            "CPU and memory of the pod of the backup. What is not given here is that of a member: "
            "it holds the whole data, as a member does."
        ),
    )
