"""The controllers of one process, each known by the kind that it reconciles."""

from collections.abc import Mapping, Sequence

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Controller, Key, WatchedResource
from zookeeper_operator.kube.api import Resource


class Registry:
    """Which controller a key belongs to, and which ones an event concerns."""

    def __init__(self, controllers: Sequence[Controller], board: Board) -> None:
        """Register controllers.

        Raises:
            ValueError: two controllers reconcile the same kind.
        """
        self._board = board
        self._by_kind: dict[str, Controller] = {}
        self._by_watch: dict[WatchedResource, list[Controller]] = {}
        for controller in controllers:
            kind = controller.watches[0].resource.kind
            if kind in self._by_kind:
                raise ValueError(f"Two controllers reconcile the kind {kind}")
            self._by_kind[kind] = controller
            for watched in controller.watches:
                self._by_watch.setdefault(watched, []).append(controller)

    @property
    def controllers(self) -> Mapping[str, Controller]:
        """Every controller by its kind."""
        return self._by_kind

    @property
    def watches(self) -> tuple[WatchedResource, ...]:
        """Everything that any controller watches, each once."""
        return tuple(self._by_watch)

    @property
    def own(self) -> tuple[Resource, ...]:
        """The resources that are reconciled."""
        return tuple(c.watches[0].resource for c in self._by_kind.values())

    def watching(self, watched: WatchedResource) -> Sequence[Controller]:
        """The controllers that an event of a watched resource concerns."""
        return self._by_watch[watched]

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile a key; the report of an object that is gone leaves the board.

        Raises:
            LookupError: no controller reconciles that kind.
        """
        controller = self._by_kind.get(key.kind)
        if controller is None:
            raise LookupError(f"No controller reconciles the kind {key.kind}")
        again = await controller.reconcile(key)
        if again is None:
            self._board.remove(key)
        return again
