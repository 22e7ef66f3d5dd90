"""Which controller a key belongs to, and what a reconcile leaves on the board."""

import pytest
from tests.unit.control.things import BOX, LABEL, POD, THING, Controller, Report, key

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import WatchedResource
from zookeeper_operator.control.registry import Registry


async def test_a_key_goes_to_the_controller_of_its_kind() -> None:
    things, boxes = Controller(THING), Controller(BOX)
    boxes.again = 7
    registry = Registry((things, boxes), Board())
    assert await registry.reconcile(key("one")) == 5
    assert await registry.reconcile(key("one", BOX)) == 7
    assert (things.reconciled, boxes.reconciled) == ([key("one")], [key("one", BOX)])


async def test_a_kind_without_a_controller_is_named() -> None:
    with pytest.raises(LookupError, match="No controller reconciles the kind Box"):
        await Registry((Controller(THING),), Board()).reconcile(key("one", BOX))


def test_two_controllers_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="Two controllers reconcile the kind Thing"):
        Registry((Controller(THING), Controller(THING)), Board())


async def test_the_report_of_what_is_gone_leaves_the_board() -> None:
    board, things = Board(), Controller()
    registry = Registry((things,), board)
    for name in ("one", "two"):
        board.post(key(name), Report())
    await registry.reconcile(key("one"))
    assert list(board) == [key("one"), key("two")]
    things.again = None
    await registry.reconcile(key("one"))
    assert list(board) == [key("two")]


def test_what_two_controllers_watch_alike_is_watched_once() -> None:
    pods = WatchedResource(POD, LABEL)
    things, boxes = Controller(THING, pods), Controller(BOX, pods, WatchedResource(THING))
    registry = Registry((things, boxes), Board())
    assert registry.watches == (WatchedResource(THING), pods, WatchedResource(BOX))
    assert registry.watching(WatchedResource(THING)) == [things, boxes]
    assert registry.watching(WatchedResource(BOX)) == [boxes]
    assert registry.own == (THING, BOX)
