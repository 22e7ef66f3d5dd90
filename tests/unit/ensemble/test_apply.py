"""Which refusals end a pass, and which do not."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, edited, outdated, without_answer
from tests.unit.ensemble.store import Store

from zookeeper_operator.ensemble.actions import Action, Apply, ReplaceMember, RestartMember
from zookeeper_operator.ensemble.apply import Applier, Outcome
from zookeeper_operator.ensemble.failure import Failure
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper

TAKEN = "zk-1-external"


def claim_body(member_id: int, **metadata: Any) -> Object:
    name = f"data-zk-{member_id}"
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "uid": f"uid-of-{name}", **metadata},
    }


class Voters:
    """Three members that follow member 3, unless they are `gone`, and answer as `slowly` as that."""

    def __init__(self, *gone: int, slowly: float = 0) -> None:
        self.gone = gone
        self.slowly = slowly

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        await asyncio.sleep(self.slowly)
        return {
            m.id: Answers(m.id, reachable=m.id not in self.gone, leader_id=3, is_leader=m.id == 3)
            for m in members
        }


class RefusingStore(Store):
    """An API server that refuses one object."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__([claim_body(n) for n in (1, 2, 3)])
        self._name = name
        self._status = status

    async def apply(self, resource: Resource, body: Object) -> Object:
        if body["metadata"]["name"] == self._name:
            raise KubeError(self._status, "Refused", "spec.ports[0].nodePort: already allocated")
        return await super().apply(resource, body)


async def carried_out(name: str, status: int) -> tuple[Outcome, dict[str, Any]]:
    """A rollout is due, and access from outside has just been asked for."""
    scene = outdated(edited(at_rest(3), {"external": {"type": "NodePort"}}), 1)
    plan = build_plan(scene)
    kube = RefusingStore(name, status)
    outcome = await Applier(kube, cast("ZooKeeper", Voters()), lambda: True).apply(plan)
    failure = Failure(outcome.failure, optional=tuple(outcome.optional))
    return outcome, build_status(plan, restarted={}, failure=failure)


@pytest.mark.parametrize("status", [403, 422])
async def test_a_taken_port_stops_neither_its_neighbours_nor_a_rollout(status: int) -> None:
    outcome, told = await carried_out(TAKEN, status)
    applied = {a.body["metadata"]["name"] for a in outcome.done if isinstance(a, Apply)}
    assert {"zk-2-external", "zk-3-external"} <= applied
    assert TAKEN not in applied
    assert any(isinstance(action, RestartMember) for action in outcome.done)
    assert outcome.error is None, "an error would put the next reconcile off"
    assert "restarting zk-1" in told["nextAction"]
    assert "already allocated" in told["nextAction"]


@pytest.mark.parametrize(("name", "status"), [(TAKEN, 0), (TAKEN, 500)])
async def test_an_api_server_that_is_not_well_is_left_alone(name: str, status: int) -> None:
    outcome, _ = await carried_out(name, status)
    assert not any(isinstance(action, RestartMember) for action in outcome.done)
    assert outcome.error is not None


def test_only_access_from_outside_is_optional() -> None:
    scene = at_rest(3, {"external": {"type": "LoadBalancer"}})
    fresh = build_plan(type(scene)(**{**vars(scene), "children": ()}))
    optional = {
        a.body["metadata"]["name"] for a in fresh.actions if isinstance(a, Apply) and a.optional
    }
    assert optional == {"zk-1-external", "zk-2-external", "zk-3-external"}


# ---- what has changed since the plan was made ----

PODS = [
    {"kind": "Pod", "metadata": {"name": f"zk-{n}", "uid": f"uid-of-zk-{n}"}} for n in (1, 2, 3)
]
ROLLING = outdated(at_rest(3, leader=3), 1)
STOPPING = edited(at_rest(3, leader=3), {"stopped": True})
CLAIM_LOST = replace(
    at_rest(3, leader=3),
    claims=tuple(replace(c, terminating=c.member_id == 1) for c in at_rest(3).claims),
)
BROKEN = without_answer(outdated(at_rest(3, leader=3), 1), 1)


async def act(scene: Observed, members: Voters, *claims: Object) -> list[Action]:
    """What of a plan is carried out when the members, and the claims, are like this by now."""
    plan = build_plan(scene)
    ended = [a for a in plan.actions if getattr(a, "basis", None) is not None]
    assert ended, "nothing here depends on anything"
    found = {**{n: claim_body(n) for n in (1, 2, 3)}, **dict(enumerate(claims, 1))}
    store = Store([*PODS, *scene.children, *found.values()])
    outcome = await Applier(store, cast("ZooKeeper", members), lambda: True).apply(plan)
    assert outcome.error is None
    return [action for action in outcome.done if action in ended]


@pytest.mark.parametrize("scene", [ROLLING, STOPPING, CLAIM_LOST], ids=["roll", "stop", "replace"])
async def test_a_pod_ends_while_all_is_as_it_was(scene: Observed) -> None:
    assert await act(scene, Voters())


@pytest.mark.parametrize("scene", [ROLLING, CLAIM_LOST], ids=["roll", "replace"])
@pytest.mark.parametrize("members", [Voters(3), Voters(2), Voters(2, 3)], ids=["3", "2", "both"])
async def test_no_pod_ends_beside_a_member_that_was_lost_since(
    scene: Observed, members: Voters
) -> None:
    """A leader that crashes a moment before the delete of a follower: one of three would be left."""
    assert await act(scene, members) == []


@pytest.mark.looptime
async def test_no_pod_ends_by_answers_that_took_too_long() -> None:
    assert await act(ROLLING, Voters(slowly=0.9))
    assert await act(ROLLING, Voters(slowly=1.1)) == []


async def test_a_broken_member_that_serves_again_is_not_restarted() -> None:
    assert [type(a) for a in await act(BROKEN, Voters(1))] == [RestartMember]
    assert await act(BROKEN, Voters()) == []


GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


async def test_no_pod_ends_whose_claim_was_deleted_since() -> None:
    assert await act(ROLLING, Voters(), claim_body(1, **GOING)) == []
    assert await act(ROLLING, Voters(), claim_body(1, uid="another one")) == []
    assert await act(ROLLING, Voters(), claim_body(1), claim_body(2, **GOING)), "it keeps its own"
    assert await act(STOPPING, Voters(), claim_body(1), claim_body(2, **GOING)) == []


async def test_no_member_is_replaced_whose_peers_lose_their_claims_since() -> None:
    (done,) = await act(CLAIM_LOST, Voters(), claim_body(1, **GOING))
    assert isinstance(done, ReplaceMember)
    assert await act(CLAIM_LOST, Voters(), claim_body(1, **GOING), claim_body(2, **GOING)) == []
