"""The operator killed after every single write: the end states are those of an ensemble never disturbed.

Many ensembles are brought to the same change at once. Of each the proxy keeps the answer to another write
back (the first, the second, …); when all of them stand still there, one SIGKILL ends the operator in the
middle of every one of these moments, and its successor has to make sense of all of them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from tests.integration.operator_process import OperatorProcess
from tests.integration.proxy import Call, FaultProxy
from tests.integration.stage import (
    POLL_SECONDS,
    Check,
    Stage,
    differences,
    end_state,
    is_settled,
)

from zookeeper_operator.kube.api import RESOURCES, Object

SPEC: Final[Object] = {"replicas": 3, "storage": {"data": {"size": "1Gi"}}}
UNDISTURBED: Final = "crash-never"
# The names have the same length: hashes and messages hold them.
AT_ONCE: Final = 13
"""The first to stand still waits for the last, and no longer than the operator waits for an answer."""
EVERY: Final = 3
_FEWEST_WRITES: Final = {"create": 12, "scale up": 6, "roll": 6, "scale down": 4}


@dataclass(frozen=True)
class Act:
    """One thing a user does to an ensemble, and how to tell that it is done."""

    name: str
    do: Callable[[Stage, str], Awaitable[object]]
    done: Check = is_settled


def _rolled(body: Object) -> bool:
    return is_settled(body) and all(
        m["revision"] == _newest(body) for m in body["status"]["members"]
    )


def _newest(body: Object) -> str:
    revisions = {m["revision"] for m in body["status"]["members"]}
    return revisions.pop() if len(revisions) == 1 else ""


ACTS: Final = (
    Act("create", lambda stage, where: stage.create(where, SPEC)),
    Act("scale up", lambda stage, where: stage.edit(where, {"spec": {"replicas": 5}})),
    Act(
        "roll",
        lambda stage, where: stage.edit(where, {"spec": {"logging": {"level": "DEBUG"}}}),
        _rolled,
    ),
    Act("scale down", lambda stage, where: stage.edit(where, {"spec": {"replicas": 3}})),
)


class Crash:
    """Holds each namespace at its own write until all stand still."""

    def __init__(self, moments: Mapping[str, int]) -> None:
        self._left = dict(moments)
        self.held: dict[str, Call] = {}

    async def after_write(self, call: Call) -> None:
        if call.namespace not in self._left or call.namespace in self.held:
            return
        self._left[call.namespace] -= 1
        if self._left[call.namespace] <= 0:
            self.held[call.namespace] = call
            await asyncio.Event().wait()


async def _all_held_or_done(
    stage: Stage, act: Act, crash: Crash, places: Sequence[str], *, seconds: float = 90
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        free = [p for p in places if p not in crash.held]
        live = await stage.ensembles(free)
        if all(p in live and act.done(live[p]) for p in free):
            return
        assert time.monotonic() < deadline, {p: live.get(p, {}).get("status") for p in free}
        await asyncio.sleep(POLL_SECONDS)


async def _perform(stage: Stage, act: Act, places: Sequence[str]) -> None:
    await asyncio.gather(*(act.do(stage, place) for place in places))


async def _undisturbed(
    stage: Stage, proxy: FaultProxy, act: Act
) -> tuple[int, Mapping[str, Object]]:
    """Do it once in peace: how many writes it takes, and how it ends."""
    started = time.monotonic()
    await _perform(stage, act, [UNDISTURBED])
    await stage.settled([UNDISTURBED], act.done)
    await stage.quiet(proxy)
    count = sum(call.namespace == UNDISTURBED for call in proxy.writes(since=started))
    return count, await end_state(stage.kube, UNDISTURBED)


async def _disturbed(
    stage: Stage,
    proxy: FaultProxy,
    operator: OperatorProcess,
    act: Act,
    moments: Mapping[str, int],
) -> Mapping[str, Call]:
    """Do it everywhere, the operator dying after the first write here, after the second there."""
    crash = Crash(moments)
    proxy.after_write = crash.after_write
    await _perform(stage, act, list(moments))
    await _all_held_or_done(stage, act, crash, list(moments))
    operator.kill()
    proxy.after_write = Crash({}).after_write
    operator.start()
    await stage.settled(list(moments), act.done, seconds=90)
    await stage.quiet(proxy)
    return crash.held


@pytest.mark.slow
@pytest.mark.parametrize("first", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3))])
async def test_a_crash_after_every_write_changes_nothing_about_the_end(
    stage: Stage, first: int
) -> None:
    """After every third one here; `make e2e-long` has those in between."""
    proxy = await stage.proxy()
    operator = stage.operator("crashing", proxy=proxy)
    operator.start()
    await stage.namespaces(UNDISTURBED)
    counts, ends = {}, {}
    for act in ACTS:
        counts[act.name], ends[act.name] = await _undisturbed(stage, proxy, act)
    moments = range(first, max(counts.values()) + 1, EVERY)
    places = {f"crash-{n:05}": n for n in moments}
    await stage.namespaces(*places)
    wrong: dict[str, list[str]] = {}
    held: dict[str, list[Call]] = {act.name: [] for act in ACTS}
    for begun in range(0, len(places), AT_ONCE):
        group = dict(list(places.items())[begun : begun + AT_ONCE])
        for act in ACTS:
            now = await _disturbed(stage, proxy, operator, act, group)
            held[act.name] += now.values()
            states = await asyncio.gather(*(end_state(stage.kube, place) for place in group))
            for place, state in zip(group, states, strict=True):
                if found := list(differences(ends[act.name], state)):
                    after = f"{now[place].method} {now[place].path}" if place in now else "no crash"
                    elected = "; ".join(stage.farm.truth(place)["history"])
                    wrong[f"{act.name}, {place} (after {after}; elected {elected})"] = found
        await _delete_everywhere(stage, proxy, operator, list(group))
    assert not wrong, "\n".join(f"{what}: {'; '.join(found)}" for what, found in wrong.items())
    assert operator.tracebacks() == []
    crashes = {name: len(calls) for name, calls in held.items()}
    assert all(crashes[name] >= least // EVERY for name, least in _FEWEST_WRITES.items()), crashes


async def _delete_everywhere(
    stage: Stage, proxy: FaultProxy, operator: OperatorProcess, places: Sequence[str]
) -> None:
    """Delete them, the operator dying in the middle: nothing but the retained claims is left."""
    crash = Crash(dict.fromkeys(places, 1))
    proxy.after_write = crash.after_write
    await asyncio.gather(*(stage.delete(place) for place in places))
    await asyncio.sleep(0.3)
    operator.kill()
    proxy.after_write = Crash({}).after_write
    operator.start()
    await operator.ready()
    deadline = time.monotonic() + 60
    kinds = ("StatefulSet", "Service", "ConfigMap", "Secret", "Pod", "PodDisruptionBudget")
    while True:
        left = [
            f"{place}: {kind} {body['metadata']['name']}"
            for place in places
            for kind in kinds
            for body in await stage.kube.list(RESOURCES[kind], place)
            if body["metadata"]["name"] != "kube-root-ca.crt"
        ]
        if not left:
            break
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.5)
    for place in places:
        claims = await stage.kube.list(RESOURCES["PersistentVolumeClaim"], place)
        assert sorted(c["metadata"]["name"] for c in claims)[:3] == [
            f"data-zk-{number}" for number in (1, 2, 3)
        ]
    assert operator.tracebacks() == []
