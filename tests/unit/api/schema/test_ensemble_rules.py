"""Every rule of an ensemble has a case; the integration tests run the cases on a real API server."""

from typing import Any

import pytest
from tests.unit.api.cases import ACCEPTED, REFUSED, REFUSED_NAMES

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.schema.ensemble_rules import ENSEMBLE_RULES
from zookeeper_operator.api.schema.rules import Rule


@pytest.mark.parametrize(
    ("path", "rule"), [(path, rule) for path, rules in ENSEMBLE_RULES.items() for rule in rules]
)
def test_every_rule_has_a_case_that_it_refuses(path: str, rule: Rule) -> None:
    fragments = [fragment for _, _, _, fragment in REFUSED]
    if not path:
        fragments += [fragment for _, fragment in REFUSED_NAMES]
    texts = rule.message, rule.message_expression
    reason = texts[1].partition(" is refused: ")[2].removesuffix('"')
    sentence = rule.message.partition(": must be ")[2]
    assert any(
        fragment in rule.message
        or (reason and fragment.endswith(reason))
        or (rule.message_expression and sentence and fragment.endswith(sentence))
        for fragment in fragments
    )


def test_the_cases_have_names_of_their_own() -> None:
    for names in ([case[0] for case in REFUSED], [case[0] for case in ACCEPTED]):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case[0])
def test_what_is_accepted_can_be_read(case: tuple[str, dict[str, Any], Any]) -> None:
    EnsembleSpec.model_validate(case[1])
