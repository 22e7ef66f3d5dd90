"""When a schedule creates a backup, whatever the clock and the operator do, and what it says of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.backup.values import NOW, backup, ended, schedule

from zookeeper_operator.backup.due import build_status, look
from zookeeper_operator.backup.names import scheduled_name
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.api import Object

TODAY = datetime(2026, 11, 26, 2, tzinfo=UTC)


def last(moment: datetime) -> Object:
    return {"lastScheduleTime": moment.isoformat()}


def test_a_time_that_has_come_is_due_once() -> None:
    now = TODAY + timedelta(minutes=5)
    found = look(schedule(status=last(TODAY - timedelta(days=1))), (), now)
    assert found.due == TODAY
    assert look(schedule(status=last(TODAY)), (), now).due is None
    assert found.next == TODAY + timedelta(days=1)


def test_a_time_that_was_missed_for_too_long_is_left_out() -> None:
    before = schedule(status=last(TODAY - timedelta(days=1)))
    assert look(before, (), TODAY + timedelta(minutes=59)).due == TODAY
    assert look(before, (), TODAY + timedelta(minutes=61)).due is None


def test_of_many_missed_times_the_last_one_counts() -> None:
    often = schedule(schedule="*/10 * * * *", status=last(TODAY - timedelta(days=3)))
    assert look(often, (), TODAY + timedelta(minutes=3)).due == TODAY


def test_a_schedule_begins_with_its_creation() -> None:
    new = schedule(created=TODAY + timedelta(minutes=1))
    assert look(new, (), TODAY + timedelta(minutes=2)).due is None
    at_once = schedule(created=TODAY + timedelta(minutes=1), immediate=True)
    assert look(at_once, (), TODAY + timedelta(minutes=2)).due == TODAY + timedelta(minutes=1)


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    ahead = schedule(status=last(NOW + timedelta(days=400)))
    assert look(ahead, (), TODAY + timedelta(minutes=5)).due == TODAY


def test_one_that_runs_is_waited_for() -> None:
    due = schedule(status=last(TODAY - timedelta(days=1)))
    now = TODAY + timedelta(minutes=5)
    assert look(due, [backup(status={"phase": "Uploading"})], now).due is None
    assert look(due, [ended(now)], now).due == TODAY


def test_a_suspended_schedule_creates_nothing() -> None:
    found = look(schedule(suspend=True, immediate=True), (), NOW)
    assert (found.due, found.next, found.verdict.reason) == (None, None, "Suspended")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-90, 200), min_size=5, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_the_same_time_never_leads_to_two_backups(steps: list[int], written: list[bool]) -> None:
    """The clock goes in steps of minutes, back too; the operator may end before it writes the status."""
    now, status, names = TODAY, last(TODAY), set()
    forward = TODAY
    for step, saved in zip(steps, written, strict=False):
        now += timedelta(minutes=step)
        forward = max(forward, now)
        found = schedule(schedule="*/30 * * * *", status=status)
        due = look(found, (), now).due
        if due is None:
            continue
        assert due <= now
        assert now - due <= timedelta(seconds=3600)
        names.add(scheduled_name("nightly", due))
        if saved:
            outlook = look(found, (), now)
            status = build_status(found, (), outlook, now, created=due).to_api()
    assert (
        len(names) <= (forward - TODAY) / timedelta(minutes=30) + 1 + sum(s < 0 for s in steps) * 4
    )


def _verdict(
    *backups: Backup, now: datetime = NOW, created: datetime | None = None
) -> tuple[str, bool]:
    made = created or NOW - timedelta(days=10)
    found = look(schedule(created=made), backups, now)
    return found.verdict.reason, found.overdue


@pytest.mark.parametrize(
    ("backups", "expected"),
    [
        ((), ("NotVerified", True)),
        ((ended(TODAY + timedelta(minutes=5)),), ("RecentAndVerified", False)),
        ((ended(TODAY - timedelta(minutes=5)),), ("TooOld", True)),
        (
            (ended(TODAY + timedelta(minutes=5)), ended(NOW, ok=False, name="later")),
            ("LastFailed", False),
        ),
        ((ended(NOW, ok=False),), ("NotVerified", True)),
    ],
)
def test_whether_backups_are_on_time(
    backups: tuple[Backup, ...], expected: tuple[str, bool]
) -> None:
    assert _verdict(*backups) == expected


def test_a_new_schedule_owes_nothing_yet() -> None:
    assert _verdict(created=NOW) == ("FirstBackup", False)


def test_a_backup_has_time_to_run_before_it_is_missed() -> None:
    yesterday = ended(TODAY - timedelta(days=1) + timedelta(minutes=5))
    assert _verdict(yesterday, now=TODAY + timedelta(hours=2)) == ("RecentAndVerified", False)
    assert _verdict(yesterday, now=TODAY + timedelta(hours=4)) == ("TooOld", True)


def test_what_was_verified_is_remembered_after_its_object_is_gone() -> None:
    known = {"lastVerified": {"name": "gone", "at": TODAY.isoformat()}}
    found = look(schedule(status=known), (), TODAY + timedelta(hours=4))
    assert found.verdict.reason == "RecentAndVerified"
