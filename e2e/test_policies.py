"""Closed doors: the network enforces NetworkPolicies, and ours let in exactly whom they are meant to."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, Object, run
from e2e.ensembles import Ensemble, manifest
from e2e.peers import PORTS, Member, Peer, create_peers, wait_doors
from e2e.places import Operator, Places

SHOP: Final = {"podSelector": {"matchLabels": {"app": "shop"}}}
MONITOR: Final = {"podSelector": {"matchLabels": {"app": "monitor"}}}
MEMBER_PORTS: Final = (2181, 2281, 2888, 3888, 7000, 8080)


@pytest.fixture(scope="module")
def inside(module_places: Places) -> str:
    """The namespace of the ensemble, and of all pods but one."""
    return module_places.lasting_namespace()


@pytest.fixture(scope="module")
def guarded(module_places: Places, inside: str) -> Ensemble:
    """Three members with TLS, whose spec names the clients and the monitoring; not waited for."""
    module_places.cluster.apply(
        manifest(
            inside,
            tls={},
            networkPolicy={"clients": [SHOP]},
            metrics={"from": [MONITOR]},
        )
    )
    return Ensemble(module_places.cluster, inside)


@pytest.fixture(scope="module")
def peers(module_places: Places, guarded: Ensemble) -> dict[str, Peer]:
    """Pods by name: all beside the members but `visitor`, which has the label of `shop` elsewhere."""
    inside, outside = guarded.namespace, module_places.lasting_namespace()
    return create_peers(
        module_places.cluster,
        {
            (inside, "server"): {"app": "server"},
            (inside, "shop"): {"app": "shop"},
            (inside, "monitor"): {"app": "monitor"},
            (inside, "backup"): {"zookeeper.ensemble.dev/backup-of": "zk"},
            (inside, "stranger"): {},
            (outside, "visitor"): {"app": "shop"},
        },
    )


# ---- the network ----


def policy(namespace: str, name: str, app: str, **spec: object) -> Object:
    """A NetworkPolicy of the test's own, for the pods of an app."""
    selector = {"matchLabels": {"app": app}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector, **spec},
    }


@contextmanager
def policies(cluster: Cluster, peers: dict[str, Peer]) -> Iterator[None]:
    """Policies for `server`, each of whose ports is open to others, and one for the ways out of `monitor`."""
    server, stranger, visitor = peers["server"], peers["stranger"], peers["visitor"]
    anywhere = {"cidr": "0.0.0.0/0", "except": [f"{stranger.address}/32"]}
    elsewhere = {"matchLabels": {"kubernetes.io/metadata.name": visitor.namespace}}
    rules: list[Object] = [
        {"ports": [{"port": "first"}], "from": [SHOP]},
        {"ports": [{"port": 9002}], "from": [{"namespaceSelector": elsewhere, **SHOP}]},
        {"ports": [{"port": 9003, "endPort": 9004}], "from": [{"ipBlock": anywhere}]},
    ]
    out = {"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 9003}]}]}
    cluster.apply(
        policy(server.namespace, "server", "server", ingress=rules),
        policy(server.namespace, "monitor", "monitor", **out),
    )
    try:
        yield
    finally:
        for name in ("server", "monitor"):
            cluster.delete("networkpolicy", name, server.namespace)


def test_the_network_enforces_policies(cluster: Cluster, peers: dict[str, Peer]) -> None:
    """Labels, namespaces, ranges of addresses, named ports and ways out, by policies of the test's own.

    Only where this holds do the other tests of this file show anything.
    """
    stranger, server = peers["stranger"], peers["server"]
    to = server.address
    everywhere = [(peer, PORTS) for name, peer in peers.items() if name != "server"]
    wait_doors(to, PORTS, everywhere)
    with policies(cluster, peers):
        wait_doors(
            to,
            PORTS,
            [
                (stranger, []),
                (peers["shop"], [9001, 9003, 9004]),
                (peers["visitor"], [9002, 9003, 9004]),
                (peers["monitor"], [9003]),
            ],
        )
        stranger.label(app="shop")
        stranger.wait_only([9001], to, PORTS)
        stranger.label(app=None)
        stranger.wait_only([], to, PORTS)
    wait_doors(to, PORTS, everywhere)


# ---- the operator's own policies ----


def leader_of(ensemble: Ensemble) -> tuple[str, list[Member]]:
    """The address of the leader, which alone listens at every port, and the other members."""
    leader = Member(ensemble.cluster, ensemble.namespace, ensemble.pod_name(ensemble.leader()))
    followers = [
        Member(ensemble.cluster, ensemble.namespace, ensemble.pod_name(f))
        for f in ensemble.followers()
    ]
    return leader.address, followers


def test_every_port_of_a_member_is_open_to_whom_it_is_meant_for(
    guarded: Ensemble, peers: dict[str, Peer], operator: Operator
) -> None:
    """Each port that docs/reference/security.md lists, from pods that may and from pods that may not."""
    guarded.wait_settled()
    leader, followers = leader_of(guarded)
    working = Peer(guarded.cluster, OPERATOR_NAMESPACE, operator.leading_pod())
    wait_doors(
        leader,
        MEMBER_PORTS,
        [
            (peers["shop"], [2181, 2281]),
            (peers["monitor"], [7000]),
            (peers["backup"], [2888, 3888]),
            (peers["stranger"], []),
            (peers["visitor"], []),
            (working, [2181, 2281, 3888, 8080]),
            (followers[0], [2888, 3888]),
        ],
    )


def test_the_operator_reaches_members_alone_and_only_its_metrics_are_reached(
    peers: dict[str, Peer], operator: Operator
) -> None:
    """The policy of the chart, both ways."""
    cluster = operator.cluster
    working = Peer(cluster, OPERATOR_NAMESPACE, operator.leading_pod())
    peers["stranger"].wait_only([8081], working.address, [8080, 8081, 9001])
    # The same port as that of a member, on a pod that is none; another pod reaches it.
    server = peers["visitor"].address
    peers["stranger"].wait_only([8080, 9001], server, [8080, 9001])
    working.wait_only([], server, [8080, 9001])


def test_kubectl_zk_shows_an_ensemble_behind_its_policy(
    guarded: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl zk status` asks the members, by way of the API server, which runs on a node."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    guarded.wait_settled()
    where = ("--context", guarded.cluster.context, "--namespace", guarded.namespace)
    screen = run("kubectl", "zk", "status", *where).stdout
    assert "3 of 3 voters live, 2 needed, 1 more may be lost" in screen
