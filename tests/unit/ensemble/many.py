"""Many ensembles, of which one is healthy and of the others no member ever answers."""

import asyncio
from collections.abc import Mapping, Sequence

from tests.unit.ensemble.plan.scenes import answers

from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.admin import AdminServers
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    Endpoint,
    EnsembleUnreachableError,
    SourceAnswer,
)
from zookeeper_operator.zookeeper.served import Handshakes
from zookeeper_operator.zookeeper.servers import CommittedConfig

HEALTHY = Key(names.KIND, "demo", "healthy")


class SilentAdmin:
    """No member ever answers."""

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits for so long")

    async def close(self) -> None:
        """Nothing is open."""


class Members:
    """The members of the healthy ensemble answer at once, all others never."""

    def __init__(self) -> None:
        self.silent = AdminServers(SilentAdmin(), timeout_seconds=1.5)

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        if all(member.pod.startswith(HEALTHY.name) for member in members):
            return {member.id: answers(member.id, 3, (1, 2, 3)) for member in members}
        return await self.silent.probe(members, thorough=thorough)

    async def read_config(self, access: Access) -> CommittedConfig:
        raise EnsembleUnreachableError("not asked in this test")

    async def ask_source(self, *_: object) -> Mapping[Endpoint, SourceAnswer]:
        raise AssertionError

    async def read_source(self, *_: object) -> str:
        raise AssertionError

    async def write_fence(self, *_: object) -> int:
        raise AssertionError

    async def shake_hands(self, *_: object) -> Handshakes:
        raise AssertionError

    async def count_plain_clients(self, *_: object) -> dict[int, int]:
        raise AssertionError

    async def reconfigure(self, access: Access, **step: object) -> CommittedConfig:
        raise AssertionError


def objects_of(name: str, **spec: object) -> list[Object]:
    """An ensemble of three with its StatefulSet and its pods."""
    labels: Object = {names.LABEL_ENSEMBLE: name}
    owned: Object = {"ownerReferences": [{"uid": f"uid-of-{name}", "controller": True}]}
    statefulset = {
        "kind": "StatefulSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": name,
            "uid": f"sts-{name}",
            "resourceVersion": "1",
            "labels": labels,
            **owned,
        },
        "spec": {"replicas": 3, "template": {"metadata": {}, "spec": {}}},
    }
    pods: list[Object] = [
        {
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-{n}",
                "uid": f"pod-{name}-{n}",
                "labels": {**labels, names.LABEL_POD_NAME: f"{name}-{n}"},
                "ownerReferences": [{"uid": f"sts-{name}", "controller": True}],
            },
            "status": {"podIP": f"{name}-{n}"},
        }
        for n in (1, 2, 3)
    ]
    ensemble = {
        "kind": names.KIND,
        "metadata": {"namespace": "demo", "name": name, "uid": f"uid-of-{name}", "generation": 1},
        "spec": {"replicas": 3, **spec},
        "status": {"foundedAt": "2026-01-01T00:00:00Z"},
    }
    return [ensemble, statefulset, *pods]
