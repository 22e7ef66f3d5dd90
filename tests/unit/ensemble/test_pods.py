"""What is read of a pod."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import claim

from zookeeper_operator.ensemble.pods import (
    missing_pods,
    ordinals,
    read_former_volumes,
    read_pod,
)
from zookeeper_operator.kube.api import Object

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def times(ready: str, changed: float, initialized: float | None) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": ago(changed)}]
    if initialized is not None:
        begun = {"type": "Initialized", "status": "True", "lastTransitionTime": ago(initialized)}
        conditions.append(begun)
    return {"conditions": conditions}


@pytest.mark.parametrize(
    ("status", "never"),
    [
        pytest.param({}, True, id="no kubelet has seen it"),
        pytest.param(times("False", 60, 60), True, id="all conditions are of its beginning"),
        pytest.param(times("False", 60, 50), True, id="its init containers took a while"),
        pytest.param(times("True", 50, 60), False, id="it is ready"),
        pytest.param(times("False", 10, 60), False, id="it was ready until a moment ago"),
        pytest.param(times("False", 60, None), False, id="not known"),
    ],
)
def test_a_pod_that_was_never_ready_is_known_by_its_conditions(
    status: dict[str, Any], *, never: bool
) -> None:
    body = {"metadata": {"name": "zk-1", "uid": "u"}, "status": status}
    pod = read_pod(body, ensemble="zk", now=NOW)
    assert pod is not None
    assert pod.never_ready is never


# ---- the pods of a StatefulSet ----


@pytest.mark.parametrize(
    ("first", "replicas", "ids"),
    [(1, 3, range(1, 4)), (1, 2**31 - 1, range(1, 101)), (101, 2**31 - 1, range(101, 201))],
)
def test_a_statefulset_that_somebody_scaled_has_no_pods_beyond_the_ids_of_members(
    first: int, replicas: int, ids: range
) -> None:
    body = {
        "metadata": {"name": "zk"},
        "spec": {"ordinals": {"start": first}, "replicas": replicas},
    }
    assert ordinals(body) == ids
    assert missing_pods(body, ()) == tuple(f"zk-{i}" for i in ids)


def test_volumes_that_no_claim_there_is_has_are_former_ones() -> None:
    def volume(title: str, phase: str, **reference: str) -> Object:
        claim = {"claimRef": {"namespace": "demo", **reference}} if reference else {}
        return {"metadata": {"name": title}, "spec": claim, "status": {"phase": phase}}

    volumes = [
        volume("bound", "Bound", name="data-zk-1", uid="uid-of-data-zk-1"),
        volume("released", "Released", name="data-zk-2", uid="uid-of-an-earlier-claim"),
        volume("reserved", "Available", name="data-zk-3"),
        volume("elsewhere", "Released", name="data-zk-2", uid="x", namespace="other"),
        volume("free", "Available"),
    ]
    found = read_former_volumes(volumes, namespace="demo", claims=[claim(1)])
    assert [(v.name, v.claim, v.phase) for v in found] == [
        ("released", "data-zk-2", "Released"),
        ("reserved", "data-zk-3", "Available"),
    ]
