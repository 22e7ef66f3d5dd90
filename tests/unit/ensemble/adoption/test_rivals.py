"""Whether another ensemble takes over the same source, however each of them calls it."""

from typing import Any

import pytest

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.adoption.rivals import find_rivals
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Server

LINES = tuple(Server(n, f"old-{n - 1}.old.source.svc.cluster.local") for n in (1, 2, 3))
FULL = "old-0.old.source.svc.cluster.local:2181"


def adopting(addresses: str, namespace: str = "demo", **more: Any) -> Ensemble:
    wish = {"connectionString": addresses, **more}
    spec = EnsembleSpec.model_validate({"firstMemberId": 11, "adopt": wish})
    return Ensemble(namespace=namespace, name="zk", uid="b-own", generation=1, spec=spec)


def other(
    addresses: str, *, namespace: str = "demo", at: str = "1", uid: str = "a", **status: Any
) -> Object:
    return {
        "metadata": {
            "name": "other",
            "namespace": namespace,
            "uid": uid,
            "creationTimestamp": f"2026-01-0{at}T00:00:00Z",
        },
        "spec": {"adopt": {"connectionString": addresses}},
        "status": status,
    }


def own(at: str = "2") -> Object:
    return other(FULL, at=at, uid="b-own")


@pytest.mark.parametrize(
    ("addresses", "namespace", "same"),
    [
        (FULL, "demo", True),
        ("old-2.old.source.svc:2181,elsewhere:2181", "demo", True),
        ("old-1.old.source:2181", "demo", True),
        ("old-1.old:2181", "source", True),
        ("old-1.old:2181", "demo", False),
        ("old-0.old.another.svc.cluster.local:2181", "demo", False),
        ("10.0.0.1:2181", "demo", False),
    ],
)
def test_one_source_has_many_names(addresses: str, namespace: str, *, same: bool) -> None:
    found = find_rivals(adopting(FULL), LINES, [own(), other(addresses, namespace=namespace)])
    assert found == ((f"{namespace}/other",) if same else ())


def test_a_service_is_the_same_one_by_its_full_name() -> None:
    found = find_rivals(adopting("zookeeper.source:2181"), (), [other("zookeeper.source.svc:2181")])
    assert found == ("demo/other",)


def test_the_members_that_another_one_has_recorded_count() -> None:
    recorded: dict[str, Any] = {"adoption": {"source": [LINES[0].line()]}}
    found = find_rivals(adopting(FULL), LINES, [own(), other("10.0.0.1:2181", **recorded)])
    assert found == ("demo/other",)


def test_one_statefulset_is_one_source() -> None:
    body = other("10.0.0.1:2181", namespace="source")
    body["spec"]["adopt"]["statefulSet"] = {"name": "old"}
    named = adopting("10.0.0.2:2181", statefulSet={"name": "old", "namespace": "source"})
    assert find_rivals(named, (), [own(), body]) == ("source/other",)
    elsewhere = adopting("10.0.0.2:2181", statefulSet={"name": "old"})
    assert find_rivals(elsewhere, (), [own(), body]) == ()


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (other(FULL, at="1"), True),
        (other(FULL, at="3"), False),
        (other(FULL, at="2", uid="a"), True),
        (other(FULL, at="2", uid="c"), False),
        (other(FULL, at="3", foundedAt="2026-01-04T00:00:00Z"), True),
        (other(FULL, at="1", adoptedAt="2026-01-04T00:00:00Z"), False),
    ],
)
def test_who_has_begun_comes_first_and_then_who_was_created_first(
    body: Object, *, first: bool
) -> None:
    assert bool(find_rivals(adopting(FULL), LINES, [own(), body])) is first


def test_one_that_takes_nothing_over_is_no_rival() -> None:
    body = other(FULL)
    body["spec"] = {}
    assert find_rivals(adopting(FULL), LINES, [own(), body]) == ()


def test_one_that_is_not_created_yet_comes_last() -> None:
    assert find_rivals(adopting(FULL), LINES, [other(FULL, at="3")]) == ("demo/other",)
