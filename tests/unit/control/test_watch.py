"""The watcher against an API server of a few lines; the real one comes in the integration tests."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from tests.kopf_tasks import end_kopf

from zookeeper_operator.control.controller import Event, WatchedResource
from zookeeper_operator.control.watch import WatchError, group_watches, make_settings, watch
from zookeeper_operator.kube.api import Resource
from zookeeper_operator.kube.credentials import ConnectionFacts

PODS = WatchedResource(Resource("v1", "Pod", "pods"), "app=zk")
THINGS = WatchedResource(Resource("things.example/v1", "Thing", "things"))

KINDS = {
    "/api/v1": [("pods", "Pod"), ("namespaces", "Namespace")],
    "/apis/things.example/v1": [("things", "Thing")],
    "/apis/apiextensions.k8s.io/v1": [("customresourcedefinitions", "CustomResourceDefinition")],
}


def thing(name: str, version: int) -> dict[str, Any]:
    return {
        "apiVersion": "things.example/v1",
        "kind": "Thing",
        "metadata": {
            "name": name,
            "namespace": "demo",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
        },
    }


class Api:
    """Discovery, one list and one stream."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.forbidden = False
        self.things = [thing("old", 1)]
        self.watched = asyncio.Event()  # a stream of pods was opened
        self.url = ""
        self.runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path, dict(request.query)))
        if request.path == "/api":
            return web.json_response({"versions": ["v1"]})
        if request.path == "/apis":
            groups = [path.split("/")[2] for path in KINDS if path.startswith("/apis/")]
            version = {"version": "v1"}
            return web.json_response(
                {
                    "groups": [
                        {"name": group, "preferredVersion": version, "versions": [version]}
                        for group in groups
                    ]
                }
            )
        if request.path in KINDS:
            verbs = ["get", "list", "watch", "patch"]
            resources = [
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "kind": kind,
                    "namespaced": plural in {"pods", "things"},
                    "verbs": verbs,
                }
                for plural, kind in KINDS[request.path]
            ]
            return web.json_response({"resources": resources})
        if request.query.get("watch") == "true":
            return await self.stream(request)
        if self.forbidden and request.path.endswith("/things"):
            message = 'things.things.example is forbidden: User "x" cannot list resource'
            status = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}
            return web.json_response(status, status=403)
        items = self.things if request.path.endswith("/things") else []
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/pods"):
            self.watched.set()
        response = web.StreamResponse()
        await response.prepare(request)
        while request.path.endswith("/things") and (event := await self.events.get()) is not None:
            await response.write(json.dumps(event).encode() + b"\n")
        await asyncio.sleep(60)
        return response


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = Api()
    await server.start()
    yield server
    await end_kopf()
    assert server.runner is not None
    await server.runner.cleanup()
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.remove_signal_handler(signal.SIGINT)


class Watching:
    """A watch and what it told."""

    def __init__(self, api: Api, namespaces: list[str] | None = None) -> None:
        self.api = api
        self.told: asyncio.Queue[tuple[WatchedResource, str | None, str]] = asyncio.Queue()
        self.logins = 0
        self.reclaimed = 0
        self.task = asyncio.create_task(
            watch(
                [PODS, THINGS],
                namespaces=namespaces,
                credentials=self.credentials,
                on_event=self.on_event,
                domain="operator.example",
                reclaim_signals=self.reclaim,
            )
        )

    async def credentials(self) -> ConnectionFacts:
        self.logins += 1
        return ConnectionFacts(self.api.url, datetime.now(UTC) + timedelta(minutes=5))

    def reclaim(self) -> None:
        self.reclaimed += 1

    def on_event(self, watched: WatchedResource, event: Event) -> None:
        self.told.put_nowait((watched, event.type, event.body["metadata"]["name"]))

    async def next(self) -> tuple[WatchedResource, str | None, str]:
        return await asyncio.wait_for(self.told.get(), 5)

    async def end(self) -> None:
        """Cancel it; that takes no time, whatever kopf has begun."""
        self.task.cancel()
        _, pending = await asyncio.wait({self.task}, timeout=0.2)
        assert not pending
        assert self.task.cancelled()


