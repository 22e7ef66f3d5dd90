"""A controller that exists only in tests: it writes down what it is asked, and answers as it is told to."""

from collections.abc import Iterable, Sequence

from zookeeper_operator.control.controller import Event, Key, Listed, WatchedResource
from zookeeper_operator.control.series import Sample
from zookeeper_operator.kube.api import KubeError, Object, Resource

THING = Resource("things.example/v1", "Thing", "things")
BOX = Resource("things.example/v1", "Box", "boxes")
POD = Resource("v1", "Pod", "pods")
LABEL = "things.example/thing"


class Controller:
    """Reconciles one kind; pods wake the object that their label names."""

    def __init__(self, own: Resource = THING, *others: WatchedResource) -> None:
        self.own = own
        self.others = others or (WatchedResource(POD, LABEL),)
        self.again: float | None = 5
        self.reconciled: list[Key] = []
        self.live: list[Listed] | None = []

    @property
    def watches(self) -> Sequence[WatchedResource]:
        return (WatchedResource(self.own), *self.others)

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        metadata = event.body["metadata"]
        name = metadata["name"] if resource == self.own else metadata["labels"][LABEL]
        return (Key(self.own.kind, metadata["namespace"], name),)

    async def reconcile(self, key: Key) -> float | None:
        self.reconciled.append(key)
        return self.again

    async def list_keys(self) -> Sequence[Listed]:
        if self.live is None:
            raise KubeError(500, "InternalError", "not now")
        return self.live


class Report:
    """A report whose probe answers as it is told to."""

    def __init__(self, *, changed: bool = False) -> None:
        self.changed: bool | Exception = changed
        self.probed: list[float] = []

    @property
    def samples(self) -> Sequence[Sample]:
        return ()

    async def probe(self) -> bool:
        if isinstance(self.changed, Exception):
            raise self.changed
        return self.changed


def key(name: str, own: Resource = THING) -> Key:
    return Key(own.kind, "demo", name)


def thing(name: str, version: int = 1, **metadata: object) -> Object:
    return {
        "metadata": {
            "namespace": "demo",
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": str(version),
            "generation": 1,
            **metadata,
        }
    }
