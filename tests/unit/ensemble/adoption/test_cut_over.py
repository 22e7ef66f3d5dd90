"""Cutting a source over, in every state that faults, the user and the source's owner can bring about."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from zookeeper_operator.ensemble.adoption.cut_over import (
    DONE,
    Await,
    CutOver,
    Record,
    RestartStandby,
    Step,
    WriteFence,
    is_silent,
    next_step,
)
from zookeeper_operator.ensemble.adoption.fence import (
    QUIET,
    Fence,
    Memory,
    Silence,
    Standstill,
    follow,
    is_still,
)
from zookeeper_operator.ensemble.adoption.walk import Gate, ScaleSource

SOURCE, OURS = (1, 2, 3), (11, 12, 13)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = 1 << 32


def at(**facts: object) -> CutOver:
    """A source of three that stands still at 5, and every one of ours with it."""
    usual = CutOver(
        source=SOURCE,
        ours=OURS,
        gate="Swap",
        now=NOW,
        leader_at=EPOCH + 5,
        ours_at=dict.fromkeys(OURS, EPOCH + 5),
        kept=3,
        running=frozenset(SOURCE),
        led=dict.fromkeys(OURS, EPOCH + 5),
        generation=7,
        uid="old",
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


STOPPED = {
    "kept": 0,
    "running": frozenset(),
    "leader_at": None,
    "ours_at": {},
    "led": {},
    "leaderless": frozenset(OURS),
}
STOPPING = {"kept": 0, "generation": 8}
ENDED = {**STOPPED, "generation": 8}
RESTED = Standstill(EPOCH + 4, EPOCH + 5, NOW - QUIET)
FENCE = Fence(EPOCH + 5, 7, 3, "old")
BY_HAND = {"fence": Fence(EPOCH + 5, 0, 3), "generation": 0, "uid": ""}
LONG_AGO = Silence(NOW - QUIET)


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({"gate": "Observe"}, DONE),
        ({"gate": "Observe", "ours_at": {11: 1}}, Await("sync", (12, 13))),
        ({"gate": "Observe", "kept": 0}, Await("off", SOURCE)),
        ({"gate": "Observe", "version": EPOCH}, Await("version")),
        ({}, WriteFence()),
        ({"version": EPOCH}, Await("version")),
        ({"memory": Standstill(None, None, NOW, EPOCH)}, Await("version")),
        ({"memory": Standstill(None, None, NOW - 7 * QUIET, EPOCH)}, WriteFence()),
        ({"memory": LONG_AGO}, WriteFence()),
        ({"generation": 0, "uid": "", "early": (1, 2)}, Await("early", (1, 2))),
        ({"ours_at": {11: EPOCH + 5}}, Await("sync", (12, 13))),
        ({"leader_at": None}, Await("members", SOURCE)),
        ({"memory": replace(RESTED, since=NOW)}, Await("quiet")),
        ({"memory": replace(RESTED, zxid=None)}, Await("copies", OURS)),
        ({"memory": replace(RESTED, zxid=None, since=NOW - 7 * QUIET)}, WriteFence()),
        ({"memory": RESTED, "ours_at": {**at().ours_at, 12: EPOCH}}, Await("copies", (12,))),
        ({"memory": RESTED}, Record(FENCE)),
        ({"memory": Standstill(None, EPOCH + 5, NOW)}, Await("writes")),
        ({"memory": Standstill(None, EPOCH + 5, NOW - QUIET)}, WriteFence()),
        ({"fence": FENCE}, ScaleSource(0)),
        ({"fence": FENCE, "leader_at": EPOCH + 6}, Record(None)),
        ({"fence": FENCE, "ours_at": {11: EPOCH + 5}}, Await("sync", (12, 13))),
        ({"fence": FENCE, "generation": 9}, Record(None)),
        ({"fence": FENCE, "uid": "another of that name"}, Record(None)),
        # An election may have turned reconfiguration on, and one of ours may have heard of a last write.
        ({"fence": FENCE, "leader_at": 2 * EPOCH}, Record(None)),
        ({"fence": FENCE, "led": {12: EPOCH + 6}, "leader_at": None}, Record(None)),
        ({"fence": FENCE, "led": {12: EPOCH + 6}, "leader_at": 2 * EPOCH}, Record(None)),
        ({**STOPPING, "fence": FENCE}, Await("pods", SOURCE)),
        # What is recorded brings the pods back, so it goes last.
        ({**STOPPING, "fence": FENCE, "generation": 10}, ScaleSource(3)),
        ({**STOPPING, "fence": FENCE, "leader_at": 2 * EPOCH + 1}, ScaleSource(3)),
        ({**STOPPING, "fence": FENCE, "led": {13: EPOCH + 6}}, ScaleSource(3)),
        ({**STOPPING, "fence": FENCE, "leader_at": 2 * EPOCH}, Await("pods", SOURCE)),
        ({"kept": 0}, ScaleSource(3)),
        ({**ENDED, "fence": FENCE}, Record(FENCE, cut=True)),
        ({**STOPPED, "fence": FENCE, "generation": 10}, ScaleSource(3)),
        ({**ENDED, "fence": FENCE, "uid": "another of that name"}, ScaleSource(3)),
        # Nothing of it may run, under whatever name, and ours must say that there is no leader.
        ({**ENDED, "fence": FENCE, "left": True}, Await("pods")),
        ({**ENDED, "fence": FENCE, "running": frozenset({2})}, Await("pods", (2,))),
        ({**ENDED, "fence": FENCE, "led": {12: EPOCH + 5}}, Await("led", (12,))),
        ({**ENDED, "fence": FENCE, "led": {12: None}}, Await("led", (12,))),
        ({**ENDED, "fence": FENCE, "leaderless": frozenset({11})}, Await("leaderless", (12, 13))),
        ({**ENDED, "fence": FENCE, "leaderless": frozenset({11, 13})}, Record(FENCE, cut=True)),
        # By hand the word of the owner has to last for a while.
        ({**STOPPED, **BY_HAND}, Await("silent", SOURCE)),
        ({**STOPPED, **BY_HAND, "memory": Silence(NOW)}, Await("silent", SOURCE)),
        ({**STOPPED, **BY_HAND, "memory": LONG_AGO}, Record(Fence(EPOCH + 5, 0, 3), cut=True)),
        (STOPPED, ScaleSource(3)),
        ({**ENDED, "fence": FENCE, "gate": "Observe"}, ScaleSource(3)),
        ({"fence": FENCE, "gate": "Observe"}, Record(None)),
        ({"fence": FENCE, "gate": "Observe", "leader_at": None}, Await("members", SOURCE)),
        ({**STOPPED, "cut": True, "gate": "Observe", "standby": (12,)}, RestartStandby(12)),
        ({"standby": (12,)}, RestartStandby(12)),
        ({"standby": (12,), "gate": "Observe"}, RestartStandby(12)),
        ({**ENDED, "fence": FENCE, "gate": "Observe", "standby": (12,)}, ScaleSource(3)),
        ({**STOPPED, "cut": True, "kept": 1}, ScaleSource(0)),
        ({"fence": FENCE, "cut": True, "void": True}, Record(None)),
        ({**STOPPED, "cut": True, "running": frozenset({2})}, Await("pods", (2,))),
        ({**STOPPED, "cut": True, "left": True, "standby": (12,)}, Await("pods")),
        ({**STOPPED, "cut": True}, Await("founding", OURS)),
        ({**STOPPED, "cut": True, "voters": frozenset(OURS), "live": frozenset(OURS)}, DONE),
        (
            {**STOPPED, "cut": True, "voters": frozenset(OURS), "live": frozenset({11, 13})},
            Await("founding", (12,)),
        ),
        ({**STOPPED, "cut": True, "voters": frozenset({11}), "live": frozenset({11})}, DONE),
    ],
)
def test_what_is_done_where_it_stands(facts: dict[str, object], step: Step) -> None:
    assert next_step(at(**facts)) == step


@pytest.mark.parametrize(
    ("before", "leader_at", "after"),
    [
        (None, EPOCH + 5, None),
        (Standstill(5, 6, NOW), None, Standstill(5, 6, NOW)),
        (Standstill(5, 6, NOW), 6, Standstill(5, 6, NOW)),
        (Standstill(5, 6, NOW), 7, Standstill(None, 7, NOW + QUIET)),
        (Standstill(5, None, NOW), 5, Standstill(5, None, NOW)),
        (Standstill(5, None, NOW), 6, Standstill(5, 6, NOW + QUIET)),
        (Standstill(5, None, NOW), EPOCH, Standstill(None, EPOCH, NOW + QUIET)),
    ],
)
def test_what_is_remembered_of_a_source(
    before: Standstill | None, leader_at: int | None, after: Standstill | None
) -> None:
    assert follow(before, leader_at, NOW + QUIET) == after


def test_an_election_alone_commits_nothing() -> None:
    assert is_still(EPOCH + 5, EPOCH + 5)
    assert is_still(EPOCH + 5, 2 * EPOCH)
    assert not is_still(EPOCH + 5, EPOCH + 6)
    assert not is_still(EPOCH + 5, 2 * EPOCH + 1)
    assert not is_still(EPOCH + 5, EPOCH + 4)


@dataclass
class World:
    """A source, our members that copy its data a moment late, and an operator that carries steps out."""

    dice: random.Random
    honest: bool
    now: datetime = NOW
    zxid: int = EPOCH + 1
    ours: dict[int, int] = field(default_factory=lambda: dict.fromkeys(OURS, EPOCH))
    gate: Gate = "Observe"
    kept: int = 3
    up: bool = True
    generation: int = 1
    fence: Fence | None = None
    memory: Memory | None = None
    cut: bool = False
    listed: bool = False
    by_hand: bool = False
    standby: list[int] = field(default_factory=list)
    moved_at: datetime = NOW
    written: int = 0
    copied: dict[int, int] = field(default_factory=lambda: dict.fromkeys(OURS, 0))
    stopped_by_operator: bool = False

    def facts(self) -> CutOver:
        # By hand a look can miss who serves, and the owner says too early that all are stopped.
        missed = self.by_hand and self.fence is not None and self.dice.random() < 0.3
        leader_at = self.zxid if self.up and not (self.voting or missed) else None
        running = (self.up or (bool(self.kept) and not self.by_hand)) and not missed
        known = self.memory
        pods = self.kept if not self.by_hand else 3 * running
        return CutOver(
            source=SOURCE,
            ours=OURS,
            gate=self.gate,
            now=self.now,
            leader_at=leader_at,
            ours_at=dict(self.ours) if leader_at is not None else {},
            kept=pods,
            running=frozenset(SOURCE) if running else frozenset(),
            led=dict(self.ours) if self.up and not self.voting else {},
            leaderless=frozenset() if self.up else frozenset(OURS),
            generation=0 if self.by_hand else self.generation,
            uid="" if self.by_hand else "old",
            fence=self.fence,
            memory=follow(known, leader_at, self.now) if isinstance(known, Standstill) else known,
            cut=self.cut,
            void=self.cut and not self.voting and (self.up or (bool(pods) and not self.listed)),
            standby=tuple(self.standby),
        )

    @property
    def voting(self) -> bool:
        """Whether one of ours has been restarted as a voter."""
        return self.cut and self.listed and len(self.standby) < len(OURS)

    def commit(self, *, write: bool = False) -> None:
        self.zxid += 1
        self.written += write
        self.moved_at = self.now

    def scale(self, pods: int) -> None:
        if pods != self.kept:
            self.kept = pods
            self.generation += 1

    def happen(self) -> None:
        """Something that the operator does not do."""
        match self.dice.choices(
            ["time", "copy", "write", "gate", "pods", "owner", "forget"],
            [30, 30, 12, 4, 20, 1, 2],
        )[0]:
            case "time":
                self.now += timedelta(seconds=self.dice.choice([1, 2, 4]))
            case "copy":
                if self.up:
                    for member in self.dice.sample(OURS, 0 if self.voting else 2):
                        self.ours[member] = self.zxid
                        self.copied[member] = self.written
            case "write":
                if self.up and (self.gate == "Observe" or not self.honest):
                    self.commit(write=True)
            case "gate":
                self.gate = "Swap" if self.gate == "Observe" else "Observe"
            case "pods":
                if self.up != bool(self.kept):
                    self.up = bool(self.kept)
                    if self.up:
                        self.zxid = ((self.zxid >> 32) + 1) << 32
            case "owner":
                self.scale(self.dice.choice([0, 3]))
            case "forget":
                self.memory = None

    def reconcile(self) -> None:
        facts = self.facts()
        self.memory = self.remember(facts)
        if self.cut and not facts.void and not self.listed:
            self.listed, self.standby = True, list(OURS)
            return
        step = next_step(facts)
        match step:
            case WriteFence():
                self.commit()
                self.memory = Standstill(self.zxid, None, self.now)
                self.commit()
            case Record(fence=fence, cut=cut):
                self.fence, self.cut, self.listed, self.standby = fence, cut, False, []
                if cut:
                    self.begin()
            case ScaleSource(pods=pods):
                self.check_scaling(facts, pods)
                self.scale(pods)
            case RestartStandby(member_id=member):
                assert self.voting or not self.up, "one of ours gets a vote beside the source"
                self.standby.remove(member)

    def remember(self, facts: CutOver) -> Memory | None:
        if self.gate == "Observe" or self.cut:
            return None
        if self.fence is None:
            return facts.memory if isinstance(facts.memory, Standstill) else None
        known = facts.memory if isinstance(facts.memory, Silence) else Silence(self.now)
        return known if is_silent(facts) else None

    def check_scaling(self, facts: CutOver, pods: int) -> None:
        if self.cut:
            assert pods == 0, "a source is started beside our members"
        elif pods == 0:
            assert self.gate == "Swap"
            assert set(self.copied.values()) == {self.written}, "not every member has everything"
            assert self.now - self.moved_at >= QUIET, "the source has just committed something"

    def begin(self) -> None:
        assert not self.up, "there are two that write"
        assert self.by_hand or not self.kept
        if self.honest:
            assert set(self.copied.values()) == {self.written}, "an acknowledged write is lost"


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("honest", [True, False])
def test_whatever_happens_nothing_is_lost_and_two_never_write(
    *, honest: bool, by_hand: bool
) -> None:
    ended = 0
    for seed in range(400):
        dice = random.Random(f"{honest} {by_hand} {seed}")  # noqa: S311 -- to be repeated
        world = World(dice, honest, by_hand=by_hand)
        for _ in range(150):
            world.happen()
            if world.dice.random() < 0.6:
                world.reconcile()
        ended += world.cut
    assert ended > 40, "most of them never get to the end, and prove nothing"


def test_who_stops_writing_gets_to_the_end() -> None:
    world = World(random.Random(1), honest=True)  # noqa: S311 -- to be repeated
    world.gate = "Swap"
    for _ in range(40):
        world.ours = dict.fromkeys(OURS, world.zxid)
        world.now += timedelta(seconds=1)
        world.up = bool(world.kept)
        world.reconcile()
    assert world.voting
    assert not world.standby
