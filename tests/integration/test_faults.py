"""Every kind of trouble with the API server, to one operator process each, and one end for all of them."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import pytest
from tests.integration.control_plane import ADMIN, RENEWED, ControlPlane
from tests.integration.proxy import (
    Call,
    Cut,
    CutWatch,
    Decide,
    Fault,
    Hang,
    Late,
    Mute,
    Refuse,
    Twice,
)
from tests.integration.stage import Stage, differences, end_state

from zookeeper_operator.kube.api import Object

SPEC: Final[Object] = {"replicas": 3, "storage": {"data": {"size": "1Gi"}}}


def every(nth: int, fault: Fault, *, most: int, matches: Callable[[Call], bool]) -> Decide:
    """The fault for every nth call that matches, so many times."""
    counted = itertools.count(1)
    left = most

    def decide(call: Call) -> Fault | None:
        nonlocal left
        if left and matches(call) and next(counted) % nth == 0:
            left -= 1
            return fault
        return None

    return decide


def _any_request(call: Call) -> bool:
    return not call.watch


def _write(call: Call) -> bool:
    return call.write


def _list(call: Call) -> bool:
    return not call.watch and not call.write and not call.name


def _watch(call: Call) -> bool:
    return call.watch


REQUEST_FAULTS: Final[Mapping[str, Decide]] = {
    "conflict": every(2, Refuse(409, "Conflict"), most=12, matches=_write),
    "expired": every(3, Refuse(410, "Expired"), most=12, matches=_list),
    # Each fails a pass, and the operator waits twice as long after each that fails: six in a row take a
    # minute. Of all requests it is the first looks that are refused; of writes, those of a whole life. A pass
    # that fails uses up one or two, which depends on how many requests it makes.
    "too-many": every(3, Refuse(429, "TooManyRequests"), most=6, matches=_any_request),
    "internal": every(4, Refuse(500), most=6, matches=_any_request),
    "unavailable": every(4, Refuse(503, "ServiceUnavailable"), most=6, matches=_any_request),
    "broken-write": every(7, Refuse(500), most=6, matches=_write),
    "absent-write": every(8, Refuse(503, "ServiceUnavailable"), most=6, matches=_write),
    "no-answer": every(9, Hang(3), most=3, matches=_any_request),
    "timeout": every(15, Hang(60), most=1, matches=_write),
    "cut-before": every(3, Cut(), most=12, matches=_write),
    "cut-after": every(2, Cut(done=True), most=20, matches=_write),
    "late": every(1, Late(0.2), most=200, matches=_any_request),
}
WATCH_FAULTS: Final[Mapping[str, Decide]] = {
    "cut-watch": every(1, CutWatch(1), most=10_000, matches=_watch),
    "late-watch": every(1, Late(0.5), most=10_000, matches=_watch),
    "twice-watch": every(1, Twice(), most=10_000, matches=_watch),
    # It ends the process at once, which has then met one or two of them; a start takes seconds.
    "gone-watch": every(2, Refuse(410, "Expired"), most=12, matches=_watch),
    "busy-watch": every(2, Refuse(429, "TooManyRequests"), most=12, matches=_watch),
    "broken-watch": every(2, Refuse(500), most=12, matches=_watch),
    "mute-watch": every(1, Mute(), most=10_000, matches=_watch),
}


async def _live_a_life(stage: Stage, place: str, *, seconds: float) -> None:
    """Create, scale up, roll and scale down again."""
    await stage.create(place, SPEC)
    await stage.settled([place], seconds=seconds)
    for change in ({"replicas": 4, "allowEvenReplicas": True}, {"logging": {"level": "DEBUG"}}):
        await stage.edit(place, {"spec": change})
        await stage.settled([place], seconds=seconds)
    await stage.edit(place, {"spec": {"replicas": 3}})
    await stage.settled([place], seconds=seconds)


async def unlike(stage: Stage, calm: str, places: Iterable[str]) -> Mapping[str, list[str]]:
    """The places that have not ended as the undisturbed one has, and what differs."""
    expected = await end_state(stage.kube, calm)
    found = {
        place: list(differences(expected, await end_state(stage.kube, place))) for place in places
    }
    return {place: differing for place, differing in found.items() if differing}


@pytest.mark.slow
async def test_refused_cut_and_late_requests_lead_to_the_same_end(stage: Stage) -> None:
    """One operator for all: an ensemble whose requests fail does not hold up its neighbour."""
    proxy = await stage.proxy()
    operator = stage.operator("faulty-requests", proxy=proxy)
    places = {f"fault-{kind:_<12}".replace("_", "-") + "x": kind for kind in REQUEST_FAULTS}
    calm = "fault-" + "-" * 12 + "x"
    met: set[str] = set()

    def decide(call: Call) -> Fault | None:
        kind = places.get(call.namespace)
        fault = REQUEST_FAULTS[kind](call) if kind else None
        if kind and fault:
            met.add(kind)
        return fault

    await stage.namespaces(calm, *places)
    proxy.decide = decide
    operator.start()
    lives = [asyncio.create_task(_live_a_life(stage, place, seconds=120)) for place in places]
    await _live_a_life(stage, calm, seconds=60)
    behind = [life for life in lives if not life.done()]
    await asyncio.gather(*lives)
    await stage.quiet(proxy)
    assert await unlike(stage, calm, places) == {}
    assert operator.tracebacks() == []
    assert met == set(REQUEST_FAULTS)
    assert behind, "an ensemble without faults was held up by the faults of the others"


@pytest.mark.slow
async def test_watches_that_fail_in_every_way_lead_to_the_same_end(stage: Stage) -> None:
    """An operator each. The mute watch never says a thing: what is done then, the resync has found."""
    places = {f"{kind:_<12}".replace("_", "-") + "x": kind for kind in WATCH_FAULTS}
    calm = "calm" + "-" * 8 + "x"
    await stage.namespaces(calm, *places)
    async with contextlib.AsyncExitStack() as running:
        for place, kind in {**places, calm: ""}.items():
            proxy = await stage.proxy()
            proxy.decide = WATCH_FAULTS.get(kind, proxy.decide)
            operator = stage.operator(
                f"faulty-{place}", proxy=proxy, namespaces=place, resync_seconds="3"
            )
            operator.start()
            await running.enter_async_context(operator.supervised())
        await asyncio.gather(
            *(_live_a_life(stage, place, seconds=180) for place in (calm, *places))
        )
    assert await unlike(stage, calm, places) == {}


@pytest.mark.slow
async def test_expired_credentials_are_waited_out_and_new_ones_are_taken(
    stage: Stage, control_plane: ControlPlane
) -> None:
    """A token in a file, which is replaced too late: the process may end for it, and recovers."""
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("expired-token")
    operator = stage.operator("expired", proxy=proxy, namespaces=place, resync_seconds="5")
    token = operator.kubeconfig.with_suffix(".token")
    token.write_text(ADMIN, encoding="ascii")
    control_plane.write_kubeconfig(operator.kubeconfig, token, server=proxy.url)
    operator.start()
    async with operator.supervised():
        await stage.create(place, SPEC)
        await stage.settled([place])
        proxy.decide = lambda call: Refuse(401, "Unauthorized") if call.token == ADMIN else None
        await proxy.shut()  # the streams would go on with what they were opened with
        await proxy.open()
        await stage.edit(place, {"spec": {"logging": {"level": "DEBUG"}}})
        await asyncio.sleep(10)
        token.write_text(RENEWED, encoding="ascii")
        await stage.settled([place], seconds=150)
    assert operator.tracebacks() == []
