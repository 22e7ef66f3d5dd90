"""The simulation finds what is wrong with wrong operators, within a bounded number of scenarios.

A simulation that never fails proves nothing. Here it must fail, by the rule that is broken.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation import wrong_minds
from tests.simulation.invariants import PHASES
from tests.simulation.mind import Mind
from tests.simulation.run import run
from tests.simulation.scenario import AUTHENTICATIONS, Event, Scenario, make_scenario

SEEDS = 60  # the rarest of these mistakes shows in about one scenario of twelve


def tempted(
    seed: int, temptations: Sequence[tuple[str, dict[str, Any]]], spec: dict[str, Any]
) -> Scenario:
    """A scenario like all others, and what the mistake waits for, while all may still be well."""
    scenario = make_scenario(seed)
    dice = random.Random(f"temptation {seed}")  # noqa: S311 -- to be repeated
    start = dice.uniform(8, 12)
    more = (
        Event(start + dice.uniform(0, details.get("within", 0)), kind, details)
        for kind, details in temptations
    )
    events = (*scenario.events[:-1], *more, scenario.events[-1])
    return replace(scenario, spec={**scenario.spec, "replicas": 3, **spec}, events=events)


def is_found_out(
    mind: Mind,
    temptations: Sequence[tuple[str, dict[str, Any]]],
    rules: set[str],
    spec: dict[str, Any],
) -> bool:
    """Whether one of these rules is broken in one of the scenarios."""
    violations = (run(tempted(seed, temptations, spec), mind).violation for seed in range(SEEDS))
    return any(broken is not None and broken.rule in rules for broken in violations)


LOST = "no acknowledged write is lost"
TWO_LEADERS = "never two leaders that commit"
MAJORITY = "never fewer live voters than a majority by our own hand"
NEWCOMERS_ALONE = [
    ("replicas", {"to": 7}),
    ("partition", {"members": (1, 2, 3), "for": 15.0}),
]
ROLL = [("restart", {"number": 1})]
REQUIRED = AUTHENTICATIONS[3]
EDIT = [("config", {"tickTime": 2500})]
CRASH_IN_A_ROLL = [
    ("late answers", {"rate": 0.9}),
    *ROLL,
    *[("crash member", {"member": member, "within": 14}) for member in (2, 3, 2, 3)],
    ("restart", {"number": 2}),
    *[("crash member", {"member": member, "within": 14}) for member in (1, 2, 3)],
]
KEPT = "data on a claim that is being deleted is kept"
CLAIMS_DELETED = [("delete claim", {"member": member, "recklessly": True}) for member in (1, 2, 3)]


VOLUMES = {"storage": {"data": {"size": "5Gi"}}}
DELETED_WITH_IT = {"storage": {"data": {"size": "5Gi"}, "retention": {"whenDeleted": "Delete"}}}
EPHEMERAL = {"storage": {"data": {"size": "5Gi"}, "ephemeral": True}}
RECREATED = [("recreate", {"after": 0.1})]


@pytest.mark.parametrize(
    ("name", "temptations", "rules"),
    [
        ("SCALES_BY_STATIC_LIST", NEWCOMERS_ALONE, {LOST, TWO_LEADERS}),
        ("JOINS_ALL_AT_ONCE", [("replicas", {"to": 5})], {"one member at a time"}),
        ("FOUNDS_AGAIN", [("wipe", {"member": 1})], {"nobody is founded twice"}),
        (
            "SHRINKS_PODS_FIRST",
            [("replicas", {"to": 1})],
            {"a voter leaves before its pod goes"},
        ),
        ("ROLLS_WITHOUT_A_GATE", ROLL, {MAJORITY}),
        ("RESTARTS_TWO_AT_ONCE", ROLL, {"one disruptive effect per look"}),
        (
            "CURES_BY_WIPING",
            [("crash member", {"member": 1})],
            {"data is removed only when asked for"},
        ),
        ("DELETES_BY_NAME", ROLL, {"every delete names a uid"}),
        ("DELETES_ON_AN_OLD_LOOK", CRASH_IN_A_ROLL, {MAJORITY}),
        ("IGNORES_CLAIM_DELETIONS", [*CLAIMS_DELETED, *ROLL], {KEPT}),
        ("IGNORES_CLAIM_DELETIONS", [*CLAIMS_DELETED, ("stop", {"for": 15.0})], {KEPT}),
        ("FORGETS_OLD_PODS", EDIT, {"a configuration outlives its pods"}),
        ("TAKES_SILENCE_FOR_LOSS", [], {"silence is not loss"}),
        ("WRITES_AT_REST", [], {"at rest nothing is written"}),
        ("TAKES_THE_PHASE_FROM_THE_SPEC", [("tls", {"to": {}})], {PHASES}),
        ("TAKES_AUTHENTICATION_FROM_THE_SPEC", [("auth", {"to": REQUIRED})], {PHASES}),
    ],
)
def test_a_wrong_operator_is_found_out(
    name: str, temptations: Sequence[tuple[str, dict[str, Any]]], rules: set[str]
) -> None:
    mind = getattr(wrong_minds, name)
    assert is_found_out(mind, temptations, rules, VOLUMES), f"{name} got away with it"


@pytest.mark.parametrize(
    ("name", "spec", "temptations", "rules"),
    [
        (
            "FOUNDS_BESIDE_THE_DELETED",
            DELETED_WITH_IT,
            RECREATED,
            {"nothing of a deleted ensemble is left when the next is founded"},
        ),
        (
            "ROTATES_AT_ONCE",
            {**VOLUMES, "tls": {}},
            [
                ("delete ca", {}),
                *[("crash member", {"member": n, "within": 60}) for n in (1, 2, 3)],
            ],
            {"no member is cut off by a certificate"},
        ),
        ("COUNTS_WHAT_IS_DELETED", DELETED_WITH_IT, RECREATED, {"every run converges"}),
        (
            "TAKES_SILENCE_FOR_EMPTINESS",
            EPHEMERAL,
            [("delete pod", {"member": 1}), ("delete pod", {"member": 2})],
            {"no data is deleted that nobody else has", "nobody is founded twice"},
        ),
        (
            "ROLLS_WITHOUT_A_GATE",
            {**EPHEMERAL, "replicas": 1},
            ROLL,
            {"no data is deleted that nobody else has"},
        ),
        (
            "STARTS_FROM_ANY_VOLUME",
            VOLUMES,
            [("copied volume", {"member": 1, "for": 10.0})],
            {"members start from lists of their own ensemble"},
        ),
    ],
)
def test_who_is_wrong_about_what_was_lost_is_found_out(
    name: str,
    spec: dict[str, Any],
    temptations: Sequence[tuple[str, dict[str, Any]]],
    rules: set[str],
) -> None:
    mind = getattr(wrong_minds, name)
    assert is_found_out(mind, temptations, rules, spec), f"{name} got away with it"
