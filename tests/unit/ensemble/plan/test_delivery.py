"""Kubelets are notified of a new certificate: once, again if they missed it, and not for nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import NOW, applied

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan


def delivered(
    *, seconds: float, started: float = -3600, notified: str = "", served: bool = False
) -> Observed:
    """Members that started so many seconds after `NAME-tls` was written; some seconds have passed since."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {}})
    ensemble.rest()
    scene = ensemble.world.observed
    mark = f"{fingerprint(scene)}/{notified}" if notified else ""
    pods = tuple(
        replace(pod, running_since=NOW + timedelta(seconds=started), notified=mark)
        for pod in scene.pods
    )
    return replace(
        scene,
        pods=pods,
        now=NOW + timedelta(seconds=seconds),
        handshakes=scene.handshakes if served else {},
    )


def fingerprint(scene: Observed) -> str:
    secret = scene.child("Secret", "zk-tls")
    assert secret is not None
    found: str = secret["metadata"]["annotations"][names.ANNOTATION_CERTIFICATES]
    return found


def marks(scene: Observed) -> list[str]:
    bodies = applied(build_plan(scene).actions, "Pod")
    return [body["metadata"]["annotations"][names.ANNOTATION_CERTIFICATES] for body in bodies]


def test_every_member_that_was_there_before_is_notified_once() -> None:
    scene = delivered(seconds=1)
    assert marks(scene) == [f"{fingerprint(scene)}/0"] * 3
    (first, *_) = applied(build_plan(scene).actions, "Pod")
    assert first["metadata"]["uid"] == scene.pods[0].uid, "not another pod of that name"
    assert set(first) == {"apiVersion", "kind", "metadata"}
    assert marks(delivered(seconds=1, notified="0")) == []


@pytest.mark.parametrize(
    ("seconds", "count"), [(14, None), (15, 1), (44, 2), (90, 6), (3600, None)]
)
def test_one_that_does_not_serve_it_is_notified_again_and_not_for_ever(
    seconds: float, count: int | None
) -> None:
    scene = delivered(seconds=seconds, notified="6" if seconds > 90 else "0")
    expected = [] if count is None else [f"{fingerprint(scene)}/{count}"] * 3
    assert marks(scene) == expected
    assert marks(delivered(seconds=seconds, notified="0", served=True)) == []


def test_one_that_started_with_it_is_not_notified() -> None:
    assert marks(delivered(seconds=20, started=5, served=True)) == []


def test_what_a_kubelet_has_long_brought_writes_nothing() -> None:
    assert marks(delivered(seconds=3600, served=True)) == []


def test_without_the_right_nothing_is_tried() -> None:
    scene = delivered(seconds=1)
    kept_back = replace(scene, ensemble=replace(scene.ensemble, patch_pods=False))
    assert marks(kept_back) == []


def test_a_refusal_stops_nothing() -> None:
    actions = build_plan(delivered(seconds=1)).actions
    found = [a for a in actions if isinstance(a, Apply) and a.body["kind"] == "Pod"]
    assert all(action.optional for action in found)
    assert found


def test_without_tls_no_pod_is_annotated() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    assert marks(ensemble.world.observed) == []
