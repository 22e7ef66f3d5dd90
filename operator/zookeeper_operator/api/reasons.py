"""Every reason the operator gives, in one table: what it means, how serious it is, who is informed.

A reason is one word of a condition or an Event. Programs depend on it, so it never changes its meaning.
Conditions, Events, the reference page and the check of the runbooks are made from `REASONS`; nothing
about a reason is listed anywhere else. Longer than most modules because it is one flat table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Severity = Literal["normal", "warning", "critical"]
"""`normal` is expected; `warning` needs a person, at least if it lasts; `critical` stops writes or
endangers data."""

STOPPED: Final = "Stopped"
PAUSED: Final = "Paused"
DELETING: Final = "Deleting"
FOUNDING: Final = "Founding"
RESTORING: Final = "Restoring"
RESTORE_FAILED: Final = "RestoreFailed"
BOOTSTRAP_IGNORED: Final = "BootstrapIgnored"
PREVIOUS_ENSEMBLE: Final = "PreviousEnsemble"
SERVING: Final = "Serving"
NO_QUORUM: Final = "NoQuorum"
ELECTION_IN_PROGRESS: Final = "ElectionInProgress"
ELECTION_EXPECTED: Final = "ElectionExpected"
MEMBERS_NOT_CONNECTED: Final = "MembersNotConnected"
RECOVERING: Final = "Recovering"
RECOVERY_REFUSED: Final = "RecoveryRefused"
LOST_MEMBERS_MAY_RETURN: Final = "LostMembersMayReturn"
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
BINDING: Final = "Binding"
RESIZE_PENDING: Final = "ResizePending"
RESIZE_REFUSED: Final = "ResizeRefused"
DISK_PRESSURE: Final = "DiskPressure"
EPHEMERAL_STORAGE: Final = "EphemeralStorage"
VOLUME_LOST: Final = "VolumeLost"
CLAIM_BEING_DELETED: Final = "ClaimBeingDeleted"
FOREIGN_VOLUME: Final = "ForeignVolume"
DATA_WOULD_BE_LOST: Final = "DataWouldBeLost"
STORAGE_CLASS_MISSING: Final = "StorageClassMissing"
VALID: Final = "Valid"
INVALID_CONFIG_KEY: Final = "InvalidConfigKey"
UNKNOWN_CONFIG_KEY: Final = "UnknownConfigKey"
UNSUPPORTED_VERSION: Final = "UnsupportedVersion"
UNKNOWN_VERSION: Final = "UnknownVersion"
METRICS_UNAVAILABLE: Final = "MetricsUnavailable"
INVALID_POD_TEMPLATE: Final = "InvalidPodTemplate"
INVALID_SPEC: Final = "InvalidSpec"
NAME_TAKEN: Final = "NameTaken"
MANAGED_ELSEWHERE: Final = "ManagedElsewhere"
MEMORY_TOO_SMALL: Final = "MemoryTooSmall"
HEAP_TOO_SMALL: Final = "HeapTooSmall"
IMAGE_PULL_FAILED: Final = "ImagePullFailed"
UNSCHEDULABLE: Final = "Unschedulable"
CRASH_LOOPING: Final = "CrashLooping"
OUT_OF_MEMORY: Final = "OutOfMemory"
POD_REFUSED: Final = "PodRefused"
MOUNT_FAILED: Final = "MountFailed"
SANDBOX_FAILED: Final = "SandboxFailed"
SIDECAR_FAILED: Final = "SidecarFailed"
APPLY_FAILED: Final = "ApplyFailed"
WAITING_FOR_ADDRESS: Final = "WaitingForAddress"

SECURED: Final = "Secured"
ENABLING_TLS: Final = "EnablingTLS"
DISABLING_TLS: Final = "DisablingTLS"
ROTATING_CERTIFICATES: Final = "RotatingCertificates"
CLOSING_PLAIN_PORT: Final = "ClosingPlainPort"
PLAIN_CLIENTS_CONNECTED: Final = "PlainClientsConnected"
CERTIFICATE_MISSING: Final = "CertificateMissing"
CERTIFICATE_INVALID: Final = "CertificateInvalid"
CERTIFICATE_EXPIRING: Final = "CertificateExpiring"
CERTIFICATE_REJECTED: Final = "CertificateRejected"
CERTIFICATE_NOT_LOADED: Final = "CertificateNotLoaded"
ADDING_USERS: Final = "AddingUsers"
CHANGING_USERS: Final = "ChangingUsers"
REMOVING_USERS: Final = "RemovingUsers"
REQUIRING_AUTHENTICATION: Final = "RequiringAuthentication"
PASSWORD_MISSING: Final = "PasswordMissing"  # noqa: S105 -- a reason
PASSWORD_INVALID: Final = "PasswordInvalid"  # noqa: S105 -- a reason
LOGIN_REFUSED: Final = "LoginRefused"

# Of a schedule of backups, and of the ensemble that it is about.
RECENT_AND_VERIFIED: Final = "RecentAndVerified"
FIRST_BACKUP: Final = "FirstBackup"
NOT_VERIFIED: Final = "NotVerified"
TOO_OLD: Final = "TooOld"
LAST_FAILED: Final = "LastFailed"
SUSPENDED: Final = "Suspended"
INVALID_SCHEDULE: Final = "InvalidSchedule"

# Of an ensemble that takes another one over.
ADOPTED: Final = "Adopted"
ADOPTING: Final = "Adopting"
ADOPTION_UNFINISHED: Final = "AdoptionUnfinished"
CHECKING_SOURCE: Final = "CheckingSource"
SOURCE_UNREACHABLE: Final = "SourceUnreachable"
STANDALONE_SOURCE: Final = "StandaloneSource"
RECONFIG_DISABLED: Final = "ReconfigDisabled"
SOURCE_REFUSED: Final = "SourceRefused"
OBSERVING: Final = "Observing"
SWAPPING: Final = "Swapping"
UNDOING: Final = "Undoing"
WAITING_FOR_SOURCE: Final = "WaitingForSource"
BRIDGING: Final = "Bridging"
SOURCE_CAME_BACK: Final = "SourceCameBack"
CUTTING_OVER: Final = "CuttingOver"
SOURCE_STILL_WRITES: Final = "SourceStillWrites"

# In Events only.
SCALING_SOURCE: Final = "ScalingSource"
FOUNDED: Final = "Founded"
FOUNDED_AGAIN: Final = "FoundedAgain"
LEADER_CHANGED: Final = "LeaderChanged"
MEMBER_LOST: Final = "MemberLost"
MEMBER_BACK: Final = "MemberBack"
QUORUM_RESTORED: Final = "QuorumRestored"
RESTARTING_MEMBER: Final = "RestartingMember"
REPLACING_MEMBER: Final = "ReplacingMember"
ADMIN_SERVER_EXPOSED: Final = "AdminServerExposed"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        name: The word as users and programs read it.
        sentence: What it means, for the reference page and the index of the runbooks.
        severity: How serious it is. An Event with this reason is a Warning unless it is `normal`.
        runbook: Whether `docs/runbooks` has a page about it: it does not end by itself, or it matters
            when it lasts.
        alarming: Whether an Event reports it as soon as a condition is `False` because of it.
        event_only: Whether it is the reason of Events and never of a condition.
    """

    name: str
    sentence: str
    severity: Severity = "normal"
    runbook: bool = False
    alarming: bool = False
    event_only: bool = False


