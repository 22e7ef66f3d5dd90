"""The steps by which the members of a source are exchanged for ours, and back.

Pure, and about ids only: what it answers is carried out by `plan.adoption`, foretold by `kubectl zk adopt`,
and checked in every state that can be reached.

A member of the source that is restarted may start from the static list that its owner gave it, whatever was
committed since: a majority of that list elects a leader that takes writes. So one rule is above all:

* no majority of the source's own list that can run is without a member in common with every majority of the
  committed voters (`may_split`). A pod of the source is stopped before that would be so, and on the way back
  its member has its vote before the pod is started.

Besides, while a voter of the source is left there are never fewer voters than the source had, one voter
changes at a time, and the other voters serve.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from zookeeper_operator.zookeeper.servers import majority

Gate = Literal["Observe", "Swap", "Finish"]
Stage = Literal["observing", "swapping", "undoing", "bridging", "finishing", "adopted"]
Waiting = Literal[
    "sync", "members", "pods", "finish", "single", "came back", "alone", "unknown", "nothing"
]


@dataclass(frozen=True)
class Walk:
    """Where a walk stands.

    Attributes:
        source: The voters of the source's own list, by the order of their pods.
        ours: Those of our members that get a vote, as many as the source has voters.
        voters: The committed voters.
        live: Members, voters or not, that are in sync.
        kept: How many pods the source must have; they are the first of `source`.
        running: Members of the source whose process may run.
        gate: How far the user lets it go.
    """

    source: tuple[int, ...]
    ours: tuple[int, ...]
    voters: frozenset[int]
    live: frozenset[int]
    kept: int
    running: frozenset[int]
    gate: Gate

    @property
    def theirs(self) -> tuple[int, ...]:
        """The voters that are the source's, in the order of their pods."""
        return tuple(i for i in self.source if i in self.voters)

    @property
    def joined(self) -> tuple[int, ...]:
        """Our members that vote."""
        return tuple(sorted(self.voters & frozenset(self.ours)))

    @property
    def unknown(self) -> tuple[int, ...]:
        """Voters that are neither ours nor of the source's own list: its owner has added them since."""
        return tuple(sorted(self.voters - frozenset(self.ours) - frozenset(self.source)))

    @property
    def missing(self) -> tuple[int, ...]:
        """Members of the source that have no vote any more."""
        return tuple(i for i in self.source if i not in self.voters)

    def splits(self, voters: Iterable[int], running: Iterable[int] | None = None) -> bool:
        """Whether these voters would let a part of the source run as an ensemble of its own."""
        return may_split(self.source, self.running if running is None else running, voters)


@dataclass(frozen=True)
class AddVoter:
    """One member gets a vote."""

    member_id: int


@dataclass(frozen=True)
class RemoveVoter:
    """One member loses its vote."""

    member_id: int


@dataclass(frozen=True)
class ScaleSource:
    """The source gets another number of pods."""

    pods: int


@dataclass(frozen=True)
class Wait:
    """Nothing is done now; `members` are those it waits for."""

    why: Waiting
    members: tuple[int, ...] = ()


Step = AddVoter | RemoveVoter | ScaleSource | Wait
NOTHING: Final = Wait("nothing")


def may_split(source: Iterable[int], running: Iterable[int], voters: Iterable[int]) -> bool:
    """Whether a majority of the source's own list can run that a majority of the voters can do without."""
    listed, voting = frozenset(source), frozenset(voters)
    able = listed & frozenset(running)
    needed = majority(len(listed))
    if len(able) < needed:
        return False
    shared = max(needed - len(able - voting), 0)
    return len(voting) - shared >= majority(len(voting))


def find_stage(walk: Walk) -> Stage:
    """How far the walk has come."""
    if walk.gate == "Observe":
        return (
            "undoing"
            if walk.joined or walk.missing or walk.kept < len(walk.source)
            else "observing"
        )
    if walk.theirs:
        return "swapping"
    if walk.gate == "Swap":
        return "bridging"
    return "finishing" if walk.kept or walk.running else "adopted"


def next_step(walk: Walk) -> Step:
    """What is done next, or what is waited for.

    Nothing, while there are voters of which it is not known where they run: whether a step is safe depends on
    which lists they are in.
    """
    if walk.unknown:
        return Wait("unknown", walk.unknown)
    if walk.gate == "Observe":
        return _step_back(walk)
    return _swap(walk) if walk.theirs else _finish(walk)


