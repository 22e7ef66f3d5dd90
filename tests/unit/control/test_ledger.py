"""The canary of the watch."""

from zookeeper_operator.control.ledger import EventLedger


def test_what_events_told_is_no_drift() -> None:
    ledger = EventLedger()
    ledger.seen("a", "1")
    ledger.seen("a", "2")
    assert ledger.compare({"a": "2"}) == set()
    assert ledger.compare({"a": "2"}) == set()


def test_an_event_still_on_its_way_is_no_drift() -> None:
    ledger = EventLedger()
    ledger.seen("a", "1")
    assert ledger.compare({"a": "2"}) == set()
    ledger.seen("a", "2")
    assert ledger.compare({"a": "3"}) == set()
    ledger.seen("a", "3")
    assert ledger.compare({"a": "3"}) == set()


def test_an_event_ahead_of_an_old_list_is_no_drift() -> None:
    ledger = EventLedger()
    ledger.seen("a", "2")
    assert ledger.compare({"a": "1"}) == set()
    assert ledger.compare({"a": "2"}) == set()


def test_a_change_nobody_told_of_is_drift_from_the_second_period_on() -> None:
    ledger = EventLedger()
    ledger.seen("a", "1")
    ledger.seen("b", "1")
    assert ledger.compare({"a": "2", "b": "1"}) == set()
    assert ledger.compare({"a": "2", "b": "1"}) == {"a"}
    assert ledger.compare({"a": "3", "b": "1"}) == {"a"}
    ledger.seen("a", "3")
    assert ledger.compare({"a": "3", "b": "1"}) == set()


def test_an_object_nobody_told_of_is_drift() -> None:
    ledger = EventLedger()
    assert ledger.compare({"new": "5"}) == set()
    assert ledger.compare({"new": "5"}) == {"new"}


def test_a_missed_deletion_is_reported_once_and_forgotten() -> None:
    ledger = EventLedger()
    ledger.seen("a", "1")
    assert ledger.compare({}) == set()
    assert ledger.compare({}) == {"a"}
    assert ledger.compare({}) == set()
    assert len(ledger) == 0


def test_a_deletion_that_was_told_is_no_drift() -> None:
    ledger = EventLedger()
    ledger.seen("a", "1")
    ledger.gone("a")
    ledger.gone("never seen")
    assert ledger.compare({}) == set()
    assert ledger.compare({}) == set()
