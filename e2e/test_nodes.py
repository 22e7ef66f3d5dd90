"""Four nodes in three zones: members are spread, and nodes are drained, lost and cut off under writers.

Run by `make e2e-nodes`, on a cluster of its own. The operator and the writers are on the control plane, which
nothing happens to.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from e2e.cluster import Cluster, wait_until
from e2e.ensembles import Ensemble
from e2e.nodes import ZONE, Nodes
from e2e.places import Operator, Places
from e2e.writer.handle import CountingWriter, Result

pytestmark = [pytest.mark.nodes, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def nodes(cluster: Cluster, operator: Operator) -> Nodes:
    found = Nodes.of(cluster)
    assert len(found.workers) == 3, "run `make e2e-nodes`"
    found.keep_apart(operator)
    return found


@pytest.fixture
def three(places: Places, nodes: Nodes) -> Ensemble:
    """Three members that serve, each in its zone, shared by the tests."""
    del nodes  # they must have their zones
    return places.shared(replicas=3)


@contextmanager
def writing(nodes: Nodes, ensemble: Ensemble) -> Iterator[CountingWriter]:
    """Clients write from the control plane."""
    with ExitStack() as stack:
        with nodes.apart():
            writer = stack.enter_context(ensemble.counting())
        yield writer


def check_kept(result: Result) -> None:
    """Nothing that was acknowledged is lost, and who knows every member keeps its session."""
    print(result)
    assert result.acknowledged > 0
    assert result.lost == 0
    assert result.multi_host_sessions_lost == 0


def zones(nodes: Nodes, ensemble: Ensemble) -> list[str]:
    """The zones of the three voters, in order."""
    labels = {n["metadata"]["name"]: n["metadata"]["labels"] for n in nodes.cluster.list("nodes")}
    return sorted(labels[nodes.of_member(ensemble, member)][ZONE] for member in (1, 2, 3))


def test_members_are_spread_over_the_zones(nodes: Nodes, three: Ensemble, places: Places) -> None:
    """By default, and by a rule of the user's own that forbids anything else."""
    assert zones(nodes, three) == ["zone-0", "zone-1", "zone-2"]
    labels = {"zookeeper.ensemble.dev/ensemble": "zk"}
    rule = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    strict = places.ensemble(podTemplate={"spec": {"topologySpreadConstraints": [rule]}})
    assert zones(nodes, strict) == ["zone-0", "zone-1", "zone-2"]
    pod = strict.pod(1)
    assert pod is not None
    assert rule in pod["spec"]["topologySpreadConstraints"]


def test_drains_of_two_nodes_at_once(nodes: Nodes, three: Ensemble) -> None:
    """The second one waits until the member of the first is back. Volumes are bound to their nodes here."""
    leader = three.leader()
    first, second = (nodes.of_member(three, i) for i in (leader, three.followers()[0]))
    with writing(nodes, three) as writer:
        assert nodes.drain(first, seconds=60) == ""
        wait_until("another member leads", lambda: three.leader() != leader, seconds=60)
        assert "disruption budget" in nodes.drain(second, seconds=15)
        with ThreadPoolExecutor() as at_once:
            drained = at_once.submit(nodes.drain, second, seconds=150)
            time.sleep(5)
            assert not drained.done(), "it waits"
            nodes.uncordon(first)
            assert drained.result() == ""
        nodes.uncordon(second)
        three.wait_settled()
        result = writer.stop()
    check_kept(result)


def test_the_node_of_the_leader_vanishes_and_comes_back(nodes: Nodes, three: Ensemble) -> None:
    before = three.wait_settled()["leader"]
    node = nodes.of_member(three, before["id"])
    with writing(nodes, three) as writer:
        with nodes.vanished(node):
            wait_until(
                "the status names another leader",
                lambda: three.status()["leader"]["id"] != before["id"],
                seconds=60,
                seen=three.status,
            )
            nodes.wait_ready(node, ready=False)
            found = wait_until(
                "the status names the node",
                lambda: [c for c in three.status()["conditions"] if node in c["message"]],
                seconds=60,
                seen=three.status,
            )
            print(found[0]["type"], found[0]["message"])
        nodes.wait_ready(node, ready=True)
        after = three.wait_settled()
        result = writer.stop()
    check_kept(result)
    assert after["leader"]["epoch"] == before["epoch"] + 1, "one election"


@pytest.mark.parametrize("whose", ["leader", "follower"])
def test_a_node_is_cut_off(nodes: Nodes, three: Ensemble, whose: str) -> None:
    """The minority serves nobody; the others go on, with an election only if they have lost the leader."""
    before = three.wait_settled()["leader"]
    lost = before["id"] if whose == "leader" else three.followers()[0]
    with writing(nodes, three) as writer:
        with nodes.partitioned(nodes.of_member(three, lost)):
            since = time.time()
            time.sleep(40)
            status = three.status()
            assert status["leader"]["id"] != lost
            cut = next(m for m in status["members"] if m["id"] == lost)
            assert not cut["serving"]
            until = time.time()
        after = three.wait_settled()
        result = writer.stop()
    check_kept(result)
    assert after["leader"]["epoch"] == before["epoch"] + (1 if whose == "leader" else 0)
    assert result.longest_gap(since=since, until=until) < 15


def test_the_only_member_is_cut_off_while_it_is_to_become_three(
    nodes: Nodes, places: Places
) -> None:
    """No newcomer may lead: all data is on the other side."""
    ensemble = places.ensemble(replicas=1)
    ensemble.write("/kept", "through")
    before = ensemble.status()["leader"]
    with nodes.partitioned(nodes.of_member(ensemble, 1)):
        ensemble.change(replicas=3)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = ensemble.status()
            assert (status.get("leader") or {}).get("id") in {None, 1}, status
            assert not [m for m in status["members"] if m["id"] > 1 and m["serving"]], status
            time.sleep(2)
    after = ensemble.wait_settled()
    assert after["leader"]["epoch"] >= before["epoch"]
    for member in (1, 2, 3):
        assert ensemble.read("/kept", member=member) == "through"


def test_the_node_of_a_volume_is_gone_for_good(nodes: Nodes, places: Places) -> None:
    """Its member is replaced by the command of docs/how-to/day-2.md, and comes up on another node."""
    ensemble = places.ensemble(replicas=3)
    lost = ensemble.followers()[0]
    node, old = nodes.of_member(ensemble, lost), ensemble.claim(lost)
    with writing(nodes, ensemble) as writer:
        with nodes.gone(node):
            wait_until(
                "its pod waits for a node that is gone",
                lambda: (ensemble.pod(lost) or {"status": {}})["status"].get("phase") == "Pending",
                seconds=150,
                seen=lambda: ensemble.pod(lost),
            )
            ensemble.cluster.kubectl(
                *("--namespace", ensemble.namespace, "annotate", "pod", ensemble.pod_name(lost)),
                "zookeeper.ensemble.dev/replace=true",
            )
            ensemble.wait_settled(seconds=240)
            assert nodes.of_member(ensemble, lost) != node
            assert ensemble.claim(lost)["metadata"]["uid"] != old["metadata"]["uid"]
        result = writer.stop()
    check_kept(result)
