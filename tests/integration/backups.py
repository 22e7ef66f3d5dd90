"""Backups on the local control plane: an ensemble of objects alone, and pods that tests play.

No node fits the pods of the Jobs, so nothing but the test says what happens in them; the controllers of Jobs
and of garbage are the real ones.
"""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, Final

from tests.integration.waiting import until

from zookeeper_operator.api.backup_status import BackupStatus
from zookeeper_operator.archive.errors import Reason
from zookeeper_operator.backup.controller import BackupController
from zookeeper_operator.backup.names import AGENT, BACKUPS, SYNC, VERIFY
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.backup.schedule_controller import ScheduleController
from zookeeper_operator.control.board import Board
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Kube, Object, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.kube.errors import MissingObjectError
from zookeeper_operator.settings import Settings

JOB: Final = RESOURCES["Job"]
POD: Final = RESOURCES["Pod"]
IMAGE: Final = "operator:test"
CONTAINERS: Final = (SYNC, VERIFY, AGENT)
LABEL_JOB: Final = "batch.kubernetes.io/job-name"
RESULT: Final[Object] = {
    "location": "pvc://backups/place/zk/12345678/20261126T020017Z-100000005",
    "path": "place/zk/12345678/20261126T020017Z-100000005",
    "startedAt": "2026-11-26T02:00:17Z",
    "completedAt": "2026-11-26T02:00:20Z",
    "sizeBytes": 2000,
    "storedBytes": 1000,
    "sha256": "ab" * 32,
    "zxid": "100000005",
    "epoch": 1,
    "znodes": 12,
    "dataBytes": 100,
    "ephemerals": 1,
    "sessions": 1,
    "digest": "abcdef",
    "consistency": "Exact",
    "zookeeperVersion": "3.9.4",
    "ensembleIdentity": "12345678-0000",
    "verified": {"at": "2026-11-26T02:00:15Z", "by": "Restore", "znodes": 12, "loadSeconds": 2},
}
FAILURES: Final = {
    SYNC: Reason.SYNC_FAILED,
    VERIFY: Reason.VERIFICATION_FAILED,
    AGENT: Reason.STORAGE_REFUSED,
}


def settings_of(place: str, **options: Any) -> Settings:
    return Settings.model_validate(
        {
            "namespaces": (place,),
            "namespace": place,
            "identity": "tester",
            "unsettled_seconds": 0.2,
            "image": IMAGE,
            **options,
        }
    )


