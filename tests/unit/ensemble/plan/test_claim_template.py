"""StatefulSets that are recreated for new claim templates."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import applied, at_rest, edited, live, with_children

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Delete
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.children import wanted_children
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference

MOMENT = "2026-01-01T12:00:00Z"


def restarted() -> Observed:
    """After `kubectl rollout restart`: the template and every pod bear its annotation."""
    scene = at_rest(3)
    statefulset = statefulset_of(scene)
    annotations = statefulset["spec"]["template"]["metadata"]["annotations"]
    annotations[names.ANNOTATION_ROLLOUT_RESTART] = MOMENT
    pods = tuple(
        replace(pod, template={names.ANNOTATION_ROLLOUT_RESTART: MOMENT}) for pod in scene.pods
    )
    return with_children(replace(scene, pods=pods))


def statefulset_of(scene: Observed) -> Object:
    found = scene.child("StatefulSet", "zk")
    assert found is not None
    return found


def test_a_rollout_restart_is_kept_when_the_statefulset_is_recreated() -> None:
    scene = restarted()
    before = statefulset_of(scene)["spec"]["template"]
    growing = edited(scene, {"storage": {"data": {"size": "10Gi"}}})
    assert isinstance(build_plan(growing).actions[-1], Delete)
    orphaned = replace(
        growing, children=tuple(c for c in growing.children if c["kind"] != "StatefulSet")
    )
    (body,) = applied(build_plan(orphaned).actions, "StatefulSet")
    annotations = body["spec"]["template"]["metadata"]["annotations"]
    assert annotations[names.ANNOTATION_ROLLOUT_RESTART] == MOMENT
    assert body["spec"]["template"] == before


def test_a_rollout_restart_stays_in_the_template_afterwards() -> None:
    scene = restarted()
    assert build_plan(scene).actions == ()
    wanted = next(b for b in wanted_children(understand(scene)) if b["kind"] == "StatefulSet")
    assert (
        first_difference(
            statefulset_of(scene)["spec"]["template"], live(wanted)["spec"]["template"]
        )
        is None
    )


def test_a_new_ensemble_has_no_such_annotation() -> None:
    (body,) = applied(build_plan(replace(at_rest(3), children=())).actions, "StatefulSet")
    annotations = body["spec"]["template"]["metadata"]["annotations"]
    assert names.ANNOTATION_ROLLOUT_RESTART not in annotations
