"""Snapshots are read as they were written, in blocks of any size, and refused where they are wrong."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.zookeeper.snapshot.trees import SMALL, Tree, node, read, trees, with_nodes, write

from zookeeper_operator.zookeeper.snapshot import compression
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import Node, SnapshotError, to_node, to_record


def in_pieces(content: bytes, size: int) -> Callable[[int], bytes]:
    """A `read` that returns less than was asked for, as those of connections do."""
    stream = io.BytesIO(content)
    return lambda wanted: stream.read(min(wanted, size))


@given(trees())
def test_what_was_written_is_read(tree: Tree) -> None:
    assert read(write(tree))[0] == tree


@given(trees(), st.integers(1, 100), st.integers(1, 100))
def test_no_block_is_too_small(tree: Tree, piece: int, block: int) -> None:
    content = write(tree)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("zookeeper_operator.zookeeper.snapshot.blocks.BLOCK", block)
        reader = SnapshotReader(in_pieces(content, piece))
        assert tuple(map(to_node, reader.records())) == tree.nodes
    assert reader.offset == len(content)


def test_what_was_read_is_written_byte_for_byte() -> None:
    content = write(SMALL)
    assert write(read(content)[0]) == content


def test_a_znode_longer_than_a_block() -> None:
    long = [node(f"/{n}", bytes([n]) * (compression.BLOCK * 2 + n)) for n in range(3)]
    tree = with_nodes(SMALL, [*SMALL.nodes[:4], *long])
    assert read(write(tree))[0] == tree


def test_a_file_that_ends_anywhere_is_refused_unless_it_is_that_of_an_older_server() -> None:
    content = write(SMALL)
    ends = [len(content) - 21 - 33, len(content) - 21]  # where 3.5 and 3.8 end
    for end in range(len(content)):
        if end in ends:
            assert read(content[:end])[0] == SMALL
        else:
            with pytest.raises(SnapshotError):
                read(content[:end])


def test_the_trailer_is_that_of_the_line_of_the_server() -> None:
    content = write(SMALL, zxid=0x99)
    trailers = [read(content[: len(content) - less])[1] for less in (0, 21, 21 + 33)]
    assert [t.last_zxid for t in trailers] == [0x99, None, None]
    assert [t.digest is not None and t.digest.zxid for t in trailers] == [0x99, 0x99, False]


def test_a_server_without_digests_writes_the_last_zxid_alone() -> None:
    content = write(SMALL)
    plain = content[: len(content) - 21 - 33]
    sealed = plain + struct.pack(">q", 0x77)
    sealed += struct.pack(">qi", zlib.adler32(sealed), 1) + b"/"
    assert read(sealed)[1].last_zxid == 0x77
    assert read(sealed)[1].digest is None


def test_the_trailer_is_not_known_before_the_end() -> None:
    reader = SnapshotReader(io.BytesIO(write(SMALL)).read)
    next(reader.records())
    with pytest.raises(RuntimeError, match="when all records have been read"):
        _ = reader.trailer


def replaced(old: bytes, new: bytes) -> bytes:
    content = write(SMALL)
    assert content.count(old) == 1
    return content.replace(old, new)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "at byte 0: not a snapshot: it begins with nothing"),
        (b"PK\x03\x04zip", "at byte 0: not a snapshot: it begins with 504b0304"),
        (b"\x82SNAPPY\x00\x00\x00\x00\x01", "compressed by snappy, which is not supported"),
        (b"ZKSN\x00\x00\x00\x03" + bytes(8), "at byte 4: format version 3; only 2 is known"),
        (b"ZKSN\x00\x00\x00\x02" + bytes(8) + b"\xff" * 4, "at byte 16: a count of -1"),
        (write(SMALL) + b"\x00", "or more bytes follow the znodes"),
        (
            replaced(b"\x00\x00\x00\x04/app\x00", b"\xff\xff\xff\xff/app\x00"),
            "a length of -1 bytes",
        ),
        (replaced(b"\x00\x00\x00\x04data", b"\xff\xff\xff\xfedata"), "a length of -2 bytes"),
        (replaced(b"\x00\x00\x00\x04data", b"\x7f\x00\x00\x00data"), "at most 67108864 are read"),
        (replaced(b"\x00\x00\x00\x04data", b"\x00\x10\x00\x00data"), "the file ends early"),
        (replaced(b"/app/null", b"/apq/null"), "'/apq/null' does not follow its parent"),
        (replaced(b"/app/null", b"/app/nul/"), "'/app/nul/' is not the path of a znode"),
        (replaced(b"/app/null", b"xapp-null"), "'xapp-null' is not the path of a znode"),
        (replaced(b"/app/null", b"/app/nu\xff\xff"), "is not UTF-8"),
        (
            replaced(b"anyone\x00\x00\x00\x00\x00\x00\x00\x07", b"anyon\xff" + bytes(7) + b"\x07"),
            "not UTF-8",
        ),
        (
            replaced(b"data", b"Data"),
            "the checksum of the content before it is .* the file is corrupt",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_byte(content: bytes, message: str) -> None:
    with pytest.raises(SnapshotError, match=message) as caught:
        read(content)
    assert str(caught.value).startswith(f"at byte {caught.value.offset}: ")


def test_a_tree_begins_with_its_root() -> None:
    for nodes, message in (
        ((), "there is no root"),
        (SMALL.nodes[1:], "first znode is '/zookeeper'"),
    ):
        content = _without_checks(nodes)
        with pytest.raises(SnapshotError, match=message):
            read(content)


def _without_checks(nodes: Iterable[Node]) -> bytes:
    """What the writer would refuse to write."""
    root = write(with_nodes(SMALL, SMALL.nodes[:1]))
    path, data, fixed = to_record(SMALL.nodes[0])
    record = struct.pack(">i", 0) + path + struct.pack(">i", 0) + (data or b"") + fixed
    begin = root.index(record)
    others = b"".join(
        struct.pack(">i", len(p)) + p + struct.pack(">i", len(d or b"")) + (d or b"") + f
        for p, d, f in map(to_record, nodes)
    )
    return root[:begin] + others + root[begin + len(record) :]
