"""Reading an edit from a file, merging it when the API server cannot, and telling what it changes."""

from typing import Any

import pytest

from zookeeper_operator.cli.edit import (
    Change,
    EditedKube,
    find_changes,
    merge_edit,
    pick_ensemble,
    read_ensembles,
)
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Kube, Object

HEAD = "apiVersion: zookeeper.ensemble.dev/v1alpha1\nkind: ZookeeperEnsemble\n"


def body(spec: dict[str, Any], **annotations: str) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            "namespace": "demo",
            "name": "zk",
            "uid": "uid",
            "generation": 4,
            "annotations": annotations,
        },
        "spec": spec,
        "status": {"foundedAt": "2026-01-01T00:00:00Z"},
    }


# ---- reading ----


def test_ensembles_are_found_among_other_objects() -> None:
    text = f"kind: Namespace\nmetadata: {{name: x}}\n---\n{HEAD}metadata: {{name: zk}}\n---\n"
    assert [b["metadata"]["name"] for b in read_ensembles(text, "a.yaml")] == ["zk"]


def test_ensembles_are_found_in_a_list() -> None:
    item = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "zk"}}
    text = str({"kind": "List", "items": [item, {"kind": "Secret"}]})
    assert read_ensembles(text, "a.yaml") == [item]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "a.yaml is not YAML"),
        ("", "there is no ZookeeperEnsemble in a.yaml"),
        ("just text", "there is no ZookeeperEnsemble in a.yaml"),
        ("kind: List\nitems:", "there is no ZookeeperEnsemble in a.yaml"),
        (
            "kind: ZookeeperEnsemble\napiVersion: other/v1\nmetadata: {name: x}",
            "there is no ZookeeperEnsemble in a.yaml",
        ),
        (HEAD, "a ZookeeperEnsemble in a.yaml has no metadata.name"),
        (f"{HEAD}metadata: x", "a ZookeeperEnsemble in a.yaml has no metadata.name"),
    ],
)
def test_what_is_no_ensemble_is_said_to_be_none(text: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        read_ensembles(text, "a.yaml")


def test_the_one_that_is_meant() -> None:
    some = [{"metadata": {"name": name}} for name in ("a", "b")]
    assert pick_ensemble(some, "b", "f") is some[1]
    assert pick_ensemble(some[:1], "", "f") is some[0]
    with pytest.raises(Failure, match="several ensembles, name one of them: a, b"):
        pick_ensemble(some, "", "f")
    with pytest.raises(Failure, match="no ensemble c in f, only: a, b"):
        pick_ensemble(some, "c", "f")


# ---- merging ----


def test_a_merge_takes_the_spec_and_keeps_what_only_the_cluster_knows() -> None:
    live = body({"replicas": 3, "version": "3.9.4"}, kept="yes")
    edit = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "zk", "annotations": {"added": "too"}},
        "spec": {"replicas": 5},
    }
    merged = merge_edit(live, edit, "demo")
    assert merged["spec"] == {"replicas": 5}
    assert merged["metadata"]["annotations"] == {"kept": "yes", "added": "too"}
    assert merged["metadata"]["uid"] == "uid"
    assert merged["status"] == live["status"]
    assert live["spec"]["replicas"] == 3, "the live one is left alone"


def test_a_merge_with_nothing_makes_a_new_one() -> None:
    merged = merge_edit(None, {"kind": names.KIND, "metadata": {"name": "zk"}}, "demo")
    assert merged["metadata"]["namespace"] == "demo"
    assert merged["metadata"]["uid"]


# ---- what it changes ----


def test_changes_are_told_by_their_paths() -> None:
    old = body({"replicas": 3, "config": {"tickTime": 2000}, "jvm": {"options": ["-Xa"]}})
    new = body({"replicas": 5, "config": {"tickTime": 2000, "snapCount": 1}, "jvm": {}})
    assert find_changes(old, new) == (
        Change("spec.config.snapCount", "(not set)", "1"),
        Change("spec.jvm.options", "[-Xa]", "(not set)"),
        Change("spec.replicas", "3", "5"),
    )


def test_a_part_that_is_new_is_told_value_by_value() -> None:
    new = body({"external": {"type": "NodePort", "members": [{"id": 1}], "hostTemplate": ""}})
    assert find_changes(body({}), new) == (
        Change("spec.external.hostTemplate", "(not set)", '""'),
        Change("spec.external.members", "(not set)", "[{id: 1}]"),
        Change("spec.external.type", "(not set)", "NodePort"),
    )


def test_nothing_else_counts_as_a_change() -> None:
    assert find_changes(body({"replicas": 3}, note="a"), body({"replicas": 3}, note="b")) == ()


def test_a_wish_for_a_restart_is_a_change() -> None:
    asked = body({}, **{names.ANNOTATION_RESTARTED_AT: "2026-01-01"})
    (change,) = find_changes(body({}), asked)
    assert (change.old, change.new) == ("(not set)", "2026-01-01")
    assert names.ANNOTATION_RESTARTED_AT in change.path


# ---- looking as if ----


class Live:
    """Answers what it is asked for."""

    async def get(self, resource: Any, namespace: str | None, name: str) -> Object:
        return {"kind": resource.kind, "metadata": {"namespace": namespace, "name": name}}


async def test_only_the_edited_ensemble_is_shown_as_edited_and_nothing_is_written() -> None:
    edited = body({"replicas": 5})
    live: Any = Live()
    kube: Kube = EditedKube(live, edited)
    ensemble = names.ENSEMBLES
    assert await kube.get(ensemble, "demo", "zk") is edited
    assert await kube.get(ensemble, "demo", "other") != edited
    assert await kube.get(ensemble, "other", "zk") != edited
    assert (await kube.get(RESOURCES["Secret"], "demo", "zk") or {})["kind"] == "Secret"
    for write in (
        kube.apply(ensemble, edited),
        kube.apply_status(ensemble, edited),
        kube.create(ensemble, edited),
        kube.delete(ensemble, "demo", "zk", uid="uid"),
    ):
        with pytest.raises(AssertionError, match="a forecast writes nothing"):
            await write
