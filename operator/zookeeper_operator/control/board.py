"""The board: the last report of each key, in memory.

A controller posts a report at the end of a reconcile; the prober compares the world with it, the metrics
expose its samples, and any other part may read it. Nothing is decided from the board: a process that starts
with an empty one decides the same.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.series import Sample


class Report(Protocol):
    """What a controller found when it last reconciled a key."""

    @property
    def samples(self) -> Sequence[Sample]:
        """The metric samples of the key; what is unknown has no sample."""

    async def probe(self) -> bool:
        """Whether something has changed since the report was made that no event of a watch shows.

        Cheap, since it is called once per probe period, and limited in time by itself.
        """


class Board:
    """Reports by key, in the order in which the keys were first posted."""

    def __init__(self) -> None:
        self._reports: dict[Key, Report] = {}

    def __len__(self) -> int:
        return len(self._reports)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._reports)

    def get(self, key: Key) -> Report | None:
        """The last report of a key; None if there is none."""
        return self._reports.get(key)

    def post(self, key: Key, report: Report) -> None:
        """Put a report in the place of the last one."""
        self._reports[key] = report

    def remove(self, key: Key) -> None:
        """Forget a key; nothing if there is no report of it."""
        self._reports.pop(key, None)
