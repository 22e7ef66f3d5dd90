"""The exchange of members in every state that faults, the user and the source's owner can bring about."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from zookeeper_operator.ensemble.adoption.walk import (
    NOTHING,
    AddVoter,
    Gate,
    RemoveVoter,
    ScaleSource,
    Wait,
    Walk,
    find_stage,
    may_split,
    next_step,
)
from zookeeper_operator.zookeeper.servers import majority


@dataclass(frozen=True)
class World:
    """A source, our members, and who is down at this moment."""

    size: int
    voters: frozenset[int]
    kept: int
    running: frozenset[int]
    down: int = 0
    gate: Gate = "Observe"

    @property
    def source(self) -> tuple[int, ...]:
        return tuple(range(1, self.size + 1))

    @property
    def ours(self) -> tuple[int, ...]:
        return tuple(range(11, 11 + self.size))

    @property
    def live(self) -> frozenset[int]:
        return (self.running | frozenset(self.ours)) - {self.down}

    @property
    def may_run(self) -> frozenset[int]:
        """Who runs, and who is started as soon as its pod is created."""
        return self.running | frozenset(self.source[: self.kept])

    @property
    def serves(self) -> bool:
        return len(self.voters & self.live) >= majority(len(self.voters))

    def walk(self) -> Walk:
        return Walk(
            self.source,
            self.ours,
            self.voters,
            self.live if self.serves else frozenset(),
            self.kept,
            self.may_run,
            self.gate,
        )

    def splits(self) -> bool:
        return may_split(self.source, self.may_run, self.voters)


def begin(size: int, gate: Gate = "Observe") -> World:
    source = frozenset(range(1, size + 1))
    return World(size, source, size, source, gate=gate)


def step(world: World) -> World:
    """The world after what the walk asks for; every step is checked."""
    asked = next_step(world.walk())
    match asked:
        case AddVoter() | RemoveVoter():
            voters = world.voters ^ {asked.member_id}
            assert (asked.member_id in voters) == isinstance(asked, AddVoter)
            assert world.serves
            assert len(voters & world.live) >= majority(len(voters)), "ZooKeeper would refuse it"
            after = replace(world, voters=voters)
        case ScaleSource():
            after = replace(world, kept=asked.pods)
            staying = after.live - frozenset(world.source[asked.pods :])
            kept = len(after.voters & staying) >= majority(len(after.voters))
            assert kept or not world.serves, "it stops the majority"
        case Wait():
            after = world
    if after != world and not world.splits() and world.size > 1:
        assert not after.splits(), f"{asked} of {world}"
    if after.voters & frozenset(world.source):
        assert len(after.voters) >= world.size, f"{asked} of {world}"
    return after


def happenings(world: World) -> Iterator[World]:
    """What Kubernetes does by itself."""
    kept = frozenset(world.source[: world.kept])
    for member in world.running - kept:
        yield replace(world, running=world.running - {member})
    for member in kept - world.running:
        if world.voters & world.running:  # its list leads it to the ensemble
            yield replace(world, running=world.running | {member})


def surprises(world: World) -> Iterator[World]:
    """What the user does, one fault at a time, and the owner who puts the pods of the source back."""
    if world.gate != "Finish":
        for gate in ("Observe", "Swap", "Finish"):
            yield replace(world, gate=gate)
    if world.down:
        yield replace(world, down=0)
    else:
        for member in (*world.running, *world.ours):
            yield replace(world, down=member)
    if world.kept < world.size:
        yield replace(world, kept=world.size)


def explore(size: int) -> set[World]:
    found, ahead = set(), [begin(size)]
    while ahead:
        world = ahead.pop()
        if world in found:
            continue
        found.add(world)
        ahead += [step(world), *happenings(world), *surprises(world)]
    return found


def ends(world: World) -> World:
    """Where it comes to when nothing else happens."""
    for _ in range(200):
        after = step(replace(world, down=0))
        after = next(happenings(after), after)
        if after == world:
            return world
        world = after
    raise AssertionError(f"it does not end: {world}")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_no_two_ensembles_can_run_and_every_walk_ends(size: int) -> None:
    worlds = explore(size)
    assert len(worlds) > 20 * size
    for world in worlds:
        end = ends(world)
        stage = find_stage(end.walk())
        if world.gate == "Finish":
            assert (stage, end.voters, end.kept) == ("adopted", frozenset(end.ours), 0), world
        elif world.gate == "Observe":
            alone = next_step(end.walk()) == Wait("alone", (1,))
            assert stage == "observing" or alone, world
        elif size > 1:
            assert (stage, end.kept) == ("bridging", 1), world


@pytest.mark.parametrize("size", [3, 5])
def test_the_source_is_stopped_pod_by_pod_and_comes_back_vote_by_vote(size: int) -> None:
    asked, world = [], begin(size, "Swap")
    for gate in ("Swap", "Observe"):
        world = replace(world, gate=gate)
        for _ in range(100):
            asked.append(next_step(world.walk()))
            after = step(world)
            world = next(happenings(after), after)
    done = [s for s in asked if not isinstance(s, Wait)]
    assert done[:4] == [AddVoter(11), ScaleSource(size - 1), RemoveVoter(size), AddVoter(12)]
    assert done[-3:] == [AddVoter(size), ScaleSource(size), RemoveVoter(11)]
    assert find_stage(world.walk()) == "observing"


def test_a_single_server_is_exchanged_only_at_the_end() -> None:
    world = begin(1, "Swap")
    assert next_step(world.walk()) == Wait("single")
    finishing = replace(world, gate="Finish")
    done = []
    for _ in range(6):
        done.append(next_step(finishing.walk()))
        after = step(finishing)
        finishing = next(happenings(after), after)
    assert [s for s in done if not isinstance(s, Wait)] == [
        AddVoter(11),
        RemoveVoter(1),
        ScaleSource(0),
    ]
    assert next_step(finishing.walk()) == NOTHING


@pytest.mark.parametrize(
    ("source", "running", "voters", "splits"),
    [
        ((1, 2, 3), (1, 2, 3), (1, 2, 3, 11), False),
        ((1, 2, 3), (1, 2, 3), (1, 2, 11), True),
        ((1, 2, 3), (1, 2), (1, 2, 11), False),
        ((1, 2, 3), (1, 2), (1, 11, 12), True),
        ((1, 2, 3), (1,), (11, 12, 13), False),
        ((1, 2, 3), (1, 2), (11, 12, 13), True),
        ((1,), (1,), (1, 11), False),
        ((1,), (1,), (1, 11, 12), True),
    ],
)
def test_two_majorities_without_a_common_member(
    source: tuple[int, ...], running: tuple[int, ...], voters: tuple[int, ...], *, splits: bool
) -> None:
    assert may_split(source, running, voters) is splits
