"""Kubernetes quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.kube.quantity import exact_quantity, is_quantity, parse_quantity


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


@pytest.mark.parametrize(
    "text", ["", "Gi", "5 Gi", "5gi", "five", "--1", "1e999999", "1e-999999", "9" * 65, "1\n2"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        exact_quantity(text)


@given(st.integers(0, 10**6))
def test_one_size_has_many_spellings(size: int) -> None:
    assert exact_quantity(f"{size}Gi") == exact_quantity(f"{size * 1024}Mi")
    assert exact_quantity(f"{size * 1000}m") == exact_quantity(size)


@pytest.mark.parametrize("text", ["1e20", "1e99", "99Ei", "9" * 64])
def test_what_kubernetes_cannot_count_is_the_largest_quantity(text: str) -> None:
    assert parse_quantity(text) == 2**63 - 1
    assert parse_quantity(f"-{text[:60]}") == -(2**63 - 1)


def test_quantities_are_told_from_other_values() -> None:
    values = [1, 0.5, "1", "2Gi", True, None, "two", [1], "1e999999"]
    assert [value for value in values if is_quantity(value)] == [1, 0.5, "1", "2Gi"]
