"""A rotation changes one file at a time, and waits for every member in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.certificates.issuing import Issued, a_ca, issued
from tests.unit.certificates.test_source import accepted, data

from zookeeper_operator.certificates.certificate import trust_of
from zookeeper_operator.certificates.key_store import Stores
from zookeeper_operator.certificates.rotation import Confirmed, Stage, next_step, retired
from zookeeper_operator.certificates.source import Source

OLD, NEW = a_ca("CA"), a_ca("CA")
ALL, NOTHING = Confirmed(trusted=True, served=True), Confirmed()


def source_of(ca: Issued) -> Source:
    return accepted(data(issued("zk", ca), ca=ca.pem))


BEFORE, AFTER, RENEWED = source_of(OLD), source_of(NEW), source_of(OLD)
LIVE = Stores(BEFORE.key_pair, BEFORE.trust)
BOTH = trust_of([OLD.value, NEW.value])


def test_a_new_certificate_of_the_same_ca_waits_for_nobody() -> None:
    step = next_step(LIVE, RENEWED, confirmed=NOTHING, live_is_usable=True)
    assert (step.stage, step.stores) == ("Presenting", Stores(RENEWED.key_pair, LIVE.trust))
    assert next_step(step.stores, RENEWED, confirmed=NOTHING, live_is_usable=True).stage == "Done"


def test_a_new_ca_goes_in_three_steps_each_confirmed() -> None:
    first = next_step(LIVE, AFTER, confirmed=NOTHING, live_is_usable=True)
    assert (first.stage, first.stores) == ("Trusting", Stores(BEFORE.key_pair, BOTH))
    waiting = next_step(first.stores, AFTER, confirmed=NOTHING, live_is_usable=True)
    assert (waiting.stage, waiting.stores) == ("Presenting", first.stores)
    second = next_step(first.stores, AFTER, confirmed=Confirmed(trusted=True), live_is_usable=True)
    assert (second.stage, second.stores) == ("Presenting", Stores(AFTER.key_pair, BOTH))
    waiting = next_step(
        second.stores, AFTER, confirmed=Confirmed(trusted=True), live_is_usable=True
    )
    assert (waiting.stage, waiting.stores) == ("Retiring", second.stores)
    third = next_step(second.stores, AFTER, confirmed=ALL, live_is_usable=True)
    assert (third.stage, third.stores) == ("Retiring", Stores(AFTER.key_pair, AFTER.trust))
    assert retired(second.stores, third.stores) == {OLD.value}
    assert next_step(third.stores, AFTER, confirmed=NOTHING, live_is_usable=True).stage == "Done"


def test_members_that_cannot_shake_hands_are_not_waited_for() -> None:
    step = next_step(Stores(BEFORE.key_pair, BOTH), AFTER, confirmed=NOTHING, live_is_usable=False)
    assert step.stores == Stores(AFTER.key_pair, BOTH)


@pytest.mark.parametrize("stage", ["Trusting", "Presenting", "Retiring"])
def test_a_rotation_that_is_turned_back_retires_nothing_that_is_served(stage: Stage) -> None:
    live = LIVE
    while (step := next_step(live, AFTER, confirmed=ALL, live_is_usable=True)).stage != stage:
        live = step.stores
    back = step.stores
    while (step := next_step(back, BEFORE, confirmed=ALL, live_is_usable=True)).stage != "Done":
        back = step.stores
    assert back == LIVE


@given(
    st.lists(
        st.tuples(st.sampled_from([BEFORE, AFTER, RENEWED]), st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_each_step_changes_one_file_and_what_is_served_is_trusted(
    sources: list[tuple[Source, bool, bool]],
) -> None:
    live = LIVE
    for source, trusted, served in sources:
        step = next_step(live, source, confirmed=Confirmed(trusted, served), live_is_usable=True)
        changed = [live.key_pair != step.stores.key_pair, live.trust != step.stores.trust]
        assert changed.count(True) <= 1
        live = step.stores
        assert any(live.key_pair.chain.leaf.is_issued_by(ca) for ca in live.trust.authorities)
