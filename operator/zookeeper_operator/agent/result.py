"""What an agent has done: the JSON in its termination message. Pure.

It has exit code 0 and one of the results, or 1 and a `Failure`. The joiner's scripts leave a `Failure` too.
"""

import json
from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.archive.manifest import Verified

LONGEST: Final = 4096  # bytes of a termination message
MOST_REMOVED: Final = 50  # names in a result


class Failure(ApiModel):
    """Why there is no result."""

    reason: str = Field(
        description="One of `archive.errors.Reason`, or one that only another version knows."
    )
    message: str = Field(description="What is wrong, where, and what to do.")


class BackUpResult(ApiModel):
    """A complete backup."""

    location: str = Field(description="`s3://BUCKET/PATH` or `pvc://CLAIM/PATH`.")
    path: str = Field(description="Its directory below the bucket or the volume.")
    started_at: str = Field(description="The time in the name of its directory.")
    completed_at: str = Field(description="When its manifest was written.")
    size_bytes: int = Field(description="Size of the snapshot.")
    stored_bytes: int = Field(description="Size of what is stored.")
    sha256: str = Field(description="SHA-256 of what is stored, in hexadecimal.")
    zxid: str = Field(description="The last transaction in it, in hexadecimal.")
    epoch: int = Field(description="Its epoch.")
    znodes: int = Field(description="Znodes in it.")
    data_bytes: int = Field(description="Bytes of data in them.")
    ephemerals: int = Field(description="Ephemeral znodes in it.")
    sessions: int = Field(description="Sessions in it.")
    digest: str = Field(description="ZooKeeper's digest of the data, in hexadecimal.")
    consistency: Literal["Exact", "Unknown"] = Field(
        description="`Unknown` where the ensemble was idle: nothing proves it, and nothing changed."
    )
    zookeeper_version: str = Field(default="", description="Version of the server that wrote it.")
    ensemble_identity: str = Field(description="Identity of the ensemble.")
    encrypted_by: str | None = Field(default=None, description="Id of the encryption key.")
    verified: Verified = Field(description="How it was verified.")
    removed: tuple[str, ...] = Field(
        default=(),
        description="Directories that the retention removed, without the path above; the first 50.",
    )
    removed_count: int = Field(default=0, description="How many the retention removed.")
    retention_failure: Failure | None = Field(
        default=None,
        description="Why the retention was not applied; the backup itself is complete.",
    )


class RestoreResult(ApiModel):
    """The database of a member, ready to be started with."""

    restored: bool = Field(
        description="False: the member had a database already, and nothing was changed."
    )
    path: str = Field(description="The directory of the backup.")
    zxid: str = Field(default="", description="The zxid of the restored tree, in hexadecimal.")
    epoch: int = Field(default=0, description="Its epoch.")
    znodes: int = Field(default=0, description="Znodes in it.")
    sessions: int = Field(default=0, description="Sessions that were left out.")
    ephemerals: int = Field(default=0, description="Ephemeral znodes that were left out.")
    digest: str = Field(default="", description="ZooKeeper's digest of it, in hexadecimal.")


class PruneResult(ApiModel):
    """What was removed."""

    removed: tuple[str, ...] = Field(
        default=(), description="Directories, without the path above; the first 50."
    )
    removed_count: int = Field(default=0, description="How many.")


def termination_message(value: ApiModel) -> str:
    """Return a result as the text of a termination message, which is never too long to be read."""
    text = _text(value)
    while len(text) > LONGEST and isinstance(value, Failure):
        value = Failure(
            reason=value.reason, message=value.message[: len(value.message) // 2] + "..."
        )
        text = _text(value)
    return text


def _text(value: ApiModel) -> str:
    """As ASCII, so that characters are bytes."""
    return json.dumps(value.to_api(), separators=(",", ":"))
