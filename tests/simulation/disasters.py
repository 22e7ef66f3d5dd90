"""Disasters that no majority survives: volumes lost for good, and a person who asks for a recovery.

All members but one lose their volumes, and the person asks the operator to recover on the one that is left,
as `kubectl zk recover` does. Or nodes only hang, and a reckless person asks nevertheless: the members on them
go on as if nothing had been when their nodes do, with the list that they started with.
"""

from typing import Final

from tests.simulation.api_server import ApiServer
from tests.simulation.invariants import Watchdog
from tests.simulation.kubelet import Kubelet, Running
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import Disk

from zookeeper_operator.api import conditions
from zookeeper_operator.api.conditions import find_written
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object

_ASKS_AGAIN: Final = 60.0
"""Somebody who has asked waits for two minutes without a quorum, and for two starts."""


class Disasters:
    """What is lost, and what is asked for because of it."""

    def __init__(
        self, stage: Stage, api: ApiServer, kubelet: Kubelet, watchdog: Watchdog, ensemble: str
    ) -> None:
        self._stage = stage
        self._api = api
        self._kubelet = kubelet
        self._watchdog = watchdog
        self._ensemble = ensemble

    def lose_all_but(self, survivor: int) -> None:
        """The volumes of all others are gone for good; their pods come back with new ones."""
        pod = self._kubelet.running(self._name(survivor))
        if pod is None or not self._can_survive(pod):
            return
        self._stage.tell("fault", f"all volumes but that of member {survivor} are lost")
        assert pod.disk is not None
        assert pod.disk.head is not None
        self._watchdog.survives(pod.disk.head)
        for claim in self._api.all("PersistentVolumeClaim"):
            name = claim["metadata"]["name"]
            member = int(name.rpartition("-")[2])
            if member != survivor and member < names.FIRST_OBSERVER_ID:
                self._api.delete("PersistentVolumeClaim", name)
                self._kubelet.remove_by_force(self._name(member))
        self.ask(survivor)

    def ask(self, survivor: int) -> None:
        """Ask for a recovery until the ensemble serves, and take the request back then."""
        body = self._api.get(names.KIND, self._ensemble)
        if body is None:
            self._stage.loop.call_later(_ASKS_AGAIN, self.ask, survivor)
            return
        metadata = body["metadata"]
        annotations = {**(metadata.get("annotations") or {})}
        asked = annotations.pop(names.ANNOTATION_RECOVER, None)
        standing = find_written(body.get("status") or {}, conditions.QUORUM_HEALTHY)
        serves = standing.get("status") == conditions.TRUE and bool(self._watchdog.live())
        pod = self._api.get("Pod", self._name(survivor))
        if not serves and pod is not None:
            annotations[names.ANNOTATION_RECOVER] = f"{survivor}/{pod['metadata']['uid']}"
        if annotations.get(names.ANNOTATION_RECOVER) != asked:
            self._api.change(body, metadata={**metadata, "annotations": annotations})
        if not serves or asked is not None:
            self._stage.loop.call_later(_ASKS_AGAIN, self.ask, survivor)

    def hang(self, members: tuple[int, ...], seconds: float) -> None:
        """Nodes stop as they are, with the members on them, and go on later."""
        for member in members:
            self._kubelet.hang_node(self._name(member), seconds)

    def _name(self, member: int) -> str:
        return names.member_name(self._ensemble, member)

    def _can_survive(self, pod: Running) -> bool:
        """Whether a recovery on this member is possible at all.

        It must hold data, and know no list that was never published: with such a list it waits for the
        members that are on it (docs/adr/0011).
        """
        view, disk = self._watchdog.view, pod.disk
        body = self._api.get(names.KIND, self._ensemble)
        published = self._api.get("ConfigMap", names.membership_name(self._ensemble))
        if body is None or published is None or view is None or disk is None or disk.head is None:
            return False
        founded = bool((body.get("status") or {}).get("foundedAt"))
        if not founded or published["data"]["founders"] or pod.lost:
            return False
        if body["spec"]["storage"].get("ephemeral") or pod.member_id not in view.voters:
            return False
        claim = self._api.get("PersistentVolumeClaim", f"{names.DATA_VOLUME}-{pod.name}")
        if claim is None or not _stays(claim):
            return False
        version = int(published["data"]["configVersion"], 16)
        return len(view.voters) > 1 and _knows_no_more(disk, version)


def _stays(claim: Object) -> bool:
    return not claim["metadata"].get("deletionTimestamp")


def _knows_no_more(disk: Disk, version: int) -> bool:
    known = (disk.stored, disk.pending)
    return all(view is None or view.version <= version for view in known)
