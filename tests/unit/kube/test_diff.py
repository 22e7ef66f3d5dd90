"""What counts as a difference between what is applied and what is live."""

from typing import Any

import pytest

from zookeeper_operator.kube.diff import first_difference


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"memory": "1Gi"}, {"memory": "1024Mi"}),
        ({"cpu": "1000m"}, {"cpu": "1"}),
        ({"a": {}}, {}),
        ({"a": False}, {}),
        ([{"name": "b"}, {"name": "a"}], [{"name": "a", "x": 1}, {"name": "b"}, {"name": "c"}]),
    ],
)
def test_what_others_add_or_write_in_another_way_is_none(wanted: Any, live: Any) -> None:
    assert first_difference(wanted, live) is None


@pytest.mark.parametrize(
    ("wanted", "live", "path"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": {"b": 1}}, {"a": "text"}, "a"),
        ({"a": True}, {}, "a"),
        ({"a": "1"}, {"a": True}, "a"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1]"),
        ({"a": [1, 2]}, {"a": [1]}, "a"),
        ({"a": [1]}, {"a": "text"}, "a"),
        ({"a": [{"name": "x", "v": 1}]}, {"a": [{"name": "x", "v": 2}]}, "a[x].v"),
        ({"spec": {"selector": {"a": "b"}}}, {"spec": {"selector": {"a": "b", "c": "d"}}}, None),
    ],
)
def test_the_first_difference_is_named_by_its_path(wanted: Any, live: Any, path: str) -> None:
    assert first_difference(wanted, live) == (path or "spec.selector")
