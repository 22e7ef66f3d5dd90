"""The controller of `ZookeeperBackup`: it reads, `decide` decides, and it does what was decided.

It keeps nothing in memory. A Job is created by its name and never changed, so that of several backups of an
ensemble one runs, whatever their controllers believe.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

import pydantic

from zookeeper_operator.agent.result import Failure
from zookeeper_operator.api import backup_reasons as reasons
from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.api.backup_status import BackupStatus
from zookeeper_operator.archive.retention import RetentionRule
from zookeeper_operator.backup import names, removal
from zookeeper_operator.backup.build.job import build_config, build_job
from zookeeper_operator.backup.build.program import Order, Program
from zookeeper_operator.backup.decide import Decision, Situation, decide, is_job_of, wait
from zookeeper_operator.backup.progress import job_outcome
from zookeeper_operator.backup.readiness import Waiting
from zookeeper_operator.backup.recording import Writer
from zookeeper_operator.backup.resource import (
    FINAL_PHASES,
    Backup,
    read_backup,
    read_metadata,
    read_schedule,
)
from zookeeper_operator.backup.retention import read_rule
from zookeeper_operator.control.controller import Event, Key, Listed, WatchedResource
from zookeeper_operator.ensemble import names as ensemble_names
from zookeeper_operator.ensemble.ensemble import read_ensemble
from zookeeper_operator.ensemble.installation import manager_of
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.observe import utc_now
from zookeeper_operator.ensemble.security.phase import PLAIN, template_phase
from zookeeper_operator.kube.api import (
    RESOURCES,
    Kube,
    KubeError,
    NamespaceEndingError,
    Object,
    Resource,
)
from zookeeper_operator.kube.events import OnEvent
from zookeeper_operator.settings import Settings

JOBS: Final = RESOURCES["Job"]
PODS: Final = RESOURCES["Pod"]
_FOLLOWED_SECONDS: Final = 15.0
"""Between two reconciles of one that runs: events of its Job and pod wake it earlier."""

OnEnd = Callable[[Backup, BackupStatus], None]


class BackupController:
    """`control.controller.Controller` for backups."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        *,
        may_act: Callable[[], bool] = lambda: True,
        on_event_written: OnEvent = lambda _type, _reason: None,
        on_end: OnEnd = lambda _backup, _status: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kube = kube
        self._settings = settings
        self._may_act = may_act
        self._on_end = on_end
        self._now = now
        self._writer = Writer(
            kube,
            names.BACKUPS,
            instance=settings.identity,
            may_act=may_act,
            on_event=on_event_written,
        )

    @property
    def watches(self) -> Sequence[WatchedResource]:
        """Backups, their Jobs and the pods of these."""
        return (
            WatchedResource(names.BACKUPS),
            WatchedResource(JOBS, names.LABEL_BACKUP),
            WatchedResource(PODS, names.LABEL_BACKUP),
        )

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        """The backup itself, or the one that a Job or a pod belongs to by its label."""
        metadata = event.body["metadata"]
        own = resource == names.BACKUPS
        name = (
            metadata["name"] if own else (metadata.get("labels") or {}).get(names.LABEL_BACKUP, "")
        )
        return (Key(names.BACKUPS.kind, metadata.get("namespace", ""), name),) if name else ()

    async def list_keys(self) -> Sequence[Listed]:
        """List the backups of the namespaces that are watched."""
        return await list_objects(self._kube, names.BACKUPS, self._settings)

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile one backup; the seconds until the next time, None if it is gone.

        Raises:
            KubeError: the API server could not be asked, or refused in a way that is worth a backoff.
        """
        body = await self._kube.get(names.BACKUPS, key.namespace, key.name)
        if body is None:
            return None
        try:
            backup = read_backup(body)
        except (pydantic.ValidationError, ValueError) as error:
            return await self._report_unreadable(body, error)
        try:
            return await self._reconcile(backup)
        except NamespaceEndingError:
            return self._settings.resync_seconds

    async def _reconcile(self, backup: Backup) -> float:
        place, ensemble_name = backup.metadata.namespace, backup.spec.ensemble_ref.name
        ensemble = await self._kube.get(ensemble_names.ENSEMBLES, place, ensemble_name)
        if ensemble is not None and manager_of(ensemble) not in {"", self._settings.installation}:
            return self._settings.resync_seconds
        job = await self._kube.get(JOBS, place, names.backup_name(ensemble_name))
        if backup.metadata.deleting_since is not None and not _is_stored_unsaid(
            backup, job, self._now()
        ):
            remover = removal.Remover(self._kube, self._writer, self._program(), self._may_act)
            return await remover.remove(backup, job, self._now())
        situation = Situation(
            backup,
            self._now(),
            ensemble=ensemble,
            job=job,
            pods=tuple(await self._fetch_pods(backup, job)),
            refusal=self._refusal(backup),
        )
        decision = decide(situation)
        if not self._may_act():
            return self._settings.resync_seconds
        if decision.start is not None:
            if await removal.needs_finalizer(self._kube, self._writer, backup):
                return self._settings.unsettled_seconds
            decision = await self._start(situation, decision, decision.start)
        return await self._conclude(situation, decision)

    async def _fetch_pods(self, backup: Backup, job: Object | None) -> list[Object]:
        if job is None or backup.done:
            return []
        labels = f"{names.LABEL_BACKUP_UID}={backup.metadata.uid}"
        found = await self._kube.list(PODS, backup.metadata.namespace, labels=labels)
        uid = job["metadata"]["uid"]
        return [
            pod
            for pod in found
            if any(o["uid"] == uid for o in pod["metadata"].get("ownerReferences") or [])
        ]

    async def _conclude(self, situation: Situation, decision: Decision) -> float:
        """Write the status, then Events about it, then delete the Job that it has made needless."""
        backup, status = situation.backup, decision.status
        if not await self._writer.write_status(backup.metadata, backup.status, status):
            return self._settings.unsettled_seconds
        await self._tell(situation, status)
        ended = status.phase in FINAL_PHASES
        if ended or decision.stop is not None:
            await self._remove_job(backup, decision.stop)
        if ended:
            return self._settings.resync_seconds
        return (
            _FOLLOWED_SECONDS if status.phase != "Pending" else 5 * self._settings.unsettled_seconds
        )

    async def _tell(self, situation: Situation, status: BackupStatus) -> None:
        """Report what is new in a status."""
        backup, before = situation.backup, situation.backup.status
        if (before.phase, before.reason) == (status.phase, status.reason) or backup.done:
            return
        ended = status.phase in FINAL_PHASES
        if ended:
            self._on_end(backup, status)
        if not status.reason and not ended and before.phase not in {None, "Pending"}:
            return  # from one step of the Job to the next
        known = BACKUP_REASONS.get(status.reason)
        warning = status.phase == "Failed" or (known is not None and known.severity != "normal")
        reason = status.reason or (reasons.STORED if ended else reasons.RUNNING)
        text = (
            f"stored at {status.location}, verified by {status.verified.by}"
            if status.verified
            else ""
        )
        await self._writer.record(
            backup.metadata,
            warning=warning,
            reason=reason,
            message=status.message or text or "the Job of the backup has been created",
            now=situation.now,
        )

    async def _remove_job(self, backup: Backup, uid: str | None) -> None:
        """Delete the ConfigMap of a backup and its Job, if there is one; the pod goes with it."""
        place, ensemble = backup.metadata.namespace, backup.spec.ensemble_ref.name
        config = names.config_name(ensemble, backup.metadata.uid)
        live = await self._kube.get_metadata(RESOURCES["ConfigMap"], place, config)
        if live is not None:
            await self._kube.delete(
                RESOURCES["ConfigMap"], place, config, uid=live["metadata"]["uid"]
            )
        if uid is not None:
            await self._kube.delete(JOBS, place, names.backup_name(ensemble), uid=uid)

    # ------------------------------------------------------------------ start

    async def _start(self, situation: Situation, decision: Decision, attempt: int) -> Decision:
        """Create the Job; the decision as it is after that."""
        order = await self._order(situation, attempt)
        if isinstance(order, Waiting):
            return Decision(wait(situation, order))
        try:
            await self._create_config(build_config(order))
            await self._kube.create(JOBS, build_job(order))
        except KubeError as error:
            if isinstance(error, NamespaceEndingError) or error.status not in _REFUSALS:
                raise
            return Decision(wait(situation, _why_refused(situation, error)))
        return decision

    async def _create_config(self, body: Object) -> None:
        """Create the ConfigMap of a Job, in place of what an attempt has left that came to no Job.

        That one says how the members spoke then, and may have waited for another backup since.
        """
        resource, about = RESOURCES["ConfigMap"], body["metadata"]
        live = await self._kube.get(resource, about["namespace"], about["name"])
        if live is not None and live.get("data") == body["data"]:
            return
        if live is not None:
            uid = live["metadata"]["uid"]
            await self._kube.delete(resource, about["namespace"], about["name"], uid=uid)
        await self._kube.create(resource, body)

    async def _order(self, situation: Situation, attempt: int) -> Order | Waiting:
        """What the Job is built from; why not now, if that cannot be read."""
        backup, body = situation.backup, situation.ensemble
        name, place = backup.spec.ensemble_ref.name, backup.metadata.namespace
        unreadable = Waiting(
            reasons.QUORUM_NOT_WHOLE, f"the ensemble {name} or its membership cannot be read"
        )
        published = await self._kube.get(
            RESOURCES["ConfigMap"], place, ensemble_names.membership_name(name)
        )
        statefulset = await self._kube.get(RESOURCES["StatefulSet"], place, name)
        if body is None or published is None or statefulset is None:
            return unreadable
        try:
            ensemble = read_ensemble(
                body,
                cluster_domain=self._settings.cluster_domain,
                operator_namespace=self._settings.namespace,
            )
            membership = read_membership(published)
        except (pydantic.ValidationError, ValueError, KeyError):
            return unreadable
        return Order(
            backup=backup,
            attempt=attempt,
            ensemble=ensemble,
            membership=membership,
            phase=template_phase(statefulset["spec"]["template"]) or PLAIN,
            program=self._program(),
            retention=await self._retention_of(backup),
        )

    async def _retention_of(self, backup: Backup) -> RetentionRule | None:
        """What the schedule of a backup keeps; None if there is none that can be read: everything stays."""
        if not backup.schedule:
            return None
        body = await self._kube.get(names.SCHEDULES, backup.metadata.namespace, backup.schedule)
        if body is None:
            return None
        try:
            return read_rule(read_schedule(body).spec.retention)
        except (pydantic.ValidationError, ValueError):
            return None

    def _program(self) -> Program:
        return Program(self._settings.image, self._settings.image_pull_policy)

    def _refusal(self, backup: Backup) -> Failure | None:
        """Why this operator does not run such a backup at all; None if it does."""
        account, allowed = backup.spec.service_account_name, self._settings.backup_service_accounts
        if account and account not in allowed and "true" not in allowed:
            return Failure(
                reason=reasons.SERVICE_ACCOUNT_REFUSED,
                message=f"spec.serviceAccountName: {account} is refused; the operator must be installed "
                f"with backups.serviceAccounts={{{account}}} to let backups act as it",
            )
        if not self._settings.image:
            return Failure(
                reason=reasons.OPERATOR_IMAGE_UNKNOWN,
                message="the operator does not know its own image; set ZOOKEEPER_OPERATOR_IMAGE, as the "
                "chart does",
            )
        return None

    async def _report_unreadable(self, body: Object, error: Exception) -> float:
        """Report that a spec cannot be worked on."""
        about = read_metadata(body)
        try:
            before = BackupStatus.model_validate(body.get("status") or {})
        except pydantic.ValidationError:
            before = BackupStatus()
        if before.phase in FINAL_PHASES or about.deleting_since is not None:
            return self._settings.resync_seconds
        words = "; ".join(str(error).splitlines()[:3])
        status = before.model_copy(
            update={"phase": "Failed", "reason": reasons.INVALID_SPEC, "message": words}
        )
        if await self._writer.write_status(about, before, status):
            await self._writer.record(
                about, warning=True, reason=reasons.INVALID_SPEC, message=words, now=self._now()
            )
        return self._settings.resync_seconds


_REFUSALS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


def _is_stored_unsaid(backup: Backup, job: Object | None, now: datetime) -> bool:
    """Whether the Job of a backup is complete and its status does not say yet what is stored where.

    A status that cannot be written holds a removal up for no longer than anything else.
    """
    since = backup.metadata.deleting_since
    if since is not None and now - since > removal.LONGEST_REMOVAL:
        return False
    if job is None or backup.done or not is_job_of(job, backup):
        return False
    return job_outcome(job) == "Complete" and not job["metadata"].get("deletionTimestamp")


def _why_refused(situation: Situation, error: KubeError) -> Waiting:
    name = names.backup_name(situation.backup.spec.ensemble_ref.name)
    if error.status == HTTPStatus.CONFLICT:
        return Waiting(
            reasons.ANOTHER_BACKUP_RUNS,
            f"the Job {name} of another backup has just been created; the backups of an ensemble run one at "
            "a time",
        )
    return Waiting(reasons.JOB_REFUSED, f"the Job {name} is refused: {error.message}")


async def list_objects(kube: Kube, resource: Resource, settings: Settings) -> list[Listed]:
    """List all objects of a kind, in the namespaces that are watched."""
    found: list[Object] = []
    for namespace in settings.namespaces or (None,):
        found += await kube.list(resource, namespace)
    return [
        Listed(
            Key(resource.kind, metadata["namespace"], metadata["name"]),
            metadata["uid"],
            metadata["resourceVersion"],
        )
        for metadata in (body["metadata"] for body in found)
    ]
