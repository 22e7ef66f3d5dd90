"""Whether an ensemble can be backed up now, by what its status says. Pure.

A backup must not be one more thing that the ensemble has to bear, so it waits while a voter is missing; and
while the members change what they speak, a joiner could not join all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pydantic

from zookeeper_operator.api import backup_reasons, reasons
from zookeeper_operator.api.conditions import (
    FALSE,
    QUORUM_HEALTHY,
    SECURED,
    TRUE,
    UNKNOWN,
    Condition,
    find,
)
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.kube.api import Object

_CHANGING_TLS: Final = frozenset({reasons.ENABLING_TLS, reasons.DISABLING_TLS})


@dataclass(frozen=True)
class Waiting:
    """Why a backup does not begin yet: the reason, and the same in a sentence."""

    reason: str
    message: str


def why_not_yet(ensemble: str, body: Object | None) -> Waiting | None:
    """Why the ensemble of this name cannot be backed up now; None if it can."""
    if body is None or body["metadata"].get("deletionTimestamp"):
        gone = "is being deleted" if body is not None else "does not exist"
        return Waiting(backup_reasons.ENSEMBLE_NOT_FOUND, f"the ensemble {ensemble} {gone}")
    try:
        status = EnsembleStatus.model_validate(body.get("status") or {})
    except pydantic.ValidationError:
        return Waiting(
            backup_reasons.QUORUM_NOT_WHOLE, f"the status of the ensemble {ensemble} cannot be read"
        )
    return _changing_tls(ensemble, status) or _missing_voters(ensemble, status, body)


def _changing_tls(ensemble: str, status: EnsembleStatus) -> Waiting | None:
    secured = find(status.conditions, SECURED)
    if secured is None or secured.reason not in _CHANGING_TLS:
        return None
    return Waiting(
        backup_reasons.TLS_CHANGING,
        f"the members of {ensemble} are changing what they encrypt: {secured.message}",
    )


def _missing_voters(
    ensemble: str, status: EnsembleStatus, body: Mapping[str, Any]
) -> Waiting | None:
    if (body.get("spec") or {}).get("stopped"):
        return Waiting(backup_reasons.QUORUM_NOT_WHOLE, f"the ensemble {ensemble} is stopped")
    healthy, quorum = find(status.conditions, QUORUM_HEALTHY), status.quorum
    if status.founded_at is None or healthy is None or quorum is None:
        return Waiting(
            backup_reasons.QUORUM_NOT_WHOLE, f"the ensemble {ensemble} has not been founded yet"
        )
    if healthy.status != TRUE:
        return Waiting(backup_reasons.QUORUM_NOT_WHOLE, f"{ensemble}: {_words(healthy)}")
    if quorum.live < quorum.voters:
        return Waiting(
            backup_reasons.QUORUM_NOT_WHOLE,
            f"{quorum.live} of the {quorum.voters} voters of {ensemble} serve; a backup waits until all do",
        )
    return None


def _words(condition: Condition) -> str:
    known = {FALSE: "no quorum", UNKNOWN: "it is not known whether there is a quorum"}
    return condition.message or known[condition.status]
