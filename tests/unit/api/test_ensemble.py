"""The spec of an ensemble: what is read and what is filled in."""

from typing import Any

import pytest
from pydantic import ValidationError

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.security import OperatorCaSpec, TlsSourceSpec
from zookeeper_operator.api.versions import DEFAULT_VERSION


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
    assert EnsembleSpec.model_validate({"znodes": {"paths": []}}) == EnsembleSpec()


def test_tls_without_anything_else_is_a_whole_set_up() -> None:
    tls = EnsembleSpec.model_validate({"tls": {}}).tls
    assert tls is not None
    assert (tls.quorum, tls.clients, tls.client_certificates) == ("Enabled", "Optional", "None")
    assert tls.source == TlsSourceSpec()
    assert EnsembleSpec.model_validate({"tls": None, "auth": None}) == EnsembleSpec()


def test_the_operator_s_own_ca_is_written_as_users_write_it() -> None:
    spec = EnsembleSpec.model_validate({"tls": {"source": {"operatorCA": {"renewBefore": "1h"}}}})
    assert spec.tls is not None
    assert spec.tls.source.operator_ca == OperatorCaSpec(renew_before="1h")
    assert spec.to_api()["tls"]["source"] == {
        "operatorCA": {"validity": "87600h", "certificateValidity": "2160h", "renewBefore": "1h"}
    }


def _nested(levels: int) -> dict[str, Any]:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": [value]}
    return {"podTemplate": {"spec": value}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (_nested(5_000), "nested more than 32 levels deep"),
        ({"podTemplate": {"spec": {"volumes": [{}] * 20_000}}}, "more than 10000 values"),
    ],
)
def test_what_no_pod_template_is_is_refused_before_anything_is_computed_of_it(
    spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        EnsembleSpec.model_validate(spec)


def test_a_large_pod_template_is_read() -> None:
    assert EnsembleSpec.model_validate(_nested(12)).pod_template == _nested(12)["podTemplate"]
    many = {"podTemplate": {"spec": {"volumes": [{"name": f"v{n}"} for n in range(3_000)]}}}
    assert EnsembleSpec.model_validate(many).pod_template == many["podTemplate"]
