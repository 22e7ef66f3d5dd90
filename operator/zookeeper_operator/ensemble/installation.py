"""Which operator manages an ensemble: one at a time, and another one only when a person says so (ADR 8).

Pure. An operator is known by its namespace and the name of its Lease. It writes that into the status of every
ensemble before it changes anything of it; an annotation of the ensemble names the one that must manage it
from now on.
"""

from typing import Any

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object


class ManagedElsewhereError(Exception):
    """Another operator manages this ensemble; nothing of it may be changed."""

    def __init__(self, body: Object, manager: str) -> None:
        super().__init__(f"{manager} manages it")
        self.body = body
        self.manager = manager


def recorded_manager(body: Object) -> str:
    """The operator that manages an ensemble by its status; empty if none has recorded itself."""
    return str((body.get("status") or {}).get("managedBy") or "")


def manager_of(body: Object) -> str:
    """The operator that manages an ensemble, or must from now on; empty if that is any."""
    return _asked_for(body["metadata"]) or recorded_manager(body)


def check_managed_here(body: Object, operator: str) -> None:
    """Return if this operator manages an ensemble, or may begin to.

    Raises:
        ManagedElsewhereError: another one does, or must.
    """
    manager = manager_of(body)
    if manager and manager != operator:
        raise ManagedElsewhereError(body, manager)


def describe_elsewhere(body: Object, manager: str, operator: str) -> str:
    """Whose an ensemble is, and how it is handed over."""
    metadata = body["metadata"]
    return (
        f"operator {manager} manages this ensemble, and operator {operator} leaves it alone; to hand it "
        f"over: kubectl --namespace {metadata['namespace']} annotate zke {metadata['name']} --overwrite "
        f"{names.ANNOTATION_OPERATOR}={operator}"
    )


def _asked_for(metadata: Any) -> str:
    return str((metadata.get("annotations") or {}).get(names.ANNOTATION_OPERATOR) or "").strip()
