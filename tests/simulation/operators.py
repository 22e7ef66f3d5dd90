"""The operator's processes: the real controller, prober and work queue, started, killed, doubled.

One process holds the lease. A crash forgets everything it knew and leaves half done what it was doing;
the next one starts seconds later. `overlap` lets two work at the same time for a moment, as when a lease
is lost while a request is under way.
"""

import asyncio
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.simulation.api_server import NAMESPACE
from tests.simulation.mind import Mind
from tests.simulation.ports import SimulatedKube, SimulatedZooKeeper
from tests.simulation.surroundings import Surroundings

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key, WatchedResource
from zookeeper_operator.control.prober import Prober
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.registry import Registry
from zookeeper_operator.control.waking import Waker
from zookeeper_operator.control.work import work
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import WATCHES, EnsembleController
from zookeeper_operator.kube.api import KubeError, Object
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

if TYPE_CHECKING:
    from tests.simulation.invariants import Watchdog

_WATCHED = {watched.resource.kind: watched for watched in WATCHES}
SETTINGS = Settings(namespace="operator", identity="simulated", workers=2)


class OperatorProcess:
    """One process from its start to its death, and everything it writes."""

    def __init__(self, operators: "Operators", number: int) -> None:
        self._operators = operators
        self.stage = operators.stage
        self.name = f"operator-{number}"
        self.alive = True
        self.may_act = True
        kube = operators.mind.hands(SimulatedKube(operators.around, self))
        zookeeper = SimulatedZooKeeper(operators.around, self)
        self.queue: WorkQueue[Key] = WorkQueue(random=self.stage.dice.random)
        board = Board()
        self._prober = Prober(board, self.queue.add, period_seconds=SETTINGS.probe_seconds)
        controller = EnsembleController(
            kube,
            zookeeper,
            SETTINGS,
            board,
            may_act=lambda: self.may_act and self.alive,
            uniform=self.stage.dice.uniform,
            now=self.stage.wall_clock,
            decide=operators.mind.decide,
        )
        self._registry = Registry((controller,), board)
        self.waker = Waker(self._registry, self.queue.add, on_drift=lambda _objects: None)
        self._task = self.stage.loop.create_task(self._run())

    async def _run(self) -> None:
        self.queue.add(self._operators.key)
        await asyncio.gather(
            work(
                self.queue,
                self._handle,
                workers=SETTINGS.workers,
                timeout=SETTINGS.pass_timeout_seconds,
            ),
            self._prober.run(),
            self._resync(),
        )

    async def _handle(self, key: Key) -> float | None:
        try:
            return await self._registry.reconcile(key)
        except KubeError as error:
            self.stage.tell(self.name, f"pass failed: {error}")
            raise
        except Exception:
            self.stage.violate("a pass never breaks", traceback.format_exc())
            raise

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(SETTINGS.resync_seconds)
            self.queue.add(self._operators.key)

    def crash(self) -> None:
        """Die at once."""
        if self.alive:
            self.stage.tell(self.name, "crashes")
            self.alive = False
            self.may_act = False
            self.queue.close()
            self._task.cancel()

    # ------------------------------------------------------------------ ports.Supervisor

    def before_pass(self) -> None:
        """A new look begins."""
        self._operators.watchdog.look_begins(self)

    def answered(self, member_id: int, *, serving: bool) -> None:
        """A member has said, now, whether it serves."""
        self._operators.watchdog.answered(self, member_id, serving=serving)

    def looked(self) -> None:
        """The members have been asked."""
        self._operators.watchdog.looked(self)

    def before_write(self, verb: str, body: Object) -> None:
        """A write is about to take effect."""
        self._operators.writes += 1
        if self._operators.at_rest:
            name = body["metadata"].get("name", "")
            self.stage.violate("at rest nothing is written", f"{verb} {body['kind']} {name}")
        if verb == "status":
            live = self._operators.around.api.get(body["kind"], body["metadata"]["name"]) or {}
            self.stage.tell(self.name, f"status: {_told(live.get('status') or {}, body['status'])}")
        elif body["kind"] != "Event":
            self.stage.tell(self.name, f"{verb} {body['kind']} {body['metadata']['name']}")
        else:
            self.stage.tell(self.name, f"says {body.get('reason')}: {body.get('message')}")
        self._operators.watchdog.before_write(self, verb, body)

    def after_write(self, verb: str, body: Object) -> None:
        """A write has taken effect."""
        weather = self._operators.around.weather
        if self._operators.is_the_last_write() or self.stage.chance(weather.crash_after_write):
            self._operators.crash(self)

    def before_reconfigure(
        self, joining: Sequence[Server], leaving: Sequence[int], based_on: CommittedConfig
    ) -> None:
        """A reconfiguration is about to be sent."""
        changed = [*(f"{s.id}:{s.role}" for s in joining), *(f"-{i}" for i in leaving)]
        self.stage.tell(self.name, f"reconfigures {', '.join(changed)} on v{based_on.version:x}")
        self._operators.watchdog.before_reconfigure(self, joining, leaving)


