"""What the other tests rely on: the cluster of `make cluster` itself, of one node and of several.

One workload, in the order of the tests: it starts, is reached, loses a pod, is drained, outlasts a restart of
the control plane, and goes.
"""

import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from e2e.cluster import Cluster, find_condition, run, wait_until
from e2e.workload import CLIENT, NAME, PODS, build_workload

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(600)]

NAMESPACE = "e2e-cluster"
PHASES = ("get", "pods", "--all-namespaces", "--output=jsonpath={.items[*].status.phase}")
OUTSIDE_SECONDS = 10.0
"""How long it may take until a name outside of the cluster is known not to be there."""
_READ = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"
_RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"


@dataclass(frozen=True)
class Workload:
    """The workload in its namespace."""

    cluster: Cluster

    def wait_ready(self) -> None:
        """Wait until its pods and the client are ready."""
        for name in (*PODS, CLIENT):
            wait_until(
                f"{name} is ready",
                lambda name=name: (  # type: ignore[misc]
                    find_condition(self.cluster.get("pod", name, NAMESPACE), "Ready").get("status")
                    == "True"
                ),
                seconds=120,
                seen=lambda name=name: self.cluster.get("pod", name, NAMESPACE),  # type: ignore[misc]
            )

    def python(self, program: str, argument: str) -> str:
        """What a program in the client prints."""
        return self.cluster.exec(NAMESPACE, CLIENT, "python", "-c", program, argument)

    def wait_page(self, address: str) -> str:
        """What the client reads at an address, as soon as it is there."""
        return wait_until(
            f"{address} answers", lambda: self.python(_READ, address).strip(), seconds=30
        )

    def lines(self, pod: str) -> int:
        """How many lives a pod has had, by what each has left on its volume."""
        return len(self.cluster.exec(NAMESPACE, pod, "cat", "/data/index.html").splitlines())


@pytest.fixture(scope="module")
def workload(cluster: Cluster) -> Iterator[Workload]:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.apply(space, *build_workload(NAMESPACE))
    made = Workload(cluster)
    made.wait_ready()
    yield made
    cluster.kubectl("delete", "namespace", NAMESPACE, timeout=120)


def test_everything_runs(cluster: Cluster, workload: Workload) -> None:
    """Every pod of the cluster, those of an image that was loaded, their volumes, processes and logs."""
    wait_until(
        "all pods run",
        lambda: set(cluster.kubectl(*PHASES).split()) <= {"Running", "Succeeded"},
        seconds=60,
    )
    claims = cluster.list("pvc", NAMESPACE)
    assert [c["status"]["phase"] for c in claims] == ["Bound"] * len(PODS)
    assert "uid=1000" in cluster.exec(NAMESPACE, CLIENT, "id")
    assert workload.lines("db-0") == 1
    wait_until(
        "the probe is logged", lambda: "GET /" in cluster.logs(NAMESPACE, "db-0"), seconds=20
    )


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"http://db-1.db.{NAMESPACE}.svc.cluster.local:8080/", "db-1"),
        ("http://db-0.db:8080/", "db-0"),
        ("http://web/", "db-"),
    ],
)
def test_pods_are_reached_by_name(workload: Workload, address: str, said: str) -> None:
    assert workload.wait_page(address).startswith(said)


def test_names_of_the_cluster_and_outside_of_it(workload: Workload) -> None:
    assert workload.python(_RESOLVE, "kubernetes.default.svc.cluster.local").strip()
    since = time.monotonic()
    with pytest.raises(AssertionError, match="gaierror"):
        workload.python(_RESOLVE, "example.invalid.")
    assert time.monotonic() - since < OUTSIDE_SECONDS


def test_this_machine_reaches_a_service(cluster: Cluster, workload: Workload) -> None:
    del workload
    with cluster.port_forward(NAMESPACE, "service/web", 80) as port:
        found = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()
    assert found.startswith(b"db-")


def test_a_pod_that_was_deleted_finds_its_data(cluster: Cluster, workload: Workload) -> None:
    before = workload.lines("db-0")
    cluster.kubectl("--namespace", NAMESPACE, "delete", "pod", "db-0")
    workload.wait_ready()
    assert workload.lines("db-0") == before + 1


def test_a_drain_obeys_the_disruption_budget(cluster: Cluster, workload: Workload) -> None:
    pod = cluster.get("pod", "db-1", NAMESPACE)
    assert pod is not None
    node = pod["spec"]["nodeName"]
    drain = ("drain", node, "--ignore-daemonsets", f"--pod-selector=app={NAME}")
    with pytest.raises(AssertionError, match="disruption budget"):
        cluster.kubectl(*drain, "--timeout=10s")
    cluster.delete("pdb", NAME, NAMESPACE)
    cluster.kubectl(*drain, "--timeout=60s", timeout=90)
    cluster.kubectl("uncordon", node)
    workload.wait_ready()


def test_a_restart_of_the_control_plane_loses_nothing(cluster: Cluster, workload: Workload) -> None:
    before = workload.lines("db-1")
    since = time.monotonic()
    run("docker", "restart", f"{cluster.context.removeprefix('kind-')}-control-plane", timeout=120)

    wait_until(
        "the API server answers, and the nodes are ready",
        lambda: (
            {find_condition(n, "Ready").get("status") for n in cluster.list("nodes")} == {"True"}
        ),
        seconds=120,
    )
    workload.wait_ready()
    assert workload.wait_page("http://web/")
    print(f"all ready {time.monotonic() - since:.0f} s after the restart was asked for")
    assert workload.lines("db-1") >= before


def test_volumes_go_with_their_claims(cluster: Cluster, workload: Workload) -> None:
    del workload
    names = {c["spec"]["volumeName"] for c in cluster.list("pvc", NAMESPACE)}
    assert len(names) == len(PODS)
    cluster.kubectl("--namespace", NAMESPACE, "delete", "statefulset", NAME, timeout=90)
    cluster.kubectl("--namespace", NAMESPACE, "delete", "pvc", "--all", timeout=90)
    wait_until(
        "their volumes are gone",
        lambda: not names & {v["metadata"]["name"] for v in cluster.list("persistentvolumes")},
        seconds=60,
    )
