"""How a controller of backups writes: a status under the version it was computed from, and Events."""

import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.backup.resource import Metadata
from zookeeper_operator.kube.api import Kube, KubeError, Object, Resource
from zookeeper_operator.kube.events import EventRecorder, EventType, ObjectReference, OnEvent

_LOG = logging.getLogger(__name__)


class Writer:
    """Writes for the objects of one kind. Asks before each write whether this process still may."""

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        *,
        instance: str,
        may_act: Callable[[], bool],
        on_event: OnEvent,
    ) -> None:
        self._kube = kube
        self._resource = resource
        self._may_act = may_act
        self._recorder = EventRecorder(kube, instance, on_event=on_event)

    async def write_status(self, about: Metadata, before: ApiModel, status: ApiModel) -> bool:
        """Write a status that says something new; False if the object has changed or may not be written.

        Raises:
            KubeError: the API server did not answer, or refused.
        """
        if before == status:
            return True
        if not self._may_act():
            return False
        body = self.body_of(about)
        body["metadata"]["resourceVersion"] = about.resource_version
        try:
            await self._kube.apply_status(self._resource, {**body, "status": status.to_api()})
        except KubeError as error:
            if error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return False
            raise
        return True

    def body_of(self, about: Metadata) -> Object:
        """The object, with nothing but its identity."""
        return {
            "apiVersion": self._resource.api_version,
            "kind": self._resource.kind,
            "metadata": {"name": about.name, "namespace": about.namespace, "uid": about.uid},
        }

    async def record(
        self, about: Metadata, *, warning: bool, reason: str, message: str, now: datetime
    ) -> None:
        """Write an Event and a line of the log."""
        if not self._may_act():
            return
        type_: EventType = "Warning" if warning else "Normal"
        level = logging.WARNING if warning else logging.INFO
        where = f"{self._resource.kind} {about.namespace}/{about.name}"
        _LOG.log(level, "%s: %s", reason, message, extra={"key": where})
        reference = ObjectReference(
            self._resource.api_version,
            self._resource.kind,
            about.namespace,
            about.name,
            about.uid,
        )
        await self._recorder.record(reference, type=type_, reason=reason, message=message, now=now)
