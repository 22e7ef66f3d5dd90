"""The models: what is read, what is filled in, and which way leads from version to version."""

import pytest
from pydantic import BaseModel, ValidationError

from zookeeper_operator.api import ensemble as v1alpha1
from zookeeper_operator.api.ensemble import (
    DEFAULT_VERSION,
    KNOWN_VERSIONS,
    ApiModel,
    EnsembleSpec,
    EnsembleStatus,
    MemberStatus,
    has_upgrade_path,
    minor_of,
)


def _models() -> list[type[BaseModel]]:
    return [
        value
        for value in vars(v1alpha1).values()
        if isinstance(value, type) and issubclass(value, ApiModel) and value is not ApiModel
    ]


@pytest.mark.parametrize("model", _models())
def test_every_field_tells_a_user_what_it_is(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_an_empty_spec_is_three_members_on_the_default_version() -> None:
    spec = EnsembleSpec.model_validate({})
    assert (spec.replicas, spec.version, spec.image.repository) == (3, DEFAULT_VERSION, "zookeeper")
    assert spec.resources.limits == {"memory": "512Mi"}
    assert spec.storage.log is None
    assert spec.external is None


def test_camel_case_is_read_and_written() -> None:
    spec = EnsembleSpec.model_validate({"allowEvenReplicas": True, "jvm": {"heapPercent": 50}})
    assert spec.allow_even_replicas
    assert spec.jvm.heap_percent == 50
    assert spec.to_api()["jvm"] == {"heapPercent": 50, "options": []}


def test_own_resources_replace_the_default_ones_as_a_whole() -> None:
    spec = EnsembleSpec.model_validate({"resources": {"limits": {"memory": "256Mi"}}})
    assert spec.resources.requests == {}


def test_nulls_count_as_missing_except_in_the_pod_template() -> None:
    spec = EnsembleSpec.model_validate(
        {"replicas": None, "external": None, "podTemplate": {"spec": {"affinity": None}}}
    )
    assert spec.replicas == 3
    assert spec.pod_template == {"spec": {"affinity": None}}


def test_values_of_the_configuration_keep_their_type() -> None:
    config = EnsembleSpec.model_validate({"config": {"a": 1, "b": "1", "c": True}}).config
    assert [type(value) for value in config.values()] == [int, str, bool]


def test_fields_of_a_newer_schema_are_ignored() -> None:
    assert EnsembleSpec.model_validate({"auth": {"users": []}}) == EnsembleSpec()


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError):
        EnsembleSpec().replicas = 5  # type: ignore[misc]


def test_a_status_leaves_out_what_is_not_known() -> None:
    status = EnsembleStatus(members=(MemberStatus(id=1, pod="zk-1"),)).to_api()
    assert "leader" not in status
    assert "lag" not in status["members"][0]
    assert EnsembleStatus.model_validate(status).to_api() == status


@pytest.mark.parametrize("current", KNOWN_VERSIONS)
@pytest.mark.parametrize("target", KNOWN_VERSIONS)
def test_known_versions_lead_to_each_other(current: str, target: str) -> None:
    assert has_upgrade_path(current, target)


@pytest.mark.parametrize(
    ("current", "target", "allowed"),
    [
        ("3.9.5", "3.9.6", True),
        ("3.10.0", "3.10.1", True),
        ("3.9.5", "3.10.0", False),
        ("3.10.0", "3.9.5", False),
        ("3.4.14", "3.9.5", False),
    ],
)
def test_unknown_versions_stay_on_their_line(current: str, target: str, *, allowed: bool) -> None:
    assert has_upgrade_path(current, target) is allowed


def test_the_table_of_versions_is_consistent() -> None:
    assert DEFAULT_VERSION in KNOWN_VERSIONS
    for name, known in KNOWN_VERSIONS.items():
        assert known.version == name
        assert known.minor == minor_of(name)
