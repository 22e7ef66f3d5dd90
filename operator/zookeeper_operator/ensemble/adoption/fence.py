"""Where a source stands that is cut over: what is recorded of it, and what one process remembers. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

QUIET: Final = timedelta(seconds=5)
"""How long a source must stand still before it is stopped, and be silent where only its owner stops it."""


@dataclass(frozen=True)
class Fence:
    """Where the source and every member of ours stood, as it is recorded.

    `generation` is that of its StatefulSet at that time, 0 if none is named, `pods` how many it had, `uid`
    which one it is.
    """

    zxid: int
    generation: int = 0
    pods: int = 0
    uid: str = ""


@dataclass(frozen=True)
class Standstill:
    """What one process remembers of how long a source stands still; forgotten, it costs five seconds.

    `fence` is the zxid of the fence, None if the source has moved since. `zxid` is where the source stands
    since `since`; None as long as the session in which the fence was written may not have ended. `version` is
    that of the configuration of the source, if it was found to have one: then there is no fence.
    """

    fence: int | None
    zxid: int | None
    since: datetime
    version: int = 0


@dataclass(frozen=True)
class Silence:
    """What one process remembers of how long nothing of a source was heard, after a fence."""

    since: datetime


Memory = Standstill | Silence


@dataclass(frozen=True)
class Written:
    """What became of an attempt to write a fence: its zxid, or the version of the configuration instead."""

    zxid: int | None = None
    version: int = 0


def is_still(fence: int, zxid: int) -> bool:
    """Whether nothing was committed after a fence: a later epoch begins at 0."""
    return zxid == fence or (zxid >> 32 > fence >> 32 and not zxid & 0xFFFFFFFF)


def follow(before: Standstill | None, leader_at: int | None, now: datetime) -> Standstill | None:
    """What is remembered of a source, with where it stands now; nothing before the first fence."""
    if before is None or leader_at is None or before.version:
        return before
    if before.zxid == leader_at:
        return before
    if before.zxid is None and before.fence is not None:
        if leader_at <= before.fence:
            return before  # the session has not ended yet
        if leader_at >> 32 == before.fence >> 32:
            return replace(before, zxid=leader_at, since=now)
    return Standstill(None, leader_at, now)
