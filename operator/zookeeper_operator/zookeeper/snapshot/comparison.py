"""Two trees compared by content, in any order and of any size.

Each path belongs to one of some thousand buckets, and a tree is summed up by one number per bucket. Only
the znodes of buckets whose numbers differ are read again and held, about `HELD` at a time. So equal trees are
read once, and a few differences cost one more reading.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final
from zlib import crc32

from zookeeper_operator.zookeeper.snapshot.content import Content, Tree

HELD: Final = 50_000
"""About how many znodes of both trees are held at a time."""

_BUCKETS: Final = 1 << 14
_SIZE: Final = 16
_MODULUS: Final = 1 << (8 * _SIZE)


@dataclass(frozen=True)
class Difference:
    """A path where two trees differ; one side is None where there is no such znode."""

    path: str
    left: Content | None
    right: Content | None


@dataclass(frozen=True)
class Summary:
    """A tree in a few numbers; equal for trees of equal content, whatever their order."""

    sums: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def digest(self) -> str:
        """One number for the whole content."""
        return f"{sum(self.sums) % _MODULUS:0{2 * _SIZE}x}"


def summarize(tree: Tree, *, kinds: bool = True) -> Summary:
    """Sum a tree up. Without `kinds` it does not matter whether a znode is a container or has a TTL."""
    sums, counts = [0] * _BUCKETS, [0] * _BUCKETS
    for content in tree():
        bucket = _bucket(content)
        sums[bucket] = (sums[bucket] + _number(content, kinds=kinds)) % _MODULUS
        counts[bucket] += 1
    return Summary(tuple(sums), tuple(counts))


def compare(left: Tree, right: Tree, *, kinds: bool = True) -> Iterator[Difference]:
    """Iterate over the differences. With many of them, they come in groups, each in order of paths.

    Args:
        left: one tree. It must be the same each time it is read.
        right: the other tree.
        kinds: whether it matters that a znode is a container or has a TTL.
    """
    summaries = summarize(left, kinds=kinds), summarize(right, kinds=kinds)
    for buckets in _groups(*summaries):
        lefts, rights = (_read(tree, buckets, kinds=kinds) for tree in (left, right))
        for path in sorted(lefts.keys() | rights.keys()):
            if lefts.get(path) != rights.get(path):
                yield Difference(path, lefts.get(path), rights.get(path))


def _groups(left: Summary, right: Summary) -> Iterator[Collection[int]]:
    """Which buckets to read again together."""
    group: set[int] = set()
    held = 0
    for bucket in range(_BUCKETS):
        if left.sums[bucket] == right.sums[bucket] and left.counts[bucket] == right.counts[bucket]:
            continue
        group.add(bucket)
        held += left.counts[bucket] + right.counts[bucket]
        if held >= HELD:
            yield group
            group, held = set(), 0
    if group:
        yield group


def _read(tree: Tree, buckets: Collection[int], *, kinds: bool) -> dict[str, Content]:
    return {
        content.path: content if kinds else replace(content, kind=None)
        for content in tree()
        if _bucket(content) in buckets
    }


def _bucket(content: Content) -> int:
    return crc32(content.path.encode("utf-8", "surrogatepass")) % _BUCKETS


def _number(content: Content, *, kinds: bool) -> int:
    kind = content.kind if kinds else None
    text = repr((content.path, content.size, content.acls, kind and kind.value))
    hashed = blake2b(text.encode("utf-8", "surrogatepass") + content.data, digest_size=_SIZE)
    return int.from_bytes(hashed.digest())
