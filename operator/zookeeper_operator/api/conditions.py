"""The conditions of an ensemble, the reasons they give, and how they age.

Every condition type and every reason the operator may write stands here once, with a sentence for
the reference page. Reasons are for programs: they are one word and do not change their meaning.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, Self

from zookeeper_operator.api.ensemble import ConditionStatus

Status = Literal["True", "False", "Unknown"]

TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"

READY: Final = "Ready"
QUORUM_HEALTHY: Final = "QuorumHealthy"
MEMBERSHIP_SETTLED: Final = "MembershipSettled"
ROLLED_OUT: Final = "RolledOut"
SCALE_ALLOWED: Final = "ScaleAllowed"
STORAGE_HEALTHY: Final = "StorageHealthy"
SPEC_VALID: Final = "SpecValid"

CONDITION_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        READY: "The summary: the ensemble serves as the spec asks.",
        QUORUM_HEALTHY: (
            "A majority of the committed voters serve, and all of them agree on one leader."
        ),
        MEMBERSHIP_SETTLED: (
            "The committed members are the ones the spec asks for and the pods start from."
        ),
        ROLLED_OUT: "Every pod runs the current revision of its template.",
        SCALE_ALLOWED: "A change of `replicas` would be started now.",
        STORAGE_HEALTHY: "The volumes are bound, as large as asked for, and not filling up.",
        SPEC_VALID: "The spec can be acted on.",
    }
)
"""Condition types in the order of the status, with what `True` means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One answer about the ensemble.

    Attributes:
        type: The question, one of `CONDITION_TYPES`.
        status: `True`, `False` or `Unknown`.
        reason: The cause in one word, one of `REASONS`.
        message: The cause in a sentence.
        observed_generation: Generation of the spec the answer was computed for.
        last_transition_time: When `status` last changed; empty until `merge` has set it.
    """

    type: str
    status: Status
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""

    @classmethod
    def from_status(cls, stored: ConditionStatus) -> Self:
        """Return the condition that stands in a status."""
        return cls(
            type=stored.type,
            status=stored.status,
            reason=stored.reason,
            message=stored.message,
            observed_generation=stored.observed_generation,
            last_transition_time=stored.last_transition_time,
        )

    def to_status(self) -> ConditionStatus:
        """Return the condition as it is written into a status."""
        return ConditionStatus(
            type=self.type,
            status=self.status,
            reason=self.reason,
            message=self.message,
            observed_generation=self.observed_generation,
            last_transition_time=self.last_transition_time,
        )


def merge(old: Sequence[Condition], new: Sequence[Condition], now: str) -> list[Condition]:
    """Return the new conditions with the time at which each last changed its status.

    A condition whose status is what it was keeps its time, whatever its reason and message say
    now. Conditions that are no longer among the new ones are dropped: the operator alone writes
    them.

    Args:
        old: The conditions that stand in the status.
        new: The conditions as computed now; their times are not looked at.
        now: The time to give to those that changed, as RFC 3339.

    Returns:
        The new conditions in their order. Of several of the same type the last one counts.
    """
    before = {condition.type: condition for condition in old}
    merged: dict[str, Condition] = {}
    for condition in new:
        known = before.get(condition.type)
        kept = known is not None and known.status == condition.status
        since = known.last_transition_time if known is not None and kept else ""
        merged[condition.type] = replace(condition, last_transition_time=since or now)
    return list(merged.values())


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of a type, if there is one."""
    return next((condition for condition in conditions if condition.type == type_), None)
