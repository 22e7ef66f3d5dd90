"""The times of a schedule: fields, time zones and the two nights on which clocks are changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zookeeper_operator.backup.cron import CronError, parse_cron


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(text: str, moment: str, zone: str = "UTC", count: int = 1) -> list[str]:
    cron, now, found = parse_cron(text, zone), at(moment), []
    for _ in range(count):
        after = cron.next_after(now)
        assert after is not None
        now = after
        found.append(f"{now:%Y-%m-%dT%H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("17 2 * * *", "2026-11-26T02:00", "2026-11-26T02:17"),
        ("17 2 * * *", "2026-11-26T02:17", "2026-11-27T02:17"),
        ("*/15 * * * *", "2026-11-26T02:16", "2026-11-26T02:30"),
        ("0 0 29 2 *", "2026-11-26T00:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", "2097-01-01T00:00", "2104-02-29T00:00"),
        ("0 12 * * mon-fri", "2026-11-27T13:00", "2026-11-30T12:00"),
        ("0 12 * * 7", "2026-11-26T00:00", "2026-11-29T12:00"),
        ("0 0 1 * 1", "2026-11-26T00:00", "2026-11-30T00:00"),
        ("0 0 1,15 jan *", "2026-11-26T00:00", "2027-01-01T00:00"),
        ("10-20/5 1 * * *", "2026-11-26T01:11", "2026-11-26T01:15"),
        ("5/20 1 * * *", "2026-11-26T01:06", "2026-11-26T01:25"),
        ("@weekly", "2026-11-26T00:00", "2026-11-29T00:00"),
        ("@hourly", "2026-11-26T00:30", "2026-11-26T01:00"),
    ],
)
def test_the_next_time(text: str, moment: str, expected: str) -> None:
    assert following(text, moment) == [expected]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("* * * *", "UTC"),
        ("60 * * * *", "UTC"),
        ("* 24 * * *", "UTC"),
        ("* * 0 * *", "UTC"),
        ("* * * 13 *", "UTC"),
        ("* * * * 8", "UTC"),
        ("*/0 * * * *", "UTC"),
        ("5-1 * * * *", "UTC"),
        ("0 0 31 2 *", "UTC"),
        ("0 0 * foo *", "UTC"),
        ("0 0 * * *", "Europe/Atlantis"),
        ("0 0 * * *", "../etc/passwd"),
    ],
)
def test_what_is_no_schedule(text: str, zone: str) -> None:
    with pytest.raises(CronError):
        parse_cron(text, zone)


def test_a_time_that_is_skipped_comes_after_the_gap() -> None:
    found = following("30 2 * * *", "2026-03-28T00:00", "Europe/Berlin", 3)
    assert found == ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"]


def test_a_time_that_comes_twice_counts_once() -> None:
    found = following("30 2 * * *", "2026-10-24T12:00", "Europe/Berlin", 2)
    assert found == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_schedule_of_every_hour_goes_through_both_hours() -> None:
    found = following("30 * * * *", "2026-10-24T23:45", "Europe/Berlin", 3)
    assert found == ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"]


@st.composite
def _fields(draw: Any) -> str:
    minute = draw(st.sampled_from(["*", "0", "17", "*/7", "5,50", "10-20"]))
    hour = draw(st.sampled_from(["*", "2", "*/5", "0,23", "1-3"]))
    day = draw(st.sampled_from(["*", "1", "29", "31", "*/9"]))
    month = draw(st.sampled_from(["*", "1", "*/3"]))
    weekday = draw(st.sampled_from(["*", "0", "mon", "1-5"]))
    return f"{minute} {hour} {day} {month} {weekday}"


@settings(max_examples=150, deadline=None)
@given(
    _fields(),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]
    ),
    st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 -- it gets one below
)
def test_what_is_next_is_later_the_last_until_then(text: str, zone: str, start: datetime) -> None:
    cron, now = parse_cron(text, zone), start.replace(tzinfo=UTC)
    following_one = cron.next_after(now)
    assert following_one is not None
    assert following_one > now
    assert following_one.second == following_one.microsecond == 0
    assert cron.last_in(now, following_one) == following_one
    before = following_one - timedelta(seconds=1)
    assert cron.last_in(now, max(now, before)) is None
