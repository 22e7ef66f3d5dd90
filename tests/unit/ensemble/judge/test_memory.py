"""Whether a member can live in its memory: one number, in the rule and in the text."""

import re

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, edited

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.judge.memory import least_limit, memory_problems
from zookeeper_operator.ensemble.judge.problem import Problem


def problems(limit: str | None, percent: int = 60, request: str | None = None) -> list[Problem]:
    resources = {
        "limits": {} if limit is None else {"memory": limit},
        "requests": {} if request is None else {"memory": request},
    }
    spec = {"resources": resources, "jvm": {"heapPercent": percent}}
    return list(memory_problems(edited(at_rest(3), spec)))


@pytest.mark.parametrize("percent", range(10, 91))
def test_the_number_in_the_message_is_the_first_that_is_accepted(percent: int) -> None:
    (problem,) = problems("1Mi", percent)
    found = re.search(r"raise it to (\d+)Mi or more", problem.message)
    assert found is not None
    named = int(found[1])
    assert problems(f"{named}Mi", percent) == []
    assert problems(f"{named - 1}Mi", percent)


def test_by_default_a_member_needs_256_mebibytes() -> None:
    assert least_limit(60) == 256
    (problem,) = problems("255Mi")
    assert problem.reason == reasons.MEMORY_TOO_SMALL
    assert problems("256Mi") == []


def test_without_a_limit_only_the_heap_counts() -> None:
    assert problems(None, request="128Mi") == []
    (problem,) = problems(None, request="64Mi")
    assert "spec.resources.requests.memory" in problem.message
    assert problems(None) == []


def test_a_limit_that_cannot_be_read_is_too_small() -> None:
    assert problems("lots")
