"""Durations of specs become lengths of time, as the API server takes them."""

from datetime import timedelta

import pytest

from zookeeper_operator.kube.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("87600h", timedelta(days=3650)),
        ("1h30m", timedelta(minutes=90)),
        ("90s", timedelta(seconds=90)),
        ("2h5s", timedelta(hours=2, seconds=5)),
        ("999999h", timedelta(hours=999_999)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "1", "1d", "-1h", "1.5h", "1m1h", "1h ", "9999999h", "\u0661h", "1h\n"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)
