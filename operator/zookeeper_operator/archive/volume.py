"""A store in a directory: a mounted volume.

A file gets its name when it is complete and on the disk, by a hard link or a rename that does not overwrite.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from zookeeper_operator.archive.disk import FULL, sync_directory
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.stores import Stored
from zookeeper_operator.archive.streams import BLOCK

_TEMPORARY: Final = ".incomplete-"
"""What the names of files begin with that are being written."""
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
)


class VolumeStore:
    """A `Store` below a directory."""

    def __init__(self, root: Path, *, claim: str) -> None:
        self._root = root
        self._claim = claim

    def location(self, path: str) -> str:
        """Return `pvc://CLAIM/PATH`."""
        return f"pvc://{self._claim}/{path}"

    def put(self, path: str, blocks: Iterable[bytes]) -> None:
        """Store a stream."""
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                raise FileExistsError
            descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
        except OSError as error:
            raise self._error(error, "store", path) from error
        temporary = Path(name)
        try:
            self._write(descriptor, blocks, path)
            try:
                _name(temporary, target)
                _sync_directories(target.parent, self._root)
            except OSError as error:
                raise self._error(error, "store", path) from error
        finally:
            temporary.unlink(missing_ok=True)

    def create(self, path: str, content: bytes) -> None:
        """Store a short content in one step."""
        self.put(path, [content])

    def get(self, path: str) -> Iterator[bytes]:
        """Iterate over the content."""
        try:
            with (self._root / path).open("rb") as file:
                while block := file.read(BLOCK):
                    yield block
        except OSError as error:
            raise self._error(error, "read", path) from error

    def list(self, directory: str) -> Iterator[Stored]:
        """Iterate over all files, those that are being written too."""
        for folder, folders, files in os.walk(self._root / directory, onerror=self._walk_failed):
            folders.sort()
            for name in sorted(files):
                file = Path(folder, name)
                try:
                    found = file.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                modified = datetime.fromtimestamp(found.st_mtime, UTC)
                yield Stored(str(file.relative_to(self._root)), found.st_size, modified)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files, and the directories that are empty then."""
        for path in paths:
            file = self._root / path
            try:
                file.unlink(missing_ok=True)
                sync_directory(file.parent)
                self._remove_empty(file.parent)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise self._error(error, "delete", path) from error

    def _write(self, descriptor: int, blocks: Iterable[bytes], path: str) -> None:
        """Write all blocks to the disk; errors of `blocks` are not ours."""
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for block in blocks:
                left = memoryview(block)
                try:
                    while left:
                        left = left[file.write(left) :]
                except OSError as error:
                    raise self._error(error, "store", path) from error
            try:
                os.fchmod(file.fileno(), 0o640)
                os.fsync(file.fileno())
            except OSError as error:
                raise self._error(error, "store", path) from error

    def _remove_empty(self, directory: Path) -> None:
        while directory != self._root and self._root in directory.parents:
            try:
                directory.rmdir()
            except OSError:
                return  # it is not empty, or another agent has just removed it
            directory = directory.parent

    def _walk_failed(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise self._error(error, "list", str(error.filename)) from error

    def _error(self, error: OSError, action: str, path: str) -> ArchiveError:
        where = f"{path} on the volume of the claim {self._claim}"
        if isinstance(error, FileExistsError):
            return ArchiveError(
                Reason.ALREADY_STORED, f"there is already {where}; nothing is overwritten"
            )
        if isinstance(error, FileNotFoundError):
            return ArchiveError(Reason.BACKUP_NOT_FOUND, f"there is no {where}")
        if error.errno in FULL:
            return ArchiveError(
                Reason.STORAGE_FULL,
                f"cannot {action} {where}: it is full; make it larger, or remove backups",
            )
        if error.errno in _REFUSED:
            return ArchiveError(
                Reason.STORAGE_REFUSED,
                f"cannot {action} {where}: {error.strerror}; the pod must be allowed to write to it "
                "(fsGroup, access mode, read-only)",
            )
        return ArchiveError(
            Reason.STORAGE_UNAVAILABLE, f"cannot {action} {where}: {error.strerror or error}"
        )


def _name(temporary: Path, target: Path) -> None:
    """Give a complete file its name, which nothing may have yet."""
    try:
        target.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links. Only one agent writes to a directory of one second.
        if target.exists():
            raise FileExistsError from error
        temporary.rename(target)


def _sync_directories(directory: Path, root: Path) -> None:
    """Bring the names of a file and of the directories above it to the disk."""
    while True:
        sync_directory(directory)
        if directory == root or root not in directory.parents:
            return
        directory = directory.parent
