"""Ensembles for tests: their manifests as dict literals, and a handle to watch and to use one."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from subprocess import PIPE, Popen
from typing import Any, Final

from e2e.cluster import Cluster, Object, find_condition, wait_until
from e2e.tested import note
from e2e.writer.handle import CountingWriter, counting
from kazoo.client import KazooClient

RESOURCES: Final = {
    "requests": {"cpu": "20m", "memory": "256Mi"},
    "limits": {"memory": "384Mi"},
}
JVM: Final = {"options": ["-XX:TieredStopAtLevel=1"]}
"""A server that runs for a minute spends more time on the second compiler than it gains from it."""
KINDS_AROUND: Final = (
    "zke,statefulsets,services,configmaps,secrets,poddisruptionbudgets,networkpolicies,"
    "pods,pvc,controllerrevisions"
)
READY_SECONDS: Final = 150
"""For an ensemble to become Ready, on a machine that is busy with other things."""


def manifest(namespace: str, name: str = "zk", *, replicas: int = 3, **spec: Any) -> Object:
    """A small `ZookeeperEnsemble`."""
    return {
        "apiVersion": "zookeeper.ensemble.dev/v1alpha1",
        "kind": "ZookeeperEnsemble",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "resources": RESOURCES,
            "jvm": JVM,
            "storage": {"data": {"size": "256Mi"}},
            **spec,
        },
    }


@dataclass(frozen=True)
class Ensemble:
    """One ensemble in the cluster."""

    cluster: Cluster
    namespace: str
    name: str = "zk"

    # ---- the resource ----

    def body(self) -> Object:
        """The resource as it is now."""
        found = self.cluster.get("zke", self.name, self.namespace)
        assert found is not None, f"there is no ensemble {self.namespace}/{self.name}"
        return found

    def status(self) -> Object:
        """Its status."""
        status: Object = self.body().get("status") or {}
        for version in status.get("version", {}).get("members", ()):
            note("make e2e", "ZooKeeper", version)
        return status

    def condition(self, type_: str) -> Object:
        """One of its conditions; an empty one if it is not there yet."""
        return find_condition(self.body(), type_)

    def change(self, **spec: Any) -> int:
        """Merge something into the spec; return the new generation."""
        self.cluster.patch("zke", self.name, self.namespace, {"spec": spec})
        generation: int = self.body()["metadata"]["generation"]
        return generation

    def is_settled(self, body: Object | None = None) -> bool:
        """Whether it serves as the current spec asks and nothing is left to do."""
        body = body or self.body()
        status = body.get("status") or {}
        return status.get("observedGeneration") == body["metadata"]["generation"] and all(
            find_condition(body, type_).get("status") == "True"
            for type_ in ("Ready", "QuorumHealthy", "MembershipSettled", "RolledOut")
        )

    def wait_settled(self, *, seconds: float = READY_SECONDS) -> Object:
        """Wait until it serves as the spec asks; its status."""
        wait_until(
            f"{self.namespace}/{self.name} serves as its spec asks",
            self.is_settled,
            seconds=seconds,
            seen=self._summary,
        )
        return self.status()

    def versions(self) -> dict[str, str]:
        """The resource version of the ensemble and of everything around it."""
        return {
            f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"]
            for o in self.cluster.list(KINDS_AROUND, self.namespace)
        }

    def wait_calm(self, *, seconds: float = 15) -> dict[str, str]:
        """Wait until nothing has changed for a while; return the versions then."""
        known, since = self.versions(), time.monotonic()

        def calm() -> bool:
            nonlocal known, since
            now = self.versions()
            if now != known:
                known, since = now, time.monotonic()
            return time.monotonic() - since >= seconds

        wait_until("nothing changes any more", calm, seconds=120, every=1)
        return known

    def wait_condition(
        self, type_: str, status: str, reason: str, *, seconds: float = 30
    ) -> Object:
        """Wait for a condition with a reason, observed for the current generation."""

        def look() -> Object:
            body = self.body()
            found = find_condition(body, type_)
            current = found.get("observedGeneration") == body["metadata"]["generation"]
            hit = current and (found.get("status"), found.get("reason")) == (status, reason)
            return found if hit else {}

        return wait_until(f"{type_}={status}: {reason}", look, seconds=seconds, seen=self._summary)

    def _summary(self) -> str:
        status = self.status()
        told = [
            f"{c['type']}={c['status']} {c['reason']}: {c['message']}"
            for c in status.get("conditions", [])
        ]
        return "\n  ".join([f"next: {status.get('nextAction')}", *told])

    # ---- its pods ----

    def pod_name(self, member: int) -> str:
        """The pod of a voter."""
        return f"{self.name}-{member}"

    def pod(self, member: int) -> Object | None:
        """The pod of a voter."""
        return self.cluster.get("pod", self.pod_name(member), self.namespace)

    def pods(self) -> list[Object]:
        """All pods of the ensemble."""
        return self.cluster.list(
            "pods", self.namespace, selector=f"zookeeper.ensemble.dev/ensemble={self.name}"
        )

    def pod_uids(self) -> dict[str, str]:
        """Which pods there are: their UIDs by name."""
        return {p["metadata"]["name"]: p["metadata"]["uid"] for p in self.pods()}

    def wait_recreated(self, member: int, old: Object) -> None:
        """Wait until a voter's pod is another one than this, and ready.

        Only then must the status know that the old one was deleted.
        """
        wait_until(
            f"{self.pod_name(member)} is another pod, and ready",
            lambda: is_ready(self.pod(member), other_than=old),
            seconds=READY_SECONDS,
        )

    def restarts(self) -> dict[str, int]:
        """How often the container of each pod was started again."""
        return {
            p["metadata"]["name"]: sum(
                c["restartCount"] for c in p["status"].get("containerStatuses", ())
            )
            for p in self.pods()
        }

    def claim(self, member: int) -> Object:
        """The claim of a voter's data.

        Raises:
            KeyError: there is none.
        """
        name = f"data-{self.pod_name(member)}"
        found = self.cluster.get("pvc", name, self.namespace)
        if found is None:
            raise KeyError(name)
        return found

    def volume_path(self, member: int) -> tuple[str, str]:
        """Where the volume of a voter is: node and directory."""
        volume = self.cluster.get("pv", self.claim(member)["spec"]["volumeName"])
        pod = self.pod(member)
        assert volume is not None
        assert pod is not None
        spec = volume["spec"]
        return pod["spec"]["nodeName"], (spec.get("hostPath") or spec["local"])["path"]

    def signal(self, member: int, signal: str) -> None:
        """Send a signal to a member's ZooKeeper."""
        pod = self.pod(member)
        assert pod is not None, f"{self.pod_name(member)} is not there"
        self.cluster.signal(pod, signal)

    # ---- what an administrator reads ----

    def events(self, reason: str = "") -> list[Object]:
        """The Events about the resource itself, oldest first."""
        out = self.cluster.list("events", self.namespace)
        mine = [
            e
            for e in out
            if e["involvedObject"].get("kind") == "ZookeeperEnsemble"
            and e["involvedObject"]["name"] == self.name
            and reason in {"", e["reason"]}
        ]
        # Of the same second: in the order in which they were stored.
        return sorted(
            mine,
            key=lambda e: (
                e["metadata"]["creationTimestamp"],
                int(e["metadata"]["resourceVersion"]),
            ),
        )

    def wait_event(self, reason: str) -> list[Object]:
        """Wait for an Event, which is written after the status that gives rise to it; all of that reason."""
        return wait_until(f"an Event {reason}", lambda: self.events(reason), seconds=10)

    def table(self) -> dict[str, str]:
        """The ensemble's line of `kubectl get zke`, by column."""
        head, line = self.cluster.kubectl(
            "--namespace", self.namespace, "get", "zke", self.name
        ).splitlines()
        starts = [m.start() for m in re.finditer(r"\S+", head)]
        ends = [*starts[1:], None]
        return {head[a:b].strip(): line[a:b].strip() for a, b in zip(starts, ends, strict=True)}

    # ---- the members' own answers ----

    def admin(self, member: int, command: str) -> Object:
        """A member's answer to an AdminServer command, asked through the API server."""
        text = self.cluster.http(self.namespace, self.pod_name(member), 8080, f"commands/{command}")
        answer: Object = json.loads(text)
        return answer

    def leader(self) -> int:
        """The id of the leader, by the status."""
        found: int = self.status()["leader"]["id"]
        return found

    def epoch(self) -> int:
        """The leader's epoch, by the leader itself."""
        stats = self.admin(self.leader(), "server_stats")
        zxid: int = stats["server_stats"]["last_processed_zxid"]
        return zxid >> 32

    def followers(self) -> list[int]:
        """The ids of the voters that do not lead, lowest first."""
        status = self.status()
        return [m["id"] for m in status["members"] if m["id"] != status["leader"]["id"]]

    # ---- as a client ----

    def host(self, member: int) -> str:
        """A voter's address for clients."""
        return f"{self.pod_name(member)}.{self.namespace}.svc.cluster.local:2181"

    @contextmanager
    def counting(self, *, pinned: Iterable[int] = (1, 2, 3)) -> Iterator[CountingWriter]:
        """A counting writer with one client for each of these members, and one that knows all."""
        with counting(
            self.cluster,
            self.namespace,
            name=f"{self.name}-writer",
            everyone=self.status()["connectionString"],
            pinned=[self.host(member) for member in pinned],
        ) as writer:
            yield writer

    def shell(self, member: int, *lines: str, timeout: float = 60) -> str:
        """A session with zkCli.sh in a member's pod: everything it printed, errors included."""
        script = "\n".join((*lines, "quit", ""))
        command = ("bash", "-c", "zkCli.sh 2>&1 || true")
        return self.cluster.exec(
            self.namespace, self.pod_name(member), *command, given=script, timeout=timeout
        )

    def converse(self, member: int, *lines: str) -> str:
        """A session with zkCli.sh as at a terminal: each line is typed when the shell prompts for it."""
        return self.cluster.converse(
            self.namespace,
            self.pod_name(member),
            "zkCli.sh",
            *(*lines, "quit"),
            prompt=r"\[zk: \S+ \d+\] ",
        )

    @contextmanager
    def client(self, target: str) -> Iterator[KazooClient]:
        """A client session of this machine with what a pod or Service leads to, by a forwarded port."""
        with (
            self.cluster.port_forward(self.namespace, target, 2181) as port,
            session(f"127.0.0.1:{port}") as found,
        ):
            yield found

    def write(self, path: str, value: str, *, member: int = 1) -> None:
        """Create a znode."""
        with self.client(f"pod/{self.pod_name(member)}") as client:
            client.create(path, value.encode())

    def read(self, path: str, *, member: int = 1) -> str:
        """The value of a znode as one member has it, after it has caught up."""
        with self.client(f"pod/{self.pod_name(member)}") as client:
            client.sync(path)
            value: bytes = client.get(path)[0]
        return value.decode()

    def delete(self, path: str, *, member: int = 1) -> None:
        """Delete a znode."""
        with self.client(f"pod/{self.pod_name(member)}") as client:
            client.delete(path)