_TABLE: Final = (
    Reason(
        STOPPED,
        "All members are stopped because the spec says `stopped: true`; their data is kept.",
    ),
    Reason(PAUSED, "The spec says `paused: true`: the operator reports and changes nothing."),
    Reason(DELETING, "The ensemble is being deleted."),
    Reason(
        FOUNDING,
        "The first members are starting and have not formed a majority yet.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        RESTORING,
        "The ensemble is founded from a backup; its first member downloads it, or waits for it.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        RESTORE_FAILED,
        "The first member could not be restored from the backup that `bootstrap` names; it tries again, and "
        "the ensemble stays without data until it succeeds.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        BOOTSTRAP_IGNORED,
        "`bootstrap` has no effect, because volumes of the ensemble existed when it was created: they hold "
        "its data.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        PREVIOUS_ENSEMBLE,
        "A deleted ensemble of the same name is not gone yet; the new one waits for that.",
        severity="warning",
        runbook=True,
    ),
    Reason(SERVING, "A majority serves, and all members agree on one leader."),
    Reason(
        NO_QUORUM,
        "Fewer members than a majority serve: no write can be acknowledged.",
        severity="critical",
        runbook=True,
    ),
    Reason(
        ELECTION_IN_PROGRESS,
        "The members are electing a leader, which takes about a second.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        ELECTION_EXPECTED,
        "The members are electing a leader because the operator has just restarted one or changed the "
        "configuration; if it lasts, the reason changes.",
    ),
    Reason(
        MEMBERS_NOT_CONNECTED,
        "Enough members answer the operator, but for a minute they have not agreed on a leader: they do not "
        "reach each other, or do not resolve each other's names.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        RECOVERING,
        "A person has asked for a recovery: one member that still holds data becomes the whole ensemble, and "
        "the others join it again.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        RECOVERY_REFUSED,
        "The recovery that was asked for is not carried out, because the named member cannot become the "
        "whole ensemble.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        LOST_MEMBERS_MAY_RETURN,
        "The recovery that was asked for waits: another member could come back with its data, and with it "
        "the old majority.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        SPLIT_BRAIN,
        "Two members claim to lead at the same time; the operator changes nothing until only "
        "one of them does.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        VOTING_VIEWS_DIFFER,
        "Members disagree on who may vote; the operator changes nothing.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        NOT_PROBED,
        "The members could not be asked, so their state is not known.",
        severity="warning",
        runbook=True,
    ),
    Reason(ADDING_MEMBER, "A member has synced and is being added to the committed configuration."),
    Reason(REMOVING_MEMBER, "A member is being removed from the committed configuration."),
    Reason(REPAIRING_MEMBERSHIP, "An interrupted change of the membership is being completed."),
    Reason(
        WAITING_FOR_SYNC, "A new member is up and still copies the data, so it may not vote yet."
    ),
    Reason(SETTLED, "The committed members are the ones the spec asks for."),
    Reason(ROLLING_MEMBER, "A member is being restarted with the current revision."),
    Reason(HANDING_OVER_LEADERSHIP, "The leader hands over its role before it is restarted."),
    Reason(
        WAITING_FOR_MEMBER,
        "A restarted member is not yet in sync; the next one waits for it.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        ROLLOUT_STOPPED,
        "A restarted member did not come back, so no other member is touched until it does or "
        "the spec changes.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(UP_TO_DATE, "Every member runs the current revision."),
    Reason(
        MEMBER_NOT_SYNCED,
        "A member is behind; changing the number of voters now could be unsafe.",
        severity="warning",
        runbook=True,
    ),
    Reason(ROLLOUT_IN_PROGRESS, "Members are being restarted; scaling waits until that is done."),
    Reason(ALLOWED, "A change of `replicas` would be started now."),
    Reason(BOUND, "Every volume is bound and as large as asked for."),
    Reason(BINDING, "A volume claim has no volume yet; one is provided when its pod has a node."),
    Reason(RESIZE_PENDING, "A volume is growing."),
    Reason(
        RESIZE_REFUSED,
        "The storage class does not let the volume grow.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        DISK_PRESSURE,
        "A volume is almost full; a full one takes its member out of service.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        EPHEMERAL_STORAGE,
        "The data is in `emptyDir` volumes and is lost with the pods.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        VOLUME_LOST,
        "A member has lost its volume and waits to be replaced, or a majority has lost its data.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CLAIM_BEING_DELETED,
        "The claim of a running member is being deleted: its data is lost when its pod ends.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        FOREIGN_VOLUME,
        "A volume holds the data of another ensemble or of another member.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        DATA_WOULD_BE_LOST,
        "A change would delete the only copy of the data; it is not made. The data is in `emptyDir` volumes, "
        "or on the volume of a member whose replacement was requested while the others are no majority in "
        "sync.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        STORAGE_CLASS_MISSING,
        "The storage class does not exist, or the cluster has no default.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(VALID, "The spec can be acted on."),
    Reason(
        INVALID_CONFIG_KEY,
        "`config` or `jvm.options` sets what the operator sets itself, or a value that ZooKeeper does "
        "not accept.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        UNKNOWN_CONFIG_KEY,
        "`config` holds a key that ZooKeeper does not read; it is passed on and has no effect unless a "
        "plug-in reads it.",
    ),
    Reason(
        UNSUPPORTED_VERSION,
        "The version is of an unknown release line and no image is named, or no upgrade leads to it "
        "from the version that runs.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        UNKNOWN_VERSION,
        "The version was not tested with this operator; its release line was, or the spec names an image.",
    ),
    Reason(
        METRICS_UNAVAILABLE,
        "The members serve no metrics although `metrics.enabled` asks for them: their image has no provider "
        "for Prometheus, or something else in the spec uses the port.",
    ),
    Reason(
        INVALID_POD_TEMPLATE,
        "`podTemplate` changes the identity, the ports or the probes, sets what another field sets, or "
        "raises privileges.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        INVALID_SPEC,
        "The spec cannot be read, or the API server refuses an object that is built from it.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        MANAGED_ELSEWHERE,
        "Another operator manages the ensemble; the one that reports this leaves it alone.",
        severity="warning",
        runbook=True,
        event_only=True,
    ),
    Reason(
        NAME_TAKEN,
        "An object whose name the ensemble needs exists and does not belong to it.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        MEMORY_TOO_SMALL,
        "The memory limit leaves too little for the heap.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        HEAP_TOO_SMALL,
        "The znodes fill more than half of the heap; a burst of writes can exhaust it.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        IMAGE_PULL_FAILED,
        "The image of a member cannot be pulled.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        UNSCHEDULABLE,
        "No node has room for a member, or its volume is elsewhere.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CRASH_LOOPING,
        "A member ends again and again soon after its start.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        OUT_OF_MEMORY,
        "A member was ended because it used more memory than its limit.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        POD_REFUSED,
        "The pod of a member, or its volume claim, is refused: by a quota, a limit range, Pod Security, or "
        "an admission policy or webhook.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        MOUNT_FAILED,
        "A volume of a member's pod cannot be attached to its node or mounted there.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        SANDBOX_FAILED,
        "The node of a member cannot set up its pod: most often the network of the cluster fails there.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        SIDECAR_FAILED,
        "The members serve, but another container in the pod of one does not run: it keeps the pod from "
        "being ready, and so from the Service of all clients.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        APPLY_FAILED,
        "The API server refused something that the ensemble needs; the operator tries again.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        WAITING_FOR_ADDRESS,
        "The members serve, but the Service that leads to one from outside has no address yet.",
        severity="warning",
        runbook=True,
    ),
    Reason(SECURED, "The members use TLS, and know and require users, as the spec asks."),
    Reason(
        ADDING_USERS,
        "The members are restarted one at a time to get to know the users that the spec names.",
    ),
    Reason(
        CHANGING_USERS,
        "The users or a password have changed: the members are restarted one at a time to learn it.",
    ),
    Reason(
        REMOVING_USERS,
        "Authentication is no longer asked for: the members are restarted one at a time, once for each step.",
    ),
    Reason(
        REQUIRING_AUTHENTICATION,
        "The members are restarted one at a time; then they serve no client that has not authenticated.",
    ),
    Reason(
        PASSWORD_MISSING,
        "A Secret or a key that `auth.users` names does not exist or cannot be read; what the members know "
        "stays.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        PASSWORD_INVALID,
        "A password that `auth.users` names cannot be used; what the members know stays.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        LOGIN_REFUSED,
        "The members do not accept the user of the operator; they are restarted to learn its password.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        ENABLING_TLS,
        "TLS is being turned on: the members are restarted one at a time, once for each step.",
    ),
    Reason(
        DISABLING_TLS,
        "TLS is being turned off: the members are restarted one at a time, once for each step.",
    ),
    Reason(
        ROTATING_CERTIFICATES,
        "The members are taking over another certificate or another CA, without a restart.",
    ),
    Reason(
        CLOSING_PLAIN_PORT,
        "The plain port of the members is being closed, or opened again, one member at a time, without a "
        "restart.",
    ),
    Reason(
        PLAIN_CLIENTS_CONNECTED,
        "The plain port is closed when the clients that still use it have left, or when the time that "
        "`tls.plainClientsGrace` gives them is over.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        CERTIFICATE_MISSING,
        "The Secret that the certificate of the members must come from does not exist or cannot be read.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CERTIFICATE_INVALID,
        "The Secret with the certificate has not passed a check; members do not see it.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CERTIFICATE_EXPIRING,
        "The certificate that the members use ends soon or has ended. No member is restarted with one that "
        "has ended.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CERTIFICATE_REJECTED,
        "A member that was restarted with TLS does not join the others, which serve.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CERTIFICATE_NOT_LOADED,
        "A member still serves another certificate than the one it was given minutes ago.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(RECENT_AND_VERIFIED, "The newest backup that was due is there and is verified."),
    Reason(FIRST_BACKUP, "No backup of the schedule has been due yet."),
    Reason(
        NOT_VERIFIED,
        "The schedule has no verified backup.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        TOO_OLD,
        "The newest verified backup is older than the schedule allows.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        LAST_FAILED,
        "The newest backup of the schedule has failed.",
        severity="warning",
        runbook=True,
    ),
    Reason(SUSPENDED, "The schedule is suspended."),
    Reason(
        INVALID_SCHEDULE,
        "`schedule` or `timeZone` cannot be understood.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        ADOPTED,
        "The members of the source have left and are stopped; all its data is here.",
    ),
    Reason(
        ADOPTING,
        "Another ensemble is being taken over; what else the spec asks for waits for its end.",
    ),
    Reason(
        ADOPTION_UNFINISHED,
        "Members of a source still vote, and the spec says nothing of it any more; nothing is changed.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CHECKING_SOURCE,
        "The source is being checked before the first member of ours is started.",
    ),
    Reason(
        SOURCE_UNREACHABLE,
        "The source does not answer the operator, or its configuration cannot be read.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        STANDALONE_SOURCE,
        "The source is a standalone server; it must be restarted as an ensemble of one first.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        RECONFIG_DISABLED,
        "The source does not allow reconfiguration; its owner must turn it on first.",
        severity="warning",
        runbook=True,
    ),
    Reason(
        SOURCE_REFUSED,
        "Something about the source keeps it from being taken over.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        OBSERVING,
        "Our members copy the data of the source and have no vote.",
    ),
    Reason(
        SWAPPING,
        "Votes go over from the members of the source to ours, one at a time.",
    ),
    Reason(
        UNDOING,
        "Votes go back from our members to those of the source, one at a time; or a source that was stopped "
        "is started again.",
    ),
    Reason(
        WAITING_FOR_SOURCE,
        "Pods of the source must be stopped or started, and the operator may not do it itself.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        BRIDGING,
        "Only our members vote; the last pod of the source serves the clients that it has until `proceed: "
        "Finish`.",
    ),
    Reason(
        SOURCE_CAME_BACK,
        "Members of the source run again that must not: together they could become an ensemble of their own.",
        severity="critical",
        runbook=True,
        alarming=True,
    ),
    Reason(
        CUTTING_OVER,
        "Writing has stopped: the source is stopped, and our members begin from its data.",
    ),
    Reason(
        SOURCE_STILL_WRITES,
        "The source is written to although `proceed: Swap` says that writing has stopped; it is not stopped.",
        severity="warning",
        runbook=True,
        alarming=True,
    ),
    Reason(
        SCALING_SOURCE,
        "The operator has changed the number of pods of the source.",
        event_only=True,
    ),
    Reason(FOUNDED, "The first majority has formed.", event_only=True),
    Reason(
        FOUNDED_AGAIN,
        "Every member has lost its data, which was in `emptyDir` volumes; the ensemble starts empty.",
        severity="critical",
        event_only=True,
    ),
    Reason(LEADER_CHANGED, "A leader has been elected.", event_only=True),
    Reason(
        MEMBER_LOST,
        "A member that served no longer does, although neither the spec nor the operator wants that.",
        severity="warning",
        event_only=True,
    ),
    Reason(MEMBER_BACK, "A member that was lost serves again.", event_only=True),
    Reason(
        QUORUM_RESTORED,
        "A majority serves again, and all members agree on one leader.",
        event_only=True,
    ),
    Reason(
        RESTARTING_MEMBER,
        "The operator has deleted the pod of a member, to restart it.",
        event_only=True,
    ),
    Reason(
        REPLACING_MEMBER,
        "The operator has removed the volumes and the pod of a member; the new pod copies the data "
        "from the others.",
        severity="warning",
        event_only=True,
    ),
    Reason(
        ADMIN_SERVER_EXPOSED,
        "`spec.external` opens the AdminServers, which have no password, to the outside.",
        severity="warning",
        event_only=True,
    ),
)

REASONS: Final[Mapping[str, Reason]] = MappingProxyType({reason.name: reason for reason in _TABLE})
"""Every reason by its name, in the order of the reference page."""