def _swap(walk: Walk) -> Step:
    """Add one of ours, then let the last of the source go; its pod goes first where that must be."""
    last = walk.source.index(walk.theirs[-1])
    if (shrink := _shrink(walk, last + 1)) is not None:
        return shrink
    if len(walk.voters) <= len(walk.source):
        return _add_ours(walk)
    return _remove_theirs(walk, walk.source[last])


def _shrink(walk: Walk, pods: int) -> Step | None:
    """Stop the pods of members that have left: restarted, they would belong to an ensemble of their own."""
    if walk.kept > pods:
        return ScaleSource(pods)
    lingering = tuple(i for i in walk.source[pods:] if i in walk.running)
    return Wait("pods", lingering) if lingering else None


def _add_ours(walk: Walk) -> Step:
    if len(walk.source) == 1 and walk.gate != "Finish":
        return Wait("single")
    candidates = [i for i in walk.ours if i not in walk.voters]
    if not candidates:
        return Wait("members")
    first = candidates[0]
    needed = candidates if not walk.joined else [first]
    if behind := tuple(i for i in needed if i not in walk.live):
        return Wait("sync", behind)
    # One that is about to leave is not waited for: its pod may be gone already, or find no other member.
    away = tuple(sorted(walk.voters - walk.live))
    enough = len((walk.voters & walk.live) | {first}) >= majority(len(walk.voters) + 1)
    if away and (away != walk.theirs[-1:] or not enough):
        return Wait("members", away)
    if walk.splits(walk.voters | {first}):
        return Wait("came back", tuple(sorted(walk.running)))
    return AddVoter(first)


def _remove_theirs(walk: Walk, leaver: int) -> Step:
    rest = walk.voters - {leaver}
    if away := tuple(sorted(rest - walk.live)):
        return Wait("members", away)
    # A source of one cannot be stopped first: there would be no majority. Its pod goes right after its vote.
    if len(walk.source) > 1 and walk.splits(rest):
        place = walk.source.index(leaver)
        if walk.kept > place:
            return ScaleSource(place)
        return Wait("pods", tuple(i for i in walk.source[place:] if i in walk.running))
    return RemoveVoter(leaver)


def _finish(walk: Walk) -> Step:
    """The last pod of the source serves its clients until the user lets it go; alone it elects no leader."""
    bridge = 1 if len(walk.source) > 1 and walk.gate == "Swap" else 0
    if (shrink := _shrink(walk, bridge)) is not None:
        return shrink
    return Wait("finish") if walk.gate == "Swap" else NOTHING


def _step_back(walk: Walk) -> Step:
    """Give a member of the source its vote, then its pod, then let the last of ours go."""
    if len(walk.source) > 1 and walk.splits(walk.voters):
        pods = _most_pods(walk)
        return _shrink(walk, pods) or Wait("came back", tuple(sorted(walk.running)))
    stopped = [i for place, i in enumerate(walk.source) if place >= walk.kept and i in walk.voters]
    if stopped:
        pods = walk.source.index(stopped[0]) + 1
        running = walk.running | frozenset(walk.source[:pods])
        if walk.splits(walk.voters, running):
            return Wait("came back", tuple(sorted(running)))
        return ScaleSource(pods)
    if walk.missing and len(walk.voters) <= len(walk.source):
        return _add_back(walk, walk.missing[0])
    if not walk.joined:
        return _add_back(walk, walk.missing[0]) if walk.missing else NOTHING
    rest = walk.voters - {walk.joined[-1]}
    if away := tuple(sorted(rest - walk.live)):
        return Wait("members", away)
    if walk.splits(rest):
        return Wait("came back", tuple(sorted(walk.running)))
    return RemoveVoter(walk.joined[-1])


def _most_pods(walk: Walk) -> int:
    """How many pods the source may have at most while these are the voters."""
    places = range(len(walk.source), 0, -1)
    return next((n for n in places if not walk.splits(walk.voters, walk.source[:n])), 0)


def _add_back(walk: Walk, member_id: int) -> Step:
    if away := tuple(sorted(walk.voters - walk.live)):
        return Wait("members", away)
    if member_id not in walk.live:
        # It starts from its own list, so another member of that list must lead it to the ensemble.
        if not walk.theirs:
            return Wait("alone", (member_id,))
        if member_id in walk.running and not walk.splits(walk.voters):
            return Wait("sync", (member_id,))
        if len(walk.voters & walk.live) < majority(len(walk.voters) + 1):
            return Wait("members", tuple(sorted(walk.voters - walk.live)))
    if walk.splits(walk.voters | {member_id}):
        return Wait("came back", tuple(sorted(walk.running)))
    return AddVoter(member_id)
