"""The steps by which a source that cannot reconfigure is cut over to our members, and back.

Pure, and about ids and zxids only: what it answers is carried out by `plan.cut_over`, foretold by
`kubectl zk adopt`, and checked in every state that can be reached. Our members observe the source, so they
have its data and no vote. Safety:

* the source is stopped only while a fence is recorded: after the user has said that writing has stopped, a
  transaction was committed through a member of ours, and the leader and every member of ours stood behind it,
  at the same zxid, for five seconds;
* our members get votes only when the cut is recorded, and that is recorded only when no process of the source
  can run and nothing but this stop has happened to it since the fence was recorded;
* before the cut the source gets its pods back if the user asks for it, or if it was stopped without a fence;
  after the cut it never does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from zookeeper_operator.ensemble.adoption.walk import Gate, ScaleSource

QUIET: Final = timedelta(seconds=5)
"""How long a source must stand still before it is stopped."""

Reason = Literal["sync", "members", "writes", "copies", "quiet", "pods", "founding", "nothing"]


@dataclass(frozen=True)
class Fence:
    """Where the source and every member of ours stood, as it is recorded.

    `generation` is that of its StatefulSet at that time, 0 if none is named, and `pods` how many it had.
    """

    zxid: int
    generation: int = 0
    pods: int = 0


@dataclass(frozen=True)
class Standstill:
    """What one process remembers of how long a source stands still; forgotten, it costs five seconds.

    `fence` is the zxid of the fence, None if the source has moved since. `zxid` is where the source stands
    since `since`; None as long as the session in which the fence was written may not have ended.
    """

    fence: int | None
    zxid: int | None
    since: datetime


@dataclass(frozen=True)
class CutOver:
    """Where a cut-over stands.

    Attributes:
        source: The voters of the source, in the order of their pods.
        ours: Our members.
        gate: How far the user lets it go.
        now: The time.
        leader_at: The zxid of the leader of the source; None unless a majority of it serves.
        ours_at: The zxids of those of our members that follow that leader.
        kept: How many pods the source must have.
        running: Members of the source whose process may run.
        generation: That of its StatefulSet; 0 if none is named.
        fence: The fence that is recorded.
        standstill: What is remembered, with what was seen now.
        cut: Whether the cut is recorded.
        standby: Our members that have yet to be restarted as voters.
        voters: The voters that our members have committed after the cut.
        live: Those of our members that serve as voters.
    """

    source: tuple[int, ...]
    ours: tuple[int, ...]
    gate: Gate
    now: datetime
    leader_at: int | None
    ours_at: Mapping[int, int]
    kept: int
    running: frozenset[int]
    generation: int = 0
    fence: Fence | None = None
    standstill: Standstill | None = None
    cut: bool = False
    standby: tuple[int, ...] = ()
    voters: frozenset[int] = frozenset()
    live: frozenset[int] = frozenset()


@dataclass(frozen=True)
class WriteFence:
    """A znode is written through a member of ours."""


@dataclass(frozen=True)
class Record:
    """A fence, or that there is none any more, is recorded; with `cut`, that there is no way back."""

    fence: Fence | None
    cut: bool = False


@dataclass(frozen=True)
class RestartStandby:
    """One of our members is restarted, as a voter."""

    member_id: int


@dataclass(frozen=True)
class Await:
    """Nothing is done now; `members` are those it waits for."""

    why: Reason
    members: tuple[int, ...] = ()


Step = WriteFence | Record | ScaleSource | RestartStandby | Await
DONE: Final = Await("nothing")


def is_still(fence: int, zxid: int) -> bool:
    """Whether nothing was committed after a fence: a later epoch begins at 0."""
    return zxid == fence or (zxid >> 32 > fence >> 32 and not zxid & 0xFFFFFFFF)


def follow(before: Standstill | None, leader_at: int | None, now: datetime) -> Standstill | None:
    """What is remembered of a source, with where it stands now; nothing before the first fence."""
    if before is None or leader_at is None:
        return before
    if before.zxid == leader_at:
        return before
    if before.zxid is None and before.fence is not None:
        if leader_at <= before.fence:
            return before  # the session has not ended yet
        if leader_at >> 32 == before.fence >> 32:
            return replace(before, zxid=leader_at, since=now)
    return Standstill(None, leader_at, now)


def next_step(cut_over: CutOver) -> Step:
    """What is done next, or what is waited for."""
    if cut_over.cut:
        return _begin(cut_over)
    return _go_back(cut_over) if cut_over.gate == "Observe" else _go_on(cut_over)


def _go_back(at: CutOver) -> Step:
    """The source gets back the pods that were taken from it."""
    if at.fence is None:
        behind = _behind(at)
        return Await("sync", behind) if behind else DONE
    if at.kept < _pods_of(at):
        return ScaleSource(_pods_of(at))
    return Record(None)


def _go_on(at: CutOver) -> Step:
    if not at.running:
        return _cut(at)
    if at.fence is not None:
        return _stop(at, at.fence)
    if not at.kept:
        return ScaleSource(_pods_of(at))
    if at.leader_at is None:
        return Await("members", at.source)
    if behind := _behind(at):
        return Await("sync", behind)
    return _fence(at, at.leader_at)


def _cut(at: CutOver) -> Step:
    """Nothing of the source runs: either that is what the fence was for, or nobody knows what ours lack."""
    if at.fence is not None and _holds(at, at.fence):
        return Record(at.fence, cut=True)
    return ScaleSource(_pods_of(at))


def _holds(at: CutOver, fence: Fence) -> bool:
    """Whether nothing but its stop has happened to the StatefulSet since a fence was recorded."""
    return not fence.generation or at.generation == fence.generation + (0 if at.kept else 1)


def _stop(at: CutOver, fence: Fence) -> Step:
    moved = at.leader_at is not None and not is_still(fence.zxid, at.leader_at)
    if moved or not _holds(at, fence):
        return Record(None)
    if not at.kept:
        return Await("pods", tuple(i for i in at.source if i in at.running))
    if at.leader_at is None:
        return Await("members", at.source)
    away = [i for i in at.ours if i not in at.ours_at or not is_still(fence.zxid, at.ours_at[i])]
    return Await("sync", tuple(away)) if away else ScaleSource(0)


def _fence(at: CutOver, stand: int) -> Step:
    """Write a fence, wait until every one of ours has it, and see that nothing comes after it."""
    known = at.standstill
    if known is None:
        return WriteFence()
    rested = at.now - known.since >= QUIET
    if known.fence is None:
        return WriteFence() if rested else Await("writes")
    if known.zxid is None:
        # The process that wrote it may have ended before its session did: then the session expires.
        return WriteFence() if at.now - known.since > 6 * QUIET else Await("copies", at.ours)
    if late := tuple(i for i in at.ours if at.ours_at[i] != stand):
        return Await("copies", late)
    if not rested:
        return Await("quiet")
    return Record(Fence(stand, at.generation, at.kept))


def _begin(at: CutOver) -> Step:
    """Our members are restarted as voters; of the source nothing may run."""
    if at.kept:
        return ScaleSource(0)
    if at.running:
        return Await("pods", tuple(i for i in at.source if i in at.running))
    if at.standby:
        return RestartStandby(at.standby[0])
    # Fewer of ours vote where a person had to recover the ensemble meanwhile; the others join it afterwards.
    missing = tuple(sorted(at.voters - at.live)) if at.voters else at.ours
    return Await("founding", missing) if missing else DONE


def _behind(at: CutOver) -> tuple[int, ...]:
    return tuple(i for i in at.ours if i not in at.ours_at)


def _pods_of(at: CutOver) -> int:
    return at.fence.pods if at.fence is not None and at.fence.pods else len(at.source)