class Place:
    """One namespace with an ensemble `zk`, its backups, and what their pods do."""

    def __init__(self, kube: KubeClient, name: str) -> None:
        self.kube = kube
        self.name = name
        self.driver: Driver | None = None

    # ------------------------------------------------------------------ the ensemble

    async def create_ensemble(self, **status: Any) -> None:
        """An ensemble that is healthy, but for what the status says."""
        body = self.body(names.ENSEMBLES, "zk", spec={"podTemplate": _NOWHERE})
        created = await self.kube.create(names.ENSEMBLES, body)
        await self.report(**status)
        membership = {
            "ZOO_SERVERS": f"server.1=zk-1.{self.name}.svc:2888:3888:participant;0.0.0.0:2181\n",
            "configVersion": "100000000",
            "founders": "",
            "identity": "12345678-0000",
        }
        config = self.body(RESOURCES["ConfigMap"], "zk-membership", data=membership)
        await self.kube.create(RESOURCES["ConfigMap"], config)
        labels = {"matchLabels": {names.LABEL_ENSEMBLE: created["metadata"]["name"]}}
        template = {
            "metadata": {"labels": labels["matchLabels"]},
            "spec": {"containers": [{"name": "zookeeper", "image": "zookeeper:test"}]},
        }
        spec = {"serviceName": "zk", "replicas": 0, "selector": labels, "template": template}
        await self.kube.create(
            RESOURCES["StatefulSet"], self.body(RESOURCES["StatefulSet"], "zk", spec=spec)
        )

    async def report(self, **changes: Any) -> None:
        """Write the status of the ensemble, as its controller would."""
        since = "2026-11-26T00:00:00Z"
        healthy = {
            "type": "QuorumHealthy",
            "status": "True",
            "reason": "Serving",
            "message": "",
            "lastTransitionTime": since,
        }
        status = {
            "foundedAt": since,
            "conditions": [healthy],
            "quorum": {"voters": 3, "needed": 2, "live": 3},
            **changes,
        }
        await self.kube.apply_status(
            names.ENSEMBLES, self.body(names.ENSEMBLES, "zk", status=status)
        )

    # ------------------------------------------------------------------ backups

    async def create(self, name: str = "first", **spec: Any) -> Object:
        asked = {
            "ensembleRef": {"name": "zk"},
            "storage": {"persistentVolumeClaim": {"claimName": "backups"}},
            **spec,
        }
        return await self.kube.create(BACKUPS, self.body(BACKUPS, name, spec=asked))

    async def status(self, name: str = "first") -> Object:
        live = await self.kube.get(BACKUPS, self.name, name) or {}
        found: Object = live.get("status") or {}
        return found

    async def reaches(self, phase: str, reason: str = "", *, name: str = "first") -> Object:
        """Wait until a backup is in a phase, for a reason if one is given; its status."""
        found: Object = {}

        async def so() -> bool:
            nonlocal found
            found = await self.status(name)
            return found.get("phase") == phase and reason in {"", found.get("reason")}

        try:
            await until(so, seconds=20)
        except TimeoutError as error:
            raise AssertionError(f"{name} is not {phase} {reason}: {found}") from error
        return found

    async def job(self, name: str = "zk-backup") -> Object:
        """Wait for a Job that is not being deleted."""
        found: Object | None = None

        async def there() -> bool:
            nonlocal found
            found = await self.kube.get(JOB, self.name, name)
            return found is not None and not found["metadata"].get("deletionTimestamp")

        await until(there, seconds=20)
        assert found is not None
        return found

    async def left(self) -> list[str]:
        """What is there of Jobs, pods and configurations of backups."""
        listed: list[str] = []
        for resource in (JOB, POD, RESOURCES["ConfigMap"]):
            labels = "app.kubernetes.io/name=zookeeper-backup"
            found = await self.kube.list(resource, self.name, labels=labels)
            listed += [f"{resource.kind} {body['metadata']['name']}" for body in found]
        return listed

    async def is_cleared(self) -> None:
        """Wait until nothing is left of any Job.

        The garbage collector needs half a minute to notice a kind that has just been installed.
        """

        async def so() -> bool:
            await self.end_pods()
            return not await self.left()

        await until(so, seconds=90)

    async def end_pods(self) -> None:
        """Remove pods that are being deleted, as their kubelet would."""
        for pod in await self.kube.list(POD, self.name):
            if pod["metadata"].get("deletionTimestamp"):
                path = POD.path(self.name, pod["metadata"]["name"])
                with contextlib.suppress(MissingObjectError):
                    await self.kube.transport.json(
                        "DELETE", path, verb="delete", kind="Pod", body={"gracePeriodSeconds": 0}
                    )

    async def events(self) -> list[str]:
        found = await self.kube.list(RESOURCES["Event"], self.name)
        return [e["reason"] for e in found if e.get("reportingComponent") == "zookeeper-operator"]

    # ------------------------------------------------------------------ pods

    async def pod_of(self, job: Object) -> Object:
        """Wait for the pod of a Job."""
        found: list[Object] = []

        async def there() -> bool:
            nonlocal found
            pods = await self.kube.list(
                POD, self.name, labels=f"{LABEL_JOB}={job['metadata']['name']}"
            )
            uid = job["metadata"]["uid"]
            found = [p for p in pods if p["metadata"]["ownerReferences"][0]["uid"] == uid]
            return bool(found)

        await until(there, seconds=20)
        return found[0]

    async def play(self, job: Object, running: str) -> None:
        """Let the pod of a Job reach a container: those before it have ended."""
        place = CONTAINERS.index(running)
        states = [_ENDED if i < place else _WAITS for i in range(len(CONTAINERS))]
        states[place] = {"running": {"startedAt": "2026-11-26T02:00:00Z"}}
        await self._write(job, "Running", states)

    async def fail(self, job: Object, container: str, failure: Any, *, code: int = 1) -> None:
        """Let a container of the pod of a Job fail, with this as its last message."""
        place = CONTAINERS.index(container)
        states = [_ENDED if i < place else _WAITS for i in range(len(CONTAINERS))]
        text = failure if isinstance(failure, str) else json.dumps(failure)
        states[place] = _ended(code, text)
        await self._write(job, "Failed", states)

    async def succeed(self, job: Object, result: Object | None = None) -> None:
        """Let the pod of a Job succeed, with a result."""
        states = [_ENDED, _ENDED, _ended(0, json.dumps(result or RESULT))]
        await self._write(job, "Succeeded", states)

    async def finish(self, job: Object) -> None:
        """Let the pod of a Job of another kind succeed."""
        pod = await self.pod_of(job)
        status = {"phase": "Succeeded"}
        await self.kube.apply_status(POD, self._status_of(pod, status))

    async def _write(self, job: Object, phase: str, states: Sequence[Object]) -> None:
        pod = await self.pod_of(job)
        containers = [
            {
                "name": name,
                "image": "any",
                "imageID": "any",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
            for name, state in zip(CONTAINERS, states, strict=True)
        ]
        status = {
            "phase": phase,
            "initContainerStatuses": containers[:-1],
            "containerStatuses": containers[-1:],
        }
        await self.kube.apply_status(POD, self._status_of(pod, status))

    def _status_of(self, pod: Object, status: Object) -> Object:
        return self.body(POD, pod["metadata"]["name"], status=status)

    def body(self, resource: Resource, name: str, **content: Any) -> Object:
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"namespace": self.name, "name": name},
            **content,
        }


