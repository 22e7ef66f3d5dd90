"""Times as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from zookeeper_operator.cli.times import age_of, human_span, parse_time


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3599, "59m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (30 * 86400, "30d"),
    ],
)
def test_spans(seconds: int, said: str) -> None:
    assert human_span(timedelta(seconds=seconds)) == said


def test_ages() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert age_of("2026-01-01T00:00:00Z", now) == "60s"
    assert age_of(None, now) == ""
    assert age_of("yesterday", now) == ""
    assert parse_time("2026-01-01T00:01:00.000000Z") == now
