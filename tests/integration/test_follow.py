"""Objects that are followed: listed, then watched, through deletions, and without the right to watch."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest
from tests.integration.control_plane import NOBODY, ControlPlane
from tests.integration.rights import grant
from tests.integration.stage import NAMESPACE
from tests.integration.waiting import until

from zookeeper_operator.kube.api import RESOURCES, KubeError, Object
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.kube.follow import Followed, follow
from zookeeper_operator.settings import Settings

CONFIG_MAP = RESOURCES["ConfigMap"]
LABELS = {"followed": "yes"}


@pytest.fixture
async def place(kube: KubeClient) -> AsyncIterator[str]:
    name = f"follow-{uuid.uuid4().hex[:8]}"
    made = await kube.create(
        NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    yield name
    await kube.delete(NAMESPACE, "", name, uid=made["metadata"]["uid"])


async def create(kube: KubeClient, place: str, name: str) -> Object:
    metadata = {"namespace": place, "name": name, "labels": LABELS}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"n": "1"}}
    return await kube.create(CONFIG_MAP, body)


def shown(followed: Followed) -> dict[str, str]:
    return {o["metadata"]["name"]: o["data"]["n"] for o in followed.objects.values()}


async def next_with(changes: AsyncIterator[Followed], wanted: dict[str, str]) -> Followed:
    async with asyncio.timeout(30):
        async for followed in changes:
            if shown(followed) == wanted:
                return followed
    raise AssertionError("it has ended")


async def test_every_change_with_what_has_changed(kube: KubeClient, place: str) -> None:
    one = await create(kube, place, "one")
    changes = follow(kube.transport, CONFIG_MAP, place, labels="followed=yes")
    async with contextlib.aclosing(changes):
        first = await anext(changes)
        assert shown(first) == {"one": "1"}
        assert first.changed == {one["metadata"]["uid"]}
        two = await create(kube, place, "two")
        second = await next_with(changes, {"one": "1", "two": "1"})
        assert second.changed == {two["metadata"]["uid"]}
        metadata = {"namespace": place, "name": "one"}
        edit = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"n": "2"}}
        await kube.merge_patch(CONFIG_MAP, edit)
        await next_with(changes, {"one": "2", "two": "1"})
        await kube.delete(CONFIG_MAP, place, "two", uid=two["metadata"]["uid"])
        last = await next_with(changes, {"one": "2"})
        assert last.changed == {two["metadata"]["uid"]}


async def test_without_the_right_to_watch_it_lists_again(
    kube: KubeClient, place: str, control_plane: ControlPlane
) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    await grant(kube, place, "nobody", rules)
    path = control_plane.directory / "follow.kubeconfig"
    control_plane.write_kubeconfig(path, NOBODY)
    async with await connect(Settings(kubeconfig=str(path))) as limited:

        async def allowed() -> bool:
            try:
                await limited.list(CONFIG_MAP, place)
            except KubeError:
                return False
            return True

        await until(allowed)
        changes = follow(limited.transport, CONFIG_MAP, place, labels="followed=yes")
        async with contextlib.aclosing(changes):
            assert shown(await anext(changes)) == {}
            await create(kube, place, "one")
            await next_with(changes, {"one": "1"})
        with pytest.raises(KubeError, match="403"):
            await anext(follow(limited.transport, RESOURCES["Secret"], place))
