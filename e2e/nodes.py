"""The nodes of a cluster that has several, and what happens to them: zones, drains, losses, partitions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from e2e.cluster import OPERATOR_NAMESPACE, Cluster, find_condition, run, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator

ZONE: Final = "topology.kubernetes.io/zone"
MEMBERS: Final = "app.kubernetes.io/name=zookeeper"
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_DRAIN: Final = ("--ignore-daemonsets", "--delete-emptydir-data", f"--pod-selector={MEMBERS}")


@dataclass(frozen=True)
class Nodes:
    """A control plane on which the tests' own programs run, and workers, each in a zone, for the members."""

    cluster: Cluster
    control_plane: str
    workers: Sequence[str]

    @classmethod
    def of(cls, cluster: Cluster) -> "Nodes":
        """The nodes of a cluster, its workers labelled with zones."""
        found = {n["metadata"]["name"]: n["metadata"]["labels"] for n in cluster.list("nodes")}
        (control_plane,) = (name for name, labels in found.items() if _CONTROL_PLANE in labels)
        workers = sorted(found.keys() - {control_plane})
        for number, name in enumerate(workers):
            cluster.kubectl("label", "node", name, f"{ZONE}=zone-{number}", "--overwrite")
        taint = f"{_CONTROL_PLANE}:NoSchedule-"
        cluster.kubectl(
            "taint", "node", control_plane, taint, check=False
        )  # it may be gone already
        return cls(cluster, control_plane, workers)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Pods that are created meanwhile come to the control plane, which takes none otherwise."""
        self.uncordon(self.control_plane)
        self.cluster.kubectl("cordon", *self.workers)
        try:
            yield
        finally:
            self.cluster.kubectl("cordon", self.control_plane)
            self.uncordon(*self.workers)

    def keep_apart(self, operator: Operator) -> None:
        """See to it that the operator runs on the control plane."""
        pods = operator.pods()
        if {pod["spec"].get("nodeName") for pod in pods} != {self.control_plane}:
            with self.apart():
                for pod in pods:
                    self.cluster.delete("pod", pod["metadata"]["name"], OPERATOR_NAMESPACE)
                operator.wait_working(seconds=120)

    def of_member(self, ensemble: Ensemble, member: int) -> str:
        """The node on which a member runs."""
        pod = ensemble.pod(member)
        assert pod is not None
        name: str = pod["spec"]["nodeName"]
        return name

    def is_ready(self, node: str) -> bool:
        """Whether a node is there and ready."""
        return find_condition(self.cluster.get("node", node), "Ready").get("status") == "True"

    def wait_ready(self, node: str, *, ready: bool) -> None:
        """Wait until a node is ready, or is known not to be."""
        wait_until(
            f"{node} is {'' if ready else 'not '}ready",
            lambda: self.is_ready(node) is ready,
            seconds=150,
        )

    # ---- what happens to them ----

    def drain(self, node: str, *, seconds: int) -> str:
        """Evict the members from a node, as an administrator does; why that has failed, or nothing."""
        command = ("kubectl", "--context", self.cluster.context, "drain", node, *_DRAIN)
        done = run(*command, f"--timeout={seconds}s", check=False, timeout=seconds + 30)
        return done.stderr if done.returncode else ""

    def uncordon(self, *nodes: str) -> None:
        """Let pods come to these nodes again."""
        self.cluster.kubectl("uncordon", *nodes)

    @contextmanager
    def vanished(self, node: str) -> Iterator[None]:
        """The machine answers nothing any more, for as long as this lasts."""
        run("docker", "pause", node)
        try:
            yield
        finally:
            run("docker", "unpause", node)

    @contextmanager
    def gone(self, node: str) -> Iterator[None]:
        """The machine is switched off, and its node object deleted; it comes back as a new one."""
        labels: dict[str, Any] = (self.cluster.get("node", node) or {})["metadata"]["labels"]
        run("docker", "stop", "--time=1", node, timeout=60)
        try:
            self.cluster.kubectl("delete", "node", node, "--wait=false")
            yield
        finally:
            run("docker", "start", node)
            self.wait_ready(node, ready=True)
            self.cluster.kubectl("label", "node", node, f"{ZONE}={labels[ZONE]}", "--overwrite")

    @contextmanager
    def partitioned(self, node: str) -> Iterator[None]:
        """Nothing passes between the pods of a node and any other; the node itself stays reachable."""
        rules = [("FORWARD", "-i", "eth0", "-j", "DROP"), ("FORWARD", "-o", "eth0", "-j", "DROP")]
        for rule in rules:
            self.cluster.on_node(node, "iptables", "--wait", "-I", *rule)
        try:
            yield
        finally:
            for rule in rules:
                self.cluster.on_node(node, "iptables", "--wait", "-D", *rule)
