"""Clients that write, and read back what was acknowledged."""

from collections.abc import Callable

from tests.simulation.invariants import Watchdog
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import Member, Network


class Clients:
    """One stream of writes, each through a random member that serves."""

    def __init__(self, stage: Stage, network: Network, watchdog: Watchdog) -> None:
        self._stage = stage
        self._network = network
        self._watchdog = watchdog
        self._number = 0
        self.acknowledged = 0
        self.pause = (0.2, 0.8)
        self.may_write: Callable[[], bool] = lambda: True
        stage.later(0.1, 1.0, self._write)

    def _write(self) -> None:
        self._stage.later(*self.pause, self._write)
        member = self._pick()
        if member is None or not self.may_write():
            return
        self._number += 1
        self._network.write(member, f"write {self._number}", self._answer())
        if self._number % 4 == 0:
            self._read()

    def _pick(self) -> Member | None:
        serving = [m for _, m in sorted(self._network.members.items()) if m.serving]
        return self._stage.dice.choice(serving) if serving else None

    def _answer(self) -> Callable[[str], None]:
        def answer(text: str) -> None:
            if text == "ok":
                self.acknowledged += 1

        return answer

    def _read(self) -> None:
        """Read after a sync: the leader answers it only while it leads."""
        member = self._pick()
        leader = None if member is None else self._network.leader_of(member)
        if leader is not None and self._network.leads(leader):
            self._watchdog.check_read(leader, self._watchdog.acknowledged)
