"""Retention: whatever the rule, the clocks and the failures, the newest verified backup stays."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archive.stored import NOW, backup_of, moments

from zookeeper_operator.archive.manifest import Backup
from zookeeper_operator.archive.retention import RetentionRule, superseded

rules = st.builds(
    RetentionRule,
    keep_last=st.integers(-3, 6),
    keep_for_seconds=st.one_of(st.none(), st.integers(-10, 10**7)),
    keep_verified=st.integers(-3, 4),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Backup]:
    """Backups in the order in which they were stored: zxids do not fall, clocks do what they want."""
    count = draw(st.integers(0, 15))
    steps = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    times = draw(st.lists(moments, min_size=count, max_size=count))
    kinds = draw(st.lists(st.sampled_from(["Restore", "Checksum"]), min_size=count, max_size=count))
    zxid, found = 0x100000000, []
    for number, (step, at, by) in enumerate(zip(steps, times, kinds, strict=True)):
        zxid += step
        found.append(backup_of(number, zxid=zxid, at=at.replace(microsecond=0), by=by))
    return found


def staying(backups: Sequence[Backup], rule: RetentionRule, now: datetime) -> list[Backup]:
    gone = {backup.path for backup in superseded(backups, rule, now)}
    return [backup for backup in backups if backup.path not in gone]


@given(histories(), rules, moments)
def test_the_newest_and_the_newest_verified_stay(
    backups: list[Backup], rule: RetentionRule, now: datetime
) -> None:
    kept = staying(backups, rule, now)
    for some in (backups, [b for b in backups if b.manifest.restored_once]):
        if some:
            newest = max(b.manifest.transaction for b in some)
            latest = max(b.manifest.started_at for b in some)
            assert any(b in kept for b in some if b.manifest.transaction == newest)
            assert any(b in kept for b in some if b.manifest.started_at == latest)


@given(histories(), rules, moments)
def test_after_each_backup_and_each_removal_a_verified_one_exists(
    backups: list[Backup], rule: RetentionRule, now: datetime
) -> None:
    stored: list[Backup] = []
    verified = False
    for backup in backups:
        stored = staying([*stored, backup], rule, now)
        verified = verified or backup.manifest.restored_once
        assert backup.manifest.transaction == max(b.manifest.transaction for b in stored)
        assert any(b.manifest.restored_once for b in stored) is verified


@given(histories(), rules, moments)
def test_what_stays_is_not_removed_later_by_the_same_rule(
    backups: list[Backup], rule: RetentionRule, now: datetime
) -> None:
    kept = staying(backups, rule, now)
    assert staying(kept, rule, now) == kept


def test_the_oldest_go_first_and_as_many_stay_as_the_rule_says() -> None:
    backups = [backup_of(n, zxid=0x100000000 + n) for n in range(10)]
    gone = superseded(backups, RetentionRule(keep_last=3), NOW)
    assert list(gone) == backups[:7]


def test_young_ones_stay_however_many() -> None:
    backups = [backup_of(n, zxid=0x100000000 + n) for n in range(10)]
    rule = RetentionRule(keep_last=1, keep_for_seconds=5 * 3600)
    gone = superseded(backups, rule, NOW + timedelta(hours=9, seconds=1))
    assert list(gone) == backups[:5]


def test_verified_ones_stay_behind_unverified_ones() -> None:
    kinds = ["Restore", "Restore", "Checksum", "Checksum", "Checksum"]
    backups = [backup_of(n, zxid=0x100000000 + n, by=by) for n, by in enumerate(kinds)]
    gone = superseded(backups, RetentionRule(keep_last=2, keep_verified=1), NOW)
    assert list(gone) == [backups[0], backups[2]]


def test_what_must_stay_stays() -> None:
    backups = [backup_of(n, zxid=0x100000000 + n) for n in range(5)]
    gone = superseded(backups, RetentionRule(keep_last=1), NOW, kept=[backups[1].path])
    assert backups[1] not in gone
    assert backups[0] in gone
