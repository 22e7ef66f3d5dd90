"""Scheduler, kubelet and volumes: from a Pod object to a running server, and back.

Simulated: scheduling (and that there may be no room), claims bound at first use and grown on request,
image pulls that fail, start delays, containers that refuse to start and back off, restarts in place,
readiness after serving, graceful deletion, nodes that vanish with everything on them for a while,
certificates that reach a pod late, and start.sh: what it reads, in which order it believes it, and what it
refuses. A mounted ConfigMap follows its object with the kubelet's delay, so a container that restarts in its
old pod may read an old list.
"""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.api_server import ApiServer, claims_of
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import Disk, Member, Network, View

from zookeeper_operator.certificates.key_store import Stores, read_stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.users import JAAS_KEY
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.ensemble.security.certificates import read_secret
from zookeeper_operator.ensemble.security.phase import Phase, read_phase
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity
from zookeeper_operator.zookeeper.jaas import read_jaas
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

REFUSED: Final = 64
NAMESPACE: Final = "demo"
_MOUNT_DELAY: Final = (1.0, 60.0)
_BACKOFF_AFTER: Final = 600.0
_NOTICES: Final = (3.0, 8.0)
"""How long a kubelet that was stopped needs until it knows what was deleted meanwhile."""


@dataclass(eq=False)
class Running:
    """A pod as its kubelet knows it."""

    name: str
    uid: str
    member_id: int
    ip: str = ""
    disk: Disk | None = None
    member: Member | None = None
    mounted: Object | None = None
    stores: Stores | None = None
    restarts: int = 0
    crashed_at: float = -math.inf
    lost: bool = False
    gone: bool = False
    ready: bool = False
    waits: bool = False
    last: dict[str, Any] = field(default_factory=dict)


