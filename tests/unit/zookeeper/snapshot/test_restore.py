"""A restored tree has no sessions, no ephemeral znodes, and a zxid above all that clients have seen."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.zookeeper.snapshot.trees import (
    FILES,
    SMALL,
    ZXID,
    Tree,
    node,
    read,
    trees,
    verified,
    with_nodes,
    write,
)

from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import Kind, SnapshotError
from zookeeper_operator.zookeeper.snapshot.restore import (
    RestorePoint,
    Stripped,
    restore_point,
    strip,
)
from zookeeper_operator.zookeeper.snapshot.verification import Consistency


def stripped(content: bytes, point: RestorePoint) -> tuple[Stripped, bytes]:
    output = io.BytesIO()
    result = strip(SnapshotReader(io.BytesIO(content).read), output.write, point)
    return result, output.getvalue()


def test_sessions_and_ephemerals_are_left_out_and_nothing_else() -> None:
    result, content = stripped(write(SMALL), RestorePoint(9))
    tree, trailer = read(content)
    kept = [each for each in SMALL.nodes if each.kind is not Kind.EPHEMERAL]
    assert [n for n in tree.nodes if n.path != "/zookeeper/config"] == [
        n for n in kept if n.path != "/zookeeper/config"
    ]
    assert next(n.data for n in tree.nodes if n.path == "/zookeeper/config") == b""
    assert tree.sessions == {}
    assert tree.acls == SMALL.acls
    assert (result.nodes, result.sessions, result.ephemerals) == (len(kept), 1, 1)
    assert trailer.last_zxid == RestorePoint(9).zxid
    assert trailer.digest is not None
    assert trailer.digest.value == result.digest


@given(trees())
def test_what_is_restored_is_exact_and_stripped_twice_is_stripped_once(tree: Tree) -> None:
    first, content = stripped(write(tree), RestorePoint(6))
    assert verified(content).consistency is Consistency.EXACT
    second, again = stripped(content, RestorePoint(7))
    assert (second.nodes, second.ephemerals, second.sessions) == (first.nodes, 0, 0)
    assert read(again)[0] == read(content)[0]
    assert second.digest == first.digest


def test_what_is_below_an_ephemeral_znode_is_not_silently_lost() -> None:
    nodes = [*SMALL.nodes[:7], node("/app/lock/child")]
    assert nodes[6].path == "/app/lock"
    with pytest.raises(SnapshotError, match="'/app/lock/child' is below an ephemeral znode"):
        stripped(write(with_nodes(SMALL, nodes)), RestorePoint(9))


def test_a_torn_snapshot_is_not_restored() -> None:
    with pytest.raises(SnapshotError, match="no image of one moment: a znode was changed by"):
        stripped(write(SMALL, zxid=ZXID - 1), RestorePoint(9))


def test_a_restore_point_that_is_not_above_the_snapshot_is_refused() -> None:
    with pytest.raises(SnapshotError, match="must be later than that, not at 0x500000000"):
        stripped(write(SMALL), RestorePoint(ZXID >> 32))


@given(
    zxid=st.integers(0, (1 << 62) - 1),
    last_epoch=st.none() | st.integers(0, (1 << 30) - 1),
    counter=st.integers(0, (1 << 32) - 1),
)
def test_the_restore_point_is_above_each_zxid_of_the_old_ensemble(
    zxid: int, last_epoch: int | None, counter: int
) -> None:
    point = restore_point(zxid, last_epoch=last_epoch)
    assert zxid < point.zxid < 1 << 63
    last = (zxid >> 32) + 1000 if last_epoch is None else last_epoch
    assert last << 32 | counter < point.zxid


def test_the_files_of_a_restore_point() -> None:
    point = restore_point(0x500000042, last_epoch=0x1F)
    assert point.snapshot == "snapshot.2000000000"
    assert point.files == {"currentEpoch": "32", "acceptedEpoch": "32"}


def test_there_is_a_last_epoch() -> None:
    assert restore_point(0, last_epoch=(1 << 31) - 3).zxid + (1 << 32) < 1 << 63
    with pytest.raises(ValueError, match="there is no epoch above"):
        restore_point(0, last_epoch=(1 << 31) - 2)


@pytest.mark.parametrize("name", ["full-3.8.6", "full-3.9.5", "full.gz-3.9.5"])
def test_a_snapshot_of_a_server_is_stripped(name: str) -> None:
    content = (FILES / name).read_bytes()
    point = restore_point(verified(content).latest_zxid, last_epoch=None)
    result, restored = stripped(content, point)
    found = verified(restored)
    assert result.ephemerals == 2
    assert (found.consistency, found.sessions) == (Consistency.EXACT, 0)
    assert found.nodes == result.source.nodes - 2
