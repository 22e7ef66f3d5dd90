"""Asking members through the API server, as an operator outside the cluster does."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.integration.waiting import until

from zookeeper_operator.kube.api import RESOURCES, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.pod_proxy import PodProxyAdmin

NODE = Resource("v1", "Node", "nodes", namespaced=False)
POD = RESOURCES["Pod"]


@pytest.fixture
async def member(kube: KubeClient) -> AsyncIterator[Address]:
    """A pod that KWOK says is running, at an address that is this machine."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "proxy-test"},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "100"},
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "100"},
        },
    }
    made = await kube.create(NODE, node)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": "zk-1"},
        "spec": {
            "nodeName": "proxy-test",
            "containers": [{"name": "zookeeper", "image": "zookeeper"}],
        },
    }
    created = await kube.create(POD, pod)

    async def running() -> bool:
        live = await kube.get(POD, "default", "zk-1")
        return live is not None and live["status"]["phase"] == "Running"

    await until(running)
    live = await kube.get(POD, "default", "zk-1") or {}
    yield Address(1, "default", "zk-1", live["status"]["podIP"])
    await kube.delete(POD, "default", "zk-1", uid=created["metadata"]["uid"])
    await kube.delete(NODE, "", "proxy-test", uid=made["metadata"]["uid"])


async def test_answers_come_through_and_refusals_of_the_proxy_are_told_apart(
    kube: KubeClient, member: Address
) -> None:
    admin = PodProxyAdmin(kube.transport)
    with pytest.raises(OSError, match="refused"):
        await admin.get(member, "leader", 1000)
    with pytest.raises(OSError, match="not found"):
        await admin.get(Address(2, "default", "zk-2", ""), "leader", 1000)

    told = {"error": None, "leader_id": 1}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"GET /commands/leader "):
            status, body = "200 OK", json.dumps(told).encode()
        else:
            status, body = "500 Server Error", b"<html>" + b"x" * 5000
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, member.ip, 8080):
        assert json.loads(await admin.get(member, "leader", 1000)) == told
        assert await admin.get(member, "monitor", 100) == b"<html>" + b"x" * 94
