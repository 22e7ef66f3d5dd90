"""Which refusals end a pass, and which do not."""

from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, edited, outdated
from tests.unit.ensemble.store import Store

from zookeeper_operator.ensemble.actions import Apply, RestartMember
from zookeeper_operator.ensemble.apply import Applier, Outcome
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import KubeError, Object, Resource

TAKEN = "zk-1-external"


class RefusingStore(Store):
    """An API server that refuses one object."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__([])
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
    outcome = await Applier(kube, cast("Any", None), lambda: True).apply(plan)
    return outcome, build_status(plan, restarted={}, failure=outcome.failure)


@pytest.mark.parametrize("status", [403, 422])
async def test_a_taken_port_stops_neither_its_neighbours_nor_a_rollout(status: int) -> None:
    outcome, told = await carried_out(TAKEN, status)
    applied = {a.body["metadata"]["name"] for a in outcome.done if isinstance(a, Apply)}
    assert {"zk-2-external", "zk-3-external"} <= applied
    assert TAKEN not in applied
    assert any(isinstance(action, RestartMember) for action in outcome.done)
    assert outcome.error is not None
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
