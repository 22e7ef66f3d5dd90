"""From a seed to what will happen: the ensemble, the user's edits, the faults, the weather.

A scenario is a list of events with all their parameters, so that a failing one can be made smaller by
leaving events out. Every scenario ends well: the last edit is valid, every fault heals, and never are so
many volumes wiped that data is lost by that alone (the cluster refuses to wipe more than a minority).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.weather import Weather

from zookeeper_operator.kube.api import Object

GOOD_TAGS = ("3.9.4", "3.9.5", "3.9.4-jre-17")
BAD_TAG = "bad"


@dataclass(frozen=True)
class Event:
    """Something that happens to the cluster at a time: an edit of the user's, or a fault."""

    at: float
    kind: str
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = " ".join(f"{key}={value}" for key, value in self.more.items())
        return f"{self.at:7.2f} {self.kind} {told}".rstrip()


@dataclass(frozen=True)
class Scenario:
    """What will happen in one run."""

    seed: int
    spec: Object
    events: tuple[Event, ...]
    weather: Weather
    calm_at: float
    source: int = 0
    """How many servers the ensemble has that is taken over; 0 if none is."""
    keeps_lists: bool = False
    """Whether its servers start from the committed list after a restart, and not from their static one."""

    reconfigures: bool = True
    """Whether they can reconfigure; otherwise they are cut over."""

    @property
    def is_stopped_by_hand(self) -> bool:
        """Whether only its owner can stop the source that is taken over."""
        adopt = self.spec.get("adopt")
        return adopt is not None and "statefulSet" not in adopt

    @property
    def uses_security(self) -> bool:
        """Whether TLS or users are asked for at any time."""
        asked = self.spec.get("tls") is not None or self.spec.get("auth") is not None
        return asked or any(e.kind in ("tls", "auth") for e in self.events)

    @property
    def needs_recovery(self) -> bool:
        """Whether a majority is lost, for good or for a while, and somebody asks for a recovery."""
        return any(event.kind in ("disaster", "recover") for event in self.events)

    def without(self, dropped: frozenset[int], still: frozenset[str]) -> "Scenario":
        """The same without some events, and with some of the weather left out."""
        kept = tuple(e for i, e in enumerate(self.events) if i not in dropped)
        return replace(self, events=kept, weather=self.weather.without(*still))


def _spec(dice: random.Random) -> Object:
    replicas = dice.choices([3, 1, 2, 4, 5], [60, 12, 4, 4, 20])[0]
    spec: Object = {
        "replicas": replicas,
        "image": {"tag": "3.9.4"},
        "storage": {"data": {"size": "5Gi"}},
        "allowEvenReplicas": True,
    }
    if dice.random() < 0.15:
        spec["observers"] = {"replicas": dice.choice([1, 2])}
    if dice.random() < 0.2:
        spec["storage"]["retention"] = {"whenScaled": "Delete"}
    if dice.random() < 0.25:
        retention = spec["storage"].get("retention", {})
        spec["storage"]["retention"] = {**retention, "whenDeleted": "Delete"}
    if dice.random() < 0.1:
        spec["storage"]["ephemeral"] = True
    if dice.random() < 0.15:
        spec["tls"] = {}
    if dice.random() < 0.1:
        spec["auth"] = dice.choice(AUTHENTICATIONS)
    return spec


PASSWORDS = "app-zk"
"""The Secret with the password of the user."""
_USERS: list[Object] = [{"name": "app", "passwordSecret": {"name": PASSWORDS, "key": "password"}}]
AUTHENTICATIONS: Sequence[Object | None] = (
    None,
    None,
    {"users": _USERS},
    {"users": _USERS, "required": "Sasl"},
    {"users": _USERS, "required": "Sasl"},
    {"users": _USERS, "required": "Any"},
)


_EDITS = {
    "replicas": 30,
    "restart": 20,
    "image": 14,
    "bad image": 10,
    "config": 10,
    "size": 6,
    "pause": 4,
    "stop": 7,
    "observers": 6,
    "replace": 4,
    "delete claim": 5,
    "recreate": 7,
    "tls": 12,
    "auth": 12,
    "password": 4,
}
_FAULTS = {
    "crash operator": 16,
    "overlap operators": 6,
    "crash member": 14,
    "delete pod": 10,
    "freeze member": 10,
    "partition": 12,
    "hide from operator": 8,
    "wipe": 8,
    "lose node": 8,
    "no room": 5,
    "delete child": 8,
    "edit child": 8,
    "foreign child": 3,
    "restart all": 5,
    "copied volume": 4,
    "delete ca": 4,
}


_DISASTERS = 0.03


