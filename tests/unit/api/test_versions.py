"""Which ZooKeeper releases are known, and which way leads from one to the other."""

import re

import pytest

from zookeeper_operator.api.schema.security_rules import TLS_SPEC_RULES
from zookeeper_operator.api.versions import (
    DEFAULT_VERSION,
    KNOWN_VERSIONS,
    has_upgrade_path,
    security_traits,
)


@pytest.mark.parametrize("current", KNOWN_VERSIONS)
@pytest.mark.parametrize("target", KNOWN_VERSIONS)
def test_known_versions_lead_to_each_other(current: str, target: str) -> None:
    assert has_upgrade_path(current, target)


@pytest.mark.parametrize(
    ("current", "target", "allowed"),
    [
        ("3.9.6", "3.9.7", True),
        ("3.8.7", "3.8.8", True),
        ("3.8.7", "3.9.7", True),
        ("3.9.7", "3.8.8", True),
        ("3.10.0", "3.10.1", True),
        ("3.9.5", "3.10.0", False),
        ("3.10.0", "3.9.5", False),
        ("3.4.14", "3.9.5", False),
    ],
)
def test_unknown_versions_stay_on_their_line(current: str, target: str, *, allowed: bool) -> None:
    assert has_upgrade_path(current, target) is allowed


def test_the_default_is_a_known_version_without_a_warning() -> None:
    assert KNOWN_VERSIONS[DEFAULT_VERSION].warning == ""


@pytest.mark.parametrize(
    ("version", "verifies", "accepts"),
    [
        ("3.8.0", False, True),
        ("3.8.17", False, True),
        ("3.9.3", False, True),
        ("3.9.4", True, True),
        ("3.9.5", True, True),
        ("3.9.6", True, False),
        ("3.9.20", True, False),
        ("3.10.0", True, False),
        ("mine", True, False),
    ],
)
def test_a_release_needs_for_security_what_the_table_says(
    version: str, *, verifies: bool, accepts: bool
) -> None:
    found = security_traits(version)
    assert found.verifies_peer_names is verifies
    assert found.digest_md5_in_fips_mode is accepts


@pytest.mark.parametrize("version", KNOWN_VERSIONS)
def test_the_rule_about_peer_names_is_that_of_the_table(version: str) -> None:
    rule = next(rule for rule in TLS_SPEC_RULES if rule.field == ".tls.verifyPeerNames")
    patterns = re.findall(r"matches\('([^']+)'\)", rule.rule)
    refused = any(re.search(pattern, version) for pattern in patterns)
    assert refused is not security_traits(version).verifies_peer_names
