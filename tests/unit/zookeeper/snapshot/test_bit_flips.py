"""A single flipped bit of a snapshot is found, wherever it is."""

from collections.abc import Iterable

import pytest
from tests.unit.zookeeper.snapshot.trees import FILES, SMALL, verified, write

from zookeeper_operator.zookeeper.snapshot.records import SnapshotError


def flipped(content: bytes) -> Iterable[bytes]:
    for bit in range(len(content) * 8):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


CONTENTS = {
    "3.9": write(SMALL),
    "3.8": write(SMALL)[:-21],
    "3.5": write(SMALL)[: -21 - 33],
    **{file.name: file.read_bytes() for file in sorted(FILES.glob("empty-*"))},
}


@pytest.mark.parametrize("name", CONTENTS)
def test_each_flipped_bit_is_found(name: str) -> None:
    verified(CONTENTS[name])
    for changed in flipped(CONTENTS[name]):
        with pytest.raises(SnapshotError):
            verified(changed)
