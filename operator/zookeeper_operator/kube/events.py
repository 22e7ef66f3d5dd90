"""Kubernetes Events about any object: one per occurrence, written once, never updated.

A lost Event is not worth a failed reconcile: a refusal is logged, never raised.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from zookeeper_operator.kube.api import (
    FIELD_MANAGER,
    RESOURCES,
    Kube,
    KubeError,
    NamespaceEndingError,
)
from zookeeper_operator.kube.texts import shortened
from zookeeper_operator.kube.times import format_time

_LOG = logging.getLogger(__name__)
# The API server refuses longer messages.
_LONGEST: Final = 1000

EventType = Literal["Normal", "Warning"]

OnEvent = Callable[[EventType, str], None]
"""Called with (type, reason) of every Event that was written. Must not raise."""


@dataclass(frozen=True)
class ObjectReference:
    """The object an Event is about. The Event is written to the object's namespace."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class EventRecorder:
    """Writes Events on behalf of one operator process."""

    def __init__(
        self,
        kube: Kube,
        instance: str,
        *,
        on_event: OnEvent = lambda _type, _reason: None,
        log_extra: Callable[[ObjectReference], Mapping[str, Any]] = lambda _about: {},
    ) -> None:
        """Set who reports.

        Args:
            kube: where the Events are created.
            instance: the name of this process; empty: the operator's own.
            on_event: called after every Event that was written.
            log_extra: fields for the log record of an Event that could not be written.
        """
        self._kube = kube
        self._instance = instance or FIELD_MANAGER
        self._on_event = on_event
        self._log_extra = log_extra

    async def record(
        self,
        about: ObjectReference,
        *,
        type: EventType,  # noqa: A002 -- the word of the API
        reason: str,
        message: str,
        now: datetime,
    ) -> None:
        """Write one Event; never raises for a refusal of the API server."""
        moment = format_time(now)
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{about.name}.{uuid.uuid4().hex[:16]}",
                "namespace": about.namespace,
            },
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": type,
            "reason": reason,
            "message": shortened(message, _LONGEST),
            "action": reason,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self._instance,
            "source": {"component": FIELD_MANAGER},
        }
        try:
            await self._kube.create(RESOURCES["Event"], body)
        except NamespaceEndingError:
            _LOG.debug("Event %s: its namespace is being deleted", reason)
        except KubeError as error:
            _LOG.warning(
                "Event %s was not written: %s", reason, error, extra=self._log_extra(about)
            )
        else:
            self._on_event(type, reason)
