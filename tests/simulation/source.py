"""A running ensemble that is taken over: its StatefulSet, its servers, its owner.

The controller of StatefulSets makes its pods as it makes ours; what runs in them is started here. A server
that is restarted begins with the static list that its owner gave it, unless its image keeps the committed
one, and with the data on its volume.
"""

from typing import Any, Final

from tests.simulation.api_server import NAMESPACE, ApiServer
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import EMPTY, Disk, Member, Network, View

from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

SOURCE: Final = "old"
_LABELS: Final = {"app": SOURCE}


def is_of_source(body: Object) -> bool:
    """Whether an object belongs to the source, and not to an ensemble of ours."""
    return bool((body["metadata"].get("labels") or {}).get("app") == SOURCE)


def _ends(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


class Source:
    """The servers 1 to `size`, each in its pod."""

    def __init__(
        self,
        stage: Stage,
        api: ApiServer,
        network: Network,
        size: int,
        *,
        keeps_lists: bool,
        reconfigures: bool = True,
    ) -> None:
        self._stage = stage
        self._api = api
        self._network = network
        self.size = size
        self._keeps_lists = keeps_lists
        self.reconfigures = reconfigures
        self._disks: dict[int, Disk] = {}
        self._members: dict[str, Member] = {}
        self.listed = CommittedConfig(
            0, tuple(Server(i, self.host(i), "participant") for i in range(1, size + 1))
        )
        if size:
            api.listeners.append(self._on_change)

    @staticmethod
    def host(member_id: int) -> str:
        """The name in the server line of a member."""
        return f"{SOURCE}-{member_id - 1}.{SOURCE}.{NAMESPACE}.svc.cluster.local"

    def begin(self) -> None:
        """Create the StatefulSet, whose servers have data from the start."""
        self._disks = {i: Disk(head=EMPTY) for i in range(1, self.size + 1)}
        self._api.create(
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {"name": SOURCE, "labels": _LABELS},
                "spec": {
                    "replicas": self.size,
                    "serviceName": SOURCE,
                    "ordinals": {"start": 0},
                    "selector": {"matchLabels": _LABELS},
                    "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": []}},
                },
            }
        )

    # ------------------------------------------------------------------ what is asked of it

    def member(self, host: str) -> Member | None:
        """The server behind a host name."""
        return self._members.get(host.partition(".")[0])

    def has_pod(self, host: str) -> bool:
        """Whether a host name resolves."""
        return self._api.get("Pod", host.partition(".")[0]) is not None

    def may_run(self) -> frozenset[int]:
        """The members that run, or are started as soon as their pods are there."""
        statefulset = self._api.get("StatefulSet", SOURCE)
        replicas = 0 if statefulset is None else statefulset["spec"]["replicas"]
        pods = {i for i in range(1, self.size + 1) if self.has_pod(self.host(i))}
        return frozenset(pods | set(range(1, replicas + 1)))

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it runs any more, and nothing will."""
        return not self.may_run() and not self._members

    # ------------------------------------------------------------------ its owner, and bad luck

    def roll_back(self) -> None:
        """The owner, or a tool of theirs, puts back what the manifest says."""
        statefulset = self._api.get("StatefulSet", SOURCE)
        if statefulset is not None:
            self._stage.tell("owner", f"sets the source to {self.size} pods again")
            spec = {**statefulset["spec"], "replicas": self.size}
            self._api.change(statefulset, spec=spec)

    def stop(self) -> None:
        """The owner stops all of it."""
        statefulset = self._api.get("StatefulSet", SOURCE)
        if statefulset is not None and statefulset["spec"]["replicas"]:
            self._stage.tell("owner", "stops the source")
            self._api.change(statefulset, spec={**statefulset["spec"], "replicas": 0})

    def crash(self, member_ids: tuple[int, ...]) -> None:
        """These processes die, and are started again in their pods."""
        for member_id in member_ids:
            name = f"{SOURCE}-{member_id - 1}"
            member = self._members.pop(name, None)
            if member is not None:
                self._network.kill(member)
                self._stage.later(0.5, 2.0, self._start, name)

    # ------------------------------------------------------------------ pods

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        body = after or before
        assert body is not None
        if body["kind"] != "Pod" or not is_of_source(body):
            return
        name = body["metadata"]["name"]
        if before is None:
            self._stage.later(0.5, 2.0, self._start, name)
        elif after is not None and _ends(after) and not _ends(before):
            self._stage.later(0.05, 0.4, self._terminate, name)

    def _start(self, name: str) -> None:
        pod = self._api.get("Pod", name)
        if pod is None or pod["metadata"].get("deletionTimestamp") or name in self._members:
            return
        member_id = int(name.rpartition("-")[2]) + 1
        disk = self._disks[member_id]
        stored = disk.stored if self._keeps_lists else None
        member = Member(
            id=member_id,
            disk=disk,
            view=stored or View(self.listed),
            password="",
            version="3.9.4",
            ip=name,
            reconfigures=self.reconfigures,
        )
        if not self._keeps_lists:
            disk.pending = None
        self._members[name] = member
        self._stage.later(0.2, 1.0, self._network.start, member)

    def _terminate(self, name: str) -> None:
        member = self._members.pop(name, None)
        if member is not None:
            self._network.kill(member)
        self._stage.later(0.3, 1.2, self._api.remove, "Pod", name)

    def freeze(self, member_id: int, seconds: float) -> None:
        """A process stops for a while."""
        member: Any = self._members.get(f"{SOURCE}-{member_id - 1}")
        if member is not None:
            self._network.freeze(member, frozen=True)
            self._stage.loop.call_later(seconds, self._thaw, member)

    def _thaw(self, member: Member) -> None:
        self._network.freeze(member, frozen=False)
