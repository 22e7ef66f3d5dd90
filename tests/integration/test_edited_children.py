"""Children edited by hand, in every field that the operator owns: each comes back, and no pod goes."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest
from tests.integration.stage import Stage
from tests.integration.waiting import until

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object
from zookeeper_operator.kube.client import KubeClient

SPEC: Final[Object] = {
    "replicas": 3,
    "storage": {"ephemeral": True},
    "config": {"maxClientCnxns": "100"},
    "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}},
    "external": {"type": "NodePort"},
    "podTemplate": {"metadata": {"annotations": {"example.com/a": "b"}}},
}
KINDS: Final = (
    *("StatefulSet", "Service", "ConfigMap", "Secret", "PodDisruptionBudget", "NetworkPolicy"),
)
Path = tuple[str | int, ...]


def owned_leaves(fields: Mapping[str, Any], live: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of the values that managedFields says are owned: set as a whole, or scalars.

    Not what items of lists are told apart by: under another key an item is another one, and theirs.
    """
    below = [key for key in fields if key != "."]
    if not below:
        yield path
    for key in below:
        kind, _, word = key.partition(":")
        if kind == "f" and isinstance(live, dict) and word in live:
            yield from owned_leaves(fields[key], live[word], (*path, word))
        elif kind == "k" and isinstance(live, list):
            wanted = json.loads(word)
            for index, item in enumerate(live):
                if wanted.items() <= item.items():
                    rest = {k: v for k, v in fields[key].items() if k[2:] not in wanted}
                    if rest.keys() - {"."}:
                        yield from owned_leaves(rest, item, (*path, index))


def leaves_of(body: Object) -> list[Path]:
    """What of an object our operator owns."""
    return [
        path
        for entry in body["metadata"]["managedFields"]
        if entry["manager"] == names.FIELD_MANAGER and not entry.get("subresource")
        for path in owned_leaves(entry["fieldsV1"], body)
    ]


def value_at(body: Any, path: Path) -> Any:
    """The value there; None if there is none."""
    for word in path:
        try:
            body = body[word]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def edits_of(value: Any) -> Sequence[Any]:
    """Other values of the same kind, in the order to try them; None: taken away."""
    match value:
        case bool():
            return (not value, None)
        case int():
            return (value + 1, None)
        case str():
            return (f"{value}x", "2Gi", "Always", "Retain", None)
        case dict():
            return ({**value, "edited": "yes"}, None)
        case list():
            return (value[:-1], [*value, "SYS_TIME"], None)
    return (None,)


async def _edit(kube: KubeClient, body: Object, path: Path) -> Any:
    """Replace one value by hand; what it was replaced by, or the refusal if nothing is accepted."""
    pointer = "/" + "/".join(str(word).replace("~", "~0").replace("/", "~1") for word in path)
    refusal: KubeError | None = None
    for value in edits_of(value_at(body, path)):
        operation = (
            {"op": "remove", "path": pointer}
            if value is None
            else {"op": "replace", "path": pointer, "value": value}
        )
        try:
            edited = await _json_patch(kube, body, [operation])
        except KubeError as error:
            refusal = error
            continue
        if value_at(edited, path) != value_at(body, path):
            return value
    return refusal


async def _json_patch(kube: KubeClient, body: Object, operations: list[Object]) -> Object:
    metadata, resource = body["metadata"], RESOURCES[body["kind"]]
    return await kube.transport.json(
        "PATCH",
        resource.path(metadata["namespace"], metadata["name"]),
        verb="patch",
        kind=resource.kind,
        body=operations,  # type: ignore[arg-type] # the one request whose body is a list
        content_type="application/json-patch+json",
    )


async def _children(stage: Stage, place: str) -> list[Object]:
    return [
        body
        for kind in KINDS
        for body in await stage.kube.list(RESOURCES[kind], place)
        if any(e["manager"] == names.FIELD_MANAGER for e in body["metadata"]["managedFields"])
    ]


