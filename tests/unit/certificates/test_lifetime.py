"""Dates are judged as a person would: in time, and by the certificate that ends first."""

from datetime import timedelta

import pytest
from tests.unit.certificates.issuing import NOW, issued

from zookeeper_operator.certificates.lifetime import judge_lifetime

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("life", "left", "state", "fresh_enough"),
    [
        (90 * DAY, 90 * DAY, "Valid", True),
        (90 * DAY, 30 * DAY, "Valid", True),
        (90 * DAY, 30 * DAY - HOUR, "Expiring", True),
        (90 * DAY, 7 * DAY, "Expiring", True),
        (90 * DAY, 7 * DAY - HOUR, "Urgent", True),
        (90 * DAY, HOUR, "Urgent", True),
        (90 * DAY, HOUR / 2, "Urgent", False),
        (90 * DAY, 0 * DAY, "Expired", False),
        (90 * DAY, -1 * DAY, "Expired", False),
        (90 * DAY, 91 * DAY, "NotYetValid", False),
        (365 * DAY, 31 * DAY, "Valid", True),
        (365 * DAY, 29 * DAY, "Expiring", True),
        (HOUR, HOUR, "Valid", True),
        (HOUR, HOUR / 4, "Expiring", True),
        (HOUR, HOUR / 10, "Urgent", True),
        (HOUR, HOUR / 15, "Urgent", False),
    ],
)
def test_states(life: timedelta, left: timedelta, state: str, fresh_enough: bool) -> None:  # noqa: FBT001
    leaf = issued("zk", start=NOW + left - life, end=NOW + left).value
    found = judge_lifetime([leaf], NOW)
    assert (found.state, found.fresh_enough, found.ends) == (state, fresh_enough, NOW + left)
    assert found.usable is (state in ("Valid", "Expiring", "Urgent"))


def test_the_worst_decides_and_is_named() -> None:
    leaf = issued("zk").value
    ca = issued("CA", start=NOW - 3650 * DAY, end=NOW - DAY).value
    later = issued("later", start=NOW + DAY, end=NOW + 900 * DAY).value
    found = judge_lifetime([leaf, later, ca], NOW)
    assert (found.state, found.subject, found.ends) == ("Expired", "CN=CA", NOW - DAY)
    found = judge_lifetime([leaf, later], NOW)
    assert (found.state, found.subject, found.ends) == ("NotYetValid", "CN=later", leaf.not_after)
    assert not found.fresh_enough
