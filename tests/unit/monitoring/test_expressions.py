"""What is found in an expression."""

import pytest
from monitoring.alerts import all_alerts
from tests.unit.monitoring.expressions import grouping_labels, metrics_in
from tests.unit.monitoring.known import unknown_of


def test_metrics_are_found_with_their_labels() -> None:
    expression = (
        'max by (a, b) (one{x="(y)", z!~"k|l"} == 0) unless on (a) '
        "sum(rate(two_total[5m])) > 2 * (three offset 6h)"
    )
    assert metrics_in(expression) == {"one": {"x", "z"}, "two_total": set(), "three": set()}
    assert grouping_labels(expression) == {"a", "b"}


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("max by (ensemble) (znode_count_x)", {"znode_count_x"}),
        ('zookeeper_operator_ensemble_ready{kind="x"}', {"zookeeper_operator_ensemble_ready"}),
        ('fsynctime_sum{ensemble!=""} and znode_count', set()),
    ],
)
def test_a_name_that_does_not_exist_is_found(expression: str, missing: set[str]) -> None:
    assert set(unknown_of(metrics_in(expression), "3.9")) == missing


def test_expressions_name_at_least_one_metric() -> None:
    assert all(metrics_in(alert.expression) for alert in all_alerts())