async def _edit_each(stage: Stage, place: str, kind: str, name: str) -> dict[str, int]:
    """Edit every owned value of one child, each after the last has come back."""
    resource = RESOURCES[kind]
    counts = {"edited": 0, "refused": 0}
    first = await stage.kube.get(resource, place, name)
    assert first is not None
    for path in leaves_of(first):
        if kind == "Secret" and name == names.auth_name("zk"):
            continue  # nobody else knows the password
        if path[-1] == names.ANNOTATION_BUILDER:
            continue  # another version's pods are left as they are until the spec changes
        if kind == "StatefulSet" and path[:2] in {("spec", "replicas"), ("spec", "ordinals")}:
            continue  # its controller removes pods before anybody could put it right
        if "ownerReferences" in path and path[-1] not in {"controller", "blockOwnerDeletion"}:
            continue  # Kubernetes itself deletes what has an owner that is not there
        body = await stage.kube.get(resource, place, name)
        assert body is not None
        original = value_at(body, path)
        outcome = await _edit(stage.kube, body, path)
        if isinstance(outcome, KubeError):
            counts["refused"] += 1
            continue

        async def back(path: Path = path, original: Any = original) -> bool:
            live = await stage.kube.get(resource, place, name)
            return live is not None and value_at(live, path) == original

        try:
            await until(back, seconds=10)
        except TimeoutError:
            pytest.fail(
                f"{kind} {name} {path}: {original!r} was edited to {outcome!r} and stays so"
            )
        counts["edited"] += 1
    return counts


@pytest.mark.slow
async def test_every_field_we_own_comes_back_and_no_pod_goes(stage: Stage) -> None:
    proxy = await stage.proxy()
    operator = stage.operator("edited", proxy=proxy)
    operator.start()
    (place,) = await stage.namespaces("edited-children")
    await stage.create(place, SPEC)
    await stage.settled([place])
    await stage.quiet(proxy)
    pods = {p["metadata"]["uid"] for p in await stage.kube.list(RESOURCES["Pod"], place)}
    children = await _children(stage, place)
    assert {body["kind"] for body in children} == set(KINDS)
    found = await asyncio.gather(
        *(_edit_each(stage, place, b["kind"], b["metadata"]["name"]) for b in children)
    )
    assert sum(counts["edited"] for counts in found) > 150, found
    await stage.settled([place])
    assert {p["metadata"]["uid"] for p in await stage.kube.list(RESOURCES["Pod"], place)} == pods
    assert operator.tracebacks() == []


@pytest.mark.slow
async def test_a_server_list_that_can_be_read_comes_back_as_it_is_committed(stage: Stage) -> None:
    """A voter is taken out of `zk-membership` by hand: who is committed stays, and so do the pods."""
    operator = stage.operator("edited-list")
    operator.start()
    (place,) = await stage.namespaces("edited-list")
    await stage.create(place, SPEC)
    await stage.settled([place])
    pods = {p["metadata"]["uid"] for p in await stage.kube.list(RESOURCES["Pod"], place)}
    resource, name = RESOURCES["ConfigMap"], names.membership_name("zk")
    membership = await stage.kube.get(resource, place, name)
    assert membership is not None
    servers: str = membership["data"]["ZOO_SERVERS"]
    fewer = servers.rsplit(maxsplit=1)[0]
    operation = {"op": "replace", "path": "/data/ZOO_SERVERS", "value": fewer}
    edited = await _json_patch(stage.kube, membership, [operation])
    assert edited["data"]["ZOO_SERVERS"].count("participant") == 2

    async def back() -> bool:
        live = await stage.kube.get(resource, place, name)
        return live is not None and live["data"]["ZOO_SERVERS"] == servers

    await until(back, seconds=10)
    await stage.settled([place])
    assert {p["metadata"]["uid"] for p in await stage.kube.list(RESOURCES["Pod"], place)} == pods
