"""Strategic merge of a pod template."""

import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from zookeeper_operator.kube.merge import merge

_names = st.sampled_from(["a", "b", "spec", "containers", "env", "tolerations", "name"])
_trees: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["x", "y"])),
    lambda inner: st.one_of(
        st.dictionaries(_names, inner, max_size=4),
        st.lists(inner, max_size=3),
        st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["p", "q"])}, optional={"a": inner}),
            max_size=3,
            unique_by=lambda item: str(item["name"]),
        ),
    ),
    max_leaves=12,
)
_maps = st.dictionaries(_names, _trees, max_size=4)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value if v is not None]
    return value


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(v is None or has_null(v) for v in value.values())
    return isinstance(value, list) and any(v is None or has_null(v) for v in value)


_bases = _maps.map(without_nulls)


def test_maps_are_merged_and_nulls_remove() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 1, "c": 2}
    assert merge(base, {"a": {"y": None, "z": 3}, "b": None, "d": None}) == {
        "a": {"x": 1, "z": 3},
        "c": 2,
    }


def test_containers_are_merged_by_name_and_keep_their_order() -> None:
    base = {"containers": [{"name": "zk", "image": "i", "env": [{"name": "A", "value": "1"}]}]}
    patch = {
        "containers": [
            {"name": "side", "image": "s"},
            {
                "name": "zk",
                "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}],
            },
        ]
    }
    assert merge(base, patch) == {
        "containers": [
            {
                "name": "zk",
                "image": "i",
                "env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}],
            },
            {"name": "side", "image": "s"},
        ]
    }


def test_mounts_of_one_volume_are_told_apart_by_their_path() -> None:
    base = {"volumeMounts": [{"name": "data", "mountPath": "/a"}]}
    patch = {"volumeMounts": [{"name": "data", "mountPath": "/b"}]}
    assert len(merge(base, patch)["volumeMounts"]) == 2


def test_ports_are_told_apart_by_number_and_protocol() -> None:
    base = {"ports": [{"containerPort": 1, "name": "one"}]}
    tcp = merge(base, {"ports": [{"containerPort": 1, "protocol": "TCP"}]})
    udp = merge(base, {"ports": [{"containerPort": 1, "protocol": "UDP"}]})
    assert tcp["ports"] == [{"containerPort": 1, "name": "one", "protocol": "TCP"}]
    assert len(udp["ports"]) == 2


def test_lists_without_a_key_are_replaced() -> None:
    base = {"tolerations": [{"key": "a"}], "drop": ["ALL"]}
    assert merge(base, {"tolerations": [{"key": "b"}], "drop": []}) == {
        "tolerations": [{"key": "b"}],
        "drop": [],
    }


@given(_bases, _maps)
def test_the_result_holds_no_nulls(base: Any, patch: Any) -> None:
    assert not has_null(merge(base, patch))


@given(_bases)
def test_an_empty_patch_changes_nothing(base: Any) -> None:
    assert merge(base, {}) == base


def test_who_is_named_twice_is_one_whether_the_base_has_such_a_list_or_not() -> None:
    twice = {"initContainers": [{"name": "a", "image": "i"}, {"name": "a", "command": ["c"]}]}
    once = {"initContainers": [{"name": "a", "image": "i", "command": ["c"]}]}
    assert merge({}, twice) == merge({"initContainers": []}, twice) == once


@given(_bases, _maps)
def test_a_patch_merged_twice_is_merged_once(base: Any, patch: Any) -> None:
    # An element whose key is null names nobody: each merge adds one.
    assume("'name': None" not in repr(patch))
    once = merge(base, patch)
    assert merge(once, patch) == once


@given(_bases, _maps)
def test_neither_side_is_changed(base: Any, patch: Any) -> None:
    before = copy.deepcopy((base, patch))
    merge(base, patch)
    assert (base, patch) == before


@given(_bases, _maps)
def test_what_the_patch_does_not_name_stays(base: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge(base, patch)
    for key in base.keys() - patch.keys():
        assert merged[key] == base[key]
