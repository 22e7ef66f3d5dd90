"""The Protocol of a store: a bucket or a volume, as paths with content."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """One object of a bucket, or one file of a volume."""

    path: str
    size: int
    modified: datetime


class Store(Protocol):
    """Content by path, as streams. Nothing is ever overwritten. Every method may raise an `ArchiveError`."""

    def location(self, path: str) -> str:
        """Return a path as users write it: `s3://BUCKET/PATH` or `pvc://CLAIM/PATH`."""
        ...

    def put(self, path: str, blocks: Iterable[bytes]) -> None:
        """Store a stream. It is there whole, or not at all.

        Raises:
            ArchiveError: `AlreadyStored` if there is something at the path; what `blocks` raises is raised
                as it is.
        """
        ...

    def create(self, path: str, content: bytes) -> None:
        """Store a short content in one step. Of several that do so at the same time, one succeeds.

        Raises:
            ArchiveError: `AlreadyStored` if there is something at the path.
        """
        ...

    def get(self, path: str) -> Iterator[bytes]:
        """Iterate over the content.

        Raises:
            ArchiveError: `BackupNotFound` if there is nothing at the path.
        """
        ...

    def list(self, directory: str) -> Iterator[Stored]:
        """Iterate over all that is below a directory, at any depth. One that does not exist is empty."""
        ...

    def delete(self, paths: Iterable[str]) -> None:
        """Delete these, in this order. What is not there is deleted."""
        ...
