"""The CustomResourceDefinition: up to date, structural, and made from any resource."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.api.model import ApiModel, LocalReference
from zookeeper_operator.api.schema.crd import build_crd, to_yaml
from zookeeper_operator.api.schema.resources import (
    CUSTOM_RESOURCES,
    ENSEMBLE,
    Column,
    CustomResource,
)
from zookeeper_operator.api.schema.rules import Rule

FILES = Path(__file__).parents[4] / "crds"
RESOURCES = pytest.mark.parametrize("resource", CUSTOM_RESOURCES.values(), ids=CUSTOM_RESOURCES)


def _schema(resource: CustomResource = ENSEMBLE) -> dict[str, Any]:
    found: dict[str, Any] = build_crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from _walk(schema["additionalProperties"], f"{path}{{}}")


@RESOURCES
def test_the_committed_file_is_up_to_date(resource: CustomResource) -> None:
    file = FILES / f"{resource.plural}.yaml"
    assert file.read_text() == to_yaml(build_crd(resource)), "run make generate"


def test_there_is_no_other_file() -> None:
    assert {file.stem for file in FILES.iterdir()} == set(CUSTOM_RESOURCES)


@RESOURCES
def test_the_file_says_what_the_definition_says(resource: CustomResource) -> None:
    assert yaml.safe_load(to_yaml(build_crd(resource))) == build_crd(resource)


@RESOURCES
def test_every_rule_stands_in_the_schema(resource: CustomResource) -> None:
    placed = {
        path: schema["x-kubernetes-validations"]
        for path, schema in _walk(_schema(resource), "")
        if "x-kubernetes-validations" in schema
    }
    assert placed == {
        path: [rule.to_schema() for rule in rules] for path, rules in resource.rules.items()
    }


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
    columns = build_crd(ENSEMBLE)["spec"]["versions"][0]["additionalPrinterColumns"]
    paths = {path for path, _ in _walk(_schema()["properties"]["status"], "status")}
    names = [column["name"] for column in columns]
    assert names == ["Voters", "Leader", "Epoch", "Ready", "Version", "Status", "Age"]
    for column in columns[:-1]:
        assert column["jsonPath"].split("[")[0].removeprefix(".") in paths


def test_the_short_name_takes_no_name_that_others_use() -> None:
    """`zk` is what other operators of this field call theirs: with both, kubectl picks one of them."""
    assert build_crd(ENSEMBLE)["spec"]["names"]["shortNames"] == ["zke"]


def test_another_resource_has_its_own_names_models_and_columns() -> None:
    class Spec(ApiModel):
        target: LocalReference = Field(LocalReference(name="zk"), description="What to copy.")

    class Status(ApiModel):
        size: int = Field(0, description="Bytes copied.")

    copy = CustomResource(
        kind="ZookeeperCopy",
        plural="zookeepercopies",
        short_names=("zkc",),
        description="A copy of an ensemble.",
        spec=Spec,
        status=Status,
        rules={"spec.target": (Rule(rule="self.name != 'x'", message="not x"),)},
        columns=(Column("Size", "integer", ".status.size", "Bytes copied."),),
        scale={},
    )
    definition = build_crd(copy)
    assert definition["metadata"]["name"] == "zookeepercopies.zookeeper.ensemble.dev"
    assert definition["spec"]["names"] == {
        "kind": "ZookeeperCopy",
        "listKind": "ZookeeperCopyList",
        "plural": "zookeepercopies",
        "singular": "zookeepercopy",
        "shortNames": ["zkc"],
        "categories": ["all"],
    }
    (version,) = definition["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    assert [column["name"] for column in version["additionalPrinterColumns"]] == ["Size"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["default"] == {"target": {"name": "zk"}}
    assert spec["properties"]["target"]["x-kubernetes-validations"][0]["message"] == "not x"
    assert "> crds/zookeepercopies.yaml" in to_yaml(definition)
