"""Where a backup is in its store. Pure.

    PREFIX/NAMESPACE/ENSEMBLE/first 8 of the IDENTITY/20261126T020017Z-ZXID/snapshot.gz
                                                                           /manifest.json

Every path is relative to the bucket or the volume.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from zookeeper_operator.archive.errors import ArchiveError, Reason

MANIFEST: Final = "manifest.json"
PLAIN: Final = "snapshot.gz"
ENCRYPTED: Final = "snapshot.gz.enc"
DATA: Final = (PLAIN, ENCRYPTED)

_TIME: Final = "%Y%m%dT%H%M%SZ"
_DIRECTORY: Final = re.compile(r"^(?P<time>[0-9]{8}T[0-9]{6}Z)-(?P<zxid>[0-9a-f]{1,16})$")
_SEGMENT: Final = re.compile(r"^[A-Za-z0-9!_.*'()-]+$")
_IDENTITY_SHOWN: Final = 8


@dataclass(frozen=True)
class Place:
    """The directory of all backups of one ensemble."""

    prefix: str
    namespace: str
    ensemble: str
    identity: str

    @property
    def path(self) -> str:
        """The path of it.

        Raises:
            ArchiveError: one of the names cannot be part of a path.
        """
        return join(
            self.prefix, self.namespace, self.ensemble, self.identity[:_IDENTITY_SHOWN] or "."
        )


@dataclass(frozen=True)
class DirectoryName:
    """The name of the directory of one backup: when it was started, and of which zxid it is."""

    started_at: datetime
    zxid: int

    @property
    def text(self) -> str:
        """The name, to the second."""
        return f"{self.started_at.astimezone(UTC).strftime(_TIME)}-{self.zxid:x}"


def parse_directory_name(text: str) -> DirectoryName | None:
    """Read the name of a directory; None if it is not that of a backup."""
    found = _DIRECTORY.match(text)
    if found is None:
        return None
    try:
        started_at = datetime.strptime(found["time"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return DirectoryName(started_at, int(found["zxid"], 16))


def join(*parts: str) -> str:
    """Return the path of these parts, each of which may have several segments or none.

    Raises:
        ArchiveError: the path would lead out of the store, or has characters that not every store keeps.
    """
    segments = [
        segment for part in parts for segment in part.strip("/").split("/") if part.strip("/")
    ]
    for segment in segments:
        if not _SEGMENT.match(segment) or segment in {".", ".."}:
            raise ArchiveError(
                Reason.INVALID_TASK,
                f"{segment!r} cannot be part of the path of a backup: use letters, digits and "
                "!_.*'()- in each part, and neither . nor ..",
            )
    if not segments:
        raise ArchiveError(Reason.INVALID_TASK, "the path of a backup is empty")
    return "/".join(segments)
