"""Sizes as people say them."""

import pytest

from zookeeper_operator.cli.sizes import human_size


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), (3 << 30, "3.0 GiB")],
)
def test_sizes(size: int, said: str) -> None:
    assert human_size(size) == said
