"""What volumes have in common: bringing names to the disk, and the errors of one that is full."""

import errno
import os
from pathlib import Path
from typing import Final

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of errors of a volume without room."""


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk, after a file there was renamed or removed."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
