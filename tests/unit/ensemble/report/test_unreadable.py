"""A spec that cannot be read: said in the status, and nothing else that stands there is lost."""

from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.report.unreadable import (
    build_unreadable_status,
    describe_unreadable,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BODY: dict[str, Any] = {
    "metadata": {"name": "zk", "generation": 4},
    "status": {
        "identity": "kept",
        "conditions": [
            {
                "type": "SpecValid",
                "status": "True",
                "reason": "Valid",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    },
}


def test_the_first_field_is_named_with_what_is_wrong() -> None:
    with pytest.raises(pydantic.ValidationError) as failed:
        EnsembleSpec.model_validate({"storage": {"data": {"size": []}}})
    assert describe_unreadable(failed.value).startswith("spec.storage.data.size: ")


def test_the_rest_of_the_status_stays() -> None:
    status = build_unreadable_status(BODY, "spec.x: no", NOW)
    assert status["identity"] == "kept"
    assert status["observedGeneration"] == 4
    found = {c["type"]: c for c in status["conditions"]}
    assert set(found) == {"Ready", "SpecValid"}
    for condition in found.values():
        assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
        assert condition["lastTransitionTime"] == "2026-01-02T00:00:00Z"
    assert "spec.x: no" in status["nextAction"]
