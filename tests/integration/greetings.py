"""Two kinds of resources that exist only in tests, and their controllers.

A Greeting owns one ConfigMap with its text, which also depends on a mood that Kubernetes knows nothing of.
When the text changes, it wakes the Echo of the same name, which repeats it in its status.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.control.controller import Event, Key, Listed, WatchedResource
from zookeeper_operator.control.operator import Parts
from zookeeper_operator.control.series import Sample, counter, gauge
from zookeeper_operator.kube.api import RESOURCES, Object, Resource

GROUP: Final = "greetings.example"
GREETING: Final = Resource(f"{GROUP}/v1", "Greeting", "greetings")
ECHO: Final = Resource(f"{GROUP}/v1", "Echo", "echoes")
CONFIG_MAP: Final = RESOURCES["ConfigMap"]
LABEL: Final = f"{GROUP}/greeting"
ECHOED: Final = f"{GROUP}/echoed-by"

LENGTH: Final = gauge("greeting_length", ("namespace", "greeting"), "Letters of the text.")
CHANGES: Final = counter("greeting_changes", ("namespace", "greeting"), "Changes of the text.")
REPORTED: Final = (LENGTH, CHANGES)


def definition(resource: Resource) -> Object:
    """The CustomResourceDefinition of one of the two kinds."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": resource.kind, "plural": resource.plural},
            "versions": [version],
        },
    }


def body_of(resource: Resource, key: Key, **content: Any) -> Object:
    """An object of a kind, with this content."""
    metadata = {"namespace": key.namespace, "name": key.name}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        **content,
    }


@dataclass(frozen=True)
class GreetingReport:
    """The text and the mood of the last reconcile."""

    key: Key
    text: str
    mood: str
    changes: int
    moods: Mapping[str, str]

    @property
    def samples(self) -> Sequence[Sample]:
        where = (self.key.namespace, self.key.name)
        return (
            Sample(LENGTH.name, where, len(self.text)),
            Sample(CHANGES.name, where, self.changes),
        )

    async def probe(self) -> bool:
        return self.moods[self.key.name] != self.mood


class Controller:
    """What both kinds have in common: their list, and a record of what was reconciled."""

    resource: Resource

    def __init__(self, parts: Parts, namespace: str) -> None:
        self.parts = parts
        self.reconciled: list[str] = []
        self._namespace = namespace

    async def list_keys(self) -> Sequence[Listed]:
        found = await self.parts.kube.list(self.resource, self._namespace)
        return [
            Listed(self.key(metadata["name"]), metadata["uid"], metadata["resourceVersion"])
            for metadata in (body["metadata"] for body in found)
        ]

    def key(self, name: str) -> Key:
        return Key(self.resource.kind, self._namespace, name)


class GreetingController(Controller):
    """Keeps the ConfigMap of a Greeting as it must be."""

    resource = GREETING
    watches = (WatchedResource(GREETING), WatchedResource(CONFIG_MAP, LABEL))

    def __init__(self, parts: Parts, namespace: str, moods: Mapping[str, str]) -> None:
        super().__init__(parts, namespace)
        self._moods = moods

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        metadata = event.body["metadata"]
        name = metadata["name"] if resource == GREETING else metadata["labels"][LABEL]
        return (self.key(name),)

    async def reconcile(self, key: Key) -> float | None:
        self.reconciled.append(key.name)
        live = await self.parts.kube.get(GREETING, key.namespace, key.name)
        if live is None:
            return None
        mood = self._moods[key.name]
        text = f"{mood} {live['spec']['to']}"
        child = body_of(CONFIG_MAP, key, data={"text": text})
        owner = {k: live[k] for k in ("apiVersion", "kind")} | {
            k: live["metadata"][k] for k in ("name", "uid")
        }
        child["metadata"] |= {"labels": {LABEL: key.name}, "ownerReferences": [owner]}
        found = await self.parts.kube.get(CONFIG_MAP, key.namespace, key.name)
        if found is None or found.get("data") != child["data"]:
            await self.parts.kube.apply(CONFIG_MAP, child)
        before = self.parts.board.get(key)
        known = before if isinstance(before, GreetingReport) else None
        if (live.get("status") or {}).get("text") != text:
            status = body_of(GREETING, key, status={"text": text})
            await self.parts.kube.apply_status(GREETING, status)
            self.parts.wake(Key(ECHO.kind, key.namespace, key.name))
        changes = known.changes + (known.text != text) if known else 0
        self.parts.board.post(key, GreetingReport(key, text, mood, changes, self._moods))
        return 600


class EchoController(Controller):
    """Repeats in its status the text of the Greeting of the same name."""

    resource = ECHO
    # The same resource as the other controller's, selected by another label.
    watches = (WatchedResource(ECHO), WatchedResource(CONFIG_MAP, ECHOED))

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        metadata = event.body["metadata"]
        name = metadata["name"] if resource == ECHO else metadata["labels"][ECHOED]
        return (self.key(name),)

    async def reconcile(self, key: Key) -> float | None:
        self.reconciled.append(key.name)
        live = await self.parts.kube.get(ECHO, key.namespace, key.name)
        if live is None:
            return None
        greeting = await self.parts.kube.get(GREETING, key.namespace, key.name) or {}
        text = (greeting.get("status") or {}).get("text", "")
        if (live.get("status") or {}).get("text") != text:
            await self.parts.kube.apply_status(ECHO, body_of(ECHO, key, status={"text": text}))
        return 600
