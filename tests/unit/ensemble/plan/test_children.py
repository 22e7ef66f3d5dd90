"""What of a child was edited, and what is left as another version of the operator built it."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    answers,
    applied,
    at_rest,
    claim,
    committed,
    edited,
    ensemble,
    live,
    pod,
    voting,
    with_children,
)

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply, Delete
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.ensemble.target import build_target, template_inputs
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference


def test_a_label_more_in_a_selector_is_an_edit_and_anywhere_else_is_not() -> None:
    wanted = {"metadata": {"labels": {"a": "b"}}, "spec": {"selector": {"a": "b"}}}
    live = {"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": {"selector": {"a": "b"}}}
    assert first_difference(wanted, live) is None
    live["spec"]["selector"]["c"] = "d"
    assert first_difference(wanted, live) == "spec.selector"


# ---- an upgrade of the operator ----


def of_another_version(scene: Observed) -> Observed:
    """The same ensemble, its pods built by an operator that did it in another way."""

    def older(body: Object) -> Object:
        if body["kind"] != "StatefulSet":
            return body
        metadata = body["metadata"]
        annotations = {**metadata["annotations"], names.ANNOTATION_BUILDER: "0"}
        spec = body["spec"]["template"]["spec"]
        template = {
            **body["spec"]["template"],
            "spec": {**spec, "terminationGracePeriodSeconds": 7},
        }
        return {
            **body,
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**body["spec"], "template": template},
        }

    return with_children(replace(scene, children=tuple(map(older, scene.children))))


def template_after(scene: Observed) -> Object:
    """The pod template of the voters once a plan has been carried out."""
    kept = [c for c in scene.children if c["kind"] == "StatefulSet"]
    (statefulset,) = applied(build_plan(scene).actions, "StatefulSet") or kept
    found: Object = statefulset["spec"]["template"]
    return found


def test_an_upgrade_of_the_operator_alone_changes_no_template() -> None:
    scene = of_another_version(at_rest(3))
    assert build_plan(scene).actions == ()
    assert template_after(scene)["spec"]["terminationGracePeriodSeconds"] == 7
    changed = edited(scene, {"logging": {"level": "DEBUG"}})
    assert template_after(changed)["spec"]["terminationGracePeriodSeconds"] != 7


def test_an_upgrade_turns_no_metrics_on_and_opens_no_port() -> None:
    """Both come with the next change that the user makes."""

    def older(body: Object) -> Object:
        if body["kind"] != "StatefulSet":
            return body
        spec = body["spec"]["template"]["spec"]
        container = spec["containers"][0]
        ports = [p for p in container["ports"] if p["name"] != names.METRICS_PORT]
        template = {
            **body["spec"]["template"],
            "spec": {**spec, "containers": [{**container, "ports": ports}]},
        }
        return {**body, "spec": {**body["spec"], "template": template}}

    today = of_another_version(at_rest(3))
    scene = with_children(replace(today, children=tuple(map(older, today.children))))
    policy = scene.child("NetworkPolicy", "zk")
    assert policy is not None
    assert 7000 not in ports_of(policy)
    assert build_plan(scene).actions == ()
    changed = build_plan(edited(scene, {"logging": {"level": "DEBUG"}})).actions
    assert 7000 in ports_of(applied(changed, "NetworkPolicy")[0])


def ports_of(policy: Object) -> set[int]:
    return {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}


def inputs(spec: dict[str, Any]) -> str:
    return template_inputs(build_target(ensemble(spec), Membership((), 0, (), "uid")))


@pytest.mark.parametrize("of_today", [names.VOTER, names.OBSERVER])
def test_each_statefulset_is_pinned_by_itself(of_today: str) -> None:
    """Voters that were rolled since an upgrade are no reason to restart observers that were not."""
    today = at_rest(3, {"observers": {"replicas": 1}}, roles={**voting(1, 2, 3), 101: "observer"})
    today = with_children(
        replace(
            today,
            pods=(*today.pods, pod(101)),
            answers={**today.answers, 101: answers(101, 3, (1, 2, 3))},
        )
    )
    kept = names.statefulset_name("zk", of_today)
    older = {c["metadata"]["name"]: c for c in of_another_version(today).children}
    mixed = tuple(
        c
        if c["kind"] != "StatefulSet" or c["metadata"]["name"] == kept
        else older[c["metadata"]["name"]]
        for c in today.children
    )
    assert applied(build_plan(replace(today, children=mixed)).actions, "StatefulSet") == []


def test_a_volume_that_grows_does_not_build_a_pinned_template_again() -> None:
    scene = of_another_version(at_rest(3))
    growing = edited(scene, {"storage": {"data": {"size": "10Gi"}}})
    assert not [a for a in build_plan(growing).actions if isinstance(a, Delete)]
    own = edited(at_rest(3), {"storage": {"data": {"size": "10Gi"}}})
    assert [a for a in build_plan(own).actions if isinstance(a, Delete)]


def test_a_template_whose_configuration_is_gone_is_built_again() -> None:
    """No pod of it could start."""
    scene = of_another_version(at_rest(3))
    left = tuple(
        c
        for c in scene.children
        if c["kind"] != "ConfigMap" or not names.is_config_name("zk", c["metadata"]["name"])
    )
    template = template_after(replace(scene, children=left))
    assert template["spec"]["terminationGracePeriodSeconds"] != 7
    configs = applied(build_plan(replace(scene, children=left)).actions, "ConfigMap")
    assert config_of(template["spec"]) in {body["metadata"]["name"] for body in configs}


@pytest.mark.parametrize(
    "spec",
    [
        {"storage": {"data": {"size": "10Gi"}}},
        {"storage": {"retention": {"whenScaled": "Delete"}}},
        {"replicas": 5},
    ],
)
def test_what_no_pod_template_holds_is_no_change_of_it(spec: dict[str, Any]) -> None:
    assert inputs(spec) == inputs({})
    assert inputs({**spec, "logging": {"level": "DEBUG"}}) != inputs({})


def test_a_field_that_a_later_version_adds_is_no_change_of_the_spec() -> None:
    class LaterSpec(EnsembleSpec):
        compression: str = "none"

    scene = of_another_version(at_rest(3))
    later = LaterSpec.model_validate(scene.ensemble.spec.model_dump(by_alias=True))
    upgraded = replace(scene, ensemble=replace(scene.ensemble, spec=later))
    assert build_plan(upgraded).actions == ()
    used = replace(upgraded.ensemble, spec=later.model_copy(update={"compression": "lz4"}))
    assert template_after(replace(upgraded, ensemble=used)) != template_after(scene)


def test_a_new_password_reaches_the_members_also_after_an_upgrade() -> None:
    scene = of_another_version(at_rest(3))
    lost = tuple(c for c in scene.children if c["metadata"]["name"] != "zk-auth")
    template = template_after(replace(scene, children=lost, fresh_password="another"))
    before = template_after(scene)["metadata"]["annotations"]
    annotations = template["metadata"]["annotations"]
    assert {k for k in before if before[k] != annotations[k]} == {names.ANNOTATION_AUTH}
    assert template["spec"]["terminationGracePeriodSeconds"] == 7


def test_labels_and_annotations_of_the_spec_restart_nobody() -> None:
    scene = edited(at_rest(), {"labels": {"team": "a"}, "annotations": {"example.org/a": "b"}})
    plan = build_plan(scene)
    assert plan.rollout.state is True
    changed = {c["kind"] for c in scene.children} - {"ConfigMap"}
    bodies = [a.body for a in plan.actions if isinstance(a, Apply)]
    assert {body["kind"] for body in bodies} >= changed
    assert all(body["metadata"]["labels"]["team"] == "a" for body in bodies)
    (statefulset,) = applied(plan.actions, "StatefulSet")
    live = scene.child("StatefulSet", "zk")
    assert live is not None
    assert statefulset["spec"]["template"] == live["spec"]["template"]


# ---- observers that are asked for no more ----

RETAINED = "uid-of-StatefulSet-zk-observer"


def without_observers(*, when_deleted: str, **claims: Any) -> Observed:
    """The observers have left, their StatefulSet has no pods, and a scaling has kept a volume."""
    retention = {"storage": {"retention": {"whenDeleted": when_deleted}}}
    scene = at_rest(
        3, {"observers": {"replicas": 1}, **retention}, roles={**voting(1, 2, 3), 101: "observer"}
    )
    config = committed(scene.ensemble, voting(1, 2, 3), 0x100000009)
    left = replace(scene, claims=(*scene.claims, claim(101, member=False, **claims)))
    left = edited(replace(left, committed=config), {"observers": {"replicas": 0}, **retention})
    for action in build_plan(left).actions:
        if isinstance(action, Apply):
            left = with_child(left, live(action.body))
    return left


def with_child(scene: Observed, body: Object) -> Observed:
    key = (body["kind"], body["metadata"]["name"])
    others = (c for c in scene.children if (c["kind"], c["metadata"]["name"]) != key)
    return replace(scene, children=(*others, body))


def deletes_the_observers(scene: Observed) -> bool:
    deleted = [a.name for a in build_plan(scene).actions if isinstance(a, Delete)]
    statefulset = scene.child("StatefulSet", "zk-observer")
    assert statefulset is not None
    assert statefulset["spec"]["replicas"] == 0
    return "zk-observer" in deleted


@pytest.mark.parametrize(
    ("when_deleted", "changes", "goes"),
    [
        pytest.param("Retain", {}, True, id="its claims stay"),
        pytest.param("Delete", {}, False, id="its claims would go with it"),
        pytest.param(
            "Retain", {"owners": frozenset({RETAINED})}, False, id="its claims still go with it"
        ),
        pytest.param("Delete", {"terminating": True}, True, id="its claims go by themselves"),
    ],
)
def test_a_scaling_to_no_observers_keeps_their_volumes_by_when_scaled(
    when_deleted: str, changes: dict[str, Any], *, goes: bool
) -> None:
    scene = without_observers(when_deleted=when_deleted, **changes)
    assert deletes_the_observers(scene) is goes
