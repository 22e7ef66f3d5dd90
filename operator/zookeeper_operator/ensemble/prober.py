"""Looking at members between two passes, so that a new leader is seen although Kubernetes saw nothing.

Asks every member of every settled ensemble one cheap question per period. When an answer is another than
the last, the ensemble is put into the queue: the pass that follows looks at everything and decides.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zookeeper_operator.ensemble.observe import Key
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper


@dataclass(frozen=True)
class _Followed:
    addresses: tuple[Address, ...]
    signature: object


def signature_of(answers: Mapping[int, Answers]) -> object:
    """What a member's cheap answer is compared by: does it serve, and whom does it follow."""
    return frozenset(
        (a.id, a.reachable and a.problem is None, a.leader_id, a.is_leader)
        for a in answers.values()
    )


class Prober:
    """Probes the members of all ensembles, evenly spread over the period."""

    def __init__(
        self,
        zookeeper: ZooKeeper,
        wake: Callable[[Key], None],
        *,
        period_seconds: float,
        on_pass: Callable[[Key, Plan], None] = lambda _key, _plan: None,
        on_gone: Callable[[Key], None] = lambda _key: None,
    ) -> None:
        self._zookeeper = zookeeper
        self._wake = wake
        self._period = period_seconds
        self._on_pass = on_pass
        self._on_gone = on_gone
        self._followed: dict[Key, _Followed] = {}

    def follow(self, key: Key, addresses: tuple[Address, ...], plan: Plan) -> None:
        """Probe these members from now on; what the pass saw is what they are compared with."""
        self._followed[key] = _Followed(addresses, signature_of(plan.situation.observed.answers))
        self._on_pass(key, plan)

    def forget(self, key: Key) -> None:
        """Probe an ensemble no more."""
        self._followed.pop(key, None)
        self._on_gone(key)

    async def run(self) -> None:
        """Probe until cancelled."""
        loop = asyncio.get_running_loop()
        running: set[asyncio.Task[None]] = set()
        while True:
            started = loop.time()
            keys = list(self._followed)
            for number, key in enumerate(keys):
                due = started + self._period * number / len(keys)
                await asyncio.sleep(max(due - loop.time(), 0))
                task = asyncio.create_task(self._probe(key), name=f"probe {key[0]}/{key[1]}")
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(max(started + self._period - loop.time(), 0.05))

    async def _probe(self, key: Key) -> None:
        followed = self._followed.get(key)
        if followed is None or not followed.addresses:
            return
        answers = await self._zookeeper.probe(followed.addresses, thorough=False)
        if self._followed.get(key) is followed and signature_of(answers) != followed.signature:
            self._wake(key)
