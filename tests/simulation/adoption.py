"""Scenarios in which a running ensemble is taken over, with everything that may happen meanwhile."""

import random
from dataclasses import replace
from typing import Any

from tests.simulation.scenario import Event, Scenario, make_scenario
from tests.simulation.source import SOURCE, Source

from zookeeper_operator.kube.api import Object

FIRST = 11
_FAULTS = {
    "crash operator": 14,
    "overlap operators": 5,
    "crash member": 12,
    "delete pod": 8,
    "freeze member": 8,
    "crash source": 20,
    "freeze source": 10,
    "roll back source": 10,
    "partition": 16,
    "hide from operator": 6,
    "wipe": 6,
    "lose node": 5,
    "delete child": 8,
    "delete statefulset": 5,
    "delete membership": 3,
    "edit child": 6,
    "no room": 4,
}
_EDITS = {"replicas": 6, "restart": 4, "config": 4, "image": 3, "bad image": 3, "pause": 3}


def spec_of(size: int, replicas: int) -> Object:
    """The spec of an ensemble that takes over a source of this size."""
    return {
        "replicas": replicas,
        "firstMemberId": FIRST,
        "image": {"tag": "3.9.4"},
        "storage": {"data": {"size": "5Gi"}},
        "allowEvenReplicas": True,
        "adopt": {
            "connectionString": f"{Source.host(1)}:2181,{Source.host(size)}:2181",
            "statefulSet": {"name": SOURCE},
            "proceed": "Observe",
        },
    }


def make_adoption(seed: int) -> Scenario:
    """Everything that follows from one seed."""
    dice = random.Random(f"adoption {seed}")  # noqa: S311 -- to be repeated, not to be guessed
    size = dice.choices([1, 2, 3, 4, 5], [12, 6, 56, 6, 20])[0]
    replicas = size if dice.random() < 0.7 else dice.choice([1, 3, 5])
    begin, span = dice.uniform(4, 25), dice.uniform(30, 90)
    gates = ["Swap"]
    while dice.random() < 0.35:
        gates += ["Observe", "Swap"]
    moments = sorted(begin + dice.uniform(0, span * 0.8) for _ in gates[1:])
    events = [
        Event(at, "proceed", {"to": gate})
        for at, gate in zip([begin, *moments], gates, strict=True)
    ]
    events += [
        _fault(dice, begin + dice.uniform(-4, span), size)
        for _ in range(dice.choice([0, 1, 2, 3, 5]))
    ]
    events += [
        _edit(dice, begin + dice.uniform(-4, span)) for _ in range(dice.choice([0, 0, 0, 1, 2]))
    ]
    events.sort(key=lambda event: event.at)
    end = begin + span
    events += [
        Event(end, "proceed", {"to": "Finish"}),
        Event(end, "settle", {"image": "3.9.4", "paused": False, "stopped": False}),
    ]
    like = make_scenario(seed)
    return replace(
        like,
        spec=spec_of(size, replicas),
        events=tuple(events),
        calm_at=end + dice.uniform(0, 4),
        source=size,
        keeps_lists=dice.random() < 0.2,
    )


def make_cut_over(seed: int) -> Scenario:
    """The same for a source that cannot reconfigure, whose clients stop writing when they must, or later."""
    dice = random.Random(f"cut over {seed}")  # noqa: S311 -- to be repeated, not to be guessed
    like = make_adoption(seed)
    adopt = {**like.spec["adopt"], "mode": "CutOver"}
    if dice.random() < 0.35:
        del adopt["statefulSet"]  # its owner stops it by hand
    spec = {**like.spec, "adopt": adopt}
    events: list[Event] = []
    for event in like.events:
        match event.kind, event.more.get("to"):
            case "proceed", "Swap" | "Finish":
                # Whoever is late with it is told.
                late = dice.choice([-0.1, -0.1, -3.0, 2.0, 9.0])
                events.append(Event(max(event.at + late, 0.1), "stop writing"))
            case "proceed", "Observe":
                events.append(Event(event.at + dice.choice([0.1, 3.0]), "write again"))
            case _:
                pass
        events.append(event)
    end = max(event.at for event in events if event.kind == "proceed")
    # Whatever was typed in which order, in the end nobody writes before the adoption has ended.
    events = [e for e in events if e.at < end or e.kind != "write again"]
    events.append(Event(end + 10.0, "stop writing"))
    events.sort(key=lambda event: event.at)
    return replace(
        like,
        spec=spec,
        events=tuple(events),
        calm_at=max(like.calm_at, end + 10.0),
        keeps_lists=False,
        reconfigures=False,
    )


def _edit(dice: random.Random, at: float) -> Event:
    kind = dice.choices(list(_EDITS), list(_EDITS.values()))[0]
    more: dict[str, Any] = {}
    match kind:
        case "replicas":
            more = {"to": dice.choice([1, 3, 5])}
        case "image":
            more = {"to": "3.9.5"}
        case "config":
            more = {"tickTime": dice.choice([1000, 3000])}
        case "restart":
            more = {"number": dice.randrange(1000)}
        case "pause":
            more = {"for": dice.uniform(1, 15)}
        case _:
            pass
    return Event(at, kind, more)


def _fault(dice: random.Random, at: float, size: int) -> Event:
    kind = dice.choices(list(_FAULTS), list(_FAULTS.values()))[0]
    ours, theirs = FIRST + dice.randrange(size), 1 + dice.randrange(size)
    everyone = (*range(1, size + 1), *range(FIRST, FIRST + size))
    more: dict[str, Any] = {}
    match kind:
        case "overlap operators":
            more = {"for": dice.uniform(0.2, 3)}
        case "crash member" | "delete pod" | "wipe":
            more = {"member": ours}
        case "freeze member" | "lose node" | "no room":
            more = {"member": ours, "for": dice.uniform(0.5, 15)}
        case "crash source":
            count = dice.choice([1, 1, size])
            more = {"members": tuple(dice.sample(range(1, size + 1), count))}
        case "freeze source":
            more = {"member": theirs, "for": dice.uniform(0.5, 15)}
        case "partition":
            apart = tuple(dice.sample(everyone, dice.choice([1, min(2, size), size])))
            more = {"members": apart, "for": dice.uniform(0.5, 20)}
        case "hide from operator":
            more = {"members": tuple(dice.sample(everyone, 2)), "for": dice.uniform(0.5, 15)}
        case "delete child" | "edit child":
            more = {"number": dice.randrange(1000)}
        case _:
            pass
    return Event(at, kind, more)