def make_scenario(seed: int) -> Scenario:
    """Everything that follows from one seed."""
    dice = random.Random(f"scenario {seed}")  # noqa: S311 -- to be repeated, not to be guessed
    spec = _spec(dice)
    start = dice.choice([0.0, 8.0, 8.0, 8.0])
    span = dice.uniform(5, 30)
    events = [
        *(_edit(dice, start + dice.uniform(0, span)) for _ in range(dice.choice([0, 1, 1, 2, 3]))),
        *(_fault(dice, start + dice.uniform(0, span)) for _ in range(dice.choice([0, 1, 2, 3, 4]))),
    ]
    events.sort(key=lambda event: event.at)
    end = start + span
    last = {
        "image": dice.choice(GOOD_TAGS),
        "paused": False,
        "stopped": dice.random() < 0.04,
    }
    # A pause, a bad image or a bad password is always mended; what else was asked for stays asked for.
    events.append(Event(end, "settle", last))
    if any(event.kind == "password" for event in events):
        events.append(Event(end, "password", {"to": "last"}))
    weather = Weather()
    if dice.random() < 0.35:
        weather.api_errors = dice.choice([0.01, 0.05, 0.15])
    if dice.random() < 0.1:
        weather.api_hangs = 0.003
    if dice.random() < 0.4:
        weather.stale_lists = dice.choice([0.05, 0.3, 0.8])
    if dice.random() < 0.3:
        weather.lost_events = dice.choice([0.1, 0.5, 1.0])
    if dice.random() < 0.3:
        weather.crash_after_write = dice.choice([0.01, 0.05, 0.1])
    if dice.random() < 0.3:
        weather.vague_answers = 0.05
    if dice.random() < 0.3:
        weather.lost_calls = dice.choice([0.1, 0.4])
    match dice.choices(["", "members", "readiness", "operator", "all"], [60, 10, 10, 10, 10])[0]:
        case "members":
            weather.silent_members = dice.choice([0.2, 0.6, 0.9])
        case "readiness":
            weather.late_readiness = dice.choice([0.2, 0.6])
        case "operator":
            weather.slow_operator = dice.choice([0.1, 0.4])
        case "all":
            weather.silent_members, weather.late_readiness, weather.slow_operator = 0.6, 0.3, 0.1
        case _:
            pass
    if dice.random() < 0.3:
        weather.late_answers = dice.choice([0.05, 0.3])
    scenario = Scenario(seed, spec, tuple(events), weather, end + dice.uniform(0, 4))
    return _with_a_disaster(scenario, dice) if dice.random() < _DISASTERS else scenario


def _with_a_disaster(scenario: Scenario, dice: random.Random) -> Scenario:
    """The same, and all volumes but one are lost in the middle of it."""
    *others, last = scenario.events
    # An ensemble that is created again knows no list that its survivor would take (docs/adr/0011).
    before = [event for event in others if event.kind != "recreate"]
    disaster = Event(
        dice.uniform(before[0].at if before else 8.0, last.at),
        "disaster",
        {"survivor": dice.choice([1, 1, 2, 3])},
    )
    events = sorted((*before, disaster), key=lambda event: event.at)
    return replace(scenario, events=(*events, last))


def _edit(dice: random.Random, at: float) -> Event:
    kind = dice.choices(list(_EDITS), list(_EDITS.values()))[0]
    more: dict[str, Any] = {}
    match kind:
        case "replicas":
            more = {"to": dice.choices([1, 2, 3, 4, 5, 6, 7], [10, 4, 30, 6, 34, 2, 8])[0]}
        case "image":
            more = {"to": dice.choice(GOOD_TAGS)}
        case "config":
            more = {"tickTime": dice.choice([1000, 2000, 3000])}
        case "size":
            more = {"to": dice.choice(["6Gi", "10Gi"])}
        case "pause" | "stop":
            more = {"for": dice.uniform(1, 15)}
        case "recreate":
            more = {"after": dice.choice([0.0, 0.1, dice.uniform(0, 10)])}
        case "tls":
            more = {
                "to": dice.choice(
                    [
                        None,
                        None,
                        {},
                        {},
                        {},
                        {"clients": "Disabled"},
                        {"quorum": "Disabled"},
                        {"clients": "Required"},
                        {"clients": "Required"},
                    ]
                )
            }
        case "auth":
            more = {"to": dice.choice(AUTHENTICATIONS)}
        case "password":
            more = {"to": dice.choice(["second", "third", ""])}
        case "observers":
            more = {"to": dice.choice([0, 1, 2])}
        case "replace" | "delete claim":
            more = {"member": dice.choice([1, 2, 3])}
        case "restart":
            more = {"number": dice.randrange(1000)}
        case _:
            pass
    return Event(at, kind, more)


def _fault(dice: random.Random, at: float) -> Event:
    kind = dice.choices(list(_FAULTS), list(_FAULTS.values()))[0]
    member = dice.choice([1, 2, 3, 3, 4, 5])
    more: dict[str, Any] = {}
    match kind:
        case "overlap operators":
            more = {"for": dice.uniform(0.2, 3)}
        case "crash member" | "delete pod" | "wipe":
            more = {"member": member}
        case "freeze member" | "lose node" | "no room" | "copied volume":
            more = {"member": member, "for": dice.uniform(0.5, 15)}
        case "partition":
            others = tuple(dice.sample([1, 2, 3, 4, 5], dice.choice([1, 1, 2])))
            more = {"members": others, "for": dice.uniform(0.5, 15)}
        case "hide from operator":
            more = {
                "members": tuple(dice.sample([1, 2, 3, 4, 5], dice.choice([1, 2, 5]))),
                "for": dice.uniform(0.5, 15),
            }
        case "delete child" | "edit child":
            more = {"number": dice.randrange(1000)}
        case "foreign child":
            more = {"for": dice.uniform(1, 10)}
        case _:
            pass
    return Event(at, kind, more)
