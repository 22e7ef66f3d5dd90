"""`restore`: writes the database of one member from a backup, where there is none yet.

Everything is prepared in a directory of its own. The database appears in one step, by a rename, when the
content of the backup has passed every check: what fails before leaves no database, and a member that has one
is left alone. So the program may run again at any time.

    DATA/identity, DATALOG/identity        the stamp without which `start.sh` refuses a database
    DATA/version-2/snapshot.EPOCH00000000  the stripped snapshot
    DATA/version-2/currentEpoch, acceptedEpoch
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.mounted import Mounted
from zookeeper_operator.agent.result import RestoreResult
from zookeeper_operator.agent.task import RestoreTask
from zookeeper_operator.archive.catalog import read_backup
from zookeeper_operator.archive.disk import FULL, sync_directory
from zookeeper_operator.archive.encryption import Key
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import Backup
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.transfer import download
from zookeeper_operator.zookeeper.snapshot.compression import Read
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import SnapshotError
from zookeeper_operator.zookeeper.snapshot.restore import (
    RestorePoint,
    Stripped,
    restore_point,
    strip,
)

_LOG: Final = logging.getLogger(__name__)
_DATABASE: Final = "version-2"
_PREPARED: Final = "restore.incomplete"
_IDENTITY: Final = "identity"
_EMPTY_EPOCH: Final = "-1"
"""What a server without a database writes as its epoch."""
_ALL: Final = (1 << 64) - 1


def restore(mounted: Mounted) -> RestoreResult:
    """Write the database, unless there is one.

    Raises:
        ArchiveError: it was not written; the member is as empty as before.
    """
    task = mounted.task(RestoreTask)
    data, transactions = mounted.path(mounts.DATA), mounted.path(mounts.TRANSACTIONS)
    prepared = data / _PREPARED
    try:
        shutil.rmtree(prepared, ignore_errors=True)
        if _holds_database(data) or _holds_database(transactions):
            _LOG.info("the member has a database already; nothing is restored")
            return RestoreResult(restored=False, path=task.path)
        return _restore(mounted, task, data, transactions, prepared)
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        shutil.rmtree(prepared, ignore_errors=True)


def _restore(
    mounted: Mounted, task: RestoreTask, data: Path, transactions: Path, prepared: Path
) -> RestoreResult:
    store = mounted.store(task.storage)
    backup = read_backup(store, task.path)
    _check(backup, task)
    point = _restore_point(backup, task.last_epoch)
    _LOG.info("restoring %s at epoch %d", store.location(backup.path), point.epoch)
    database = prepared / _DATABASE
    database.mkdir(parents=True)
    stripped = _write_snapshot(
        backup,
        database / point.snapshot,
        point,
        store=store,
        key=mounted.key() if task.encrypted else None,
        subtree=task.subtree,
    )
    for name, content in point.files.items():
        _write(database / name, content)
    sync_directory(database)
    # The stamp first: with a stamp and no database a member is empty, the other way round it is refused.
    stamp = _stamp(task)
    for directory in (transactions, data):
        _write(directory / _IDENTITY, stamp)
        sync_directory(directory)
    _discard_empty_database(data / _DATABASE)
    database.rename(data / _DATABASE)
    sync_directory(data)
    return RestoreResult(
        restored=True,
        path=backup.path,
        zxid=f"{point.zxid:x}",
        epoch=point.epoch,
        znodes=stripped.nodes,
        sessions=stripped.sessions,
        ephemerals=stripped.ephemerals,
        digest=f"{stripped.digest & _ALL:x}",
    )


def _check(backup: Backup, task: RestoreTask) -> None:
    if task.sha256 is not None and task.sha256 != backup.manifest.sha256:
        raise ArchiveError(
            Reason.CORRUPT_BACKUP,
            f"the manifest of {backup.path} names the SHA-256 {backup.manifest.sha256}, and the object "
            f"of the backup {task.sha256}: the manifest was changed; nothing was restored",
        )


def _restore_point(backup: Backup, last_epoch: int | None) -> RestorePoint:
    """Where the restored ensemble begins, above every epoch that is known of the old one.

    What the ensemble's epoch was when the backup was stored does not say what it was when it was lost, so it
    counts as unknown unless the task names it.
    """
    manifest = backup.manifest
    known = max(manifest.epoch, manifest.last_epoch or 0)
    try:
        last = None if last_epoch is None else max(last_epoch, known)
        return restore_point(max(manifest.transaction, known << 32), last_epoch=last)
    except ValueError as error:
        raise ArchiveError(Reason.INVALID_TASK, str(error)) from error


def _write_snapshot(
    backup: Backup,
    target: Path,
    point: RestorePoint,
    *,
    store: Store,
    key: Key | None,
    subtree: str,
) -> Stripped:
    found: list[Stripped] = []
    with target.open("wb") as file:

        def copy(read: Read) -> None:
            found.append(strip(SnapshotReader(read), file.write, point, subtree=subtree))

        try:
            download(store, backup, key=key, use=copy)
        except SnapshotError as error:
            raise ArchiveError(
                Reason.CORRUPT_SNAPSHOT,
                f"the snapshot in {store.location(backup.path)} cannot be restored: {error}",
            ) from error
        except ValueError as error:
            raise ArchiveError(Reason.INVALID_TASK, str(error)) from error
        file.flush()
        os.fsync(file.fileno())
    return found[0]


def _stamp(task: RestoreTask) -> str:
    """The content of `identity`, as `start.sh` writes it."""
    target = task.target
    return f"{target.identity} {task.member}\n{target.namespace}/{target.ensemble}\n"


def _holds_database(directory: Path) -> bool:
    """Whether a member has, or has ever had, a database here: the rule of `start.sh`."""
    database = directory / _DATABASE
    if any(database.glob("snapshot.*")) or any(database.glob("log.*")):
        return True
    try:
        return (database / "currentEpoch").read_text().strip() != _EMPTY_EPOCH
    except FileNotFoundError:
        return False


def _discard_empty_database(database: Path) -> None:
    """Remove what a server without a database has left: a rename replaces only an empty directory."""
    for name in ("currentEpoch", "acceptedEpoch", "currentEpoch.tmp", "acceptedEpoch.tmp"):
        (database / name).unlink(missing_ok=True)


def _write(file: Path, content: str) -> None:
    """Write a file in one step."""
    temporary = file.with_name(f"{file.name}.tmp")
    with temporary.open("w", encoding="ascii") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def _disk_error(error: OSError) -> ArchiveError:
    if error.errno in FULL:
        return ArchiveError(
            Reason.VOLUME_FULL,
            "the volume of the member has no room for the data of the backup; nothing was restored: set a "
            "larger spec.storage.data.size",
        )
    return ArchiveError(
        Reason.UNEXPECTED,
        f"the volume of the member cannot be written: {error}; nothing was restored",
    )
