"""Kubernetes Events about an ensemble: one object per notice, written once.

A lost Event is not worth a failed pass: it is logged and forgotten.
"""

import logging
import uuid
from datetime import datetime

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.report.notices import Notice
from zookeeper_operator.ensemble.report.status import format_time
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, NamespaceEndingError

_LOG = logging.getLogger(__name__)
# The API server refuses longer messages.
_LONGEST = 1000


class EventRecorder:
    """Writes notices as Events."""

    def __init__(self, kube: Kube, instance: str) -> None:
        self._kube = kube
        self._instance = instance

    async def record(self, ensemble: Ensemble, notice: Notice, now: datetime) -> None:
        """Write one notice; never raises for a refusal of the API server."""
        moment = format_time(now)
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{ensemble.name}.{uuid.uuid4().hex[:16]}",
                "namespace": ensemble.namespace,
            },
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": ensemble.namespace,
                "name": ensemble.name,
                "uid": ensemble.uid,
            },
            "type": notice.type,
            "reason": notice.reason,
            "message": notice.message[:_LONGEST],
            "action": notice.reason,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "reportingComponent": names.FIELD_MANAGER,
            "reportingInstance": self._instance or names.FIELD_MANAGER,
            "source": {"component": names.FIELD_MANAGER},
        }
        try:
            await self._kube.create(RESOURCES["Event"], body)
        except NamespaceEndingError:
            _LOG.debug("Event %s: its namespace is being deleted", notice.reason)
        except KubeError as error:
            _LOG.warning(
                "Event %s was not written: %s",
                notice.reason,
                error,
                extra={"ensemble": f"{ensemble.namespace}/{ensemble.name}"},
            )
