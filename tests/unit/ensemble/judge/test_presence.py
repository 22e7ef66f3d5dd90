"""What proves that a member does not serve, and what does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, changed, with_children

from zookeeper_operator.ensemble.forecast.election import looking, silent
from zookeeper_operator.ensemble.judge.presence import find_absent, why_absent
from zookeeper_operator.ensemble.observed import Observed


def quiet(**pod: object) -> Observed:
    """A scene in which member 2 does not answer."""
    scene = at_rest(3)
    scene = replace(scene, answers={**scene.answers, 2: silent(2)})
    return changed(scene, 2, **pod)


def test_a_late_member_may_serve_whatever_its_readiness_says() -> None:
    assert find_absent(quiet(ready=False)) == frozenset()
    assert find_absent(quiet(ready=True)) == frozenset()


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        ({"running": False}, "has no running container"),
        ({"terminating": True}, "is being deleted"),
        ({"node": "worker-2"}, "is on node worker-2, which is not ready"),
    ],
)
def test_a_member_that_cannot_run_does_not_serve(pod: dict[str, object], why: str) -> None:
    scene = replace(quiet(**pod), lost_nodes=frozenset({"worker-2"}))
    assert why_absent(scene, 2) == why
    assert find_absent(scene) == {2}


def test_a_member_that_says_so_does_not_serve() -> None:
    scene = at_rest(3)
    scene = replace(scene, answers={**scene.answers, 2: looking(scene.answers[2])})
    assert why_absent(scene, 2) == "says that it does not serve"


def test_a_refused_connection_counts_unless_the_kubelet_gets_through() -> None:
    refused = {2: replace(silent(2), refuses=True)}
    for ready in (False, True):
        scene = quiet(ready=ready)
        scene = replace(scene, answers={**scene.answers, **refused})
        assert find_absent(scene) == (frozenset() if ready else {2})


def test_a_member_without_a_pod_does_not_serve() -> None:
    scene = with_children(at_rest(3))
    scene = replace(scene, pods=scene.pods[:2], answers={i: scene.answers[i] for i in (1, 2)})
    later = replace(scene, now=scene.now + timedelta(seconds=11))
    assert why_absent(later, 3) == "has no pod"
    assert why_absent(scene, 3) is None, "its StatefulSet has just been created"
    assert why_absent(replace(later, children=()), 3) is None, "its StatefulSet is being recreated"
