"""Whatever the API server lets through, the operator brings to an end that it can give a reason for.

`SPECS=1000` tries more, `SPECS_SEED=7` others.
"""

import asyncio
import itertools
import json
import os
import time
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.integration.specs import specs
from tests.integration.stage import Stage, condition, end_state

from zookeeper_operator.kube.api import KubeError, Object

HOW_MANY: Final = int(os.environ.get("SPECS", "60"))
AT_ONCE: Final = 20
NEIGHBOUR: Final[Object] = {"replicas": 3, "storage": {"ephemeral": True}}
# Reasons that an ensemble passes through; the last word must be another.
_PASSING: Final = frozenset({"", "Founding", "WaitingForMember", "WaitingForSync", "NotProbed"})


def draw(count: int) -> list[Object]:
    """So many specs, the same ones each time."""
    found: list[Object] = []

    @seed(int(os.environ.get("SPECS_SEED", "0")))
    @settings(
        max_examples=3 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs())
    def collect(spec: Object) -> None:
        if spec not in found:
            found.append(spec)

    collect()
    return found[:count]


def judge(body: Object) -> str:
    """What is wrong with how an ensemble has ended up; empty if nothing is."""
    ready = condition(body, "Ready")
    generation = body["metadata"]["generation"]
    if body.get("status", {}).get("observedGeneration") != generation:
        return "nobody has looked at its latest spec"
    if ready.get("status") == "True" or not ready:
        return "" if ready else "no condition Ready"
    if body["spec"].get("paused"):
        return "" if body["status"]["summary"] == "Paused" else "paused, and not told so"
    if ready["reason"] in _PASSING or not ready["message"]:
        return f"no reason that would last: {ready}"
    return ""


async def _try(stage: Stage, place: str, spec: Object) -> str:
    """Apply one spec and wait for what becomes of it; what is wrong with that."""
    await stage.namespaces(place)
    try:
        await stage.create(place, spec)
    except KubeError as error:
        readable = error.status in {400, 422} and "spec" in error.message
        return "" if readable else f"refused without a readable reason: {error}"
    deadline = time.monotonic() + 120  # on a busy machine; most are judged within seconds
    wrong = "it is gone"
    while time.monotonic() < deadline:
        for body in (await stage.ensembles([place])).values():
            wrong = judge(body)
            if not wrong:
                await stage.delete(place)
                return ""
        await asyncio.sleep(0.5)
    live = (await stage.ensembles([place])).get(place, {})
    return f"{wrong}: {json.dumps(live.get('status'))[:1500]}"


@pytest.mark.slow
async def test_every_spec_is_refused_or_ends_with_a_reason(stage: Stage) -> None:
    proxy = await stage.proxy()
    operator = stage.operator("specs", proxy=proxy, resync_seconds="20")
    operator.start()
    (calm,) = await stage.namespaces("specs-neighbour")
    await stage.create(calm, NEIGHBOUR)
    await stage.settled([calm])
    await stage.quiet(proxy)
    before, began = await end_state(stage.kube, calm), time.monotonic()

    drawn = draw(HOW_MANY)
    numbers = itertools.count()
    wrong: dict[str, Any] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def try_one(spec: Object) -> None:
        async with gate:
            place = f"specs-{next(numbers)}"
            if found := await _try(stage, place, spec):
                wrong[json.dumps(spec)] = found

    await asyncio.gather(*map(try_one, drawn))
    assert wrong == {}, json.dumps(wrong, indent=1)
    assert operator.tracebacks() == []
    assert [c for c in proxy.writes(since=began) if c.namespace == calm] == []
    assert await end_state(stage.kube, calm) == before
    metrics = await operator.metrics()
    assert metrics["zookeeper_operator_workqueue_oldest_running_seconds"] < 10
    assert metrics['zookeeper_operator_reconciles_total{result="timeout"}'] == 0
