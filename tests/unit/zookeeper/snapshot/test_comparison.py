"""Trees are equal by content, in any order; the differences are found, many or few."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.zookeeper.snapshot.trees import (
    SESSION,
    SMALL,
    TTL,
    Tree,
    node,
    trees,
    with_nodes,
    write,
)

from zookeeper_operator.zookeeper.snapshot import comparison
from zookeeper_operator.zookeeper.snapshot.comparison import Difference, compare, summarize
from zookeeper_operator.zookeeper.snapshot.content import Content, content_of, contents
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import Acl, Kind, Node, Stat


@pytest.fixture(autouse=True, scope="module")
def _few_buckets() -> Iterator[None]:
    """As many znodes in each as in those of a big tree."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparison, "_BUCKETS", 64)
        yield


def content(tree: Tree) -> list[Content]:
    return list(contents(SnapshotReader(io.BytesIO(write(tree)).read)))


def differences(left: Sequence[Content], right: Sequence[Content]) -> list[Difference]:
    return list(compare(lambda: left, lambda: right))


def changed(path: str, **fields: object) -> Tree:
    """The small tree with one znode changed."""
    return with_nodes(
        SMALL,
        (replace(each, **fields) if each.path == path else each for each in SMALL.nodes),  # type: ignore[arg-type]
    )


def paths(left: Tree, right: Tree) -> list[str]:
    return [each.path for each in differences(content(left), content(right))]


@given(trees(), st.randoms())
def test_the_order_does_not_matter(tree: Tree, random: object) -> None:
    first = content(tree)
    second = list(first)
    random.shuffle(second)  # type: ignore[attr-defined]
    assert differences(first, second) == []
    assert summarize(lambda: first).digest == summarize(lambda: second).digest


@given(trees(), trees())
def test_the_differences_are_those_of_the_whole_trees(left: Tree, right: Tree) -> None:
    lefts = {each.path: each for each in content(left)}
    rights = {each.path: each for each in content(right)}
    found = {each.path: each for each in differences(content(left), content(right))}
    assert found == {
        path: Difference(path, lefts.get(path), rights.get(path))
        for path in lefts.keys() | rights.keys()
        if lefts.get(path) != rights.get(path)
    }


def test_what_counts_as_content() -> None:
    assert paths(SMALL, changed("/app", data=b"other")) == ["/app"]
    assert paths(SMALL, changed("/app/null", data=b"")) == ["/app/null"]
    assert paths(SMALL, changed("/app", acl=1)) == ["/app"]
    stat = replace(node("/x").stat, owner=TTL + 1000)
    assert paths(SMALL, changed("/app", stat=stat)) == ["/app"]
    assert paths(SMALL, with_nodes(SMALL, SMALL.nodes[:-1])) == ["/app/Zürich"]


def test_what_does_not() -> None:
    stat = Stat(1, 2, 3, 4, 5, 6, 7, 0, 8)
    assert paths(SMALL, changed("/app", stat=stat)) == []
    assert paths(SMALL, changed("/zookeeper/config", data=b"others")) == []
    assert (
        paths(SMALL, with_nodes(SMALL, (n for n in SMALL.nodes if n.stat.owner != SESSION))) == []
    )
    quota = [node("/zookeeper/quota/a"), node("/zookeeper/quota/a/zookeeper_stats", b"count=1")]
    limits = [node("/zookeeper/quota/a"), node("/zookeeper/quota/a/zookeeper_stats", b"count=2")]
    trees = [with_nodes(SMALL, [*SMALL.nodes[:4], *nodes]) for nodes in (quota, limits)]
    assert paths(*trees) == []


def test_equal_lists_are_equal_by_whatever_number_and_an_open_one_is_open() -> None:
    numbered = replace(SMALL, acls={1: SMALL.acls[7], 7: SMALL.acls[1]})
    swapped = with_nodes(
        numbered, (replace(n, acl={1: 7, 7: 1}.get(n.acl, n.acl)) for n in SMALL.nodes)
    )
    assert paths(SMALL, swapped) == []
    assert paths(SMALL, changed("/app/Zürich", acl=1)) == []


def test_a_missing_acl_equals_no_other() -> None:
    found = content(changed("/app", acl=99))
    assert next(c.acls for c in found if c.path == "/app") == (Acl(0, "missing", "99"),)


def test_a_client_sees_no_kinds() -> None:
    as_client = [replace(each, kind=None) for each in content(SMALL)]
    assert list(compare(lambda: content(SMALL), lambda: as_client, kinds=False)) == []
    assert len(differences(content(SMALL), as_client)) == len(as_client)


def many(count: int, data: bytes) -> list[Content]:
    return [content_of(f"/{n:05}", data, (), Kind.PERSISTENT) for n in range(count)]


def test_many_differences_are_read_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "HELD", 100)
    held: list[int] = []
    read = comparison._read

    def counted(*args: Any, **options: Any) -> dict[str, Content]:
        found = read(*args, **options)
        held.append(len(found))
        return found

    monkeypatch.setattr(comparison, "_read", counted)
    found = [each.path for each in compare(lambda: many(1000, b"a"), lambda: many(900, b"b"))]
    assert sorted(found) == [f"/{n:05}" for n in range(1000)]
    assert len(held) > 15
    assert max(held) <= 100


def test_equal_trees_are_read_once() -> None:
    read: list[str] = []

    def tree(name: str) -> list[Content]:
        read.append(name)
        return many(10, b"a")

    assert list(compare(lambda: tree("left"), lambda: tree("right"))) == []
    assert read == ["left", "right"]


def test_the_digest_of_a_tree_is_for_ever() -> None:
    nodes: list[Node] = [node("/", zxid=0), node("/a", b"1")]
    assert (
        summarize(lambda: content(with_nodes(SMALL, nodes))).digest
        == "829ac2c470eb9d42863fe728ab4647f0"
    )
