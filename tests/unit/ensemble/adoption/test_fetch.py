"""What proves that a StatefulSet runs a source, and what else is read of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.unit.cli.clusters import NoZooKeeper, ReadOnlyKube

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.adoption.fetch import fetch_source
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.protocol import Endpoint, SourceAnswer


class Members(NoZooKeeper):
    """Three members that answer, in this domain."""

    def __init__(self, domain: str) -> None:
        self._lines = [f"server.{n}=old-{n - 1}.{domain}:2888:3888;2181" for n in (1, 2, 3)]

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:  # type: ignore[override]
        del endpoints
        return "\n".join([*self._lines, "version=100000000"])

    async def ask_source(  # type: ignore[override]
        self, endpoints: Sequence[Endpoint]
    ) -> Mapping[Endpoint, SourceAnswer]:
        return {e: SourceAnswer(reachable=True, mode="follower") for e in endpoints}


def statefulset(**spec: Any) -> Object:
    labels = spec.pop("labels", {})
    metadata = {"name": "old", "namespace": "source", "uid": "u", "resourceVersion": "7"}
    return {
        "kind": "StatefulSet",
        "metadata": {**metadata, "labels": labels},
        "spec": {"replicas": 3, "serviceName": "headless", **spec},
    }


def pod_of(name: str, owner: str) -> Object:
    reference = {"kind": "StatefulSet", "name": "old", "uid": owner, "controller": True}
    metadata = {"name": name, "namespace": "source", "ownerReferences": [reference]}
    return {"kind": "Pod", "metadata": metadata}


PODS = tuple(pod_of(f"old-{n}", "u") for n in range(3))


async def fetch(
    *objects: Object,
    domain: str = "headless.source.svc.cluster.local",
    namespace: str = "demo",
    forbidden: frozenset[str] = frozenset(),
) -> Source:
    wish = {
        "connectionString": f"old-0.{domain}:2181",
        "statefulSet": {"name": "old", "namespace": "source"},
    }
    spec = EnsembleSpec.model_validate({"firstMemberId": 11, "adopt": wish})
    ensemble = Ensemble(namespace=namespace, name="zk", uid="own", generation=1, spec=spec)
    kube = ReadOnlyKube(list(objects), forbidden=forbidden)
    source = await fetch_source(kube, Members(domain), ensemble, (), begun=False)
    assert source is not None
    return source


@pytest.mark.parametrize(
    ("domain", "namespace", "proven"),
    [
        ("headless.source.svc.cluster.local", "demo", True),
        ("headless.source.svc.cluster.local.", "demo", True),
        ("headless.source.svc", "demo", True),
        ("headless.source", "demo", True),
        ("headless", "source", True),
        ("headless", "demo", False),
        ("headless.another.svc.cluster.local", "demo", False),
        ("other.source.svc.cluster.local", "demo", False),
        ("headless.source.svc.another.cluster", "demo", False),
        ("example.com", "demo", False),
    ],
)
async def test_a_statefulset_runs_the_source_if_the_lines_name_its_pods_by_its_service(
    domain: str, namespace: str, *, proven: bool
) -> None:
    source = await fetch(statefulset(), *PODS, domain=domain, namespace=namespace)
    assert source.ordered is proven


async def test_a_pod_that_another_object_has_created_is_not_of_the_source() -> None:
    source = await fetch(statefulset(), *PODS[:2], pod_of("old-2", "another"))
    assert source.pods is None
    assert "has not created the pod old-2" in source.pods_why


@pytest.mark.parametrize("paused", [True, False])
async def test_whether_an_ensemble_of_ours_that_is_the_source_is_paused(*, paused: bool) -> None:
    owner: Object = {
        "kind": "ZookeeperEnsemble",
        "metadata": {"name": "first", "namespace": "source", "uid": "o"},
        "spec": {"paused": paused},
    }
    labels = {"zookeeper.ensemble.dev/ensemble": "first"}
    source = await fetch(statefulset(labels=labels), *PODS, owner)
    assert source.pods is not None
    assert (source.pods.ensemble, source.pods.paused) == ("source/first", paused)


@pytest.mark.parametrize(("policy", "keeps"), [("Delete", False), ("Retain", True), (None, True)])
async def test_whether_the_volumes_of_stopped_pods_stay(policy: str | None, *, keeps: bool) -> None:
    spec = {} if policy is None else {"whenScaled": policy}
    body = statefulset(persistentVolumeClaimRetentionPolicy=spec)
    source = await fetch(body, *PODS)
    assert source.pods is not None
    assert source.pods.keeps_claims is keeps


async def test_who_may_see_one_namespace_only_looks_for_rivals_there() -> None:
    body: Object = {
        "kind": "ZookeeperEnsemble",
        "metadata": {"name": "first", "namespace": "demo", "uid": "o"},
        "spec": {"adopt": {"connectionString": "old-1.headless.source:2181"}},
    }
    for forbidden in (frozenset[str](), frozenset({"ZookeeperEnsemble"})):
        source = await fetch(statefulset(), *PODS, body, forbidden=forbidden)
        assert source.rivals == ("demo/first",)
