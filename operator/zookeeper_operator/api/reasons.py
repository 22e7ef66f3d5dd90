"""Every reason the operator may write, once, with what it means.

Pure. A reason is one word of a condition or an Event; conditions, Events, runbooks and the reference page
read this module.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.conditions import (
    MEMBERSHIP_SETTLED,
    QUORUM_HEALTHY,
    READY,
    ROLLED_OUT,
    SCALE_ALLOWED,
    SPEC_VALID,
    STORAGE_HEALTHY,
)

STOPPED: Final = "Stopped"
PAUSED: Final = "Paused"
DELETING: Final = "Deleting"
FOUNDING: Final = "Founding"
SERVING: Final = "Serving"
NO_QUORUM: Final = "NoQuorum"
ELECTION_IN_PROGRESS: Final = "ElectionInProgress"
SPLIT_BRAIN: Final = "SplitBrain"
VOTING_VIEWS_DIFFER: Final = "VotingViewsDiffer"
NOT_PROBED: Final = "NotProbed"
ADDING_MEMBER: Final = "AddingMember"
REMOVING_MEMBER: Final = "RemovingMember"
REPAIRING_MEMBERSHIP: Final = "RepairingMembership"
WAITING_FOR_SYNC: Final = "WaitingForSync"
SETTLED: Final = "Settled"
ROLLING_MEMBER: Final = "RollingMember"
HANDING_OVER_LEADERSHIP: Final = "HandingOverLeadership"
WAITING_FOR_MEMBER: Final = "WaitingForMember"
ROLLOUT_STOPPED: Final = "RolloutStopped"
UP_TO_DATE: Final = "UpToDate"
MEMBER_NOT_SYNCED: Final = "MemberNotSynced"
ROLLOUT_IN_PROGRESS: Final = "RolloutInProgress"
ALLOWED: Final = "Allowed"
BOUND: Final = "Bound"
RESIZE_PENDING: Final = "ResizePending"
RESIZE_REFUSED: Final = "ResizeRefused"
DISK_PRESSURE: Final = "DiskPressure"
EPHEMERAL_STORAGE: Final = "EphemeralStorage"
VOLUME_LOST: Final = "VolumeLost"
FOREIGN_VOLUME: Final = "ForeignVolume"
STORAGE_CLASS_MISSING: Final = "StorageClassMissing"
VALID: Final = "Valid"
INVALID_CONFIG_KEY: Final = "InvalidConfigKey"
UNSUPPORTED_VERSION: Final = "UnsupportedVersion"
INVALID_POD_TEMPLATE: Final = "InvalidPodTemplate"
INVALID_SPEC: Final = "InvalidSpec"
NAME_TAKEN: Final = "NameTaken"
MEMORY_TOO_SMALL: Final = "MemoryTooSmall"
IMAGE_PULL_FAILED: Final = "ImagePullFailed"
UNSCHEDULABLE: Final = "Unschedulable"
CRASH_LOOPING: Final = "CrashLooping"
OUT_OF_MEMORY: Final = "OutOfMemory"
APPLY_FAILED: Final = "ApplyFailed"

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        STOPPED: "All members are down because the spec says `stopped: true`; their data is kept.",
        PAUSED: "The spec says `paused: true`: the operator reports and changes nothing.",
        DELETING: "The ensemble is being deleted.",
        FOUNDING: "The first members are starting and have not formed a majority yet.",
        SERVING: "A majority serves, and all members agree on one leader.",
        NO_QUORUM: "Fewer members than a majority serve: no write can be acknowledged.",
        ELECTION_IN_PROGRESS: "The members are electing a leader, which takes about a second.",
        SPLIT_BRAIN: (
            "Two members claim to lead at the same time; the operator changes nothing until a "
            "person has looked."
        ),
        VOTING_VIEWS_DIFFER: "Members disagree on who may vote; the operator changes nothing.",
        NOT_PROBED: "The members could not be asked, so their state is not known.",
        ADDING_MEMBER: "A member has synced and is being added to the committed configuration.",
        REMOVING_MEMBER: "A member is being removed from the committed configuration.",
        REPAIRING_MEMBERSHIP: "A change of the membership that was left half done is finished.",
        WAITING_FOR_SYNC: "A new member is up and still copies the data, so it may not vote yet.",
        SETTLED: "The committed members are the ones the spec asks for.",
        ROLLING_MEMBER: "A member is being restarted with the current revision.",
        HANDING_OVER_LEADERSHIP: "The leader passes its role on before it is restarted.",
        WAITING_FOR_MEMBER: "A restarted member is not yet in sync; the next one waits for it.",
        ROLLOUT_STOPPED: (
            "A restarted member did not come back, so no other member is touched until it does or "
            "the spec changes."
        ),
        UP_TO_DATE: "Every member runs the current revision.",
        MEMBER_NOT_SYNCED: "A member is behind; changing the number of voters now could be unsafe.",
        ROLLOUT_IN_PROGRESS: "Members are being restarted; scaling waits until that is done.",
        ALLOWED: "Nothing speaks against a change of `replicas`.",
        BOUND: "Every volume is bound and as large as asked for.",
        RESIZE_PENDING: "A volume is growing.",
        RESIZE_REFUSED: "The storage class does not let the volume grow.",
        DISK_PRESSURE: "A volume is almost full; a full one takes its member out of service.",
        EPHEMERAL_STORAGE: "The data is in `emptyDir` volumes and is lost with the pods.",
        VOLUME_LOST: "A member has lost its volume and waits to be replaced.",
        FOREIGN_VOLUME: "A volume holds the data of another ensemble or of another member.",
        STORAGE_CLASS_MISSING: "The storage class does not exist, or the cluster has no default.",
        VALID: "The spec can be acted on.",
        INVALID_CONFIG_KEY: "`config` holds a key that belongs to the operator, or a bad value.",
        UNSUPPORTED_VERSION: (
            "The version is unknown and no image is named, or no upgrade leads to it from the "
            "version that runs."
        ),
        INVALID_POD_TEMPLATE: "`podTemplate` breaks the identity, the ports or the probes.",
        INVALID_SPEC: "The spec cannot be read, or the API server refuses what is made of it.",
        NAME_TAKEN: "An object of a name that is needed exists and belongs to someone else.",
        MEMORY_TOO_SMALL: "The memory limit leaves too little for the heap.",
        IMAGE_PULL_FAILED: "The image of a member cannot be pulled.",
        UNSCHEDULABLE: "No node has room for a member, or its volume is elsewhere.",
        CRASH_LOOPING: "A member ends again and again soon after its start.",
        OUT_OF_MEMORY: "A member was ended because it used more memory than its limit.",
        APPLY_FAILED: "The API server refused something the ensemble needs; it is tried again.",
    }
)
"""Every reason the operator writes, with what it means."""

NEEDS_A_PERSON: Final = frozenset(
    {
        NO_QUORUM,
        ELECTION_IN_PROGRESS,
        SPLIT_BRAIN,
        VOTING_VIEWS_DIFFER,
        NOT_PROBED,
        FOUNDING,
        MEMBER_NOT_SYNCED,
        WAITING_FOR_MEMBER,
        ROLLOUT_STOPPED,
        RESIZE_REFUSED,
        DISK_PRESSURE,
        EPHEMERAL_STORAGE,
        VOLUME_LOST,
        FOREIGN_VOLUME,
        STORAGE_CLASS_MISSING,
        INVALID_CONFIG_KEY,
        UNSUPPORTED_VERSION,
        INVALID_POD_TEMPLATE,
        INVALID_SPEC,
        NAME_TAKEN,
        MEMORY_TOO_SMALL,
        IMAGE_PULL_FAILED,
        UNSCHEDULABLE,
        CRASH_LOOPING,
        OUT_OF_MEMORY,
        APPLY_FAILED,
    }
)
"""Reasons that do not pass by themselves, or that matter when they last: each has its runbook."""

TYPICAL_REASONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        READY: (
            SERVING,
            FOUNDING,
            STOPPED,
            PAUSED,
            DELETING,
            NAME_TAKEN,
            IMAGE_PULL_FAILED,
            UNSCHEDULABLE,
            CRASH_LOOPING,
            OUT_OF_MEMORY,
            APPLY_FAILED,
        ),
        QUORUM_HEALTHY: (
            SERVING,
            NO_QUORUM,
            ELECTION_IN_PROGRESS,
            SPLIT_BRAIN,
            VOTING_VIEWS_DIFFER,
            NOT_PROBED,
            FOUNDING,
            STOPPED,
        ),
        MEMBERSHIP_SETTLED: (
            SETTLED,
            ADDING_MEMBER,
            REMOVING_MEMBER,
            REPAIRING_MEMBERSHIP,
            WAITING_FOR_SYNC,
            NOT_PROBED,
            FOUNDING,
            STOPPED,
        ),
        ROLLED_OUT: (
            UP_TO_DATE,
            ROLLING_MEMBER,
            HANDING_OVER_LEADERSHIP,
            WAITING_FOR_MEMBER,
            ROLLOUT_STOPPED,
            STOPPED,
        ),
        SCALE_ALLOWED: (
            ALLOWED,
            NO_QUORUM,
            MEMBER_NOT_SYNCED,
            ROLLOUT_IN_PROGRESS,
            PAUSED,
            STOPPED,
            NOT_PROBED,
        ),
        STORAGE_HEALTHY: (
            BOUND,
            RESIZE_PENDING,
            RESIZE_REFUSED,
            DISK_PRESSURE,
            EPHEMERAL_STORAGE,
            VOLUME_LOST,
            FOREIGN_VOLUME,
            STORAGE_CLASS_MISSING,
        ),
        SPEC_VALID: (
            VALID,
            INVALID_CONFIG_KEY,
            UNSUPPORTED_VERSION,
            INVALID_POD_TEMPLATE,
            INVALID_SPEC,
            MEMORY_TOO_SMALL,
        ),
    }
)
"""Reasons by condition, the one that goes with `True` first. `Ready` may give any of them."""
