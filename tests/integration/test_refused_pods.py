"""Pods that a real API server refuses: the reason is in the condition, and nothing at rest is read for it."""

import asyncio
from typing import Final

import pytest
from tests.integration.stage import ENSEMBLE, Stage, condition
from tests.integration.waiting import until

from zookeeper_operator.kube.api import Object, Resource

QUOTA: Final = Resource("v1", "ResourceQuota", "resourcequotas")
SPEC: Final[Object] = {"replicas": 1, "storage": {"data": {"size": "1Gi"}}}


def quota(namespace: str, pods: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"namespace": namespace, "name": "small"},
        "spec": {"hard": {"pods": pods}},
    }


@pytest.mark.slow
async def test_a_quota_that_refuses_the_pods_is_named_and_forgotten(stage: Stage) -> None:
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("refused-pods")
    operator = stage.operator("refused", proxy=proxy, namespaces=place)
    operator.start()
    limit = await stage.kube.create(QUOTA, quota(place, "0"))

    async def counts() -> bool:
        live = await stage.kube.get(QUOTA, place, "small")
        return live is not None and "pods" in (live.get("status") or {}).get("hard", {})

    await until(counts)
    await stage.create(place, SPEC)

    async def named() -> bool:
        body = await stage.kube.get(ENSEMBLE, place, "zk")
        return body is not None and condition(body, "Ready").get("reason") == "PodRefused"

    await until(named, seconds=30)
    body = await stage.kube.get(ENSEMBLE, place, "zk")
    assert body is not None
    assert "exceeded quota: small" in condition(body, "Ready")["message"]
    assert condition(body, "RolledOut")["status"] == "False"
    assert body["status"]["summary"] == "PodRefused"

    await stage.kube.delete(QUOTA, place, "small", uid=limit["metadata"]["uid"])
    await stage.settled([place], seconds=90)
    await stage.quiet(proxy)
    proxy.calls.clear()
    woken = {"namespace": place, "name": "zk", "labels": {"look": "again"}}
    await stage.edit(place, {"metadata": woken})

    async def reconciled() -> bool:
        return any(c.resource == "persistentvolumeclaims" and not c.watch for c in proxy.calls)

    await until(reconciled)
    await asyncio.sleep(2)
    read = {call.resource for call in proxy.calls if not call.write}
    assert "events" not in read, "no Event is read while every pod is there"
