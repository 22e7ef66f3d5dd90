"""Conditions: the model, how their times are kept, and the types an ensemble has.

Every condition type stands here once, with what `True` means and the reasons it typically gives; the
reasons themselves are in `reasons`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field

from zookeeper_operator.api import reasons
from zookeeper_operator.api.model import ApiModel

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
SECURED: Final = "Secured"
ADOPTED: Final = "Adopted"
BACKUP_RECENT: Final = "BackupRecent"


@dataclass(frozen=True, slots=True)
class ConditionType:
    """One question a condition answers.

    Attributes:
        name: The type as it stands in the status.
        meaning: What `True` means.
        typical_reasons: The reasons it usually gives, first the one that goes with `True`.
    """

    name: str
    meaning: str
    typical_reasons: tuple[str, ...]


_TYPES: Final = (
    ConditionType(
        READY,
        "The summary: the ensemble serves as the spec asks.",
        (
            reasons.SERVING,
            reasons.FOUNDING,
            reasons.RESTORING,
            reasons.RESTORE_FAILED,
            reasons.PREVIOUS_ENSEMBLE,
            reasons.STOPPED,
            reasons.PAUSED,
            reasons.DELETING,
            reasons.NAME_TAKEN,
            reasons.IMAGE_PULL_FAILED,
            reasons.UNSCHEDULABLE,
            reasons.CRASH_LOOPING,
            reasons.OUT_OF_MEMORY,
            reasons.POD_REFUSED,
            reasons.MOUNT_FAILED,
            reasons.SANDBOX_FAILED,
            reasons.SIDECAR_FAILED,
            reasons.APPLY_FAILED,
            reasons.WAITING_FOR_ADDRESS,
        ),
    ),
    ConditionType(
        QUORUM_HEALTHY,
        "A majority of the committed voters serve, and all of them agree on one leader.",
        (
            reasons.SERVING,
            reasons.NO_QUORUM,
            reasons.VOLUME_LOST,
            reasons.ELECTION_IN_PROGRESS,
            reasons.ELECTION_EXPECTED,
            reasons.MEMBERS_NOT_CONNECTED,
            reasons.RECOVERING,
            reasons.RECOVERY_REFUSED,
            reasons.LOST_MEMBERS_MAY_RETURN,
            reasons.SPLIT_BRAIN,
            reasons.VOTING_VIEWS_DIFFER,
            reasons.NOT_PROBED,
            reasons.FOUNDING,
            reasons.RESTORING,
            reasons.STOPPED,
        ),
    ),
    ConditionType(
        MEMBERSHIP_SETTLED,
        "The committed members are the ones the spec asks for and the pods start from.",
        (
            reasons.SETTLED,
            reasons.ADDING_MEMBER,
            reasons.REMOVING_MEMBER,
            reasons.REPAIRING_MEMBERSHIP,
            reasons.WAITING_FOR_SYNC,
            reasons.ADOPTING,
            reasons.ADOPTION_UNFINISHED,
            reasons.NOT_PROBED,
            reasons.FOUNDING,
            reasons.STOPPED,
        ),
    ),
    ConditionType(
        ROLLED_OUT,
        "Every pod exists and serves, and runs the current revision of its template.",
        (
            reasons.UP_TO_DATE,
            reasons.ROLLING_MEMBER,
            reasons.HANDING_OVER_LEADERSHIP,
            reasons.WAITING_FOR_MEMBER,
            reasons.ROLLOUT_STOPPED,
            reasons.DATA_WOULD_BE_LOST,
            reasons.CLAIM_BEING_DELETED,
            reasons.NOT_PROBED,
            reasons.STOPPED,
        ),
    ),
    ConditionType(
        SCALE_ALLOWED,
        "A change of `replicas` would be started now.",
        (
            reasons.ALLOWED,
            reasons.NO_QUORUM,
            reasons.MEMBER_NOT_SYNCED,
            reasons.ROLLOUT_IN_PROGRESS,
            reasons.PAUSED,
            reasons.STOPPED,
            reasons.NOT_PROBED,
        ),
    ),
    ConditionType(
        STORAGE_HEALTHY,
        "The volumes are bound, as large as asked for, and not filling up.",
        (
            reasons.BOUND,
            reasons.BINDING,
            reasons.RESIZE_PENDING,
            reasons.RESIZE_REFUSED,
            reasons.DISK_PRESSURE,
            reasons.EPHEMERAL_STORAGE,
            reasons.VOLUME_LOST,
            reasons.DATA_WOULD_BE_LOST,
            reasons.CLAIM_BEING_DELETED,
            reasons.FOREIGN_VOLUME,
            reasons.STORAGE_CLASS_MISSING,
        ),
    ),
    ConditionType(
        SPEC_VALID,
        "The spec can be acted on.",
        (
            reasons.VALID,
            reasons.UNKNOWN_CONFIG_KEY,
            reasons.UNKNOWN_VERSION,
            reasons.HEAP_TOO_SMALL,
            reasons.METRICS_UNAVAILABLE,
            reasons.BOOTSTRAP_IGNORED,
            reasons.INVALID_CONFIG_KEY,
            reasons.UNSUPPORTED_VERSION,
            reasons.INVALID_POD_TEMPLATE,
            reasons.INVALID_SPEC,
            reasons.MEMORY_TOO_SMALL,
        ),
    ),
    ConditionType(
        SECURED,
        "The members use TLS, and know and require users, as the spec asks. Only there while `tls` or `auth` "
        "is used, or is being left.",
        (
            reasons.SECURED,
            reasons.ENABLING_TLS,
            reasons.DISABLING_TLS,
            reasons.ROTATING_CERTIFICATES,
            reasons.CLOSING_PLAIN_PORT,
            reasons.PLAIN_CLIENTS_CONNECTED,
            reasons.CERTIFICATE_MISSING,
            reasons.CERTIFICATE_INVALID,
            reasons.CERTIFICATE_EXPIRING,
            reasons.CERTIFICATE_REJECTED,
            reasons.CERTIFICATE_NOT_LOADED,
            reasons.ADDING_USERS,
            reasons.CHANGING_USERS,
            reasons.REMOVING_USERS,
            reasons.REQUIRING_AUTHENTICATION,
            reasons.PASSWORD_MISSING,
            reasons.PASSWORD_INVALID,
            reasons.LOGIN_REFUSED,
            reasons.NOT_PROBED,
            reasons.STOPPED,
        ),
    ),
    ConditionType(
        ADOPTED,
        "The members of the source have gone, and all its data is here. Only there while `spec.adopt` is "
        "set.",
        (
            reasons.ADOPTED,
            reasons.CHECKING_SOURCE,
            reasons.SOURCE_UNREACHABLE,
            reasons.STANDALONE_SOURCE,
            reasons.RECONFIG_DISABLED,
            reasons.SOURCE_REFUSED,
            reasons.OBSERVING,
            reasons.SWAPPING,
            reasons.WAITING_FOR_SOURCE,
            reasons.UNDOING,
            reasons.BRIDGING,
            reasons.CUTTING_OVER,
            reasons.SOURCE_STILL_WRITES,
            reasons.SOURCE_CAME_BACK,
            reasons.NOT_PROBED,
        ),
    ),
    ConditionType(
        BACKUP_RECENT,
        "The newest backup that was due is there and is verified. Only there while a "
        "`ZookeeperBackupSchedule` is about the ensemble.",
        (
            reasons.RECENT_AND_VERIFIED,
            reasons.FIRST_BACKUP,
            reasons.NOT_VERIFIED,
            reasons.TOO_OLD,
            reasons.LAST_FAILED,
            reasons.SUSPENDED,
            reasons.INVALID_SCHEDULE,
        ),
    ),
)

CONDITION_TYPES: Final[Mapping[str, ConditionType]] = MappingProxyType(
    {type_.name: type_ for type_ in _TYPES}
)
"""The condition types of an ensemble by their name, in the order of the status."""


class Condition(ApiModel):
    """One condition, as the Kubernetes API conventions ask for.

    `last_transition_time` is empty until `merge` has set it.
    """

    type: str = Field(
        description="What the condition is about.", json_schema_extra={"maxLength": 316}
    )
    status: Status = Field(description="`True`, `False` or `Unknown`.")
    reason: str = Field(
        default="",
        description="The cause in one word, for programs.",
        json_schema_extra={"maxLength": 1024},
    )
    message: str = Field(
        default="",
        description="The cause in a sentence, for people.",
        json_schema_extra={"maxLength": 32768},
    )
    observed_generation: int = Field(
        default=0,
        description="Generation of the spec it was computed for.",
        json_schema_extra={"format": "int64"},
    )
    last_transition_time: str = Field(
        default="",
        description="When `status` last changed.",
        json_schema_extra={"format": "date-time"},
    )


def merge(old: Sequence[Condition], new: Sequence[Condition], now: str) -> list[Condition]:
    """Return the new conditions with the time at which each last changed its status.

    A condition whose status is what it was keeps its time, whatever its reason and message say
    now. Conditions that are no longer among the new ones are dropped: the operator alone writes
    them.

    Args:
        old: The conditions that stand in the status.
        new: The conditions as computed now; their times are ignored.
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
        merged[condition.type] = condition.model_copy(update={"last_transition_time": since or now})
    return list(merged.values())


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of a type, if there is one."""
    return next((condition for condition in conditions if condition.type == type_), None)


def find_written(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    """Return a condition as a status that was read has it, of any object; empty if there is none."""
    return next((c for c in status.get("conditions") or [] if c.get("type") == type_), {})


def is_stop_reported(status: Mapping[str, Any]) -> bool:
    """Whether a status is that of an ensemble that the spec has stopped."""
    return find_written(status, READY).get("reason") == reasons.STOPPED
