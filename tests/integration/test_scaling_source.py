"""The one write to a source, on a real API server: how many pods the StatefulSet has that was observed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.control_plane import ControlPlane
from tests.unit.ensemble.plan.test_adoption import scene

from zookeeper_operator.ensemble.actions import ScaleSource
from zookeeper_operator.ensemble.adoption.fetch import read_pods_of_source
from zookeeper_operator.ensemble.apply import scaled_source
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings

STATEFULSET = RESOURCES["StatefulSet"]
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
LABELS = {"app": "old"}


@pytest.fixture
async def source(control_plane: ControlPlane) -> AsyncIterator[tuple[KubeClient, Object]]:
    """A StatefulSet that somebody else has created."""
    async with await connect(Settings(kubeconfig=str(control_plane.kubeconfig))) as kube:
        if await kube.get(NAMESPACE, None, "adopt") is None:
            await kube.create(
                NAMESPACE,
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "adopt"}},
            )
        container = {"name": "zookeeper", "image": "zookeeper:3.9.4"}
        body = await kube.create(
            STATEFULSET,
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {"name": "old", "namespace": "adopt", "labels": LABELS},
                "spec": {
                    "replicas": 3,
                    "serviceName": "old",
                    "selector": {"matchLabels": LABELS},
                    "template": {
                        "metadata": {"labels": LABELS},
                        "spec": {"containers": [container]},
                    },
                },
            },
        )
        yield kube, body
        await kube.delete(STATEFULSET, "adopt", "old", uid=body["metadata"]["uid"])


def action(body: Object, replicas: int, **changes: Any) -> ScaleSource:
    pods = read_pods_of_source(body, frozenset(), scene().ensemble)
    values = {"uid": pods.uid, "version": pods.version, **changes}
    return ScaleSource(pods.name, pods.namespace, replicas=replicas, why="it leaves", **values)


async def latest(kube: KubeClient) -> Object:
    found = await kube.get(STATEFULSET, "adopt", "old")
    assert found is not None
    return found


async def scale(kube: KubeClient, replicas: int) -> tuple[Object, Object]:
    """The StatefulSet before and after; tried again where its controller has written a status in between."""
    for _ in range(20):
        before = await latest(kube)
        try:
            after = await kube.patch(STATEFULSET, scaled_source(action(before, replicas)))
        except KubeError as error:
            if error.status != 409:
                raise
        else:
            return before, after
    raise AssertionError("every attempt met a conflict")


async def test_nothing_but_the_number_of_pods_is_changed(
    source: tuple[KubeClient, Object],
) -> None:
    kube, _ = source
    for replicas in (2, 1, 3, 0):
        before, after = await scale(kube, replicas)
        assert after["spec"] == {**before["spec"], "replicas": replicas}
        assert after["metadata"]["labels"] == LABELS


@pytest.mark.parametrize("changes", [{"uid": "another"}, {"version": "1"}])
async def test_another_object_or_another_version_is_left_alone(
    source: tuple[KubeClient, Object], changes: dict[str, str]
) -> None:
    kube, _ = source
    before = await latest(kube)
    with pytest.raises(KubeError) as refused:
        await kube.patch(STATEFULSET, scaled_source(action(before, 1, **changes)))
    assert refused.value.status == 409
    assert (await latest(kube))["spec"]["replicas"] == 3
