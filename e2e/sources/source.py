"""An ensemble as its owner runs it, before anything is taken over, whoever has rendered it.

Each module beside this one renders what one kind of owner has: names, ids, zoo.cfg, paths, probes, policies.
The image is that of the tests. Where another image is meant, `scripts/` stands in for its entry scripts: they
do with the environment what those are published to do. Nothing here knows of an adoption but the annotation
by which an owner allows one.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from e2e.cluster import Cluster, Object, find_condition, wait_until
from e2e.ensembles import is_ready

ADOPTABLE_BY: Final = "zookeeper.ensemble.dev/adoptable-by"
CLIENT_PORT: Final = 2181
HEAP_MEGABYTES: Final = 192
RESOURCES: Final = {
    "requests": {"cpu": "20m", "memory": "256Mi"},
    "limits": {"memory": "448Mi"},
}
"""For a server and a command-line client beside it."""
_SCRIPTS: Final = Path(__file__).with_name("scripts")


@dataclass(frozen=True)
class Source(ABC):
    """An ensemble whose members are the pods of a StatefulSet, with the ids 1, 2, … in their order."""

    cluster: Cluster
    namespace: str
    members: int = 3
    version: str = "3.9.4"

    name: ClassVar[str] = "zookeeper"
    service: ClassVar[str] = "zookeeper-headless"
    first: ClassVar[int] = 0
    """The ordinal of its first pod."""
    labels: ClassVar[Mapping[str, str]]
    """What its StatefulSet selects its pods by."""
    step_seconds: ClassVar[float] = 60
    """For one of its pods to be stopped or started, on a machine that is busy with other things."""

    @abstractmethod
    def manifests(self) -> tuple[Object, ...]:
        """Everything its owner has applied, in order."""

    def first_answer(self) -> tuple[int, str]:
        """What `kubectl zk adopt` answers before `prepare`: its exit code, and a part of its text."""
        return 0, "what would happen"

    def prepare(self) -> None:  # noqa: B027 -- nothing, unless a kind needs something
        """What docs/how-to/migrate.md tells its owner to do before the adoption."""

    # ---- who and where ----

    def pod(self, member: int) -> str:
        """The pod of a member."""
        return f"{self.name}-{self.first + member - 1}"

    def host(self, member: int) -> str:
        """The address of a member, as its server line has it."""
        return f"{self.pod(member)}.{self.service}.{self.namespace}.svc.cluster.local"

    @property
    def ids(self) -> range:
        """The ids of its members."""
        return range(1, self.members + 1)

    @property
    def hosts(self) -> list[str]:
        """Where its clients connect."""
        return [f"{self.host(member)}:{CLIENT_PORT}" for member in self.ids]

    def pods(self) -> list[Object]:
        """Its pods."""
        selector = ",".join(f"{key}={value}" for key, value in self.labels.items())
        return self.cluster.list("pods", self.namespace, selector=selector)

    def statefulset(self) -> Object:
        """Its StatefulSet."""
        found = self.cluster.get("statefulset", self.name, self.namespace)
        assert found is not None
        return found

    def mode(self, member: int) -> str:
        """What a member says that it does; empty if it does not serve."""
        said = self.cluster.exec(
            self.namespace, self.pod(member), "bash", "-c", "printf srvr | nc -w 2 localhost 2181"
        )
        found = re.search(r"^Mode: (\w+)$", said, re.MULTILINE)
        return found[1] if found else ""

    # ---- what its owner does ----

    def start(self) -> None:
        """Create it, and wait until every pod is ready."""
        self.cluster.apply(*self.manifests())
        wait_until(
            "every pod of the source is ready",
            lambda: self.statefulset()["status"].get("readyReplicas") == self.members,
            seconds=120 + self.members * self.step_seconds,
            seen=self.pods,
        )

    def allow(self, taker: str) -> None:
        """Let the operator of that ensemble, NAMESPACE/NAME, change the number of the pods."""
        self.kubectl("annotate", f"statefulset/{self.name}", f"{ADOPTABLE_BY}={taker}")

    def scale(self, pods: int) -> None:
        """Put another number of pods into the StatefulSet, as Helm does, and Argo."""
        self.kubectl("scale", f"statefulset/{self.name}", f"--replicas={pods}")

    def restart(self, member: int) -> None:
        """Delete a pod, and wait until its successor is ready and serves."""
        name = self.pod(member)
        old = self.cluster.get("pod", name, self.namespace)
        assert old is not None
        self.cluster.delete("pod", name, self.namespace)
        wait_until(
            f"{name} is another pod, and ready",
            lambda: is_ready(self.cluster.get("pod", name, self.namespace), other_than=old),
            seconds=self.step_seconds * 2,
        )
        wait_until(f"{name} serves", lambda: self.mode(member), seconds=self.step_seconds)

    def restart_all(self) -> None:
        """Restart every member, one at a time, the leader last."""
        modes = {member: self.mode(member) for member in self.ids}
        for member in sorted(self.ids, key=lambda m: modes[m] == "leader"):
            self.restart(member)

    def is_ready(self, member: int) -> bool:
        """Whether a pod is ready."""
        pod = self.cluster.get("pod", self.pod(member), self.namespace)
        return find_condition(pod, "Ready").get("status") == "True"

    def kubectl(self, *arguments: str) -> str:
        """A command in its namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments)

    # ---- what manifests have in common ----

    def build(
        self, api_version: str, kind: str, name: str, labels: Mapping[str, str], **rest: object
    ) -> Object:
        """An object of its namespace."""
        metadata = {"name": name, "namespace": self.namespace, "labels": dict(labels)}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def build_claim(name: str = "data", **metadata: object) -> Object:
    """A small claim."""
    return {
        "metadata": {"name": name, **metadata},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "256Mi"}},
        },
    }


def read_scripts(prefix: str) -> dict[str, str]:
    """The scripts of one image, by the names that they have there."""
    found = sorted(_SCRIPTS.glob(f"{prefix}-*.sh"))
    return {
        path.name.removeprefix(f"{prefix}-"): path.read_text(encoding="utf-8") for path in found
    }
