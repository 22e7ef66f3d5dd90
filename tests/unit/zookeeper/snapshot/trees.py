"""Snapshots for tests: small trees with a bit of everything, and strategies for any."""

import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import (
    OPEN_ACL,
    Acl,
    Header,
    Node,
    Record,
    Stat,
    Trailer,
    to_node,
    to_record,
    to_sessions,
)
from zookeeper_operator.zookeeper.snapshot.verification import Verification, verify
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter

FILES: Final = Path(__file__).parent / "files"
"""Snapshots that servers wrote; `tests/integration/test_snapshots.py` says how."""

WORLD: Final = (Acl(31, "world", "anyone"),)
CLOSED: Final = (Acl(31, "digest", "somebody:hash"), Acl(1, "world", "anyone"))
ACLS: Final = {1: WORLD, 7: CLOSED}
ZXID: Final = 0x500000042
SESSION: Final = 0x100001234560000
CONTAINER: Final = -(1 << 63)
TTL: Final = -(1 << 56) | 86_400_000


@dataclass(frozen=True)
class Tree:
    """The whole content of a snapshot."""

    nodes: tuple[Node, ...]
    sessions: Mapping[int, int]
    acls: Mapping[int, tuple[Acl, ...]]


def node(
    path: str, data: bytes | None = b"", *, acl: int = 1, owner: int = 0, zxid: int = ZXID
) -> Node:
    stat = Stat(zxid, zxid, 1_700_000_000_000, 1_700_000_000_001, 0, 0, 0, owner, zxid)
    return Node(path, data, acl, stat)


SMALL: Final = Tree(
    nodes=(
        node("/", zxid=0),
        node("/zookeeper", zxid=0),
        node("/zookeeper/config", b"server.1=a:2888:3888:participant\nversion=100000000"),
        node("/zookeeper/quota"),
        node("/app", b"data", acl=7),
        node("/app/null", None),
        node("/app/lock", owner=SESSION),
        node("/app/container", owner=CONTAINER),
        node("/app/container/ttl", b"x" * 50, owner=TTL),
        node("/app/Zürich", "ä".encode(), acl=OPEN_ACL),
    ),
    sessions={SESSION: 10_000},
    acls=ACLS,
)


def write(tree: Tree, zxid: int = ZXID) -> bytes:
    output = io.BytesIO()
    writer = SnapshotWriter(output.write, Header(to_sessions(tree.sessions), tree.acls))
    for each in tree.nodes:
        writer.add(to_record(each))
    writer.finish(zxid)
    return output.getvalue()


def read(content: bytes) -> tuple[Tree, Trailer]:
    reader = SnapshotReader(io.BytesIO(content).read)
    nodes = tuple(map(to_node, reader.records()))
    return Tree(nodes, dict(reader.header.sessions), reader.header.acls), reader.trailer


def verified(content: bytes) -> Verification:
    return verify(io.BytesIO(content).read)


def with_nodes(tree: Tree, nodes: Iterable[Node]) -> Tree:
    return replace(tree, nodes=tuple(nodes))


def records(tree: Tree) -> Sequence[Record]:
    return [to_record(each) for each in tree.nodes]


def compressed(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


longs = st.integers(-(1 << 63), (1 << 63) - 1)
ints = st.integers(-(1 << 31), (1 << 31) - 1)
zxids = st.integers(0, ZXID)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
stats = st.builds(
    Stat,
    czxid=zxids,
    mzxid=zxids,
    ctime=longs,
    mtime=longs,
    version=ints,
    cversion=ints,
    aversion=ints,
    owner=st.just(0),
    pzxid=zxids,
)
parents = st.sampled_from([0, CONTAINER, TTL])
leaves = parents | st.sampled_from([SESSION, (1 << 63) - 1]) | longs


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Any tree, depth first, as a server walks it."""
    acls = draw(
        st.dictionaries(
            longs.filter(lambda number: number != OPEN_ACL),
            st.lists(st.builds(Acl, ints, texts, texts), max_size=3).map(tuple),
            max_size=3,
        )
    )
    references = st.sampled_from([OPEN_ACL, *acls])

    def grow(path: str, depth: int) -> list[Node]:
        children = draw(st.lists(names, max_size=3, unique=True)) if depth else []
        below = [each for name in children for each in grow(f"{path}/{name}", depth - 1)]
        data = draw(st.none() | st.binary(max_size=20))
        stat = replace(draw(stats), owner=draw(parents if children else leaves) if path else 0)
        return [Node(path or "/", data, draw(references), stat), *below]

    sessions = draw(st.dictionaries(longs, ints, max_size=3))
    return Tree(tuple(grow("", 3)), sessions, acls)
