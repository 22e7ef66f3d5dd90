"""Running the counting writer of `program.py` as a pod, and reading what it counted."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.cluster import Cluster, Object, wait_until

PROGRAM: Final = Path(__file__).with_name("program.py")
IMAGE: Final = "zookeeper-operator:dev"
CLIENT_PORT: Final = 2181


@dataclass(frozen=True)
class Result:
    """What the clients got. Times are seconds of the clock that the nodes and this machine share."""

    raw: dict[str, Any]

    @property
    def acknowledged(self) -> int:
        """Writes of all clients that were acknowledged."""
        count: int = self.raw["acknowledged"]
        return count

    @property
    def lost(self) -> int:
        """Acknowledged writes that nobody finds any more."""
        count: int = self.raw["lost"]
        return count

    @property
    def sessions_lost(self) -> int:
        """Sessions that expired."""
        count: int = self.raw["sessionsLost"]
        return count

    @property
    def multi_host_sessions_lost(self) -> int:
        """Sessions that the client which knows every member has lost."""
        count: int = self.raw["clients"]["multi-host"]["sessionsLost"]
        return count

    @property
    def elections(self) -> list[dict[str, Any]]:
        """Each leader's first sighting by the members themselves: `at`, `leader`, `epoch`."""
        found: list[dict[str, Any]] = self.raw["elections"]
        return found

    def longest_gap(self, whose: str = "ensemble", *, since: float = 0, until: float = 0) -> float:
        """The longest time without an acknowledgement, of `ensemble` or `multiHost`, in seconds.

        Only gaps that overlap the time from `since` to `until` count; 0 stands for either end.
        """
        return max(
            (
                gap["seconds"]
                for gap in self.raw["gaps"][whose]
                if gap["end"] >= since and (not until or gap["begin"] <= until)
            ),
            default=0.0,
        )

    def __str__(self) -> str:
        """Tell the numbers in one line."""
        return (
            f"{self.acknowledged} writes acknowledged, {self.lost} lost, "
            f"{self.sessions_lost} sessions lost, longest gap {self.longest_gap():.2f} s "
            f"(multi-host client {self.longest_gap('multiHost'):.2f} s), "
            f"epochs {[e['epoch'] for e in self.elections]}"
        )


def manifests(
    namespace: str,
    name: str,
    *,
    everyone: str,
    pinned: Iterable[str],
    options: Iterable[str],
    passwords: str = "",
) -> tuple[Object, Object]:
    """The ConfigMap with the program, and the pod that runs it; a Secret `passwords` is mounted at /login."""
    pins = [f"--pinned={host}" for host in pinned]
    volumes: list[Object] = [{"name": "writer", "configMap": {"name": name}}]
    if passwords:
        volumes.append({"name": "login", "secret": {"secretName": passwords}})
    return (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": {PROGRAM.name: PROGRAM.read_text(encoding="utf-8")},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "writer",
                        "image": IMAGE,
                        "imagePullPolicy": "IfNotPresent",
                        "command": [
                            *("python", f"/writer/{PROGRAM.name}", f"--all={everyone}"),
                            *pins,
                            *options,
                        ],
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                            "readOnlyRootFilesystem": True,
                        },
                        "resources": {
                            "requests": {"cpu": "20m", "memory": "64Mi"},
                            "limits": {"memory": "256Mi"},
                        },
                        "volumeMounts": [
                            {"name": volume["name"], "mountPath": f"/{volume['name']}"}
                            for volume in volumes
                        ],
                    }
                ],
                "volumes": volumes,
            },
        },
    )


class CountingWriter:
    """A writer that runs in the cluster beside an ensemble."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name

    def start(
        self,
        *,
        everyone: str,
        pinned: Iterable[str],
        options: Iterable[str] = (),
        passwords: str = "",
    ) -> None:
        """Start it and wait until each of its clients has written for the first time."""
        self._cluster.apply(
            *manifests(
                self._namespace,
                self._name,
                everyone=everyone,
                pinned=pinned,
                options=options,
                passwords=passwords,
            )
        )
        wait_until(
            f"every client of {self._name} writes",
            lambda: self._said("ready"),
            seconds=120,
            every=0.3,
            seen=lambda: self._cluster.get("pod", self._name, self._namespace),
        )

    def stop(self) -> Result:
        """Stop it, let it read everything back, and take its result."""
        self._cluster.exec(self._namespace, self._name, "sh", "-c", "kill -TERM 1")
        return Result(
            wait_until(
                f"{self._name} has read every write back",
                lambda: self._said("result"),
                seconds=120,
                seen=lambda: self._cluster.logs(self._namespace, self._name, "--tail=20"),
            )
        )

    def remove(self) -> None:
        """Take it away."""
        self._cluster.delete("pod", self._name, self._namespace, "--ignore-not-found")
        self._cluster.delete("configmap", self._name, self._namespace, "--ignore-not-found")

    def _said(self, event: str) -> dict[str, Any]:
        for line in self._cluster.logs(self._namespace, self._name).splitlines():
            if line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                if said["event"] == event:
                    return said
        return {}


@contextmanager
def counting(
    cluster: Cluster,
    namespace: str,
    *,
    everyone: str,
    pinned: Iterable[str],
    name: str = "writer",
    options: Iterable[str] = (),
    passwords: str = "",
) -> Iterator[CountingWriter]:
    """A writer that writes from the first line of the block on; `stop()` it inside for its result."""
    writer = CountingWriter(cluster, namespace, name)
    try:
        writer.start(everyone=everyone, pinned=pinned, options=options, passwords=passwords)
        yield writer
    finally:
        writer.remove()
