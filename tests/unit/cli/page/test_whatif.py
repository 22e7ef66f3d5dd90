"""The manifest of an edit that the page asks about."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.cli.page.scenes import body

from zookeeper_operator.cli.page.whatif import edit
from zookeeper_operator.ensemble import names

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "spec", "restarted"),
    [
        ({"replicas": "5"}, {"replicas": 5, "version": "3.9.5"}, 0),
        ({"version": "3.9.6", "replicas": ""}, {"replicas": 3, "version": "3.9.6"}, 0),
        ({"restart": "1"}, {"replicas": 3, "version": "3.9.5"}, 1),
    ],
)
def test_what_is_asked_for_and_nothing_else(
    asked: dict[str, str], spec: dict[str, Any], restarted: int
) -> None:
    found = edit(body(), asked, NOW)
    assert found is not None
    assert found["spec"] == spec
    assert set(found) == {"apiVersion", "kind", "metadata", "spec"}
    annotations = found["metadata"].get("annotations") or {}
    assert list(annotations) == [names.ANNOTATION_RESTARTED_AT] * restarted


def test_no_edit_is_what_the_operator_does_anyway() -> None:
    for asked in ({}, {"replicas": "", "version": ""}, {"replicas": "3"}):
        assert edit(body(), asked, NOW) is None


def test_replicas_that_are_no_number() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        edit(body(), {"replicas": "many"}, NOW)
