"""What is stored: the backups of an ensemble, by their manifests, and what was left half done."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from zookeeper_operator.archive import layout
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.manifest import (
    LONGEST,
    Backup,
    ManifestError,
    parse_manifest,
)
from zookeeper_operator.archive.stores import Store, Stored

ABANDONED: Final = timedelta(days=1)
"""After this, what has no manifest is of an agent that does not come back."""


@dataclass(frozen=True)
class Unreadable:
    """A backup whose manifest cannot be read; it is left alone."""

    path: str
    why: str


@dataclass(frozen=True)
class Catalog:
    """All that is in the directory of one ensemble; backups by path, which begins with the time."""

    backups: tuple[Backup, ...]
    unreadable: tuple[Unreadable, ...]
    incomplete: tuple[tuple[Stored, ...], ...]
    """The files of each directory without a manifest."""

    @property
    def newest_served(self) -> Backup | None:
        """The newest backup that a server has served; None if there is none."""
        served = [b for b in self.backups if b.manifest.restored_once]
        return max(served, key=lambda b: (b.manifest.transaction, b.path), default=None)


def read_catalog(store: Store, place: layout.Place) -> Catalog:
    """Read all manifests of one ensemble.

    Raises:
        ArchiveError: the store does not answer, or refuses it.
    """
    directories: dict[str, list[Stored]] = defaultdict(list)
    for stored in store.list(place.path):
        directory = PurePosixPath(stored.path).parent
        if str(directory.parent) == place.path and layout.parse_directory_name(directory.name):
            directories[str(directory)].append(stored)
    backups: list[Backup] = []
    unreadable: list[Unreadable] = []
    incomplete: list[tuple[Stored, ...]] = []
    for path, files in sorted(directories.items()):
        if not any(PurePosixPath(file.path).name == layout.MANIFEST for file in files):
            incomplete.append(tuple(files))
            continue
        try:
            backups.append(read_backup(store, path))
        except ArchiveError as error:
            if error.reason is Reason.BACKUP_NOT_FOUND:
                continue  # removed since it was listed
            if error.reason is not Reason.CORRUPT_BACKUP:
                raise
            unreadable.append(Unreadable(path, error.message))
    return Catalog(tuple(backups), tuple(unreadable), tuple(incomplete))


def read_backup(store: Store, path: str) -> Backup:
    """Read the manifest in a directory.

    Raises:
        ArchiveError: there is none, it cannot be read, or the store does not answer.
    """
    path = layout.join(path)
    manifest_path = f"{path}/{layout.MANIFEST}"
    content = bytearray()
    try:
        for block in store.get(manifest_path):
            content += block
            if len(content) > LONGEST:
                break
        return Backup(path, parse_manifest(bytes(content)))
    except ManifestError as error:
        raise ArchiveError(
            Reason.CORRUPT_BACKUP,
            f"the manifest {store.location(manifest_path)} cannot be read: {error}",
        ) from error
    except ArchiveError as error:
        if error.reason is Reason.BACKUP_NOT_FOUND:
            raise ArchiveError(
                Reason.BACKUP_NOT_FOUND,
                f"there is no complete backup in {store.location(path)}: it has no {layout.MANIFEST}",
            ) from error
        raise


def remove(store: Store, path: str) -> None:
    """Remove a backup: first its manifest, so that half a removal leaves no backup.

    Raises:
        ArchiveError: the store does not answer, or refuses it.
    """
    store.delete(f"{path}/{name}" for name in (layout.MANIFEST, *layout.DATA))


def remove_abandoned(store: Store, catalog: Catalog, now: datetime) -> int:
    """Remove what agents have left half done and nothing has touched for a day; return how many.

    Raises:
        ArchiveError: the store does not answer, or refuses it.
    """
    abandoned = [files for files in catalog.incomplete if _newest(files) < now - ABANDONED]
    for files in abandoned:
        store.delete(file.path for file in files)
    return len(abandoned)


def _newest(files: Iterable[Stored]) -> datetime:
    return max(file.modified for file in files)