async def test_every_object_and_every_change_is_told(api: Api) -> None:
    seen = Watching(api)
    assert await seen.next() == (THINGS, None, "old")
    await api.events.put({"type": "ADDED", "object": thing("new", 2)})
    await api.events.put({"type": "MODIFIED", "object": thing("new", 3)})
    await api.events.put({"type": "DELETED", "object": thing("new", 4)})
    assert await seen.next() == (THINGS, "ADDED", "new")
    assert await seen.next() == (THINGS, "MODIFIED", "new")
    assert await seen.next() == (THINGS, "DELETED", "new")
    assert (seen.logins, seen.reclaimed) == (1, 1)
    await seen.end()


async def test_nothing_is_written_and_the_server_filters(api: Api) -> None:
    seen = Watching(api)
    await seen.next()
    await asyncio.wait_for(api.watched.wait(), 5)
    await seen.end()
    assert {method for method, _, _ in api.requests} == {"GET"}
    queries = {
        (path, "watch" in query): query
        for _, path, query in api.requests
        if path.endswith(("/pods", "/things"))
    }
    assert queries["/api/v1/pods", False] == {"labelSelector": "app=zk", "limit": "500"}
    assert queries["/api/v1/pods", True]["labelSelector"] == "app=zk"
    assert queries["/api/v1/pods", True]["timeoutSeconds"] == "300"
    assert "labelSelector" not in queries["/apis/things.example/v1/things", False]
    assert not any(path.endswith(("/namespaces", "definitions")) for _, path, _ in api.requests)


async def test_only_the_namespaces_asked_for_are_watched(api: Api) -> None:
    seen = Watching(api, namespaces=["demo", "other"])
    await seen.next()
    await seen.next()
    await asyncio.sleep(0.1)
    await seen.end()
    paths = {path for _, path, _ in api.requests if path.endswith(("/pods", "/things"))}
    assert paths == {
        f"{base}/namespaces/{namespace}/{plural}"
        for base, plural in (("/api/v1", "pods"), ("/apis/things.example/v1", "things"))
        for namespace in ("demo", "other")
    }


async def test_it_ends_at_once_in_the_middle_of_a_burst_of_events(api: Api) -> None:
    """As after a freeze: kopf has not even begun to work on what has come in."""
    seen = Watching(api)
    await seen.next()
    ours = asyncio.create_task(asyncio.sleep(3600))  # younger than the watch
    for number in range(200):
        await api.events.put({"type": "ADDED", "object": thing(f"new-{number}", 2 + number)})
    await seen.next()
    await seen.end()
    assert not ours.done()
    ours.cancel()


async def test_it_can_be_cancelled_before_it_has_begun(api: Api) -> None:
    seen = Watching(api)
    await asyncio.sleep(0)
    await seen.end()


async def test_it_ends_at_once_although_kopf_does_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = asyncio.Event()

    async def lingers() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.sleep(1)
            raise

    async def spawn_tasks(**_: Any) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(lingers())]

    monkeypatch.setattr("kopf.spawn_tasks", spawn_tasks)
    seen = Watching(api)
    await asyncio.sleep(0.1)
    await seen.end()
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_a_list_that_is_forbidden_ends_it_with_one_sentence(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zookeeper_operator.control.watch._ERROR_BACKOFFS_SECONDS", (0.01, 0.01))
    api.forbidden = True
    with caplog.at_level(logging.INFO):
        seen = Watching(api)
        with pytest.raises(WatchError) as caught:
            await asyncio.wait_for(seen.task, 5)
    assert str(caught.value) == (
        "The watch of the Kubernetes API ended: "
        'things.things.example is forbidden: User "x" cannot list resource (HTTP 403)'
    )
    assert not any(record.exc_info for record in caplog.records)


async def test_at_rest_it_is_silent(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        seen = Watching(api)
        await seen.next()
        await asyncio.sleep(0.1)
        await seen.end()
    assert [r for r in caplog.records if r.name.startswith(("kopf", "zookeeper"))] == []


def test_the_settings_are_the_measured_ones() -> None:
    settings = make_settings([PODS, THINGS], domain="operator.example")
    assert settings.scanning.disabled
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert settings.process.ultimate_exiting_timeout is None
    assert settings.networking.request_timeout == 30
    assert settings.networking.connect_timeout == 5
    assert settings.watching.inactivity_timeout == 70
    assert settings.persistence.finalizer == "operator.example/unused"
    assert len(settings.watching.label_selectors) == 1


def test_two_selectors_for_one_resource_need_two_watches() -> None:
    others = WatchedResource(PODS.resource, "app=other")
    assert group_watches([THINGS, PODS]) == [[THINGS, PODS]]
    assert group_watches([PODS, THINGS, others]) == [[PODS, THINGS], [others]]
