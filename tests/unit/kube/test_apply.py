"""What is done about fields of other managers that cannot stand beside an apply of ours."""

from typing import Any

import pytest

from zookeeper_operator.kube import apply
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object

SERVICE: Object = {"kind": "Service", "metadata": {"namespace": "demo", "name": "zk"}, "spec": {}}
INVALID = KubeError(422, "Invalid", "ports must be unique")


class Server:
    """Refuses to apply while a rival is there; a merge patch removes it, if the server permits one."""

    def __init__(self, refusal: KubeError, *, permits_patch: bool = True) -> None:
        self.refusal = refusal
        self.permits_patch = permits_patch
        self.rival = True

    async def json(self, method: str, path: str, *, verb: str, **_: Any) -> Object:
        if verb == "patch":
            if not self.permits_patch:
                raise KubeError(403, "Forbidden", "no right to patch")
            self.rival = False
            return {}
        if self.rival:
            raise self.refusal
        return {"path": path}


async def applied(server: Any) -> Object:
    return await apply.apply(server, RESOURCES["Service"], SERVICE)


async def test_a_rival_is_removed_and_the_same_apply_succeeds() -> None:
    assert await applied(Server(INVALID)) == {"path": "/api/v1/namespaces/demo/services/zk"}


async def test_where_nothing_helps_the_first_refusal_counts() -> None:
    with pytest.raises(KubeError) as refused:
        await applied(Server(INVALID, permits_patch=False))
    assert refused.value is INVALID


async def test_no_other_refusal_makes_room() -> None:
    server = Server(KubeError(403, "Forbidden", "no right to apply"))
    with pytest.raises(KubeError, match="no right to apply"):
        await applied(server)
    assert server.rival, "nothing of others is removed"


def test_the_settings_of_another_update_strategy_are_rivals_of_on_delete() -> None:
    body = {"kind": "StatefulSet", "spec": {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}}
    assert apply.without_rivals(body) == {
        "kind": "StatefulSet",
        "spec": {"replicas": 3, "updateStrategy": {"type": "OnDelete", "rollingUpdate": None}},
    }
    assert body["spec"] == {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}
    assert apply.without_rivals(SERVICE) == SERVICE
