"""The end of a backup whose `deletionPolicy` is `Delete`: what is stored of it is removed before it.

The only finalizer of the operator, and only there where a person asks for it. It is always taken off: what
cannot be removed within `LONGEST_REMOVAL` stays stored, and an Event says so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from zookeeper_operator.api import backup_reasons as reasons
from zookeeper_operator.backup import names
from zookeeper_operator.backup.build.program import Program
from zookeeper_operator.backup.build.prune import build_prune_config, build_prune_job
from zookeeper_operator.backup.decide import is_job_of
from zookeeper_operator.backup.progress import job_outcome
from zookeeper_operator.backup.recording import Writer
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, NamespaceEndingError, Object

LONGEST_REMOVAL: Final = timedelta(minutes=15)
_AGAIN: Final = 5.0
_JOBS: Final = RESOURCES["Job"]


async def needs_finalizer(kube: Kube, writer: Writer, backup: Backup) -> bool:
    """Put the finalizer on a backup that needs it and has none; whether that was so."""
    if backup.spec.deletion_policy != "Delete" or names.FINALIZER in backup.metadata.finalizers:
        return False
    body = writer.body_of(backup.metadata)
    body["metadata"]["finalizers"] = [names.FINALIZER]
    await kube.apply(names.BACKUPS, body)
    return True


class Remover:
    """Removes what is stored of a backup, then lets it go."""

    def __init__(
        self, kube: Kube, writer: Writer, program: Program, may_act: Callable[[], bool]
    ) -> None:
        self._kube = kube
        self._writer = writer
        self._program = program
        self._may_act = may_act

    async def remove(self, backup: Backup, job: Object | None, now: datetime) -> float:
        """One step; the seconds until the next."""
        since = backup.metadata.deleting_since
        if names.FINALIZER not in backup.metadata.finalizers or not self._may_act():
            return 60.0
        if job is not None and is_job_of(job, backup):
            # It could store a backup that no object is about any more.
            await self._kube.delete(
                _JOBS,
                backup.metadata.namespace,
                job["metadata"]["name"],
                uid=job["metadata"]["uid"],
            )
            return _AGAIN
        if backup.status.path is None or not self._program.image:
            return await self._release(backup)
        if since is not None and now - since > LONGEST_REMOVAL:
            await self._writer.record(
                backup.metadata,
                warning=True,
                reason=reasons.NOT_REMOVED,
                message=f"what is stored at {backup.status.location} could not be removed within "
                f"{LONGEST_REMOVAL}, and stays",
                now=now,
            )
            return await self._release(backup)
        try:
            return await self._prune(backup, now)
        except NamespaceEndingError:
            return await self._release(backup)

    async def _prune(self, backup: Backup, now: datetime) -> float:
        place, name = backup.metadata.namespace, names.prune_name(backup.metadata.uid)
        job = await self._kube.get(_JOBS, place, name)
        if job is None:
            for resource, body in (
                (RESOURCES["ConfigMap"], build_prune_config(backup)),
                (_JOBS, build_prune_job(backup, self._program)),
            ):
                try:
                    await self._kube.create(resource, body)
                except KubeError as error:
                    if error.status != HTTPStatus.CONFLICT:
                        raise
            await self._writer.record(
                backup.metadata,
                warning=False,
                reason=reasons.REMOVING_STORED,
                message=f"what is stored at {backup.status.location} is being removed",
                now=now,
            )
            return _AGAIN
        outcome = job_outcome(job)
        if outcome == "Complete":
            return await self._release(backup)
        if outcome == "Failed":
            # Created again by the next reconcile, until the time limit.
            await self._kube.delete(_JOBS, place, name, uid=job["metadata"]["uid"])
        return _AGAIN

    async def _release(self, backup: Backup) -> float:
        """Take the finalizer off, which lets the object go."""
        try:
            await self._kube.apply(names.BACKUPS, self._writer.body_of(backup.metadata))
        except KubeError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise
        return _AGAIN
