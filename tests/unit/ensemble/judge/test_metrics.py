"""What is reported of metrics that are asked for and not served."""

from dataclasses import replace
from typing import Any

from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.metrics import PROVIDER
from zookeeper_operator.ensemble.judge.spec import judge_spec
from zookeeper_operator.ensemble.observed import Observed


def serving(observed: Observed, *, exports: bool | None) -> Observed:
    """The members answer as those of an image with, or without, the provider."""
    config = next(
        child["metadata"]["name"]
        for child in observed.children
        if child["kind"] == "ConfigMap" and names.is_config_name("zk", child["metadata"]["name"])
    )
    answers = {i: replace(a, exports_metrics=exports) for i, a in observed.answers.items()}
    pods = tuple(replace(pod, config=config) for pod in observed.pods)
    return replace(observed, answers=answers, pods=pods)


def warnings(observed: Observed) -> list[str]:
    found = judge_spec(observed)
    assert found.problems == ()
    assert {w.reason for w in found.warnings} <= {reasons.METRICS_UNAVAILABLE}
    return [warning.message for warning in found.warnings]


def test_an_image_without_the_provider_is_a_warning() -> None:
    (warning,) = warnings(serving(at_rest(3), exports=False))
    assert "zookeeper-prometheus-metrics-*.jar" in warning
    assert warnings(serving(at_rest(3), exports=True)) == []
    assert warnings(serving(at_rest(3), exports=None)) == [], "it did not say"


def test_members_that_were_never_given_the_provider_are_no_warning() -> None:
    """Such as those that an earlier version of the operator has started."""
    scene = serving(at_rest(3), exports=False)
    older = tuple(replace(pod, config="zk-config") for pod in scene.pods)
    assert warnings(replace(scene, pods=older)) == []


def test_what_is_not_asked_for_is_not_missed() -> None:
    asked: tuple[dict[str, Any], ...] = (
        {"metrics": {"enabled": False}},
        {"config": {"metricsProvider.className": PROVIDER}},
    )
    for spec in asked:
        assert warnings(serving(at_rest(3, spec), exports=False)) == []


def test_a_port_that_something_else_uses_is_named() -> None:
    exporter = {"name": "exporter", "ports": [{"containerPort": 7000}]}
    (warning,) = warnings(at_rest(3, {"podTemplate": {"spec": {"containers": [exporter]}}}))
    assert "containers[exporter].ports uses port 7000" in warning
