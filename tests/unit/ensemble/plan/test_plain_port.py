"""Closing the plain port: clients that still use it are waited for, as long as the spec says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import NOW

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.ensemble.series import Elections, build_samples

METRIC = "zookeeper_operator_ensemble_plain_clients"


def closing(counts: dict[int, int], *, since: str = "", **tls: Any) -> EnsembleUnderTest:
    """Members that all listen for TLS, and must be closed to plain clients, of which these are connected."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {}})
    ensemble.rest()
    ensemble.edit({"tls": {"clients": "Required", **tls}})
    status = {"security": {"closingSince": since}} if since else {}
    observed = ensemble.world.observed
    ensemble.world = ensemble.world.with_observed(
        plain_clients=counts, ensemble=replace(observed.ensemble, status=status)
    )
    return ensemble


def steps(plan: Plan) -> list[int]:
    """The members that a plan closes."""
    found = [action for action in plan.actions if isinstance(action, Reconfigure)]
    return [server.id for action in found for server in action.joining if server.is_closed]


def secured(plan: Plan) -> conditions.Condition:
    return next(c for c in build_conditions(plan) if c.type == conditions.SECURED)


def samples(plan: Plan) -> list[float]:
    return [s.value for s in build_samples(plan, Elections()) if s.name == METRIC]


def test_no_member_is_closed_while_a_client_without_tls_is_connected() -> None:
    plan = closing({1: 0, 2: 2, 3: 1}).plan()
    assert steps(plan) == []
    assert not plan.settled
    found = secured(plan)
    assert (found.status, found.reason) == ("False", reasons.PLAIN_CLIENTS_CONNECTED)
    assert "3 clients without TLS are connected (member 2: 2, member 3: 1)" in found.message
    assert samples(plan) == [3.0]


def test_the_first_is_closed_when_they_have_left_and_the_others_follow() -> None:
    ensemble = closing({1: 0, 2: 0, 3: 0})
    plan = ensemble.plan()
    assert len(steps(plan)) == 1
    assert secured(plan).reason == reasons.CLOSING_PLAIN_PORT
    ensemble.carry_out(plan)
    ensemble.world = ensemble.world.with_observed(plain_clients={1: 1, 2: 1, 3: 1})
    assert len(steps(ensemble.plan())) == 1, (
        "half closed, clients could not go from member to member"
    )


def test_a_member_that_is_not_known_to_have_none_is_waited_for() -> None:
    plan = closing({1: 0, 2: 0}).plan()
    assert steps(plan) == []
    assert "clients are connected to member 3 is not known" in secured(plan).message


@pytest.mark.parametrize(
    ("grace", "waited", "closed"),
    [("1h", 3599, False), ("1h", 3600, True), ("0s", 0, True), (None, 10**6, False)],
)
def test_the_time_that_the_spec_gives_ends_the_wait(
    grace: str | None, waited: int, *, closed: bool
) -> None:
    since = (NOW - timedelta(seconds=waited)).strftime("%Y-%m-%dT%H:%M:%SZ")
    plan = closing({1: 5, 2: 0}, since=since, plainClientsGrace=grace).plan()
    assert bool(steps(plan)) is closed


def test_since_when_they_are_waited_for_is_kept_in_the_status_and_the_count_is_not() -> None:
    first = build_status(closing({1: 5, 2: 0, 3: 0}).plan(), restarted={})
    assert first["security"]["closingSince"] == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    since = "2026-01-01T00:00:00Z"
    later = closing({1: 5, 2: 0, 3: 0}, since=since, plainClientsGrace="999999h").plan()
    assert build_status(later, restarted={})["security"]["closingSince"] == since
    assert "999999" not in secured(later).message
    assert "or at " in secured(later).message


@pytest.mark.parametrize("since", ["nonsense", "0000"])
def test_a_time_that_cannot_be_read_begins_again(since: str) -> None:
    assert steps(closing({1: 5}, since=since, plainClientsGrace="1h").plan()) == []


def test_nothing_is_counted_or_recorded_where_nothing_is_closed() -> None:
    ensemble = closing({1: 1, 2: 1, 3: 1})
    ensemble.edit({"tls": {}})
    plan = ensemble.plan()
    assert samples(plan) == []
    assert "closingSince" not in build_status(plan, restarted={})["security"]
    ensemble.edit({"tls": {"clients": "Required"}})
    ensemble.rest()
    plan = ensemble.plan()
    assert samples(plan) == []
    assert "closingSince" not in build_status(plan, restarted={})["security"]
