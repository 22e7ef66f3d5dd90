"""Two operators on one namespace: one manages an ensemble, the other one leaves it alone."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from tests.unit.ensemble.many import Members
from tests.unit.ensemble.store import Store

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.kube.api import Object, Resource
from zookeeper_operator.settings import Settings

KEY = Key(names.KIND, "demo", "zk")
FIRST = Settings(namespace="first", lease_name="one")
SECOND = Settings(namespace="second", lease_name="two")


class Counted(Store):
    """Counts writes."""

    def __init__(self, **metadata: Any) -> None:
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {
                "namespace": "demo",
                "name": "zk",
                "uid": "uid-of-zk",
                "generation": 1,
                "resourceVersion": "1",
                **metadata,
            },
            "spec": {"replicas": 3},
        }
        super().__init__([body])
        self.writes = 0
        self.after_write = self._count

    def _count(self) -> None:
        self.writes += 1

    @property
    def ensemble(self) -> Object:
        return self.objects[names.KIND, "zk"]

    @property
    def events(self) -> list[Object]:
        return [body for (kind, _), body in self.objects.items() if kind == "Event"]

    def hand_over(self, operator: str) -> None:
        self.ensemble["metadata"]["annotations"] = {names.ANNOTATION_OPERATOR: operator}


def operator(store: Store, settings: Settings, board: Board | None = None) -> EnsembleController:
    return EnsembleController(
        store,
        cast("Any", Members()),
        settings,
        Board() if board is None else board,
        now=lambda: datetime(2026, 7, 1, tzinfo=UTC),
    )


async def test_the_first_operator_records_itself_before_it_makes_anything() -> None:
    store = Counted()
    kinds: list[set[str]] = []
    store.after_write = lambda: kinds.append({kind for kind, _ in store.objects})
    await operator(store, FIRST).reconcile(KEY)
    assert kinds[0] == {names.KIND}
    assert store.ensemble["status"]["managedBy"] == "first/one"


async def test_a_second_one_says_whose_it_is_once_and_leaves_it_alone() -> None:
    store, board = Counted(), Board()
    await operator(store, FIRST).reconcile(KEY)
    second = operator(store, SECOND, board)
    board.post(KEY, cast("Any", object()))
    before, writes = dict(store.objects), store.writes
    for _ in range(5):
        assert await second.reconcile(KEY) == SECOND.resync_seconds
    (event,) = store.events
    assert store.writes == writes + 1
    assert {k: v for k, v in store.objects.items() if k[0] != "Event"} == before
    assert (event["reason"], event["type"]) == ("ManagedElsewhere", "Warning")
    assert "operator first/one manages this ensemble" in event["message"]
    assert "zookeeper.ensemble.dev/operator=second/two" in event["message"]
    assert board.get(KEY) is None, "nobody of it is probed"


async def test_of_two_that_find_no_record_one_goes_on() -> None:
    store = Counted()
    second = operator(store, SECOND)

    stale = {**store.ensemble, "metadata": dict(store.ensemble["metadata"])}
    await operator(store, FIRST).reconcile(KEY)
    live_get = store.get

    async def get(resource: Resource, namespace: str | None, name: str) -> Object | None:
        return stale if resource.kind == names.KIND else await live_get(resource, namespace, name)

    store.get = get  # type: ignore[method-assign]
    writes = store.writes
    await second.reconcile(KEY)
    assert store.writes == writes
    assert store.ensemble["status"]["managedBy"] == "first/one"


async def test_taking_over_is_on_purpose_and_waits_for_the_predecessor() -> None:
    store = Counted()
    first, second = operator(store, FIRST), operator(store, SECOND)
    await first.reconcile(KEY)
    store.hand_over("second/two")
    writes = store.writes
    assert await second.reconcile(KEY) == 5
    assert (store.writes, store.ensemble["status"]["managedBy"]) == (writes + 1, "second/two")
    await first.reconcile(KEY)
    assert [event["reason"] for event in store.events] == ["ManagedElsewhere"]
    await second.reconcile(KEY)
    policy = store.objects["NetworkPolicy", "zk"]
    assert "second" in str(policy["spec"])


async def test_an_annotation_holds_until_it_is_removed() -> None:
    store = Counted(annotations={names.ANNOTATION_OPERATOR: "second/two"})
    assert await operator(store, FIRST).reconcile(KEY) == FIRST.resync_seconds
    assert set(store.objects) == {
        (names.KIND, "zk"),
        *((k, n) for k, n in store.objects if k == "Event"),
    }
    store.ensemble["metadata"]["annotations"] = {}
    await operator(store, FIRST).reconcile(KEY)
    assert store.ensemble["status"]["managedBy"] == "first/one"


async def test_what_an_older_operator_left_is_adopted_with_one_write() -> None:
    store = Counted()
    await operator(store, FIRST).reconcile(KEY)
    await operator(store, FIRST).reconcile(KEY)
    del store.ensemble["status"]["managedBy"]
    writes = store.writes
    await operator(store, FIRST).reconcile(KEY)
    assert store.writes == writes + 1
    assert store.events == []


async def test_a_spec_that_cannot_be_read_is_reported_by_its_own_operator_only() -> None:
    store = Counted()
    await operator(store, FIRST).reconcile(KEY)
    store.ensemble["spec"] = {"storage": {"data": {"size": []}}}
    before = dict(store.ensemble["status"])
    await operator(store, SECOND).reconcile(KEY)
    assert store.ensemble["status"] == before


@pytest.mark.parametrize("more", [{}, {"leader_election": False}])
def test_an_operator_is_known_by_its_namespace_and_its_lease(more: dict[str, Any]) -> None:
    assert Settings(**more).installation == "zookeeper-operator/zookeeper-operator"
