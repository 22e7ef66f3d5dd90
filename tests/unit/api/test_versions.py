"""Which ZooKeeper releases are known, and which way leads from one to the other."""

import pytest

from zookeeper_operator.api.versions import DEFAULT_VERSION, KNOWN_VERSIONS, has_upgrade_path


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
