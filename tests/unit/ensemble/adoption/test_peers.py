"""Who of a source reaches the quorum ports of our members."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, edited

from zookeeper_operator.ensemble.adoption.peers import find_peers
from zookeeper_operator.ensemble.adoption.source import Source, SourcePods
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand

OFFICE = {"ipBlock": {"cidr": "10.0.0.0/8"}}
PODS = SourcePods(
    name="old",
    namespace="old",
    uid="uid-of-old",
    version="7",
    replicas=3,
    writable=True,
    existing=frozenset(),
    selector={"app": "old"},
)
OF_SOURCE = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "old"}},
    "podSelector": {"matchLabels": {"app": "old"}},
}


def adopting(source: Source | None, **adopt: Any) -> Observed:
    wish = {"connectionString": "old:2181", "statefulSet": {"name": "old"}, **adopt}
    return replace(edited(at_rest(), {"adopt": wish}), source=source)


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (at_rest(), ()),
        (adopting(Source(pods=PODS)), (OF_SOURCE,)),
        (adopting(Source(pods=PODS), **{"from": [OFFICE]}), (OF_SOURCE, OFFICE)),
        (adopting(Source(), statefulSet=None, **{"from": [OFFICE]}), (OFFICE,)),
        (adopting(Source(pods_why="may not be read")), ()),
    ],
)
def test_the_pods_of_the_source_and_whom_the_spec_names(
    scene: Observed, expected: tuple[object, ...]
) -> None:
    assert find_peers(scene) == expected


@pytest.mark.parametrize("source", [None, Source(pods_why="old/old may not be read")])
def test_whom_the_policy_lets_in_stays_while_the_source_cannot_be_read(
    source: Source | None,
) -> None:
    before = adopting(Source(pods=PODS), **{"from": [OFFICE]})
    policy = build_network_policy(understand(before).target)
    kept = [c for c in before.children if c["kind"] != "NetworkPolicy"]
    now = replace(before, source=source, children=(*kept, policy))
    assert find_peers(now) == (OF_SOURCE, OFFICE)
    ended = replace(edited(now, {"adopt": None}), source=None)
    assert find_peers(ended) == ()