class Operators:
    """All processes of the operator there ever were."""

    def __init__(
        self, around: Surroundings, watchdog: "Watchdog", ensemble: str, mind: Mind
    ) -> None:
        self.around = around
        self.mind = mind
        self.stage = around.stage
        self.watchdog = watchdog
        self.ensemble = ensemble
        self.key = Key(names.KIND, NAMESPACE, ensemble)
        self.writes = 0
        self.at_rest = False
        self._number = 0
        self._writes_left: int | None = None
        self._processes: list[OperatorProcess] = []
        around.api.listeners.append(self._on_change)

    def start(self) -> OperatorProcess:
        """Start a process that works at once."""
        self._number += 1
        self.stage.tell(f"operator-{self._number}", "starts")
        process = OperatorProcess(self, self._number)
        self._processes.append(process)
        return process

    def crash(self, process: OperatorProcess | None = None) -> None:
        """Kill a process (or whichever works); another one starts soon."""
        working = [p for p in self._processes if p.alive]
        victim = process or (working[0] if working else None)
        if victim is None or not victim.alive:
            return
        victim.crash()
        self._processes.remove(victim)
        if not self._processes:
            self.stage.later(0.5, 6.0, self._start_if_none)

    def crash_after(self, writes: int) -> None:
        """Kill whichever process has done so many more writes, right after the last of them."""
        self._writes_left = writes

    def is_the_last_write(self) -> bool:
        """Count a write; whether its process dies after it."""
        if self._writes_left is None:
            return False
        self._writes_left -= 1
        return self._writes_left == 0

    def _start_if_none(self) -> None:
        if not self._processes:
            self.start()

    def overlap(self, seconds: float) -> None:
        """Start a second process while the first still works; the first one ends a moment later."""
        old = next((p for p in self._processes if p.alive), None)
        self.start()
        if old is not None:
            self.stage.loop.call_later(seconds, self.crash, old)

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        """The watch: an event is delivered late, twice, or not at all."""
        body = after or before
        assert body is not None
        watched = _WATCHED.get(body["kind"])
        if watched is None or not _selects(watched, body):
            return
        if self.stage.chance(self.around.weather.lost_events):
            return
        event = Event(_event_type(before, after), body)
        late = 1.5 if self.around.weather.lost_events else 0.1
        self.stage.later(0.005, late, self._deliver, watched, event)
        if self.stage.chance(self.around.weather.lost_events):
            self.stage.later(0.005, late, self._deliver, watched, event)

    def watch_again(self) -> None:
        """A stream that has lost events ends, and the next one begins with a list of everything."""
        for kind, watched in _WATCHED.items():
            for body in (b for b in self.around.api.all(kind) if _selects(watched, b)):
                self.stage.later(0.005, 1.5, self._deliver, watched, Event("ADDED", body))

    def _deliver(self, watched: WatchedResource, event: Event) -> None:
        for process in self._processes:
            process.waker.on_event(watched, event)


def _event_type(before: Object | None, after: Object | None) -> str:
    if after is None:
        return "DELETED"
    return "ADDED" if before is None else "MODIFIED"


def _selects(watched: WatchedResource, body: Object) -> bool:
    label = watched.label_selector
    return not label or label in (body["metadata"].get("labels") or {})


def _told(old: Object, new: Object) -> str:
    """What a status says at a glance, and which of its fields are new."""
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return f"{new.get('summary')}: {new.get('nextAction')} ({', '.join(changed)})"
