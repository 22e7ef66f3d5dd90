"""A tree of znodes on the screen."""

from tests.unit.cli.screens import check_screen

from zookeeper_operator.cli.tree import render_tree, tree_as_value
from zookeeper_operator.zookeeper.znodes import Znode

TREE = Znode(
    "/",
    count=4,
    children=(
        Znode("/app", 12, 3, children=(Znode("/app/lock", 1536, ephemeral=True),)),
        Znode("/empty"),
        Znode("/one", 0, 1),
        Znode("/secret", hidden=True),
    ),
)


def test_the_screen() -> None:
    check_screen("tree", render_tree(TREE))


def test_values_for_programs() -> None:
    value = tree_as_value(TREE)
    assert (value["path"], value["childCount"]) == ("/", 4)
    assert [c["path"] for c in value["children"]] == ["/app", "/empty", "/one", "/secret"]
    assert value["children"][0]["children"][0]["ephemeral"] is True
    assert value["children"][3]["readable"] is False