class Kubelet:
    """All nodes at once: every pod is on a node of its own."""

    def __init__(
        self, stage: Stage, api: ApiServer, network: Network, script: "StartScript"
    ) -> None:
        self._script = script
        self._stage = stage
        self._api = api
        self._network = network
        self._next_ip = 1
        self.pods: dict[str, Running] = {}
        self.disks: dict[str, Disk] = {}
        self.no_room: set[str] = set()
        api.listeners.append(self._on_change)
        network.on_change = self._member_changed

    # ------------------------------------------------------------------ what the cluster asks

    def running(self, name: str) -> Running | None:
        """The pod of that name, if there is one."""
        found = (r for r in self.pods.values() if r.name == name)
        return next(found, None)

    def by_ip(self, ip: str) -> Running | None:
        """The pod at that address; addresses are never used twice."""
        return next((r for r in self.pods.values() if r.ip == ip and ip), None)

    def crash(self, name: str) -> None:
        """The server process dies; its container is started again in its pod."""
        pod = self.running(name)
        if pod is None or pod.member is None or pod.lost:
            return
        self._stop_process(pod)
        ended = {"terminated": {"exitCode": 137, "reason": "Error"}}
        again, pod.crashed_at = self._stage.now - pod.crashed_at < _BACKOFF_AFTER, self._stage.now
        pod.restarts += 1
        pod.last = ended
        if again:
            self._container(pod, {"waiting": {"reason": "CrashLoopBackOff"}})
            self._stage.later(8.0, 12.0, self._start_container, pod)
        else:
            self._container(pod, ended)
            self._stage.later(0.5, 2.0, self._start_container, pod)

    def lose_node(self, name: str, seconds: float) -> None:
        """The pod's node vanishes and comes back; until then its pod cannot even be deleted."""
        pod = self.running(name)
        if pod is None or pod.lost:
            return
        pod.lost = True
        self._stop_process(pod)
        self._stage.later(2.0, 5.0, self._set_ready, pod, False)
        self._stage.loop.call_later(seconds, self._node_back, pod)

    def hang_node(self, name: str, seconds: float) -> None:
        """The pod's node stops as it is, its member too; both go on later, the member first."""
        pod = self.running(name)
        if pod is None or pod.lost or pod.member is None:
            return
        member, pod.lost = pod.member, True
        self._network.freeze(member, frozen=True)
        self._stage.later(2.0, 5.0, self._set_ready, pod, False)
        self._stage.loop.call_later(seconds, self._node_goes_on, pod, member)

    def _node_goes_on(self, pod: Running, member: Member) -> None:
        if pod.gone:
            return
        pod.lost = False
        self._network.freeze(member, frozen=False)
        self._stage.tell(f"node of {pod.name}", "goes on")
        self._stage.later(*_NOTICES, self._kubelet_goes_on, pod)

    def _kubelet_goes_on(self, pod: Running) -> None:
        body = self._api.get("Pod", pod.name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            self._end(pod)
        elif not pod.gone:
            self._probe(pod)

    def node(self, name: str) -> Object:
        """The node object of a pod's own node, which has its name."""
        pod = self.running(name)
        ready = "Unknown" if pod is not None and pod.lost else "True"
        return {"kind": "Node", "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    def _node_back(self, pod: Running) -> None:
        if pod.gone:
            return
        pod.lost = False
        self._stage.tell(f"node of {pod.name}", "is back")
        body = self._api.get("Pod", pod.name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            self._end(pod)
        else:
            pod.restarts += 1
            self._start_container(pod)

    # ------------------------------------------------------------------ pods

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        body = after or before
        assert body is not None
        if body["kind"] == "ConfigMap" and after is not None:
            self._stage.later(*_MOUNT_DELAY, self._refresh_mounts, after["metadata"]["name"])
        if body["kind"] == "Secret" and after is not None:
            # Each node has a kubelet of its own.
            name = after["metadata"]["name"]
            for running in tuple(self.pods.values()):
                if running.stores is not None:
                    self._stage.later(*_MOUNT_DELAY, self._refresh_certificates, running, name)
        if body["kind"] == "PersistentVolumeClaim" and before is not None and after is not None:
            self._maybe_grow(after)
        if body["kind"] != "Pod" or names.LABEL_ENSEMBLE not in body["metadata"]["labels"]:
            return
        uid = body["metadata"]["uid"]
        if before is None:
            index = int(body["metadata"]["labels"][names.LABEL_POD_INDEX])
            self.pods[uid] = Running(body["metadata"]["name"], uid, index)
            self._stage.later(0.02, 0.3, self._schedule, self.pods[uid])
        elif after is not None and after["metadata"].get("deletionTimestamp"):
            pod = self.pods.get(uid)
            if pod is not None and not before["metadata"].get("deletionTimestamp"):
                self._stage.later(0.05, 0.4, self._terminate, pod)

    def _body(self, pod: Running) -> Object | None:
        body = self._api.get("Pod", pod.name)
        return body if body is not None and body["metadata"]["uid"] == pod.uid else None

    def _status(self, pod: Running, **changes: Any) -> None:
        body = self._body(pod)
        if body is not None:
            self._api.change(body, status={**(body.get("status") or {}), **changes})

    def _schedule(self, pod: Running) -> None:
        body = self._body(pod)
        if body is None or pod.gone:
            return
        if pod.name in self.no_room:
            message = "0/3 nodes are available: 3 Insufficient memory."
            self._conditions(
                pod, PodScheduled=("False", {"reason": "Unschedulable", "message": message})
            )
            self._stage.later(1.0, 2.0, self._schedule, pod)
            return
        missing = [c for c in claims_of(body).values() if self._claim(c) is None]
        if missing:
            self._stage.later(0.5, 1.0, self._schedule, pod)
            return
        for claim in claims_of(body).values():
            self._bind(claim)
        data = claims_of(body).get(names.DATA_VOLUME)
        claim_body = self._claim(data) if data else None
        pod.disk = self.disks[claim_body["metadata"]["uid"]] if claim_body else Disk()
        pod.ip = f"10.0.{self._next_ip // 250}.{self._next_ip % 250 + 1}"
        self._next_ip += 1
        self._api.change(body, spec={**body["spec"], "nodeName": pod.name})
        self._conditions(
            pod, PodScheduled=("True", {}), Initialized=("True", {}), Ready=("False", {})
        )
        self._stage.later(0.2, 1.2, self._start_container, pod)

    def _conditions(self, pod: Running, **conditions: tuple[str, dict[str, str]]) -> None:
        body = self._body(pod)
        if body is None:
            return
        old = {c["type"]: c for c in (body.get("status") or {}).get("conditions") or []}
        for type_, (status, more) in conditions.items():
            before = old.get(type_) or {}
            since = before.get("lastTransitionTime") if before.get("status") == status else None
            moment = since or self._stage.timestamp()
            old[type_] = {"type": type_, "status": status, "lastTransitionTime": moment, **more}
        self._status(pod, conditions=[old[t] for t in sorted(old)])

    def _start_container(self, pod: Running) -> None:
        body = self._body(pod)
        if body is None or pod.gone or pod.lost or pod.member is not None:
            return
        container = body["spec"]["containers"][0]
        if "bad" in container["image"]:
            reason = "ErrImagePull" if not pod.waits else "ImagePullBackOff"
            pod.waits = True
            message = f'Back-off pulling image "{container["image"]}"'
            self._container(pod, {"waiting": {"reason": reason, "message": message}})
            self._stage.later(1.0, 10.0, self._start_container, pod)
            return
        config_map = self._api.get("ConfigMap", self._mounted_name(body))
        secret = self._api.get("Secret", names.auth_name(_ensemble(body)))
        config = self._api.get("ConfigMap", config_of(body["spec"]))
        certificates = self._certificates(body)
        users = self._mounted_secret(body, names.USERS_VOLUME)
        lacking = config_map is None or config is None or certificates is None or users is None
        unmounted = pod.mounted is None and lacking
        if unmounted or secret is None:
            reason = "CreateContainerConfigError" if secret is None else "ContainerCreating"
            self._container(pod, {"waiting": {"reason": reason, "message": "not found"}})
            self._stage.later(0.5, 1.5, self._start_container, pod)
            return
        if pod.mounted is None:
            pod.mounted = config_map
            pod.stores = read_stores(certificates) if certificates else None
        assert pod.mounted is not None
        assert users is not None
        assert pod.disk is not None
        started = self._script(
            pod.member_id, pod.disk, container, read_membership(pod.mounted), _ensemble(body)
        )
        if isinstance(started, str):
            pod.restarts += 1
            pod.last = {"terminated": {"exitCode": REFUSED, "reason": "Error", "message": started}}
            self._stage.tell(pod.name, f"refuses to start: {started}")
            self._container(pod, {"waiting": {"reason": "CrashLoopBackOff"}})
            self._stage.later(2.0, 20.0, self._start_container, pod)
            return
        member = Member(
            id=pod.member_id,
            disk=pod.disk,
            view=View(started),
            password=base64.b64decode(secret["data"]["password"]).decode(),
            version=container["image"].rpartition(":")[2],
            ip=pod.ip,
            database=_database(pod.disk),
            phase=_phase(body).quorum,
            listens_for_tls=_phase(body).clients > 0,
            stores=pod.stores,
            auth=_phase(body).auth,
            users=read_jaas(users.get(JAAS_KEY, b"").decode()),
        )
        pod.member = member
        self._container(pod, {"running": {"startedAt": self._stage.timestamp()}})
        self._stage.later(0.2, 1.0, self._network.start, member)

    def _mounted_name(self, body: Object) -> str:
        return names.membership_name(_ensemble(body))

    def _refresh_mounts(self, name: str) -> None:
        live = self._api.get("ConfigMap", name)
        for pod in self.pods.values():
            body = self._body(pod)
            if pod.mounted is None or live is None or body is None or pod.lost:
                continue
            if self._mounted_name(body) == name:
                pod.mounted = live

    def _certificates(self, body: Object) -> Mapping[str, bytes] | None:
        return self._mounted_secret(body, names.TLS_VOLUME)

    def _mounted_secret(self, body: Object, name: str) -> Mapping[str, bytes] | None:
        """The content of the Secret that a pod mounts; empty if it mounts none, None if there is none."""
        for volume in body["spec"].get("volumes") or []:
            if volume["name"] == name:
                live = self._api.get("Secret", volume["secret"]["secretName"])
                return None if live is None else read_secret(live)
        return {}

    def _refresh_certificates(self, pod: Running, name: str) -> None:
        """The mount of a pod follows its Secret, and the server takes over what is new."""
        body = self._body(pod)
        if (
            pod.stores is None
            or body is None
            or pod.lost
            or name != names.tls_name(_ensemble(body))
        ):
            return
        content = self._certificates(body)
        pod.stores = (read_stores(content) if content else None) or pod.stores
        if pod.member is not None:
            pod.member.stores = pod.stores

    def _container(self, pod: Running, state: dict[str, Any]) -> None:
        body = self._body(pod)
        if body is None:
            return
        container = body["spec"]["containers"][0]
        said = {
            "name": container["name"],
            "image": container["image"],
            "ready": False,
            "restartCount": pod.restarts,
            "state": state,
            "lastState": pod.last,
        }
        phase = "Running" if "running" in state or pod.restarts else "Pending"
        self._status(pod, phase=phase, podIP=pod.ip, containerStatuses=[said])
        pod.ready = False
        self._conditions(pod, Ready=("False", {}))

    def _stop_process(self, pod: Running) -> None:
        if pod.member is not None:
            member, pod.member = pod.member, None
            self._network.kill(member)

    def _terminate(self, pod: Running) -> None:
        if pod.lost or pod.gone:
            return
        # SIGTERM is not graceful: the JVM is gone within 0.3 s (measured).
        self._stop_process(pod)
        self._stage.later(0.3, 1.2, self._end, pod)

    def _end(self, pod: Running) -> None:
        if pod.gone or pod.lost:
            return
        pod.gone = True
        self._stop_process(pod)
        self.pods.pop(pod.uid, None)
        if self._body(pod) is not None:
            self._api.remove("Pod", pod.name)

    def remove_by_force(self, name: str) -> None:
        """The node is taken out of the cluster: the pod is gone at once, its process too."""
        pod = self.running(name)
        if pod is not None:
            pod.lost = False
            self._end(pod)

    # ------------------------------------------------------------------ readiness

    def _member_changed(self, member: Member) -> None:
        for pod in self.pods.values():
            if pod.member is member and pod.ready != (member.serving and not member.frozen):
                self._stage.later(0.2, 1.2, self._probe, pod)

    def _probe(self, pod: Running) -> None:
        member = pod.member
        if member is not None and not pod.gone:
            self._set_ready(pod, member.serving and not member.frozen)

    def late(self, name: str, seconds: float) -> None:
        """The readiness probe of a member that serves times out for a while."""
        pod = self.running(name)
        if pod is not None and pod.ready:
            self._set_ready(pod, False)
            self._stage.loop.call_later(seconds, self._probe, pod)

    def _set_ready(self, pod: Running, ready: bool) -> None:  # noqa: FBT001
        body = self._body(pod)
        if pod.ready == ready or body is None or (ready and pod.lost):
            return
        pod.ready = ready
        statuses = (body.get("status") or {}).get("containerStatuses") or []
        self._status(pod, containerStatuses=[{**s, "ready": ready} for s in statuses])
        self._conditions(pod, Ready=("True" if ready else "False", {}))

    # ------------------------------------------------------------------ volumes

    def _claim(self, name: str) -> Object | None:
        return self._api.get("PersistentVolumeClaim", name)

    def _bind(self, name: str) -> None:
        claim = self._claim(name)
        if claim is None or (claim.get("status") or {}).get("phase") == "Bound":
            return
        size = claim["spec"]["resources"]["requests"]["storage"]
        self.disks[claim["metadata"]["uid"]] = Disk()
        self._api.change(claim, status={"phase": "Bound", "capacity": {"storage": size}})

    def _maybe_grow(self, claim: Object) -> None:
        status = claim.get("status") or {}
        asked = parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
        has = parse_quantity((status.get("capacity") or {}).get("storage", 0))
        if status.get("phase") == "Bound" and asked > has:
            self._stage.later(0.5, 3.0, self._grow, claim["metadata"]["name"])

    def _grow(self, name: str) -> None:
        claim = self._claim(name)
        if claim is not None:
            size = claim["spec"]["resources"]["requests"]["storage"]
            self._api.change(claim, status={**claim["status"], "capacity": {"storage": size}})


def _database(disk: Disk) -> str:
    """What start.sh says that it has found."""
    if disk.head is not None:
        return "kept"
    return "founder" if disk.initialize else "none"


def _phase(pod: Object) -> Phase:
    """The phase of TLS of a pod's configuration."""
    found = read_phase(pod["metadata"].get("annotations") or {})
    assert found is not None
    return found


def _ensemble(pod: Object) -> str:
    return str(pod["metadata"]["labels"][names.LABEL_ENSEMBLE])


StartScript = Callable[[int, Disk, Object, Membership, str], CommittedConfig | str]


def run_start_script(
    member_id: int, disk: Disk, container: Object, published: Membership, ensemble: str
) -> CommittedConfig | str:
    """What start.sh does: the configuration to start from, or its words of refusal."""
    environment = {e["name"]: e.get("value", "") for e in container.get("env") or []}
    stamp = f"{environment['ENSEMBLE_IDENTITY']} {member_id}"
    if disk.stamp and disk.stamp != stamp:
        return f"the volume belongs to {disk.stamp}, not to {stamp}"
    if not disk.stamp and disk.head is not None:
        return "the volume holds a database but not the mark of this ensemble"
    place = f"{NAMESPACE}/{ensemble}"
    if disk.place and disk.place != place:
        return f"the volume is one of {disk.place}, not of {place}"
    disk.stamp, disk.place = stamp, place
    disk.initialize = member_id in published.founders and disk.head is None
    if disk.initialize and published.epoch:
        disk.accepted_epoch = published.epoch
    stored = disk.stored
    if stored is not None and stored.version > published.version:
        version, servers = stored.version, stored.config.servers
    else:
        version, servers = published.version, published.servers
    if all(server.id != member_id for server in servers):
        host = names.member_host(ensemble, NAMESPACE, member_id, "cluster.local")
        version, servers = 0, (*servers, Server(member_id, host, "observer"))
    if disk.pending is not None and disk.pending.version <= max(version, published.version):
        disk.pending = None
    found = CommittedConfig(version, tuple(sorted(servers, key=lambda server: server.id)))
    if not version and member_id in found.voters and not disk.initialize:
        # raise_epoch.sh, which only members of a source that is cut over have
        disk.accepted_epoch = max(disk.accepted_epoch, published.epoch)
    if version:
        disk.stored = View(found)
    return found
