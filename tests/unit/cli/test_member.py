"""The member that a session is opened with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, pod
from tests.unit.ensemble.store import Store

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.member import choose_pod, find_plain_port
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.kube.api import KubeError, Object, Resource

PODS = [pod(3), pod(1), pod(2, ready=False), pod(4, terminating=True)]


@pytest.mark.parametrize(
    ("member", "leader", "chosen"),
    [
        (None, 3, "zk-3"),
        (None, 2, "zk-1"),  # the leader of the status is not ready: the first that is
        (None, None, "zk-1"),
        (3, 1, "zk-3"),
        (2, 1, "zk-2"),  # one that does not serve is looked into when asked for
    ],
)
def test_the_one_asked_for_or_the_leader_or_the_first_ready(
    member: int | None, leader: int | None, chosen: str
) -> None:
    assert choose_pod("zk", PODS, member=member, leader_id=leader).name == chosen


@pytest.mark.parametrize(
    ("pods", "member", "said"),
    [
        (PODS, 4, "zk has no running member 4; ready are: 1, 3"),
        (PODS, 9, "zk has no running member 9; ready are: 1, 3"),
        ([], 1, "zk has no running member 1; ready are: none"),
        ([pod(1, ready=False)], None, "no member of zk is ready"),
    ],
)
def test_nobody_to_talk_to(pods: Sequence[Pod], member: int | None, said: str) -> None:
    with pytest.raises(Failure) as failed:
        choose_pod("zk", pods, member=member, leader_id=1)
    assert failed.value.message == said


@pytest.mark.parametrize(("client", "port"), [("0.0.0.0:2181", 2181), ("127.0.0.1:2182", 2182)])
async def test_a_session_without_tls_goes_where_the_member_takes_one(
    client: str, port: int
) -> None:
    scene = at_rest(3, roles={1: "participant", 2: "participant", 101: "observer"})
    assert scene.committed is not None
    servers = tuple(replace(s, client=client) for s in scene.committed.servers)
    membership = Membership(servers, 1, (), "uid")
    published = build_membership(replace(understand(scene).target, membership=membership))
    for member in (1, 101):
        found = await find_plain_port(Store([published]), "demo", pod(member))
        assert found == port


async def test_without_a_list_it_is_the_port_of_every_member() -> None:
    broken: dict[str, Any] = {
        "kind": "ConfigMap",
        "metadata": {"name": "zk-membership"},
        "data": {},
    }
    for objects in ([], [broken]):
        assert await find_plain_port(Store(objects), "demo", pod(1)) == 2181


@pytest.mark.parametrize("status", [403, 500])
async def test_without_the_right_to_read_the_list_it_is_the_usual_port(status: int) -> None:
    class Refusing(Store):
        async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
            raise KubeError(status, "Refused", f"{resource.kind} {namespace}/{name}")

    if status == 403:
        assert await find_plain_port(Refusing([]), "demo", pod(1)) == 2181
        return
    with pytest.raises(KubeError):
        await find_plain_port(Refusing([]), "demo", pod(1))
