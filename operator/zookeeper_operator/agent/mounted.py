"""Reads what is mounted: the task, the credentials, the key, what the joiner has left."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pydantic

from zookeeper_operator.agent import mounts
from zookeeper_operator.api.backup import BackupStorage, S3Storage
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.archive.encryption import Key
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.volume import VolumeStore

_LONGEST: Final = 1 << 20  # of a file that is read whole
_Task = TypeVar("_Task", bound=ApiModel)


@dataclass(frozen=True)
class Mounted:
    """The files of a pod, below another root in tests."""

    root: Path = Path("/")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Mounted":
        """Return the files of this pod."""
        return cls(Path(environment.get(mounts.ROOT_VARIABLE) or "/"))

    def path(self, mount: str) -> Path:
        """Return where a path of `mounts` is."""
        return self.root / mount.lstrip("/")

    def task(self, kind: type[_Task]) -> _Task:
        """Read the task.

        Raises:
            ArchiveError: it cannot be read.
        """
        try:
            return kind.model_validate(self.json(mounts.TASK))
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ArchiveError(
                Reason.INVALID_TASK, f"{mounts.TASK}: {where or 'it'}: {first['msg']}"
            ) from error

    def json(self, mount: str) -> dict[str, Any]:
        """Read a file with one JSON object.

        Raises:
            ArchiveError: it cannot be read.
        """
        try:
            value = json.loads(self._content(mount))
        except (OSError, ValueError) as error:
            raise ArchiveError(Reason.INVALID_TASK, f"{mount} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise ArchiveError(Reason.INVALID_TASK, f"{mount} holds no JSON object")
        return value

    def key(self) -> Key:
        """Read the encryption key.

        Raises:
            ArchiveError: there is none, or it is none.
        """
        try:
            return Key(self._content(mounts.ENCRYPTION_KEY))
        except OSError as error:
            raise ArchiveError(
                Reason.INVALID_KEY, f"the encryption key cannot be read: {error.strerror}"
            ) from error

    def store(self, storage: BackupStorage) -> Store:
        """Return the store.

        Raises:
            ArchiveError: its credentials or its volume are missing.
        """
        claim = storage.persistent_volume_claim
        if storage.s3 is not None and claim is None:
            return self._bucket(storage.s3)
        if claim is not None and storage.s3 is None:
            root = self.path(mounts.BACKUPS)
            if not root.is_dir():
                raise ArchiveError(
                    Reason.STORAGE_NOT_FOUND,
                    f"the claim {claim.claim_name} is not mounted at {mounts.BACKUPS}",
                )
            return VolumeStore(root, claim=claim.claim_name)
        raise ArchiveError(
            Reason.INVALID_TASK, "storage needs exactly one of s3 and persistentVolumeClaim"
        )

    def _bucket(self, storage: S3Storage) -> Store:
        # Loads a large library, which nothing else needs.
        from zookeeper_operator.archive.s3 import Credentials, S3Store  # noqa: PLC0415

        credentials: Credentials | None = None
        if storage.credentials_secret is not None:
            credentials = Credentials(
                self._text(storage, mounts.ACCESS_KEY_ID),
                self._text(storage, mounts.SECRET_ACCESS_KEY),
                self._text(storage, mounts.SESSION_TOKEN, needed=False) or None,
            )
        ca = self._ca(storage) if storage.ca_secret is not None else None
        return S3Store(storage, credentials=credentials, ca=ca)

    def _text(self, storage: S3Storage, name: str, *, needed: bool = True) -> str:
        """Read one key of the credentials; a line feed at its end is none of it."""
        secret = storage.credentials_secret.name if storage.credentials_secret is not None else ""
        try:
            text = self._content(f"{mounts.S3_CREDENTIALS}/{name}").decode().strip()
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveError(
                Reason.INVALID_CREDENTIALS,
                f"the key {name} of the Secret {secret} cannot be read as text",
            ) from error
        if needed and not text:
            raise ArchiveError(
                Reason.INVALID_CREDENTIALS,
                f"the Secret {secret} has no key {name}, or it is empty; it needs {mounts.ACCESS_KEY_ID} "
                f"and {mounts.SECRET_ACCESS_KEY}",
            )
        return text

    def _ca(self, storage: S3Storage) -> bytes:
        assert storage.ca_secret is not None
        try:
            content = self._content(mounts.CA)
        except OSError as error:
            raise ArchiveError(
                Reason.INVALID_CREDENTIALS,
                f"the Secret {storage.ca_secret.name} has no key {storage.ca_secret.key} with a CA",
            ) from error
        if b"-----BEGIN CERTIFICATE-----" not in content:
            raise ArchiveError(
                Reason.INVALID_CREDENTIALS,
                f"the key {storage.ca_secret.key} of the Secret {storage.ca_secret.name} holds no "
                "certificate in PEM",
            )
        return content

    def _content(self, mount: str) -> bytes:
        with self.path(mount).open("rb") as file:
            return file.read(_LONGEST)


def prefix_of(storage: BackupStorage) -> str:
    """Return what all paths of backups begin with."""
    if storage.s3 is not None:
        return storage.s3.prefix
    claim = storage.persistent_volume_claim
    return claim.sub_path if claim is not None else ""
