"""Every step by which a source would be taken over, when nothing goes wrong.

Pure. There is no second logic here: `walk.next_step` decides, and what it asks for is taken as done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

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
