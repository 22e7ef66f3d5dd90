"""What is edited on a volume claim: its mark and its size."""

import copy
from dataclasses import replace

from tests.unit.ensemble.plan.scenes import (
    GIBIBYTE,
    applied,
    at_rest,
    committed,
    disruptive,
    edited,
    voting,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Delete,
)
from zookeeper_operator.ensemble.observed import Observed, StorageClass
from zookeeper_operator.ensemble.plan import build_plan


def test_a_member_that_has_left_loses_its_pod_and_its_mark() -> None:
    scene = edited(at_rest(3, leader=1), {"replicas": 2})
    left = replace(scene, committed=committed(scene.ensemble, voting(1, 2), 0x100000009))
    left = replace(
        left,
        answers={i: replace(a, voting_view=frozenset({1, 2})) for i, a in left.answers.items()},
    )
    plan = build_plan(left)
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 2
    (mark,) = applied(plan.actions, "PersistentVolumeClaim")
    assert mark["metadata"]["name"] == "data-zk-3"
    assert mark["metadata"]["annotations"] == {"zookeeper.ensemble.dev/member": "false"}
    order = [a.body["kind"] for a in plan.actions if hasattr(a, "body")]
    assert order.index("PersistentVolumeClaim") < order.index("StatefulSet")


def grown(*, expandable: bool) -> Observed:
    scene = edited(at_rest(3), {"storage": {"data": {"size": "10Gi"}}})
    return replace(
        scene,
        storage_classes={"standard": StorageClass("standard", expandable=expandable, default=True)},
    )


def test_volumes_grow_where_the_class_allows_it() -> None:
    plan = build_plan(grown(expandable=True))
    sizes = {
        b["metadata"]["name"]: b["spec"]["resources"]["requests"]["storage"]
        for b in applied(plan.actions, "PersistentVolumeClaim")
    }
    assert sizes == dict.fromkeys(("data-zk-1", "data-zk-2", "data-zk-3"), "10Gi")
    assert [a for a in plan.actions if isinstance(a, Delete)] == [
        Delete(
            "apps/v1",
            "StatefulSet",
            "zk",
            "uid-of-StatefulSet-zk",
            why=plan.actions[-1].why,
            orphan=True,
        )
    ], "new members get the new size, and no pod is restarted for it"
    assert disruptive(plan.actions) == []


def test_volumes_that_cannot_grow_are_told_and_left_alone() -> None:
    plan = build_plan(grown(expandable=False))
    assert applied(plan.actions, "PersistentVolumeClaim") == []
    assert plan.storage.reason == reasons.RESIZE_REFUSED


def labelled(instance: str | None) -> Observed:
    """Three members whose claims an earlier version of the operator had labelled."""
    scene = at_rest(3)
    return replace(scene, claims=tuple(replace(c, instance=instance) for c in scene.claims))


def test_a_label_by_which_a_gitops_tool_would_remove_a_claim_is_taken_off_in_two_applies() -> None:
    taken_over = applied(build_plan(labelled("zk")).actions, "PersistentVolumeClaim")
    assert len(taken_over) == 3
    assert {body["metadata"]["labels"][names.LABEL_INSTANCE] for body in taken_over} == {""}
    left_out = applied(build_plan(labelled("")).actions, "PersistentVolumeClaim")
    assert len(left_out) == 3
    assert all("labels" not in body["metadata"] for body in left_out)
    for body in (*taken_over, *left_out):
        assert body["metadata"]["annotations"] == {names.ANNOTATION_MEMBER: "true"}
        assert body["spec"]["resources"]["requests"]["storage"] == str(5 * GIBIBYTE)
    assert build_plan(labelled(None)).actions == ()
    assert build_plan(labelled("of-somebody-else")).actions == ()


def test_an_edit_keeps_the_spelling_of_the_size() -> None:
    scene = labelled("zk")
    spelled = tuple(replace(c, size="5120Mi") for c in scene.claims)
    edits = applied(build_plan(replace(scene, claims=spelled)).actions, "PersistentVolumeClaim")
    sizes = [body["spec"]["resources"]["requests"]["storage"] for body in edits]
    assert sizes == ["5120Mi"] * 3


def old_claim_templates(scene: Observed) -> Observed:
    """The StatefulSet as an earlier version of the operator had created it."""
    children = []
    for body in scene.children:
        found = copy.deepcopy(body)
        if found["kind"] == "StatefulSet":
            for template in found["spec"]["volumeClaimTemplates"]:
                template["metadata"]["labels"][names.LABEL_INSTANCE] = "zk"
            found["metadata"]["annotations"][names.ANNOTATION_BUILDER] = "3"
        children.append(found)
    return replace(scene, children=tuple(children))


def test_the_claim_template_loses_that_label_with_the_next_change_of_the_spec() -> None:
    """An upgrade of the operator recreates nothing; then a roll comes first, and no pod goes for it."""
    upgraded = old_claim_templates(at_rest(3))
    assert not [a for a in build_plan(upgraded).actions if isinstance(a, Delete)]
    for body in applied(build_plan(upgraded).actions, "StatefulSet"):
        (template,) = body["spec"]["volumeClaimTemplates"]
        assert names.LABEL_INSTANCE in template["metadata"]["labels"], "it cannot be edited"
    changed = edited(upgraded, {"logging": {"level": "WARN"}})
    (body,) = applied(build_plan(changed).actions, "StatefulSet")
    (template,) = body["spec"]["volumeClaimTemplates"]
    assert names.LABEL_INSTANCE in template["metadata"]["labels"]
    deletes = [a for a in build_plan(changed).actions if isinstance(a, Delete)]
    assert [(d.kind, d.name, d.orphan) for d in deletes] == [("StatefulSet", "zk", True)]


def test_new_claims_bear_no_label_that_a_gitops_tool_takes_for_its_own() -> None:
    (body,) = [b for b in at_rest(3).children if b["kind"] == "StatefulSet"]
    for template in body["spec"]["volumeClaimTemplates"]:
        assert names.LABEL_INSTANCE not in template["metadata"]["labels"]
        assert template["metadata"]["labels"][names.LABEL_ENSEMBLE] == "zk"