def _ended(code: int, message: str = "") -> Object:
    return {
        "terminated": {
            "exitCode": code,
            "message": message,
            "reason": "Completed" if code == 0 else "Error",
        }
    }


_NOWHERE: Final = {"spec": {"nodeSelector": {"no-such": "node"}}}
_ENDED: Final = _ended(0)
_WAITS: Final[Object] = {"waiting": {"reason": "PodInitializing"}}


class Driver:
    """The two controllers, without a watch: everything is reconciled again and again."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        self.board = Board()
        self.ended: list[tuple[str, str]] = []
        backups = BackupController(kube, settings, on_end=self._count)
        schedules = ScheduleController(kube, settings, self.board)
        self._controllers = (backups, schedules)
        self._may_run = asyncio.Lock()

    def _count(self, backup: Backup, status: BackupStatus) -> None:
        self.ended.append((backup.metadata.name, status.phase or ""))

    async def reconcile(self) -> None:
        """Reconcile everything once."""
        for controller in self._controllers:
            for listed in await controller.list_keys():
                await controller.reconcile(listed.key)

    async def run(self) -> None:
        """Reconcile everything until cancelled."""
        while True:
            async with self._may_run:
                await self.reconcile()
            await asyncio.sleep(0.1)

    def pausing(self) -> asyncio.Lock:
        """Nothing is reconciled while this is held."""
        return self._may_run


class KilledError(Exception):
    """The operator was killed."""


class MortalKube:
    """The API server for an operator that is killed right after one of its writes."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self.left: int | None = None
        self.written = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kube, name)
        if name not in {"create", "apply", "apply_status", "delete"}:
            return found

        async def write(*arguments: Any, **options: Any) -> Any:
            answer = await found(*arguments, **options)
            self.written += 1
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    raise KilledError
            return answer

        return write
