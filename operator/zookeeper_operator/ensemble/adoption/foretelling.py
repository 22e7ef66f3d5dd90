"""Every step by which a source would be taken over, when nothing goes wrong.

Pure. There is no second logic here: `walk.next_step` and `cut_over.next_step` decide, and what they ask for
is taken as done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from zookeeper_operator.ensemble.adoption import cut_over
from zookeeper_operator.ensemble.adoption.cut_over import CutOver, Record
from zookeeper_operator.ensemble.adoption.fence import QUIET, Standstill
from zookeeper_operator.ensemble.adoption.walk import (
    AddVoter,
    Gate,
    RemoveVoter,
    ScaleSource,
    Wait,
    Walk,
    next_step,
)

_GATES: Final[tuple[Gate, ...]] = ("Swap", "Finish")


@dataclass(frozen=True)
class Foretold:
    """One step: when it comes, what is done, and who votes afterwards."""

    gate: Gate
    text: str
    voters: tuple[int, ...]


def foretell(source: Sequence[int], ours: Sequence[int]) -> tuple[Foretold, ...]:
    """The steps in their order, from the first vote to the last pod of the source.

    Args:
        source: the voters of the source, in the order of their pods.
        ours: our members that get a vote.
    """
    everyone = frozenset((*source, *ours))
    walk = Walk(
        source=tuple(source),
        ours=tuple(ours),
        voters=frozenset(source),
        live=everyone,
        kept=len(source),
        running=frozenset(source),
        gate="Swap",
    )
    found: list[Foretold] = []
    for gate in _GATES:
        walk = replace(walk, gate=gate)
        while not isinstance(step := next_step(walk), Wait):
            walk, text = _take(walk, step)
            found.append(Foretold(gate, text, tuple(sorted(walk.voters))))
    return tuple(found)


def _take(walk: Walk, step: AddVoter | RemoveVoter | ScaleSource) -> tuple[Walk, str]:
    """The walk after a step, and the step in words."""
    match step:
        case AddVoter(member_id=member):
            return replace(walk, voters=walk.voters | {member}), f"member {member} gets a vote"
        case RemoveVoter(member_id=member):
            return replace(walk, voters=walk.voters - {member}), f"member {member} leaves"
        case ScaleSource(pods=pods):
            running = frozenset(walk.source[:pods])
            live = walk.live - (frozenset(walk.source) - running)
            gone = ", ".join(map(str, walk.source[pods : walk.kept]))
            text = f"the source gets {pods} pods: that of member {gone} is stopped"
            return replace(walk, kept=pods, running=running, live=live), text


_SOME_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A cut-over depends on how long something lasts, and not on the date."""


def foretell_cut_over(source: Sequence[int], ours: Sequence[int]) -> tuple[Foretold, ...]:
    """The same for a source that cannot reconfigure, when nothing is written any more."""
    at = CutOver(
        source=tuple(source),
        ours=tuple(ours),
        gate="Swap",
        now=_SOME_DAY,
        leader_at=1,
        ours_at=dict.fromkeys(ours, 1),
        kept=len(source),
        running=frozenset(source),
        led=dict.fromkeys(ours, 1),
        uid="of the StatefulSet, if there is one",
    )
    found: list[Foretold] = []
    while not isinstance(step := cut_over.next_step(at), cut_over.Await):
        at, text = _take_cut(at, step)
        found.append(Foretold("Swap", text, tuple(ours) if at.cut else tuple(source)))
    return tuple(found)


def _take_cut(
    at: CutOver, step: cut_over.WriteFence | Record | ScaleSource | cut_over.RestartStandby
) -> tuple[CutOver, str]:
    """The cut-over after a step, and the step in words."""
    match step:
        case cut_over.WriteFence():
            rested = Standstill(0, 1, at.now - QUIET)
            text = (
                "a znode is written as a fence, through a member of ours; it goes with its session"
            )
            return replace(at, memory=rested), text
        case Record(fence=fence, cut=False):
            seconds = int(QUIET.total_seconds())
            text = f"the source and every member of ours have stood still for {seconds} s"
            return replace(at, fence=fence), text
        case ScaleSource(pods=pods):
            text = f"the source gets {pods} pods; from here on nothing serves"
            gone = frozenset(at.source[:pods])
            stopped = replace(at, kept=pods, running=gone, leader_at=None, ours_at={}, led={})
            return replace(stopped, leaderless=frozenset(at.ours)), text
        case Record():
            listed = ", ".join(map(str, at.ours))
            text = f"members {listed} become an ensemble of their own; there is no way back"
            return replace(at, cut=True, standby=at.ours), text
        case cut_over.RestartStandby(member_id=member):
            rest = tuple(i for i in at.standby if i != member)
            return replace(at, standby=rest), f"member {member} is restarted as a voter"
