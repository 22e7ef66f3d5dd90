"""A volume is removed only as long as the pod is there that was seen on it."""

from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.scenes import at_rest
from tests.unit.ensemble.store import Store

from zookeeper_operator.ensemble.actions import ReplaceMember
from zookeeper_operator.ensemble.apply import Applier
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.kube.api import Object

POD, CLAIM = "zk-2", "data-zk-2"
REPLACE = ReplaceMember(2, claims=((CLAIM, "old claim"),), pod=(POD, "old pod"), why="asked")


def pod(uid: str) -> Object:
    return {"kind": "Pod", "metadata": {"name": POD, "uid": uid}}


def claim(uid: str) -> Object:
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM, "uid": uid}}


async def carry_out(store: Store) -> list[object]:
    plan = replace(build_plan(at_rest(3)), actions=(REPLACE,))
    outcome = await Applier(store, cast("Any", None), lambda: True).apply(plan)
    return [*outcome.done, *filter(None, [outcome.error])]


async def test_the_volume_and_the_pod_that_were_seen_are_removed() -> None:
    store = Store([pod("old pod"), claim("old claim")])
    assert await carry_out(store) == [REPLACE]
    assert store.objects == {}


@pytest.mark.parametrize(
    "found",
    [
        # Pods were listed, then the member was remade, then claims were listed: the claim is the new one's.
        pytest.param([pod("new pod"), claim("old claim")], id="a new pod"),
        pytest.param([claim("old claim")], id="no pod"),
    ],
)
async def test_without_that_pod_nothing_is_removed(found: list[Object]) -> None:
    store = Store(found)
    assert await carry_out(store) == []
    assert list(store.objects.values()) == found


async def test_a_volume_made_since_is_not_the_one_that_was_seen() -> None:
    found = [pod("old pod"), claim("new claim")]
    store = Store(found)
    (error,) = await carry_out(store)
    assert "uid" in str(error)
    assert list(store.objects.values()) == found
