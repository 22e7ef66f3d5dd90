"""Creating ensembles: what a user sees until one serves, and what the status says then."""

import re

import pytest
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places

CONDITIONS = (
    "Ready",
    "QuorumHealthy",
    "MembershipSettled",
    "RolledOut",
    "ScaleAllowed",
    "StorageHealthy",
    "SpecValid",
)


@pytest.mark.smoke
@pytest.mark.parametrize("replicas", [1, 3, pytest.param(5, marks=pytest.mark.long)])
def test_an_ensemble_forms_a_quorum_and_says_so(places: Places, replicas: int) -> None:
    """Create 1, 3 and 5: every field of the status is there and true."""
    namespace = places.namespace()
    ensemble = Ensemble(places.cluster, namespace)
    places.cluster.apply(manifest(namespace, replicas=replicas))
    wait_until("the status is there", ensemble.status, seconds=30)
    ensemble.wait_settled()
    # The kubelet probes a pod every two seconds; the ensemble serves before that.
    wait_until(
        "every pod is ready", lambda: ensemble.status()["readyReplicas"] == replicas, seconds=20
    )
    # What the published addresses and the volumes say of the first quorum is written after it was seen.
    wait_until(
        "nothing is left to do",
        lambda: ensemble.status()["nextAction"] == "nothing to do",
        seconds=20,
    )
    status = ensemble.status()

    body = ensemble.body()
    assert status["observedGeneration"] == body["metadata"]["generation"]
    assert "finalizers" not in body["metadata"], "an ensemble without us must not block anybody"
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        CONDITIONS, "True"
    )
    assert all(
        c["reason"] and c["message"] and c["lastTransitionTime"] for c in status["conditions"]
    )
    needed = replicas // 2 + 1
    quorum = {k: v for k, v in status["quorum"].items() if k != "summary"}
    assert quorum == {
        "voters": replicas,
        "needed": needed,
        "live": replicas,
        "tolerates": replicas - needed,
        "unknown": 0,
    }
    assert (status["replicas"], status["readyReplicas"]) == (replicas, replicas)
    assert status["membership"]["settled"] is True
    assert re.fullmatch(r"[0-9a-f]+", status["membership"]["configVersion"])
    assert status["version"] == {"target": "3.9.4", "members": {"3.9.4": replicas}}
    assert status["nextAction"] == "nothing to do"
    assert status["foundedAt"]
    hosts = [f"zk-{n}.{namespace}.svc.cluster.local:2181" for n in range(1, replicas + 1)]
    assert status["connectionString"] == ",".join(hosts)

    leader = status["leader"]
    assert leader["pod"] == f"zk-{leader['id']}"
    assert leader["epoch"] >= 1
    assert leader["since"]
    members = status["members"]
    assert [m["id"] for m in members] == list(range(1, replicas + 1))
    for member in members:
        leads = member["id"] == leader["id"]
        assert member["pod"] == f"zk-{member['id']}"
        assert member["role"] == ("leader" if leads else "follower")
        assert member["state"] == "broadcast"
        assert member["serving"] is True
        assert re.fullmatch(r"0x[0-9a-f]+", member["zxid"])
        assert member["version"] == "3.9.4"
        assert member["revision"]

    for reason in ("Founded", "LeaderChanged"):
        ensemble.wait_event(reason)
    told = [e["reason"] for e in ensemble.events()]
    assert told.count("Founded") == 1, told
    assert told.count("LeaderChanged") == 1, told
    assert [e for e in ensemble.events() if e["type"] == "Warning"] == []
    assert sum(ensemble.restarts().values()) == 0, "a founder needs no second start"


@pytest.mark.smoke
def test_the_table_of_kubectl_says_how_it_stands(three: Ensemble) -> None:
    """The printer columns, by the short name, and the category `all`."""
    table = three.table()
    assert list(table) == ["NAME", "VOTERS", "LEADER", "EPOCH", "READY", "VERSION", "STATUS", "AGE"]
    leader = three.status()["leader"]
    expected = {
        "NAME": "zk",
        "VOTERS": "3/3",
        "LEADER": leader["pod"],
        "EPOCH": str(leader["epoch"]),
        "READY": "True",
        "VERSION": "3.9.4",
        "STATUS": "Serving",
    }
    assert {k: table[k] for k in expected} == expected
    for names in ("zke", "zookeeperensembles", "all"):
        found = three.cluster.kubectl("--namespace", three.namespace, "get", names, "--output=name")
        assert "zookeeperensemble.zookeeper.ensemble.dev/zk" in found


def test_nothing_needs_a_privilege(three: Ensemble) -> None:
    """Pods are admitted under the restricted standard, with a read-only root, and no token."""
    namespace = three.cluster.get("namespace", three.namespace)
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in three.pods():
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_admin_server_is_published_by_no_service(three: Ensemble) -> None:
    """The AdminServer is not open: no Service has port 8080, and a NetworkPolicy closes it."""
    services = three.cluster.list("services", three.namespace)
    assert {s["metadata"]["name"] for s in services} == {
        *("zk-1", "zk-2", "zk-3"),
        *("zk-members", "zk-client"),
    }
    assert not [s for s in services for p in s["spec"]["ports"] if p["port"] == 8080]
    (policy,) = three.cluster.list("networkpolicies", three.namespace)
    admin = [
        rule
        for rule in policy["spec"]["ingress"]
        if 8080 in [p["port"] for p in rule.get("ports", [])]
    ]
    assert [bool(rule.get("from")) for rule in admin] == [True]


def test_the_addresses_of_an_ensemble_are_published(three: Ensemble) -> None:
    """The ConfigMap and the Secret that applications take their connection from."""
    connection = three.status()["connectionString"]
    config_map = three.cluster.get("configmap", "zk-connection", three.namespace)
    secret = three.cluster.get("secret", "zk-connection", three.namespace)
    assert config_map is not None
    assert secret is not None
    assert config_map["data"]["connectionString"] == connection
    assert secret["type"] == "servicebinding.io/zookeeper"
    assert {"host", "port", "type"} <= secret["data"].keys()


def test_members_that_are_not_ready_are_found_by_members_and_not_by_clients(
    three: Ensemble,
) -> None:
    """Members' Services publish pods that are not ready, zk-client does not."""
    services = {
        s["metadata"]["name"]: s["spec"] for s in three.cluster.list("services", three.namespace)
    }
    publishing = {n for n, spec in services.items() if spec.get("publishNotReadyAddresses")}
    assert publishing == {"zk-1", "zk-2", "zk-3", "zk-members"}
