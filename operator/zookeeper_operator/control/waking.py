"""What wakes keys: the events of the watch, and a live list once per period for what no event reported.

An event only wakes keys. Nothing else is taken from it, so it may be late, repeated or lost.
"""

import asyncio
import logging
from collections.abc import Callable

from zookeeper_operator.control.controller import Controller, Event, Key, WatchedResource
from zookeeper_operator.control.ledger import EventLedger
from zookeeper_operator.control.registry import Registry
from zookeeper_operator.kube.api import KubeError

logger = logging.getLogger(__name__)


class Waker:
    """Turns events and lists into keys, and measures what the watch has missed."""

    def __init__(
        self,
        registry: Registry,
        wake: Callable[[Key], None],
        *,
        on_drift: Callable[[int], None],
        wake_first: Callable[[Key], None] | None = None,
        is_due: Callable[[Key], bool] = lambda _key: False,
    ) -> None:
        """Turn events of the resources of a registry into keys.

        Args:
            registry: the controllers.
            wake: called with a key that must be reconciled.
            on_drift: called with the number of objects of which the watch has lost sight.
            wake_first: called instead of `wake` with the key of an object that has itself changed: a person
                may wait for it.
            is_due: whether a key comes back within one period without being woken.
        """
        self._registry = registry
        self._wake = wake
        self._wake_first = wake_first or wake
        self._is_due = is_due
        self._on_drift = on_drift
        self._ledgers = {kind: EventLedger() for kind in registry.controllers}
        self._seen: dict[str, dict[str, object]] = {kind: {} for kind in registry.controllers}

    def on_event(self, watched: WatchedResource, event: Event) -> None:
        """Wake the keys that an event concerns."""
        for controller in self._registry.watching(watched):
            own = controller.watches[0] == watched
            if own and not self._is_news(controller, event):
                continue
            wake = self._wake_first if own else self._wake
            for key in controller.keys_of(watched.resource, event):
                wake(key)

    def _is_news(self, controller: Controller, event: Event) -> bool:
        """Whether an object has changed in more than its status.

        A status that the controller writes comes back as an event, which must not wake it again.
        """
        kind = controller.watches[0].resource.kind
        ledger, known = self._ledgers[kind], self._seen[kind]
        metadata = event.body["metadata"]
        uid = metadata["uid"]
        if event.type == "DELETED":
            ledger.gone(uid)
            known.pop(uid, None)
            return True
        ledger.seen(uid, metadata.get("resourceVersion", ""))
        content = (
            metadata.get("generation"),
            metadata.get("labels"),
            metadata.get("annotations"),
            metadata.get("deletionTimestamp"),
        )
        if known.get(uid) == content:
            return False
        known[uid] = content
        return True

    async def resync(self, period_seconds: float) -> None:
        """List every live object of every controller once per period, until cancelled.

        An object is woken if no event has reported its version, or if its key would not come back by itself
        within a period: one that fails may have minutes to wait.
        To wake all of them at once would make an edit wait until all the others are reconciled.
        """
        while True:
            await asyncio.sleep(period_seconds)
            for kind in self._registry.controllers:
                await self._list(kind)

    async def _list(self, kind: str) -> None:
        try:
            live = await self._registry.controllers[kind].list_keys()
        except KubeError as error:
            logger.warning("Resync: %s", error)
            return
        ledger = self._ledgers[kind]
        versions = {o.uid: o.resource_version for o in live}
        unreported = ledger.unreported(versions)
        drifted = ledger.compare(versions)
        # The deletion of some may have been missed.
        self._seen[kind] = {u: c for u, c in self._seen[kind].items() if u in ledger}
        if drifted:
            self._on_drift(len(drifted))
            logger.warning("The watch has missed changes of %d objects of %s", len(drifted), kind)
        for listed in live:
            if listed.uid in unreported or not self._is_due(listed.key):
                self._wake(listed.key)
