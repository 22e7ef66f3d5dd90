"""Configurations stay for as long as a pod may be made, or restarted, with them."""

from dataclasses import replace
from typing import Any

from tests.unit.ensemble.plan.scenes import applied, at_rest, changed, edited, live

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Delete
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.kube.api import Object


def config_map(name: str, made: str, **labels: str) -> Object:
    return live(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": "demo",
                "creationTimestamp": f"2026-01-01T00:00:{made}Z",
                "labels": {names.LABEL_ENSEMBLE: "zk", **labels},
            },
        }
    )


def with_old(scene: Observed, *bodies: Object) -> Observed:
    return replace(scene, children=(*scene.children, *bodies))


def removed(scene: Observed) -> list[str]:
    return [a.name for a in build_plan(scene).actions if isinstance(a, Delete)]


def current(scene: Observed) -> str:
    (found,) = (
        child["metadata"]["name"]
        for child in scene.children
        if child["kind"] == "ConfigMap" and names.is_config_name("zk", child["metadata"]["name"])
    )
    return str(found)


OLD = [config_map(f"zk-config-{n}", f"0{n}") for n in range(1, 5)]


def test_all_but_the_newest_two_are_removed_when_nothing_names_them() -> None:
    scene = with_old(at_rest(3), *OLD)
    assert removed(scene) == ["zk-config-1", "zk-config-2"]
    assert removed(with_old(at_rest(3), *OLD[2:])) == []


def test_one_that_a_pod_was_made_with_stays() -> None:
    scene = changed(with_old(at_rest(3), *OLD), 2, config="zk-config-1")
    assert removed(scene) == ["zk-config-2"]


def test_one_that_a_pod_names_whose_statefulset_was_deleted_stays() -> None:
    scene = with_old(at_rest(3), *OLD)
    left = replace(scene, pods=(), unclaimed_configs=frozenset({"zk-config-1"}))
    assert removed(left) == ["zk-config-2"]


def test_one_that_the_live_template_names_stays() -> None:
    def names_first(body: Object) -> Object:
        if body["kind"] != "StatefulSet":
            return body
        spec: dict[str, Any] = body["spec"]["template"]["spec"]
        volumes = [
            {**v, "configMap": {"name": "zk-config-1"}} if v["name"] == "config" else v
            for v in spec["volumes"]
        ]
        template = {**body["spec"]["template"], "spec": {**spec, "volumes": volumes}}
        return {**body, "spec": {**body["spec"], "template": template}}

    scene = with_old(at_rest(3), *OLD)
    older = replace(scene, children=tuple(map(names_first, scene.children)))
    assert removed(older) == ["zk-config-2"]


def test_the_one_of_version_0_1_goes_like_any_other() -> None:
    first = config_map("zk-config", "00")
    assert removed(with_old(at_rest(3), first, *OLD[2:])) == ["zk-config"]
    assert removed(changed(with_old(at_rest(3), first, *OLD[2:]), 1, config="zk-config")) == []


def test_a_config_map_of_somebody_else_is_left_alone() -> None:
    theirs = config_map("our-notes", "00")
    assert removed(with_old(at_rest(3), theirs, *OLD[2:])) == []


def test_an_edit_makes_another_configuration_and_leaves_the_old_one() -> None:
    scene = at_rest(3)
    plan = build_plan(edited(scene, {"config": {"tickTime": 3000}}))
    (made,) = applied(plan.actions, "ConfigMap")
    assert made["immutable"] is True
    assert made["metadata"]["name"] != current(scene)
    (statefulset,) = applied(plan.actions, "StatefulSet")
    volumes = {v["name"]: v for v in statefulset["spec"]["template"]["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == made["metadata"]["name"]
    kinds = [a.body["kind"] for a in plan.actions if not isinstance(a, Delete)]  # type: ignore[union-attr]
    assert kinds.index("ConfigMap") < kinds.index("StatefulSet"), "no pod waits for it"
    assert not [a for a in plan.actions if isinstance(a, Delete)]
