"""How busy the members are, for the page: since it was asked last."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from zookeeper_operator.cli.page.texts import visible
from zookeeper_operator.cli.top.sample import fetch_ensemble_samples
from zookeeper_operator.cli.top.view import Sample, build_load, load_as_value
from zookeeper_operator.kube.api import Kube
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport

_CLIENTS: Final = 50
_SHORTEST: Final = 1.0
_LONGEST: Final = 30.0


class LoadReader:
    """Remembers the last reading of each ensemble."""

    def __init__(self, kube: Kube, admin: AdminTransport) -> None:
        self._kube = kube
        self._admin = admin
        self._last: dict[tuple[str, str], tuple[float, Mapping[str, Sample]]] = {}

    async def read(self, namespace: str, name: str) -> dict[str, Any]:
        """Read all members; the first time it takes a second, since a rate needs two readings.

        Raises:
            Failure: there is no member.
        """
        key = (namespace, name)
        at, before = self._last.get(key, (0.0, {}))
        if not before or time.monotonic() - at > _LONGEST:
            before = await self._sample(namespace, name)
            await asyncio.sleep(_SHORTEST)
        after = await self._sample(namespace, name)
        self._last[key] = (time.monotonic(), after)
        value = load_as_value(build_load(namespace, name, before, after, clients=_CLIENTS))
        for member in value["members"]:
            member["problem"] = visible(member["problem"])
        for client in value["clients"]:
            client["address"] = visible(client["address"])
        return value

    async def _sample(self, namespace: str, name: str) -> Mapping[str, Sample]:
        return await fetch_ensemble_samples(self._kube, self._admin, namespace, name, clients=True)