def is_ready(pod: Object | None, *, other_than: Object) -> bool:
    """Whether there is a ready pod, and not the one that was there before."""
    return (
        pod is not None
        and pod["metadata"]["uid"] != other_than["metadata"]["uid"]
        and find_condition(pod, "Ready").get("status") == "True"
    )


@contextmanager
def session(hosts: str) -> Iterator[KazooClient]:
    """A client session of this machine, which outlasts a pause of a busy one."""
    client = KazooClient(hosts=hosts, timeout=40)
    client.start(timeout=30)
    try:
        yield client
    finally:
        client.stop()
        client.close()


@dataclass
class Sighting:
    """What the status said at a time of this machine's clock, which is also the nodes' clock."""

    at: float
    leader: str
    epoch: int


@dataclass
class StatusWatch:
    """Every change of the leader in the status, with the time at which a watch delivered it."""

    sightings: list[Sighting] = field(default_factory=list)

    def first(self, epoch: int) -> Sighting | None:
        """When the status first named the leader of an epoch, or of a later one."""
        return next((s for s in self.sightings if s.epoch >= epoch), None)


@contextmanager
def watch(ensemble: Ensemble, jsonpath: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Yield a part of the resource each time it is written, however short-lived it is.

    Without `range` in the path: with it, kubectl prints the first object only.
    """
    command = (
        *("kubectl", "--context", ensemble.cluster.context, "--namespace", ensemble.namespace),
        *("get", "zke", ensemble.name, "--watch", f"--output=jsonpath={jsonpath}"),
    )
    with Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        lines: Iterable[str] = process.stdout

        def follow() -> None:
            for line in lines:
                tell(line.strip())

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            process.terminate()
            thread.join(timeout=5)


@contextmanager
def watch_leader(ensemble: Ensemble) -> Iterator[StatusWatch]:
    """Follow `status.leader` as fast as the API server delivers it."""
    watched = StatusWatch()

    def see(line: str) -> None:
        pod, _, epoch = line.partition(" ")
        if epoch:
            watched.sightings.append(Sighting(time.time(), pod, int(epoch)))

    with watch(ensemble, '{.status.leader.pod} {.status.leader.epoch}{"\\n"}', see):
        yield watched


@contextmanager
def watch_condition(ensemble: Ensemble, type_: str) -> Iterator[set[tuple[str, str]]]:
    """Every (status, reason) that a condition has in a time."""
    seen: set[tuple[str, str]] = set()

    def see(line: str) -> None:
        status, _, reason = line.partition(" ")
        seen.add((status, reason))

    found = f'.status.conditions[?(@.type=="{type_}")]'
    with watch(ensemble, f'{{{found}.status}} {{{found}.reason}}{{"\\n"}}', see):
        yield seen


def parse_time(text: str) -> float:
    """A time of the Kubernetes API in seconds of the clock."""
    return datetime.fromisoformat(text).timestamp()


def comparable(body: Mapping[str, Any]) -> Object:
    """An object without what the API server and the controllers set differently each time."""
    metadata = body["metadata"]
    kept = {
        "name": metadata["name"],
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "owners": [o["kind"] for o in metadata.get("ownerReferences") or ()],
    }
    spec = {
        k: v for k, v in (body.get("spec") or {}).items() if k not in {"clusterIP", "clusterIPs"}
    }
    content = {k: body[k] for k in ("data", "stringData", "type") if k in body}
    return {"kind": body["kind"], "metadata": kept, "spec": spec, **content}
