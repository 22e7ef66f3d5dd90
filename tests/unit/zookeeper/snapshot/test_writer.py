"""The writer writes nothing that a server would not load."""

import pytest
from tests.unit.zookeeper.snapshot.trees import SMALL, node, verified, with_nodes, write

from zookeeper_operator.zookeeper.snapshot.records import Header, Node, Sessions
from zookeeper_operator.zookeeper.snapshot.verification import Consistency
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter


def test_what_is_written_is_exact() -> None:
    assert verified(write(SMALL)).consistency is Consistency.EXACT


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("/app")], "the first znode must be the root"),
        ([node("/"), node("/app/child")], "'/app/child' does not follow its parent"),
        ([node("/"), node("/app"), node("/apple/x")], "'/apple/x' does not follow its parent"),
        ([node("/"), node("/a"), node("/b"), node("/a/x")], "'/a/x' does not follow its parent"),
        ([node("/"), node("/")], "'' is not the path of a znode"),
    ],
)
def test_an_order_that_a_server_does_not_load_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(with_nodes(SMALL, nodes))


def test_a_record_of_another_size_is_refused() -> None:
    writer = SnapshotWriter(lambda _: None, Header(Sessions(), {}))
    with pytest.raises(ValueError, match="67 bytes of ACL reference and stat, not 68"):
        writer.add((b"", b"", bytes(67)))
