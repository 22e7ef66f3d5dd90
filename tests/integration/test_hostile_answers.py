"""Members that lie to a live operator: nothing is done on their word, and it is all told."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import pytest
from tests.integration.farm import LIES
from tests.integration.stage import Stage, condition
from tests.integration.waiting import until

from zookeeper_operator.kube.api import RESOURCES, Object

# With these the members still tell, wrongly or not, who leads; ZooKeeper itself told who votes.
HARMLESS: Final = frozenset({"future", "views", "indiscreet"})
SPEC: Final[Object] = {"replicas": 3, "storage": {"ephemeral": True}}


async def _pods(stage: Stage, place: str) -> Mapping[str, str]:
    live = await stage.kube.list(RESOURCES["Pod"], place)
    return {b["metadata"]["name"]: b["metadata"]["uid"] for b in live}


@pytest.mark.slow
async def test_nothing_is_done_on_the_word_of_liars(stage: Stage) -> None:
    """One member, or all of them, in every way there is; and what the spec asks meanwhile waits."""
    one = {f"liar-one-{kind}": kind for kind in LIES}
    all_ = {f"liar-all-{kind}": kind for kind in LIES}
    calm = "liar-none"
    proxy = await stage.proxy()
    operator = stage.operator("hostile", proxy=proxy, probe_seconds="1", resync_seconds="3")
    operator.start()
    places = await stage.namespaces(calm, *one, *all_)
    await asyncio.gather(*(stage.create(place, SPEC) for place in places))
    await stage.settled(places)
    # Longer than a resync: on a busy machine the last "nothing to do" comes only with it.
    await stage.quiet(proxy, seconds=4)
    before = {place: await _pods(stage, place) for place in places}
    truth = {place: stage.farm.truth(place) for place in places}

    for place, kind in one.items():
        stage.farm.lie(place, member_2=kind)
    for place, kind in all_.items():
        stage.farm.lie(place, everyone=kind)
    began = time.monotonic()
    # Something to be tempted by: a roll that only a healthy quorum allows.
    for place in all_:  # one by one: this is about lies, and not about a burst of work
        await stage.edit(place, {"spec": {"logging": {"level": "DEBUG"}}})
        await asyncio.sleep(0.2)
    known = [place for place, kind in all_.items() if kind not in HARMLESS]

    async def told() -> bool:
        """All who cannot be believed are told not to be ready, and have been for a while."""
        live = await stage.ensembles(known)
        return all(condition(body, "Ready")["status"] != "True" for body in live.values())

    await until(told, seconds=90)
    await asyncio.sleep(5)
    live = await stage.ensembles(places)
    for place in (calm, *one):
        assert await _pods(stage, place) == before[place], place
    for place, kind in all_.items():
        if kind not in HARMLESS:
            assert await _pods(stage, place) == before[place], place
            ready = condition(live[place], "Ready")
            assert ready["status"] != "True", place
            assert ready["message"], place
            assert stage.farm.truth(place)["reconfigurations"] == truth[place]["reconfigurations"]
    assert [c for c in proxy.writes(since=began) if c.namespace == calm] == []
    assert (await operator.metrics())["zookeeper_operator_workqueue_oldest_running_seconds"] < 30

    for place in (*one, *all_):
        stage.farm.lie(place)
    await stage.settled(places, seconds=90)
    assert operator.tracebacks() == []
