"""Moments as Kubernetes writes them."""

from datetime import datetime, timedelta, timezone

from zookeeper_operator.kube.times import format_micro_time, format_time

MOMENT = datetime(2026, 11, 24, 4, 5, 6, 7, timezone(timedelta(hours=2)))


def test_in_utc_with_the_precision_of_the_type() -> None:
    assert format_time(MOMENT) == "2026-11-24T02:05:06Z"
    assert format_micro_time(MOMENT) == "2026-11-24T02:05:06.000007Z"
