"""The watcher against an API server of a few lines; the real one comes in the integration tests."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from aiohttp import web

from zookeeper_operator.control.watch import WatchedResource, WatchError, make_settings, watch

PODS = WatchedResource("", "v1", "pods", "app=zk")
THINGS = WatchedResource("things.example", "v1", "things")

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
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.logins = 0
        self.reclaimed = 0
        self.task = asyncio.create_task(
            watch(
                [PODS, THINGS],
                namespaces=namespaces,
                login=self.login,
                on_event=self.on_event,
                domain="operator.example",
                ready=self.ready,
                stop=self.stop,
                reclaim_signals=self.reclaim,
            )
        )

    async def login(self) -> kopf.ConnectionInfo:
        self.logins += 1
        return kopf.ConnectionInfo(server=self.api.url)

    def reclaim(self) -> None:
        self.reclaimed += 1

    def on_event(self, resource: WatchedResource, kind: str | None, body: dict[str, Any]) -> None:
        self.told.put_nowait((resource, kind, body["metadata"]["name"]))

    async def next(self) -> tuple[WatchedResource, str | None, str]:
        return await asyncio.wait_for(self.told.get(), 5)


async def test_every_object_and_every_change_is_told(api: Api) -> None:
    seen = Watching(api)
    assert await seen.next() == (THINGS, None, "old")
    await api.events.put({"type": "ADDED", "object": thing("new", 2)})
    await api.events.put({"type": "MODIFIED", "object": thing("new", 3)})
    await api.events.put({"type": "DELETED", "object": thing("new", 4)})
    assert await seen.next() == (THINGS, "ADDED", "new")
    assert await seen.next() == (THINGS, "MODIFIED", "new")
    assert await seen.next() == (THINGS, "DELETED", "new")
    assert seen.ready.is_set()
    assert (seen.logins, seen.reclaimed) == (1, 1)
    seen.stop.set()
    await asyncio.wait_for(seen.task, 5)


async def test_nothing_is_written_and_the_server_filters(api: Api) -> None:
    seen = Watching(api)
    await seen.next()
    await asyncio.wait_for(api.watched.wait(), 5)
    seen.stop.set()
    await seen.task
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
    seen.stop.set()
    await seen.task
    paths = {path for _, path, _ in api.requests if path.endswith(("/pods", "/things"))}
    assert paths == {
        f"{base}/namespaces/{namespace}/{plural}"
        for base, plural in (("/api/v1", "pods"), ("/apis/things.example/v1", "things"))
        for namespace in ("demo", "other")
    }


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_it_ends_at_once_and_leaves_other_tasks_alone(api: Api, how: str) -> None:
    loop = asyncio.get_running_loop()
    seen = Watching(api)
    await seen.next()
    server_tasks = {task for task in asyncio.all_tasks() if "Request" in str(task.get_coro())}
    ours = asyncio.create_task(asyncio.sleep(3600))  # younger than the watch
    begun = loop.time()
    if how == "stop":
        seen.stop.set()
    else:
        seen.task.cancel()
    await asyncio.wait({seen.task})
    assert loop.time() - begun < 2
    assert seen.task.cancelled() == (how == "cancel")
    assert not ours.done()
    ours.cancel()
    left = asyncio.all_tasks() - server_tasks - {ours, asyncio.current_task()}
    assert not [task for task in left if "kopf" in str(task.get_coro())]


@pytest.mark.parametrize("after", [0, 1, 40])
async def test_it_ends_in_the_middle_of_a_burst_of_events(api: Api, after: int) -> None:
    """As after a freeze: kopf has not even begun to work on what has come in."""
    seen = Watching(api)
    await seen.next()
    for number in range(200):
        body = thing(f"new-{number}", 2 + number)
        await api.events.put({"type": "ADDED", "object": body})
    while seen.told.qsize() < after:  # noqa: ASYNC110 -- the very turn of the loop matters
        await asyncio.sleep(0)
    seen.task.cancel()
    _, pending = await asyncio.wait({seen.task}, timeout=8)
    assert not pending
    assert not [task for task in asyncio.all_tasks() if "kopf" in str(task.get_coro())]


async def test_it_can_be_cancelled_before_it_has_begun(api: Api) -> None:
    seen = Watching(api)
    await asyncio.sleep(0)
    seen.task.cancel()
    await asyncio.wait({seen.task})
    assert seen.task.cancelled()
    assert not [task for task in asyncio.all_tasks() if "kopf" in str(task.get_coro())]


@pytest.mark.parametrize("told", [1, 2, 5])
async def test_it_ends_while_objects_wait_for_their_turn(api: Api, told: int) -> None:
    # kopf hands objects to workers by tasks of its own; once those are gone, it waits for them for ever
    api.things = [thing(f"thing-{n}", n) for n in range(1, 50)]
    watching = Watching(api)
    for _ in range(told):
        await watching.told.get()
    watching.task.cancel()
    done, _ = await asyncio.wait({watching.task}, timeout=20)
    assert done, "it hangs"
    assert watching.task.cancelled()


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
        seen.stop.set()
        await seen.task
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
