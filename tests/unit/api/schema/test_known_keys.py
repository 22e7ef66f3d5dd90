"""The keys that ZooKeeper reads, and the values they take."""

import pytest

from zookeeper_operator.api.schema.known_keys import (
    KNOWN_KEYS,
    OWN_PORTS,
    distinct_values,
    is_known,
    keys_that_take,
    nearest_key,
    problem_of,
)
from zookeeper_operator.api.schema.owned_keys import refusal_of
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import DEFAULTS


def test_the_own_ports_are_those_of_the_members() -> None:
    assert set(OWN_PORTS) == {
        names.CLIENT_PORT,
        names.QUORUM_PORT,
        names.ELECTION_PORT,
        names.ADMIN_PORT,
    }


@pytest.mark.parametrize("key", KNOWN_KEYS)
def test_a_known_key_is_free(key: str) -> None:
    assert refusal_of(key) is None


def test_each_key_is_in_the_table_once() -> None:
    assert len(KNOWN_KEYS) == sum(len(keys_that_take(values)) for values in distinct_values())


@pytest.mark.parametrize(("key", "value"), DEFAULTS.items())
def test_what_the_operator_sets_is_known_and_right(key: str, value: str) -> None:
    assert is_known(key)
    assert problem_of(key, value) is None


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("tickTime", 2000, True),
        ("tickTime", "2000", True),
        ("tickTime", "+2000", True),
        ("tickTime", " 2000", False),
        ("tickTime", "2000.0", False),
        ("tickTime", True, False),
        ("tickTime", 2**31, False),
        ("tickTime", "9" * 1000, False),
        ("snapSizeLimitInKb", 2**40, True),
        ("localSessionsEnabled", "TRUE", True),
        ("localSessionsEnabled", True, True),
        ("localSessionsEnabled", "yes", False),
        ("leaderServes", "no", True),
        ("leaderServes", False, True),
        ("leaderServes", "NO", False),
        ("metricsProvider.httpPort", 7000, True),
        ("metricsProvider.httpPort", 3888, False),
        ("serverCnxnFactory", "anything", True),
        ("nobody.reads.it", "anything", True),
    ],
)
def test_a_value_is_judged_as_the_server_reads_it(
    key: str, value: str | int, *, right: bool
) -> None:
    assert (problem_of(key, value) is None) is right


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("tikTime", "tickTime"),
        ("maxclientcnxns", "maxClientCnxns"),
        ("autopurge.purgeinterval", "autopurge.purgeInterval"),
        ("requestThrottleLimit", "request_throttle_max_requests"),
        ("datadir", "dataDir"),
        ("xyzzy", ""),
    ],
)
def test_an_unknown_key_leads_to_the_one_that_was_meant(key: str, nearest: str) -> None:
    assert not is_known(key)
    assert nearest_key(key) == nearest


@pytest.mark.parametrize("key", ["authProvider.sasl", "metricsProvider.custom"])
def test_what_a_plug_in_reads_is_known(key: str) -> None:
    assert is_known(key)
