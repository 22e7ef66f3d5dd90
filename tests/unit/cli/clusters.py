"""An API server that only reads, from a list of objects; for what is decided from its answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import KubeError, Object, Resource
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


def ensemble(name: str = "zk", namespace: str = "demo", **body: object) -> Object:
    metadata = {"namespace": namespace, "name": name, "uid": f"uid-of-{name}", "generation": 1}
    return {"kind": names.KIND, "apiVersion": names.API_VERSION, "metadata": metadata, **body}


@dataclass
class ReadOnlyKube:
    """`kube.api.Kube` without writes. Kinds that are `forbidden` may not be listed in all namespaces."""

    objects: Iterable[Object] = ()
    forbidden: frozenset[str] = field(default_factory=frozenset)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        found = await self.list(resource, namespace)
        return next((o for o in found if o["metadata"]["name"] == name), None)

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        found = await self.get(resource, namespace, name)
        return None if found is None else {"metadata": found["metadata"]}

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        if namespace is None and resource.kind in self.forbidden:
            raise KubeError(403, "Forbidden", "no")
        wanted = dict(pair.split("=") for pair in labels.split(",") if pair)
        about = fields.partition("involvedObject.uid=")[2]
        return [
            o
            for o in self.objects
            if o["kind"] == resource.kind
            and namespace in {None, o["metadata"]["namespace"]}
            and wanted.items() <= (o["metadata"].get("labels") or {}).items()
            and about in {"", (o.get("involvedObject") or {}).get("uid")}
        ]

    async def apply(self, resource: Resource, body: Object) -> NoReturn:
        raise AssertionError("nothing may be written")

    async def patch(self, resource: Resource, body: Object) -> NoReturn:
        raise AssertionError("nothing may be written")

    async def apply_status(self, resource: Resource, body: Object) -> NoReturn:
        raise AssertionError("nothing may be written")

    async def create(self, resource: Resource, body: Object) -> NoReturn:
        raise AssertionError("nothing may be written")

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> NoReturn:
        raise AssertionError("nothing may be written")


class NoZooKeeper:
    """`zookeeper.protocol.ZooKeeper` of which no member answers."""

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        return {m.id: Answers(m.id, reachable=False, problem="no answer") for m in members}

    async def read_config(self, access: Access) -> CommittedConfig:
        raise EnsembleUnreachableError("no member answers")

    async def ask_source(self, *_: object) -> Mapping[Endpoint, SourceAnswer]:
        return {}

    async def read_source(self, *_: object) -> NoReturn:
        raise EnsembleUnreachableError("no member answers")

    async def write_fence(self, *_: object) -> int:
        raise AssertionError

    async def shake_hands(self, *_: object) -> Handshakes:
        return {}

    async def count_plain_clients(self, *_: object) -> dict[int, int]:
        return {}

    async def reconfigure(self, access: Access, **step: object) -> NoReturn:
        raise AssertionError("nothing may be changed")
