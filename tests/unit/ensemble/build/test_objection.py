"""Whether a live value has a part already."""

from typing import Any

import pytest

from zookeeper_operator.ensemble.build.objection import holds

LIVE: dict[str, Any] = {
    "hostPID": True,
    "automountServiceAccountToken": False,
    "securityContext": {},
    "containers": [
        {
            "name": "zookeeper",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 1, "protocol": "TCP"}],
            "securityContext": {"capabilities": {"add": ["X"], "drop": ["ALL"]}},
        }
    ],
}


def env(value: str) -> dict[str, Any]:
    return {"containers": [{"name": "zookeeper", "env": [{"name": "B", "value": value}]}]}


def capabilities(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "zookeeper", "securityContext": {"capabilities": {**fields}}}]}


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ({"hostPID": True}, True),
        ({"hostIPC": True}, False),
        ({"hostIPC": False}, False),
        ({"runAsUser": 0}, False),
        ({"hostIPC": None}, True),
        ({"hostPID": None}, False),
        ({"automountServiceAccountToken": None}, False),
        ({"securityContext": None}, True),
        (env("2"), True),
        (env("3"), False),
        ({"containers": [{"name": "zookeeper", "ports": [{"containerPort": 1}]}]}, True),
        ({"containers": [{"name": "zookeeper", "ports": [{"containerPort": 2}]}]}, False),
        ({"containers": [{"name": "side", "ports": [{"containerPort": 1}]}]}, False),
        (capabilities(add=["X"]), True),
        (capabilities(add=["X", "Y"]), False),
        (capabilities(drop=[]), False),
    ],
)
def test_a_part_is_held_if_laying_it_over_changes_nothing(part: Any, *, held: bool) -> None:
    assert holds(LIVE, part) is held


def test_an_empty_list_is_held_by_what_is_not_there() -> None:
    assert holds({}, {"drop": []})
