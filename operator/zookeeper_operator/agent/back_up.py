"""`back-up`: stores the snapshot that the joiner has left, and removes what the retention does not keep.

The order is what makes it safe: the snapshot is verified, its data is stored, the manifest is stored. Only
then is anything removed, and what fails from there on does not make the backup fail.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import pydantic

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.mounted import Mounted, prefix_of
from zookeeper_operator.agent.prune import apply_retention, place_of
from zookeeper_operator.agent.result import MOST_REMOVED, BackUpResult, Failure
from zookeeper_operator.agent.task import BackUpTask
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.archive import layout
from zookeeper_operator.archive.catalog import read_catalog
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import Backup, Manifest, Verified, format_time
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.transfer import encryption_context, upload
from zookeeper_operator.zookeeper.snapshot.records import Kind, SnapshotError
from zookeeper_operator.zookeeper.snapshot.verification import (
    Consistency,
    Verification,
    verify,
)

_LOG: Final = logging.getLogger(__name__)
_NAME: Final = "snapshot."
_ALL: Final = (1 << 64) - 1
_Left = TypeVar("_Left", bound=ApiModel)


class Synced(ApiModel):
    """What the joiner knows of its sync."""

    zookeeper_version: str = ""
    servers: tuple[str, ...] = ()
    proven: bool = False
    """Whether the digests of later transactions were those of the tree in the snapshot, changed by them."""


class Served(ApiModel):
    """What a server that was started with the snapshot has shown."""

    at: str
    znodes: int
    """As servers count: the root twice."""
    digest_mismatches: int = 0
    load_seconds: int = 0


def back_up(mounted: Mounted, now: Callable[[], datetime]) -> BackUpResult:
    """Store a backup.

    Raises:
        ArchiveError: it is not stored; what is there of it has no manifest.
    """
    task = mounted.task(BackUpTask)
    store = mounted.store(task.storage)
    place = place_of(task.source, prefix_of(task.storage))
    catalog = read_catalog(store, place)
    backup = next((b for b in catalog.backups if b.manifest.backup_uid == task.backup_uid), None)
    if backup is None:
        backup = _store(mounted, task, store, place, now)
    else:
        _LOG.info("%s is complete already", store.location(backup.path))
        _check_stored(store, backup)
    return _with_retention(_result(store, backup), task, store, place, now())


def _store(
    mounted: Mounted,
    task: BackUpTask,
    store: Store,
    place: layout.Place,
    now: Callable[[], datetime],
) -> Backup:
    snapshot, zxid = _snapshot(mounted.path(mounts.SNAPSHOTS))
    found = _verified(snapshot, zxid)
    synced = _optional(mounted, mounts.SYNCED, Synced) or Synced()
    verified = _proof(mounted, task, found, now())
    name = layout.DirectoryName(now(), zxid)
    directory = f"{place.path}/{name.text}"
    started_at = format_time(name.started_at)
    _LOG.info("storing %d znodes as %s", found.nodes, store.location(directory))
    transfer = upload(
        store,
        snapshot,
        directory,
        key=mounted.key() if task.encrypted else None,
        context=encryption_context(task.source.identity, started_at, f"{zxid:x}"),
    )
    exact = synced.proven or found.consistency is Consistency.EXACT
    manifest = Manifest(
        format=1,
        namespace=task.source.namespace,
        ensemble=task.source.ensemble,
        identity=task.source.identity,
        backup=task.backup,
        backup_uid=task.backup_uid,
        schedule=task.schedule,
        started_at=started_at,
        completed_at=format_time(now()),
        data=layout.PLAIN if transfer.encryption is None else layout.ENCRYPTED,
        encryption=transfer.encryption,
        size_bytes=transfer.size_bytes,
        stored_bytes=transfer.stored_bytes,
        sha256=transfer.sha256,
        zxid=f"{zxid:x}",
        epoch=zxid >> 32,
        last_epoch=task.last_epoch,
        znodes=found.nodes,
        data_bytes=found.data_bytes,
        ephemerals=found.kinds.get(Kind.EPHEMERAL, 0),
        sessions=found.sessions,
        digest=f"{found.digest & _ALL:x}",
        consistency="Exact" if exact else "Unknown",
        zookeeper_version=synced.zookeeper_version or task.zookeeper_version,
        servers=synced.servers,
        verified=verified,
    )
    backup = Backup(directory, manifest)
    _check_stored(store, backup)
    store.create(f"{directory}/{layout.MANIFEST}", manifest.text())
    return backup


def _check_stored(store: Store, backup: Backup) -> None:
    """See that the data is there before anything says so.

    Another agent, whose clock is a day ahead, takes data without a manifest for abandoned.
    """
    sizes = {stored.path: stored.size for stored in store.list(backup.path)}
    if sizes.get(backup.data_path) != backup.manifest.stored_bytes:
        raise ArchiveError(
            Reason.STORAGE_UNAVAILABLE,
            f"{store.location(backup.data_path)} was stored and is not there any more: something else has "
            "removed it, such as an agent whose clock is wrong, or a rule of the storage; another backup "
            "is needed",
        )


def _snapshot(directory: Path) -> tuple[Path, int]:
    """Return the one snapshot of a directory, and the zxid in its name."""
    files = sorted(directory.glob(f"{_NAME}*"))
    try:
        (file,) = files
        return file, int(file.name.removeprefix(_NAME), 16)
    except ValueError:
        names = ", ".join(file.name for file in files) or "nothing"
        raise ArchiveError(
            Reason.SYNC_FAILED,
            f"{mounts.SNAPSHOTS} must hold one file snapshot.ZXID, and holds {names}",
        ) from None


def _verified(snapshot: Path, zxid: int) -> Verification:
    """Verify the seals, and that the tree is that after the transaction in the name.

    The file of a joiner has no digest to compare if its leader has changed nothing while it sent the tree.
    The tree is exact nevertheless: what the leader does meanwhile is processed before the file is written.
    Then nothing in it may be later than the name says.
    """
    try:
        with snapshot.open("rb") as file:
            found = verify(file.read)
    except SnapshotError as error:
        raise ArchiveError(
            Reason.CORRUPT_SNAPSHOT, f"a server would not load {snapshot.name}: {error}"
        ) from error
    except OSError as error:
        raise ArchiveError(
            Reason.SYNC_FAILED, f"{snapshot.name} cannot be read: {error.strerror}"
        ) from error
    if found.consistency is Consistency.TORN:
        raise _inconsistent(found.reason)
    if found.zxid not in {None, zxid}:
        raise _inconsistent(f"it is of {found.zxid:#x}, and its name says {zxid:#x}")
    if found.latest_zxid > zxid:
        raise _inconsistent(
            f"it knows of the transaction {found.latest_zxid:#x}, and its name says {zxid:#x}"
        )
    return found


def _inconsistent(what: str) -> ArchiveError:
    return ArchiveError(
        Reason.INCONSISTENT_SNAPSHOT,
        f"the snapshot is not the image of one moment: {what}. Nothing was stored; another attempt may "
        "succeed",
    )


def _proof(mounted: Mounted, task: BackUpTask, found: Verification, now: datetime) -> Verified:
    """How the snapshot was verified; what a server has shown must be what is in the file."""
    if task.verify == "Checksum":
        return Verified(at=format_time(now), by="Checksum", znodes=found.nodes)
    served = _optional(mounted, mounts.VERIFIED, Served)
    if served is None:
        raise ArchiveError(
            Reason.VERIFICATION_FAILED,
            f"no server has been started with the snapshot: there is no {mounts.VERIFIED}",
        )
    # A server counts the root twice, and ends ephemeral znodes whose sessions do not come back.
    most = found.nodes + 1
    least = most - found.kinds.get(Kind.EPHEMERAL, 0)
    if served.digest_mismatches or not least <= served.znodes <= most:
        raise ArchiveError(
            Reason.VERIFICATION_FAILED,
            f"a server that was started with the snapshot counted {served.znodes} znodes and "
            f"{served.digest_mismatches} wrong digests; the file has {found.nodes} znodes, which is "
            f"{most} as servers count",
        )
    return Verified(
        at=served.at, by="Restore", znodes=found.nodes, load_seconds=served.load_seconds
    )


def _optional(mounted: Mounted, mount: str, kind: type[_Left]) -> _Left | None:
    """What a step before has left; None if it has left nothing."""
    if not mounted.path(mount).exists():
        return None
    try:
        return kind.model_validate(mounted.json(mount))
    except pydantic.ValidationError as error:
        raise ArchiveError(Reason.INVALID_TASK, f"{mount} cannot be read: {error}") from error


def _result(store: Store, backup: Backup) -> BackUpResult:
    manifest = backup.manifest
    return BackUpResult(
        location=store.location(backup.path),
        path=backup.path,
        started_at=manifest.started_at,
        completed_at=manifest.completed_at,
        size_bytes=manifest.size_bytes,
        stored_bytes=manifest.stored_bytes,
        sha256=manifest.sha256,
        zxid=manifest.zxid,
        epoch=manifest.epoch,
        znodes=manifest.znodes,
        data_bytes=manifest.data_bytes,
        ephemerals=manifest.ephemerals,
        sessions=manifest.sessions,
        digest=manifest.digest,
        consistency=manifest.consistency,
        zookeeper_version=manifest.zookeeper_version,
        ensemble_identity=manifest.identity,
        encrypted_by=manifest.encryption.key_id if manifest.encryption is not None else None,
        verified=manifest.verified,
    )


def _with_retention(
    result: BackUpResult, task: BackUpTask, store: Store, place: layout.Place, now: datetime
) -> BackUpResult:
    """Apply the retention; the backup is complete, so a failure is only reported."""
    try:
        removed = apply_retention(
            store, place, schedule=task.schedule, rule=task.retention, now=now, kept=(result.path,)
        )
    except ArchiveError as error:
        _LOG.warning("the backup is complete, but the retention was not applied: %s", error)
        failure = Failure(reason=error.reason, message=error.message)
        return result.model_copy(update={"retention_failure": failure})
    return result.model_copy(
        update={"removed": removed[:MOST_REMOVED], "removed_count": len(removed)}
    )
