"""The keys of `zoo.cfg` that belong to the operator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS, refusal_of, refusal_of_value

FREE = [
    "tickTime",
    "initLimit",
    "syncLimit",
    "maxClientCnxns",
    "maxCnxns",
    "minSessionTimeout",
    "maxSessionTimeout",
    "autopurge.purgeInterval",
    "autopurge.snapRetainCount",
    "snapCount",
    "snapSizeLimitInKb",
    "preAllocSize",
    "globalOutstandingLimit",
    "forceSync",
    "fsync.warningthresholdms",
    "leaderServes",
    "localSessionsEnabled",
    "localSessionsUpgradingEnabled",
    "connectToLearnerMasterLimit",
    "leaderConnectDelayDuringRetryMs",
    "extendedTypesEnabled",
    "syncEnabled",
    "metricsProvider.className",
    "metricsProvider.httpPort",
    "serverCnxnFactory",
    "fips-mode",
    "cnxTimeout",
    "4lw.commands.whitelist",
    "snapshot.compression.method",
    "jvm.pause.monitor",
    "quorum.cnxn.threads.size",
]


@pytest.mark.parametrize("key", FREE)
def test_what_tunes_a_server_is_free(key: str) -> None:
    assert refusal_of(key) is None


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("dataDir", "spec.storage"),
        ("clientPort", "spec.external"),
        ("clientPortAddress", "spec.external"),
        ("secureClientPortAddress", "TLS"),
        ("server.4", "spec.replicas"),
        ("group.1", "spec.replicas"),
        ("weight.1", "spec.replicas"),
        ("standaloneEnabled", "as the operator sets it"),
        ("reconfigEnabled", "as the operator sets it"),
        ("admin.enableServer", "AdminServer"),
        ("db.autocreate", "acknowledged writes"),
        ("zookeeper.db.autocreate", "prefix"),
        ("skipACL", "ACL"),
        ("DigestAuthenticationProvider.superDigest", "super user"),
        ("sslQuorum", "TLS"),
        ("ssl.quorum.keyStore.location", "TLS"),
        ("jute.maxbuffer", "spec.jvm.options"),
        ("dataDir x", "letters"),
        ("tickTime\n", "letters"),
        ("", "letters"),
        ("a" * 129, "letters"),
        ("#", "letters"),
    ],
)
def test_what_belongs_to_the_operator_is_refused_with_the_reason(key: str, part: str) -> None:
    assert part in (refusal_of(key) or "")


def test_no_key_is_in_two_groups() -> None:
    for owned in OWNED_KEYS:
        for key in (*owned.keys, *(f"{prefix}1" for prefix in owned.prefixes)):
            assert [other for other in OWNED_KEYS if other.matches(key)] == [owned]


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_key_and_value_make_a_second_line(key: str, value: str) -> None:
    if refusal_of(key) is None and refusal_of_value(key, value) is None:
        line = f"{key}={value}"
        assert not set("\r\n") & set(line)
        assert not set(" \t\f:=") & set(key)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [("*", True), ("srvr", True), ("ruok, srvr", True), ("ruok", False), ("", False)],
)
def test_the_four_letter_words_keep_the_one_that_is_needed(value: str, *, allowed: bool) -> None:
    assert (refusal_of_value("4lw.commands.whitelist", value) is None) is allowed


def test_a_number_is_one_line() -> None:
    assert refusal_of_value("tickTime", 2000) is None
