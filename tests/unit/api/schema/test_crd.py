"""The CustomResourceDefinition: up to date, structural, and every rule has a case."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.api.cases import ACCEPTED, REFUSED, REFUSED_NAMES

from zookeeper_operator.api.ensemble import EnsembleSpec, EnsembleStatus
from zookeeper_operator.api.schema.crd import crd, to_yaml
from zookeeper_operator.api.schema.rules import RULES, Rule

FILE = Path(__file__).parents[4] / "crds" / "zookeeperensembles.yaml"


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from _walk(schema["additionalProperties"], f"{path}{{}}")


def test_the_committed_file_is_up_to_date() -> None:
    assert FILE.read_text() == to_yaml(crd()), (
        "make it anew: python -m zookeeper_operator.api.schema.crd > crds/zookeeperensembles.yaml"
    )


def test_the_file_says_what_the_definition_says() -> None:
    assert yaml.safe_load(to_yaml(crd())) == crd()


def test_every_rule_stands_in_the_schema() -> None:
    placed = {
        path: schema["x-kubernetes-validations"]
        for path, schema in _walk(_schema(), "")
        if "x-kubernetes-validations" in schema
    }
    assert placed == {path: [rule.to_schema() for rule in rules] for path, rules in RULES.items()}


def test_the_default_of_the_spec_is_written_out() -> None:
    assert _schema()["properties"]["spec"]["default"] == EnsembleSpec().to_api()


def test_the_defaults_of_schema_and_models_agree() -> None:
    schema = _schema()["properties"]["spec"]
    defaults = {
        name: inner["default"] for name, inner in schema["properties"].items() if "default" in inner
    }
    assert defaults == EnsembleSpec().to_api()


def test_the_status_has_no_defaults() -> None:
    status = _schema()["properties"]["status"]
    assert not [path for path, schema in _walk(status, "status") if "default" in schema]
    assert set(status["properties"]) == {
        field.alias for field in EnsembleStatus.model_fields.values()
    }


def test_everything_a_rule_may_read_has_a_limit() -> None:
    """Without limits the API server refuses the rules for their cost."""
    for path, schema in _walk(_schema()["properties"]["spec"], "spec"):
        if schema.get("type") == "string" and "enum" not in schema and not path.endswith("{}"):
            assert "maxLength" in schema, path
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path
        if schema.get("x-kubernetes-int-or-string"):
            assert "maxLength" in schema, path


def test_every_field_can_be_explained() -> None:
    for part in ("spec", "status"):
        for path, schema in _walk(_schema()["properties"][part], part):
            assert "description" in schema or path[-1] in "]}", path


def test_columns_show_fields_of_the_status() -> None:
    columns = crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    paths = {path for path, _ in _walk(_schema()["properties"]["status"], "status")}
    names = [column["name"] for column in columns]
    assert names == ["Voters", "Leader", "Epoch", "Ready", "Version", "Status", "Age"]
    for column in columns[:-1]:
        assert column["jsonPath"].split("[")[0].removeprefix(".") in paths


@pytest.mark.parametrize(
    ("path", "rule"), [(path, rule) for path, rules in RULES.items() for rule in rules]
)
def test_every_rule_has_a_case_that_it_refuses(path: str, rule: Rule) -> None:
    if path:
        fragments = [fragment for _, _, _, fragment in REFUSED]
        texts = rule.message, rule.message_expression
    else:
        fragments = [fragment for _, fragment in REFUSED_NAMES]
        texts = rule.message, ""
    reason = texts[1].partition(" is refused: ")[2].removesuffix('"')
    assert any(
        fragment in rule.message or (reason and fragment.endswith(reason)) for fragment in fragments
    )


def test_the_cases_have_names_of_their_own() -> None:
    for names in ([case[0] for case in REFUSED], [case[0] for case in ACCEPTED]):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case[0])
def test_what_is_accepted_can_be_read(case: tuple[str, dict[str, Any], Any]) -> None:
    EnsembleSpec.model_validate(case[1])
