"""A backup on the machine of the user: a file or a directory, or fetched from S3 or by its ZookeeperBackup.

What is fetched is decrypted, checked against its manifest, and removed when the command ends.
"""

import asyncio
import base64
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zookeeper_operator.api.backup import BackupSpec, BackupStorage, S3Storage
from zookeeper_operator.archive import layout
from zookeeper_operator.archive.catalog import read_backup
from zookeeper_operator.archive.encryption import Key
from zookeeper_operator.archive.errors import ArchiveError
from zookeeper_operator.archive.manifest import Manifest
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.transfer import download
from zookeeper_operator.archive.volume import VolumeStore
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Kube
from zookeeper_operator.zookeeper.snapshot.compression import Read

if TYPE_CHECKING:
    from zookeeper_operator.archive.s3 import Credentials

_SCHEME: Final = "s3://"
_BLOCK: Final = 1 << 18
OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Options:
    """How a backup is read that is not in a ZookeeperBackup: from the command line."""

    endpoint: str = ""
    region: str = "us-east-1"
    key_file: Path | None = None


@dataclass(frozen=True)
class Opened:
    """A backup as a local file with a snapshot, compressed or not; `manifest` is None for a bare file."""

    file: Path
    name: str
    manifest: Manifest | None = None


@asynccontextmanager
async def open_backup(
    kube: Kube,
    namespace: str,
    text: str,
    options: Options,
    on_bytes: OnBytes = lambda _: None,
) -> AsyncIterator[Opened]:
    """Find a backup by what the user calls it, and have it as a file for as long as the context lasts.

    Raises:
        Failure: there is none, or it cannot be read.
    """
    if (bare := _bare_file(text)) is not None:
        yield Opened(bare, text)
        return
    try:
        store, directory, key = await _locate(kube, namespace, text, options)
        with tempfile.TemporaryDirectory(prefix="kubectl-zk-") as scratch:
            file = Path(scratch, "snapshot")
            manifest = await asyncio.to_thread(_fetch, store, directory, key, file, on_bytes)
            yield Opened(file, text, manifest)
    except ArchiveError as error:
        raise Failure(error.message) from error


def _bare_file(text: str) -> Path | None:
    """A file that is a snapshot itself, as a member has it."""
    path = Path(text)
    return path if path.is_file() and path.name not in {layout.MANIFEST, *layout.DATA} else None


def _directory(text: str) -> Path | None:
    """The directory of a backup, by its own name or that of a file in it."""
    path = Path(text)
    if not path.exists():
        return None
    return (path if path.is_dir() else path.parent).resolve()


def _fetch(
    store: Store, directory: str, key: Key | None, file: Path, on_bytes: OnBytes
) -> Manifest:
    backup = read_backup(store, directory)

    def copy(read: Read) -> None:
        with file.open("wb") as target:
            while block := read(_BLOCK):
                target.write(block)
                on_bytes(len(block))

    download(store, backup, key=key, use=copy)
    return backup.manifest


async def _locate(
    kube: Kube, namespace: str, text: str, options: Options
) -> tuple[Store, str, Key | None]:
    key = None if options.key_file is None else Key(options.key_file.read_bytes())
    if (directory := _directory(text)) is not None:
        return VolumeStore(directory.parent, claim=str(directory.parent)), directory.name, key
    if text.startswith(_SCHEME):
        bucket, _, directory_in_bucket = text.removeprefix(_SCHEME).partition("/")
        storage = S3Storage(bucket=bucket, endpoint=options.endpoint or None, region=options.region)
        return _open_s3(storage, _from_environment(os.environ), None), directory_in_bucket, key
    if "/" in text:
        raise Failure(f"there is no file or directory {text}")
    return await _by_name(kube, namespace, text, key)


async def _by_name(
    kube: Kube, namespace: str, name: str, key: Key | None
) -> tuple[Store, str, Key | None]:
    """Where a ZookeeperBackup is stored, with the credentials and the key that it names."""
    body = await kube.get(names.BACKUPS, namespace, name)
    if body is None:
        raise Failure(
            f"there is no ZookeeperBackup {name} in namespace {namespace}, and no file of this name; "
            "kubectl zk backups lists them"
        )
    status = body.get("status") or {}
    if status.get("phase") != "Succeeded":
        raise Failure(f"ZookeeperBackup {name} is not complete: {status.get('phase') or 'Pending'}")
    spec = BackupSpec.model_validate(body["spec"])
    if key is None and spec.encryption is not None:
        reference = spec.encryption.secret_ref
        secret = await _secret(kube, namespace, reference.name)
        if reference.key not in secret:
            raise Failure(f"Secret {reference.name} has no key {reference.key}")
        key = Key(secret[reference.key])
    return (
        await _store_of(kube, namespace, name, spec.storage, str(status["path"])),
        status["path"],
        key,
    )


async def _store_of(
    kube: Kube, namespace: str, name: str, storage: BackupStorage, path: str
) -> Store:
    if storage.s3 is None:
        claim = storage.persistent_volume_claim
        named = "a volume" if claim is None else f"the volume of claim {claim.claim_name}"
        raise Failure(
            f"ZookeeperBackup {name} is on {named}, which cannot be read from here; copy its directory "
            f"{path} (kubectl cp, from a pod that mounts the claim), and name the copy"
        )
    credentials = _from_environment(os.environ)
    if credentials is None and storage.s3.credentials_secret is not None:
        found = await _secret(kube, namespace, storage.s3.credentials_secret.name)
        credentials = _credentials({key: value.decode().strip() for key, value in found.items()})
    ca: bytes | None = None
    if storage.s3.ca_secret is not None:
        ca = (await _secret(kube, namespace, storage.s3.ca_secret.name)).get(
            storage.s3.ca_secret.key
        )
    return _open_s3(storage.s3, credentials, ca)


async def _secret(kube: Kube, namespace: str, name: str) -> Mapping[str, bytes]:
    body = await kube.get(RESOURCES["Secret"], namespace, name)
    if body is None:
        raise Failure(f"there is no Secret {name} in namespace {namespace}")
    return {key: base64.b64decode(value) for key, value in (body.get("data") or {}).items()}


def _from_environment(environment: Mapping[str, str]) -> "Credentials | None":
    """The credentials that the AWS tools would use from the environment."""
    found = {
        "access-key-id": environment.get("AWS_ACCESS_KEY_ID", ""),
        "secret-access-key": environment.get("AWS_SECRET_ACCESS_KEY", ""),
        "session-token": environment.get("AWS_SESSION_TOKEN", ""),
    }
    return _credentials(found) if found["access-key-id"] else None


def _credentials(found: Mapping[str, str]) -> "Credentials":
    from zookeeper_operator.archive.s3 import Credentials  # noqa: PLC0415 -- obstore is optional

    return Credentials(
        found.get("access-key-id", ""),
        found.get("secret-access-key", ""),
        found.get("session-token") or None,
    )


def _open_s3(storage: S3Storage, credentials: "Credentials | None", ca: bytes | None) -> Store:
    try:
        from zookeeper_operator.archive.s3 import S3Store  # noqa: PLC0415 -- obstore is optional
    except ImportError as error:
        raise Failure(
            "to read S3, obstore must be installed: pip install 'zookeeper-operator[backup]'"
        ) from error
    return S3Store(storage, credentials=credentials, ca=ca)
