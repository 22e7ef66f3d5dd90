"""The manifest of a backup: what is stored beside it, of what it is, and how it was verified. Pure.

It is written last. An agent that does not know its format leaves the backup alone: it is neither restored nor
removed.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import pydantic
from pydantic import Field

from zookeeper_operator.api.backup import Verification
from zookeeper_operator.api.model import ApiModel

FORMAT: Final = 1
LONGEST: Final = 1 << 20
"""No manifest is longer; what is, is none."""

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class ManifestError(ValueError):
    """A manifest that cannot be read; the message says why."""


class Encryption(ApiModel):
    """How the data is encrypted."""

    algorithm: Literal["AES-256-GCM"] = Field(
        default="AES-256-GCM", description="In frames, as `archive.encryption` describes."
    )
    key_id: str = Field(description="The first 16 digits of a hash of the key.")


class Verified(ApiModel):
    """How the data was verified before it was stored."""

    at: str = Field(description="When, such as `2026-11-26T02:00:17Z`.")
    by: Verification = Field(
        description="By a server that was started with it, or by its checksums."
    )
    znodes: int = Field(description="The znodes that were counted.")
    load_seconds: int | None = Field(
        default=None, description="How long the server took until it served them."
    )


class Manifest(ApiModel):
    """One complete backup."""

    format: Literal[1] = Field(description="Of the manifest and of what it describes.")
    namespace: str = Field(description="Namespace of the ensemble.")
    ensemble: str = Field(description="Name of the ensemble.")
    identity: str = Field(description="Identity of the ensemble.")
    backup: str = Field(description="Name of the ZookeeperBackup.")
    backup_uid: str = Field(description="Its UID.")
    schedule: str | None = Field(default=None, description="The schedule that it belongs to.")
    started_at: str = Field(description="When the agent began to store it.")
    completed_at: str = Field(description="When its data was stored.")
    data: Literal["snapshot.gz", "snapshot.gz.enc"] = Field(description="Name of the data.")
    compression: Literal["gzip"] = Field(
        default="gzip", description="Of the data, before encryption."
    )
    encryption: Encryption | None = Field(default=None, description="Of the data; None: none.")
    size_bytes: int = Field(description="Size of the snapshot.")
    stored_bytes: int = Field(description="Size of the data as stored.")
    sha256: str = Field(description="SHA-256 of the data as stored.")
    zxid: str = Field(description="The last transaction in it, in hexadecimal.")
    epoch: int = Field(description="Its epoch.")
    last_epoch: int | None = Field(
        default=None, description="The highest epoch that the ensemble was known to have had."
    )
    znodes: int = Field(description="Znodes in it.")
    data_bytes: int = Field(description="Bytes of data in them.")
    ephemerals: int = Field(description="Ephemeral znodes in it.")
    sessions: int = Field(description="Sessions in it.")
    digest: str = Field(description="ZooKeeper's digest of the data, in hexadecimal.")
    consistency: Literal["Exact", "Unknown"] = Field(
        description="`Unknown` where the ensemble was idle: nothing proves it, and nothing changed."
    )
    zookeeper_version: str = Field(default="", description="Version of the server that wrote it.")
    servers: tuple[str, ...] = Field(default=(), description="The members that it was synced from.")
    verified: Verified = Field(description="How it was verified.")

    @property
    def transaction(self) -> int:
        """The last transaction in it."""
        return int(self.zxid, 16)

    @property
    def restored_once(self) -> bool:
        """Whether a server has served it."""
        return self.verified.by == "Restore"

    def text(self) -> bytes:
        """The content of `manifest.json`."""
        return (json.dumps(self.to_api(), indent=2, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Backup:
    """A complete backup; `path` is its directory."""

    path: str
    manifest: Manifest

    @property
    def started_at(self) -> datetime:
        """When the agent began to store it."""
        return read_time(self.manifest.started_at)

    @property
    def transaction(self) -> int:
        """The last transaction in it."""
        return self.manifest.transaction

    @property
    def restored_once(self) -> bool:
        """Whether a server has served it."""
        return self.manifest.restored_once

    @property
    def data_path(self) -> str:
        """Where its data is."""
        return f"{self.path}/{self.manifest.data}"


def parse_manifest(content: bytes) -> Manifest:
    """Read the content of `manifest.json`.

    Raises:
        ManifestError: it cannot be read, or is of another format.
    """
    if len(content) > LONGEST:
        raise ManifestError(f"it has {len(content)} bytes, more than any manifest")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"it is not JSON: {error}") from error
    found = value.get("format") if isinstance(value, dict) else None
    if found != FORMAT:
        raise ManifestError(f"its format is {found!r}; this version reads {FORMAT}")
    try:
        manifest = Manifest.model_validate(value)
        read_time(manifest.started_at)
        _ = manifest.transaction
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ManifestError(f"{where or 'it'}: {first['msg']}") from error
    except ValueError as error:
        raise ManifestError(str(error)) from error
    return manifest


def format_time(value: datetime) -> str:
    """Return a time as manifests and statuses have it."""
    return value.astimezone(UTC).strftime(_TIME)


def read_time(text: str) -> datetime:
    """Read such a time.

    Raises:
        ValueError: it has another form.
    """
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
