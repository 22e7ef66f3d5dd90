"""The table of child kinds, and the names an ensemble needs, held against what the planner builds."""

from typing import Any

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.children import CHILD_KINDS, REMOVABLE, expected_names
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.children import wanted_children

EVERYTHING: dict[str, Any] = {
    "observers": {"replicas": 2},
    "external": {"type": "NodePort", "adminServer": True},
    "storage": {"data": {"size": "5Gi"}, "log": {"size": "1Gi"}},
}


@pytest.mark.parametrize("spec", [{}, EVERYTHING, {"networkPolicy": {"enabled": False}}])
def test_what_is_built_is_what_is_expected(spec: dict[str, Any]) -> None:
    """But for the configuration, whose name only its content tells."""
    scene = at_rest(3, spec)
    built = {(b["kind"], b["metadata"]["name"]) for b in wanted_children(understand(scene))}
    configs = {
        (kind, name)
        for kind, name in built
        if kind == "ConfigMap" and names.is_config_name("zk", name)
    }
    assert len(configs) == 1
    assert built - configs == expected_names(scene.ensemble)


def test_secrets_for_tls_are_expected_only_with_tls() -> None:
    ensemble = at_rest(3).ensemble
    more = expected_names(ensemble, secured=True) - expected_names(ensemble)
    assert more == {("Secret", "zk-ca"), ("Secret", "zk-tls")}
    secured = EnsembleUnderTest({"replicas": 3, "tls": {}})
    secured.rest()
    situation = understand(secured.world.observed)
    built = {(b["kind"], b["metadata"]["name"]) for b in wanted_children(situation)}
    assert more <= built


def test_every_kind_that_is_built_is_in_the_table_with_the_rights_to_build_it() -> None:
    by_kind = {kind.resource.kind: kind for kind in CHILD_KINDS}
    for body in wanted_children(understand(at_rest(3, EVERYTHING))):
        assert {"get", "create", "patch"} <= set(by_kind[body["kind"]].verbs)


def test_the_rights_are_those_that_the_table_needs() -> None:
    for kind in CHILD_KINDS:
        assert ("list" in kind.verbs) is kind.listed, kind.resource.kind
        assert ("watch" in kind.verbs) is kind.watched, kind.resource.kind
    assert all("delete" in k.verbs for k in CHILD_KINDS if k.resource.kind in REMOVABLE)
