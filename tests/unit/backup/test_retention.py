"""Whatever the rule, the clocks and the failures: the newest verified backup of a schedule stays."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.backup.values import NOW, ended

from zookeeper_operator.api.backup_schedule import BackupRetention
from zookeeper_operator.archive.retention import RetentionRule
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.backup.retention import read_rule, removable

RULES = st.builds(
    RetentionRule,
    keep_last=st.integers(-1, 4),
    keep_for_seconds=st.none() | st.integers(0, 400_000),
    keep_verified=st.integers(-1, 3),
)
EVENTS = st.lists(
    st.tuples(
        st.integers(-300_000, 300_000),  # how far the clock goes, or jumps
        st.booleans(),  # whether the backup succeeds
        st.sampled_from(["Restore", "Checksum"]),
        st.integers(0, 5),  # how many transactions later
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(RULES, EVENTS)
def test_the_newest_verified_backup_stays(
    rule: RetentionRule, events: list[tuple[int, bool, str, int]]
) -> None:
    now, zxid, there, made = NOW, 1, [], list[Backup]()
    for number, (step, ok, by, transactions) in enumerate(events):
        now += timedelta(seconds=step)
        zxid += transactions
        new = ended(now, ok=ok, by=by, zxid=zxid, name=f"b{number}")
        there.append(new)
        made.append(new)
        gone = {b.metadata.name for b in removable(there, rule, now)}
        there = [b for b in there if b.metadata.name not in gone]
        kept = {b.metadata.name for b in there}
        served = [b for b in made if b.status.verified and b.status.verified.by == "Restore"]
        highest = max((_zxid(b) for b in served), default=None)
        assert not served or any(_zxid(b) == highest and b.metadata.name in kept for b in served)
        stored = [b for b in made if b.succeeded]
        most = max((_zxid(b) for b in stored), default=None)
        assert not stored or any(_zxid(b) == most and b.metadata.name in kept for b in stored)


def _zxid(backup: Backup) -> int:
    return int((backup.status.path or "-0").rpartition("-")[2], 16)


def test_the_newest_stay_and_the_others_go() -> None:
    backups = [ended(NOW - timedelta(days=n), zxid=100 - n) for n in range(10)]
    gone = removable(backups, RetentionRule(keep_last=3), NOW)
    assert {_zxid(b) for b in gone} == {100 - n for n in range(3, 10)}


def test_young_ones_stay_as_well() -> None:
    backups = [ended(NOW - timedelta(days=n), zxid=100 - n) for n in range(10)]
    rule = read_rule(BackupRetention(keep_last=1, keep_for="120h"))
    assert rule is not None
    assert len(removable(backups, rule, NOW)) == 5


def test_the_last_one_that_a_server_has_served_stays_behind_any_number_of_others() -> None:
    served = ended(NOW - timedelta(days=99), zxid=1)
    checked = [ended(NOW - timedelta(days=n), zxid=100 - n, by="Checksum") for n in range(9)]
    assert served not in removable([served, *checked], RetentionRule(keep_last=2), NOW)


def test_a_few_failures_stay() -> None:
    failures = [ended(NOW - timedelta(days=n), ok=False, name=f"f{n}") for n in range(6)]
    gone = removable(failures, RetentionRule(keep_last=1), NOW)
    assert {b.metadata.name for b in gone} == {"f3", "f4", "f5"}


def test_each_life_of_an_ensemble_keeps_its_own() -> None:
    before = ended(NOW - timedelta(days=9), zxid=900, identity="before")
    after = [ended(NOW - timedelta(days=n), zxid=100 - n) for n in range(4)]
    gone = removable([before, *after], RetentionRule(keep_last=1), NOW)
    assert before not in gone
    assert len(gone) == 3


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ({"persistentVolumeClaim": {"claimName": "old"}}, {"s3": {"bucket": "b"}}, True),
        ({"s3": {"bucket": "b"}}, {"s3": {"bucket": "b", "endpoint": "https://other"}}, True),
        (
            {"s3": {"bucket": "b", "credentialsSecret": {"name": "old"}}},
            {"s3": {"bucket": "b", "credentialsSecret": {"name": "new"}}},
            False,
        ),
    ],
)
def test_each_storage_keeps_its_own(
    before: dict[str, Any], after: dict[str, Any], *, other: bool
) -> None:
    """The agent removes nothing where a schedule no longer stores, so the objects of it stay as well."""
    old = ended(NOW - timedelta(days=9), zxid=1, storage=before)
    new = [ended(NOW - timedelta(days=n), zxid=100 - n, storage=after) for n in range(4)]
    gone = removable([old, *new], RetentionRule(keep_last=1), NOW)
    assert (old in gone) is not other
    assert len(gone) == (3 if other else 4)


def test_what_cannot_be_read_removes_nothing() -> None:
    assert read_rule(BackupRetention(keep_for="soon")) is None
