"""The steps by which a source that cannot reconfigure is cut over to our members, and back.

Pure, and about ids and zxids only: what it answers is carried out by `plan.cut_over`, foretold by
`kubectl zk adopt`, and checked in every state that can be reached. Our members observe the source, so they
have its data and no vote. Safety:

* the source is stopped only while a fence is recorded: after the user has said that writing has stopped, a
  transaction was committed through a member of ours, and the leader and every member of ours stood behind it,
  at the same zxid, for five seconds;
* our members get votes only when the cut is recorded, and that is recorded only when no process of the source
  can run, none is heard, a majority of ours says that it has no leader and none that it has one, and nothing
  but this stop has happened to the source since the fence was recorded;
* before the cut the source gets its pods back if the user asks for it, or if it was stopped without a fence;
  a fence that is given up stays recorded until it has them. After the cut it never gets them;
* a cut is taken back while the source runs again and none of ours can have had a vote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from zookeeper_operator.ensemble.adoption.fence import (
    QUIET,
    Fence,
    Memory,
    Silence,
    Standstill,
    is_still,
)
from zookeeper_operator.ensemble.adoption.walk import Gate, ScaleSource
from zookeeper_operator.zookeeper.servers import majority

Reason = Literal[
    "sync",
    "members",
    "writes",
    "copies",
    "quiet",
    "early",
    "version",
    "off",
    "pods",
    "led",
    "leaderless",
    "silent",
    "founding",
    "nothing",
]


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
        running: Members of the source whose process may run, or was heard.
        led: Those of our members that say that they have a leader, with the zxids that they say.
        leaderless: Those that say that they have none.
        left: Whether the StatefulSet of the source has pods that are none of these members.
        generation: That of its StatefulSet; 0 if none is named.
        uid: That of its StatefulSet.
        early: Members of which the owner has said that they are stopped, where that has to follow the fence.
        version: That of the configuration of the source, which one that cannot reconfigure does not have.
        fence: The fence that is recorded.
        memory: What is remembered, with what was seen now.
        cut: Whether the cut is recorded.
        void: Whether it must be taken back.
        standby: Our members that have yet to be restarted by the list that is published.
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
    led: Mapping[int, int | None]
    leaderless: frozenset[int] = frozenset()
    left: bool = False
    generation: int = 0
    uid: str = ""
    early: tuple[int, ...] = ()
    version: int = 0
    fence: Fence | None = None
    memory: Memory | None = None
    cut: bool = False
    void: bool = False
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
    """One of our members is restarted, by the list that is published."""

    member_id: int


@dataclass(frozen=True)
class Await:
    """Nothing is done now; `members` are those it waits for."""

    why: Reason
    members: tuple[int, ...] = ()


Step = WriteFence | Record | ScaleSource | RestartStandby | Await
DONE: Final = Await("nothing")


def is_silent(at: CutOver) -> bool:
    """Whether all that is seen says that the source has ended, in this moment."""
    return not (at.running or at.left or at.led) and len(at.leaderless) >= majority(len(at.ours))


def next_step(at: CutOver) -> Step:
    """What is done next, or what is waited for."""
    if at.cut:
        return Record(None) if at.void else _begin(at)
    return _go_back(at) if at.gate == "Observe" else _go_on(at)


def _go_back(at: CutOver) -> Step:
    """The source gets back the pods that were taken from it, and only then the fence goes."""
    if at.fence is not None:
        if at.kept < _pods_of(at):
            return ScaleSource(_pods_of(at))
        return Await("members", at.source) if at.leader_at is None else Record(None)
    if not at.kept:
        return Await("off", at.source)  # its owner has stopped it: nobody has asked for anything
    if at.version:
        return Await("version")
    return _copy(at) or DONE


def _go_on(at: CutOver) -> Step:
    if not at.running and not at.left:
        return _cut(at)
    if at.fence is not None:
        return _stop(at, at.fence)
    if not at.kept:
        return ScaleSource(_pods_of(at))
    if at.version:
        return Await("version")
    if at.early:
        return Await("early", at.early)
    if at.leader_at is None:
        return Await("members", at.source)
    return _copy(at) or _fence(at, at.leader_at)


def _cut(at: CutOver) -> Step:
    """Nothing of the source runs: either that is what the fence was for, or nobody knows what ours lack."""
    if at.fence is None or not _holds(at, at.fence) or _has_moved(at, at.fence):
        return ScaleSource(_pods_of(at))
    if at.led:
        return Await("led", tuple(sorted(at.led)))
    if not is_silent(at):
        return Await("leaderless", tuple(i for i in at.ours if i not in at.leaderless))
    # Where a pod ends, the API server says so. Of a process there is only the word of its owner.
    waits = not isinstance(at.memory, Silence) or at.now - at.memory.since < QUIET
    if not at.uid and waits:
        return Await("silent", at.source)
    return Record(at.fence, cut=True)


def _holds(at: CutOver, fence: Fence) -> bool:
    """Whether nothing but its stop has happened to the StatefulSet since a fence was recorded."""
    if at.uid != fence.uid:
        return False
    return not fence.generation or at.generation == fence.generation + (0 if at.kept else 1)


def _has_moved(at: CutOver, fence: Fence) -> bool:
    """Whether anything was committed after a fence, at the source or as ours have heard of it.

    While nothing of the source is stopped, an election counts as well: its leader may run with another
    configuration, and give the list of members a version.
    """
    if at.leader_at is not None and at.leader_at < fence.zxid:
        return True
    stands = [*at.led.values(), at.leader_at]
    beyond = [zxid for zxid in stands if zxid is not None and zxid > fence.zxid]
    whole = at.kept >= _pods_of(at) and at.running >= frozenset(at.source)
    return bool(beyond) and (whole or not all(is_still(fence.zxid, zxid) for zxid in beyond))


def _stop(at: CutOver, fence: Fence) -> Step:
    if _has_moved(at, fence) or not _holds(at, fence):
        # What is recorded brings its pods back, so it goes last.
        return ScaleSource(_pods_of(at)) if at.kept < _pods_of(at) else Record(None)
    if not at.kept:
        return Await("pods", tuple(i for i in at.source if i in at.running))
    if at.leader_at is None:
        return Await("members", at.source)
    away = [i for i in at.ours if i not in at.ours_at or not is_still(fence.zxid, at.ours_at[i])]
    return Await("sync", tuple(away)) if away else ScaleSource(0)


def _fence(at: CutOver, stand: int) -> Step:
    """Write a fence, wait until every one of ours has it, and see that nothing comes after it."""
    known = at.memory
    if not isinstance(known, Standstill):
        return WriteFence()
    rested = at.now - known.since >= QUIET
    if known.version:
        # Asked again after a while: its owner may have put it right.
        return WriteFence() if at.now - known.since > 6 * QUIET else Await("version")
    if known.fence is None:
        return WriteFence() if rested else Await("writes")
    if known.zxid is None:
        # The process that wrote it may have ended before its session did: then the session expires.
        return WriteFence() if at.now - known.since > 6 * QUIET else Await("copies", at.ours)
    if late := tuple(i for i in at.ours if at.ours_at[i] != stand):
        return Await("copies", late)
    if not rested:
        return Await("quiet")
    return Record(Fence(stand, at.generation, at.kept, at.uid))


def _begin(at: CutOver) -> Step:
    """Our members are restarted as voters; of the source nothing may run."""
    if at.kept:
        return ScaleSource(0)
    if at.running or at.left:
        return Await("pods", tuple(i for i in at.source if i in at.running))
    if at.standby:
        return RestartStandby(at.standby[0])
    # Fewer of ours vote where a person had to recover the ensemble meanwhile; the others join it afterwards.
    missing = tuple(sorted(at.voters - at.live)) if at.voters else at.ours
    return Await("founding", missing) if missing else DONE


def _copy(at: CutOver) -> Step | None:
    """Whom it waits for to copy the data; None if every one of ours has it."""
    if at.standby:
        return RestartStandby(at.standby[0])  # it has started as a voter of a cut that was void
    behind = tuple(i for i in at.ours if i not in at.ours_at)
    return Await("sync", behind) if behind else None


def _pods_of(at: CutOver) -> int:
    return at.fence.pods if at.fence is not None and at.fence.pods else len(at.source)
