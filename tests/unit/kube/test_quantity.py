"""Kubernetes quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.kube.quantity import exact_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5Gi", 5 * 1024**3),
        ("512Mi", 512 * 1024**2),
        ("1.5Ki", 1536),
        ("1G", 10**9),
        ("2e3", 2000),
        ("100m", 1),
        (7, 7),
        ("0", 0),
    ],
)
def test_quantities_are_read(text: str | int, value: int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "5 Gi", "5gi", "five", "--1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        exact_quantity(text)


@given(st.integers(0, 10**6))
def test_one_size_has_many_spellings(size: int) -> None:
    assert exact_quantity(f"{size}Gi") == exact_quantity(f"{size * 1024}Mi")
    assert exact_quantity(f"{size * 1000}m") == exact_quantity(size)
