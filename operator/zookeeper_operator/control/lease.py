"""The Lease as the elector sees it: what is in it, how it is read and written, and what may go wrong.

`control.lease_store` implements it on the Kubernetes API.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class LeaseRecord:
    """What the Lease says. The times are for people; nothing is decided by them."""

    holder: str
    duration_seconds: int
    acquire_time: datetime
    renew_time: datetime
    transitions: int
    resource_version: str = ""


class LeaseError(Exception):
    """The store refused, or could not be reached. The elector survives it until the deadline."""


class ConflictError(LeaseError):
    """The Lease is not what the write was based on."""


class LeaseStore(Protocol):
    """One Lease object.

    Both methods raise `LeaseError` (or `OSError`, `TimeoutError`) for what may be transient; anything else
    is a mistake in the program and ends the elector.
    """

    async def read(self) -> LeaseRecord | None:
        """The record as it is now, live; None if there is no Lease."""

    async def write(self, lease: LeaseRecord) -> LeaseRecord:
        """Write the record if its resource_version is still current; it with the new one.

        An empty resource_version creates the Lease.

        Raises:
            ConflictError: it changed, or exists already, or is gone.
        """
