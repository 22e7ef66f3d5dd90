"""What a controller is to the process that runs it: four members, and the values they exchange.

Queue, workers, watch, resync, prober and metrics know controllers by this Protocol only, so a new kind
of resource is a new controller and nothing else. This module holds values and the Protocol; it does nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from zookeeper_operator.kube.api import Object, Resource


class Key(NamedTuple):
    """The object to reconcile. All that is known of a cause when a reconcile begins."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As `kubectl` writes it, with the namespace."""
        return f"{self.kind} {self.namespace}/{self.name}"


class OverrunError(Exception):
    """One step of a reconcile computed for too long and was interrupted."""

    def __str__(self) -> str:
        """For people."""
        return "it computed for too long without a pause and was interrupted"


@dataclass(frozen=True)
class WatchedResource:
    """One resource to watch. The server applies the label selector; without one, all objects are watched."""

    resource: Resource
    label_selector: str = ""


class Event(NamedTuple):
    """One event of a watch.

    The type is None for an object that existed when the watch began, else `ADDED`, `MODIFIED` or `DELETED`.
    """

    type: str | None
    body: Object


class Listed(NamedTuple):
    """One object of a live list: its key, and what the drift ledger compares with the events."""

    key: Key
    uid: str
    resource_version: str


class Controller(Protocol):
    """Reconciles all objects of one kind."""

    @property
    def watches(self) -> Sequence[WatchedResource]:
        """The resources whose events wake keys. The first is the kind that this controller reconciles."""

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        """The keys that an event of a watched resource wakes; they may be of other kinds.

        Called for every event, so it must return within microseconds. Events of the controller's own kind
        that change nothing but the status are left out before.
        """

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile one object; the seconds until the next time, None if the object is gone.

        Raises:
            KubeError: the API server did not answer, or refused; the key comes back with backoff.
            OverrunError: raised by the process, anywhere in here, when a step computes for too long.
        """

    async def list_keys(self) -> Sequence[Listed]:
        """List every object of the kind, live.

        Raises:
            KubeError: the API server did not answer, or refused.
        """
