"""For each alert: what sets it off, and what looks like it and does not. And what sets off none at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.timelines import Phase, Rising, State, Value, series

OF_ENSEMBLE: Final = {"namespace": "demo", "ensemble": "zk"}
OF_OPERATOR: Final = {"namespace": "zookeeper-operator", "job": "operators"}
MEBIBYTE: Final = 1024**2
GIBIBYTE: Final = 1024**3
HOUR: Final = 3600


def of_member(number: int) -> dict[str, str]:
    return {**OF_ENSEMBLE, "member": str(number)}


@dataclass(frozen=True, slots=True)
class Case:
    """One history, and the alerts of one rule that fire at its end: by their labels."""

    alert: str
    why: str
    phases: tuple[Phase, ...]
    fires: tuple[Mapping[str, str], ...] = field(default=())


# ---- what there is when nothing is wrong ----


def known(name: str, value: Value, *, pod: str = "operator-a", **labels: str) -> State:
    """A series of the operator about the ensemble, by the pod that reports it."""
    return {
        series(
            f"zookeeper_operator_ensemble_{name}",
            **{**OF_ENSEMBLE, **labels, "pod": pod, "job": "operators"},
        ): value
    }


def condition(type_: str, reason: str, value: int = 0, *, pod: str = "operator-a") -> State:
    return known("condition", value, pod=pod, type=type_, reason=reason)


def own(name: str, value: Value, *, pod: str = "operator-a", **labels: str) -> State:
    """A series of the operator about itself."""
    return {series(f"zookeeper_operator_{name}", **{**OF_OPERATOR, **labels, "pod": pod}): value}


def says(name: str, value: Value, *, member: int = 1, **labels: str) -> State:
    """A series of a member."""
    return {series(name, **{**of_member(member), **labels, "job": "zookeeper"}): value}


def together(*states: State) -> State:
    return {name: value for state in states for name, value in state.items()}


def member(number: int, *, serving: int | None = 1, up: int = 1) -> State:
    """One member, as it and the operator report it; without a process it reports nothing."""
    reported = {} if serving is None else known("member_serving", serving, member=str(number))
    if not up:
        return together(reported, says("up", 0, member=number))
    return together(
        reported,
        known("member_lag", 0, member=str(number)),
        says("up", 1, member=number),
        says("fsynctime_sum", Rising(20), member=number),
        says("fsynctime_count", Rising(10), member=number),
        says("outstanding_requests", 0, member=number),
        says("connection_rejected", 0, member=number),
        says("open_file_descriptor_count", 90, member=number),
        says("max_file_descriptor_count", 20000, member=number),
        says("jvm_memory_bytes_used", 50 * MEBIBYTE, member=number, area="heap"),
        says("jvm_memory_bytes_max", 200 * MEBIBYTE, member=number, area="heap"),
        says("digest_mismatches_count", 0, member=number),
        says("unrecoverable_error_count", 0, member=number),
        says("watch_count", 2000, member=number),
        says("ephemerals_count", 100, member=number),
    )


def operator(pod: str = "operator-a", *, leading: int = 1) -> State:
    return together(
        own("lease_leading", leading, pod=pod),
        own("reconciles_total", Rising(1), pod=pod, result="done"),
        own("reconciles_total", 0, pod=pod, result="error"),
        own("workqueue_oldest_running_seconds", 1, pod=pod),
    )


def ensemble(
    *,
    pod: str = "operator-a",
    voters: int = 3,
    live: int = 3,
    quorum: tuple[int, str] | None = (1, "Serving"),
    rollout: tuple[int, str] = (1, "UpToDate"),
    ready: tuple[int, str] = (1, "Serving"),
    outdated: int = 0,
    stopped: int = 0,
    elections: Value = 0,
) -> State:
    """What the operator reports of an ensemble."""
    found = together(
        known("stopped", stopped, pod=pod),
        known("paused", 0, pod=pod),
        known("voters", voters, pod=pod),
        known("outdated_members", outdated, pod=pod),
        known("elections_total", elections, pod=pod),
        known("observed_timestamp_seconds", Rising(30), pod=pod),
        known("ready", ready[0], pod=pod),
        condition("Ready", ready[1], ready[0], pod=pod),
        condition("RolledOut", rollout[1], rollout[0], pod=pod),
        condition("SpecValid", "Valid", 1, pod=pod),
        condition("StorageHealthy", "Bound", 1, pod=pod),
    )
    if quorum is not None:
        found = together(found, condition("QuorumHealthy", quorum[1], quorum[0], pod=pod))
        if not stopped:
            found = together(found, known("quorum_healthy", quorum[0], pod=pod))
            found = together(found, known("tolerates", live - (voters // 2 + 1), pod=pod))
    return found


def world(*parts: State, size: int = 3) -> State:
    """Everything as it is when all is healthy; the parts say what is otherwise or beside."""
    return together(operator(), ensemble(), *(member(n) for n in range(1, size + 1)), *parts)


def without(state: State, *beginnings: str) -> State:
    return {name: value for name, value in state.items() if not name.startswith(beginnings)}


def minutes(count: float, state: State) -> Phase:
    return Phase(count * 60, state)


ENSEMBLE_STATES: Final = "zookeeper_operator_ensemble_"


def other(state: State, **changed: Any) -> State:
    """The state with another report of the ensemble by the operator."""
    kept = {
        name: value
        for name, value in state.items()
        if not name.startswith(ENSEMBLE_STATES) or 'member="' in name
    }
    return together(kept, ensemble(**changed))


HEALTHY: Final = world()
ELECTING: Final = (0, "ElectionInProgress")
LOST: Final = (0, "NoQuorum")


def lasts(alert: str, why: str, count: float, state: State, *fires: Mapping[str, str]) -> Case:
    """A state that begins in an ensemble that was healthy for ten minutes."""
    return Case(alert, why, (minutes(10, HEALTHY), minutes(count, state)), fires)


def short(alert: str, why: str, count: float, state: State, then: float = 10) -> Case:
    """A state that ends again."""
    return Case(alert, why, (minutes(10, HEALTHY), minutes(count, state), minutes(then, HEALTHY)))


def with_reason(reason: str) -> dict[str, str]:
    return {**OF_ENSEMBLE, "reason": reason}


def backups(overdue: int, *, pod: str = "operator-a") -> State:
    """What the operator reports of a schedule."""
    labels = {**OF_ENSEMBLE, "schedule": "nightly", "pod": pod, "job": "operators"}
    return {series("zookeeper_operator_backup_overdue", **labels): overdue}


def _condition_cases(
    alert: str, type_: str, reason: str, count: float, *, labelled: bool, beside: str
) -> tuple[Case, ...]:
    """A condition that is False for a reason, and for one that is none of this alert's."""
    labels = with_reason(reason) if labelled else OF_ENSEMBLE
    base = {n: v for n, v in HEALTHY.items() if f'type="{type_}"' not in n}
    return (
        lasts(
            alert,
            f"{type_} is False: {reason}",
            count,
            together(base, condition(type_, reason)),
            labels,
        ),
        lasts(alert, f"{type_}: {beside}", count, together(base, condition(type_, beside))),
        lasts(alert, "nothing is wrong", count, HEALTHY),
    )


def _member_cases(
    alert: str, name: str, bad: Value, good: Value, count: float, **labels: str
) -> tuple[Case, ...]:
    """A metric of member 2 with a bad value, and one that is high but not too high."""
    return (
        lasts(alert, "one member", count, world(says(name, bad, member=2, **labels)), of_member(2)),
        lasts(alert, "high", count, world(says(name, good, member=2, **labels))),
        lasts(
            alert,
            "another application with a metric of this name",
            count,
            world({series(name, namespace="demo", job="other", **labels): bad}),
        ),
    )


QUORUM_CASES: Final = (
    lasts("ZookeeperNoQuorum", "it is lost", 2, other(HEALTHY, quorum=LOST, live=1), OF_ENSEMBLE),
    lasts(
        "ZookeeperNoQuorum",
        "the reason changes meanwhile",
        2,
        other(HEALTHY, quorum=(0, "MembersNotConnected"), live=1),
        OF_ENSEMBLE,
    ),
    Case(
        "ZookeeperNoQuorum",
        "an election before the loss counts",
        (
            minutes(10, HEALTHY),
            minutes(0.5, other(HEALTHY, quorum=ELECTING)),
            minutes(1, other(HEALTHY, quorum=LOST, live=1)),
        ),
        (OF_ENSEMBLE,),
    ),
    short("ZookeeperNoQuorum", "an election", 0.5, other(HEALTHY, quorum=ELECTING)),
    lasts("ZookeeperNoQuorum", "it is being founded", 10, other(HEALTHY, quorum=(0, "Founding"))),
    lasts(
        "ZookeeperNoQuorum", "the operator's own", 1, other(HEALTHY, quorum=(0, "ElectionExpected"))
    ),
    *_condition_cases(
        "ZookeeperSplitBrain", "QuorumHealthy", "SplitBrain", 0.5, labelled=True, beside="NoQuorum"
    ),
    lasts(
        "ZookeeperQuorumUnknown",
        "the members are silent",
        3,
        other(HEALTHY, quorum=None, ready=(0, "NotProbed")),
        OF_ENSEMBLE,
    ),
    short("ZookeeperQuorumUnknown", "for a moment", 1, other(HEALTHY, quorum=None)),
    lasts(
        "ZookeeperQuorumUnknown",
        "stopped",
        10,
        other(HEALTHY, stopped=1, quorum=(0, "Stopped"), ready=(0, "Stopped")),
    ),
    lasts(
        "ZookeeperFoundingStuck",
        "no first quorum",
        16,
        other(HEALTHY, quorum=(0, "Founding")),
        with_reason("Founding"),
    ),
    short("ZookeeperFoundingStuck", "it was slow", 10, other(HEALTHY, quorum=(0, "Founding"))),
    lasts(
        "ZookeeperNoTolerance",
        "one of three is away",
        6,
        other(HEALTHY, live=2, rollout=(0, "WaitingForMember")),
        OF_ENSEMBLE,
    ),
    lasts("ZookeeperNoTolerance", "a single member", 30, other(HEALTHY, voters=1, live=1)),
    lasts(
        "ZookeeperNoTolerance",
        "two voters never tolerate any",
        30,
        other(HEALTHY, voters=2, live=2),
    ),
    lasts(
        "ZookeeperNoTolerance",
        "a long roll",
        20,
        other(HEALTHY, live=2, outdated=2, rollout=(0, "WaitingForMember")),
    ),
    lasts(
        "ZookeeperNoTolerance",
        "a member is away, and the rollout has stopped",
        6,
        other(HEALTHY, live=2, outdated=2, rollout=(0, "RolloutStopped")),
        OF_ENSEMBLE,
    ),
    lasts(
        "ZookeeperLeadershipFlapping",
        "an election a minute",
        12,
        other(HEALTHY, elections=Rising(0.5)),
        OF_ENSEMBLE,
    ),
    lasts(
        "ZookeeperLeadershipFlapping",
        "one each four minutes",
        30,
        other(HEALTHY, elections=Rising(0.125)),
    ),
    lasts(
        "ZookeeperElectionTooLong",
        "a minute",
        1,
        other(HEALTHY, quorum=ELECTING, live=1),
        OF_ENSEMBLE,
    ),
    short("ZookeeperElectionTooLong", "seen once", 0.5, other(HEALTHY, quorum=ELECTING)),
)

MEMBER_CASES: Final = (
    lasts("ZookeeperMemberDown", "away", 11, world(member(2, serving=0, up=0)), of_member(2)),
    short("ZookeeperMemberDown", "restarted", 5, world(member(2, serving=0, up=0))),
    lasts(
        "ZookeeperMemberDown",
        "silent",
        30,
        together(operator(), ensemble(), member(2, serving=None)),
    ),
    lasts(
        "ZookeeperMemberLagging",
        "it falls behind",
        6,
        world(known("member_lag", Rising(5000, start=2000), member="3")),
        of_member(3),
    ),
    short("ZookeeperMemberLagging", "it syncs", 2, world(known("member_lag", 50000, member="3"))),
    lasts("ZookeeperMemberNotScraped", "closed", 11, world(member(2, up=0)), of_member(2)),
    short("ZookeeperMemberNotScraped", "restarted", 5, world(member(2, up=0))),
    lasts(
        "ZookeeperMemberNotScraped",
        "another job",
        30,
        world({series("up", namespace="demo", job="other"): 0}),
    ),
    *_member_cases("ZookeeperFsyncSlow", "fsynctime_sum", Rising(2000), Rising(800), 16),
    *_member_cases("ZookeeperOutstandingRequests", "outstanding_requests", 150, 90, 6),
    lasts(
        "ZookeeperConnectionsNearLimit",
        "nine tenths of it",
        6,
        world(known("connection_limit", 1000), says("num_alive_connections", 900, member=2)),
        of_member(2),
    ),
    lasts(
        "ZookeeperConnectionsNearLimit",
        "eight tenths of it",
        30,
        world(known("connection_limit", 1000), says("num_alive_connections", 800, member=2)),
    ),
    lasts(
        "ZookeeperConnectionsNearLimit",
        "many, without a limit",
        30,
        world(says("num_alive_connections", 9000, member=2)),
    ),
    *_member_cases("ZookeeperConnectionsRejected", "connection_rejected", Rising(3), 40, 11),
    *_member_cases("ZookeeperFileDescriptors", "open_file_descriptor_count", 19000, 15000, 11),
    *_member_cases(
        "ZookeeperHeapFull",
        "jvm_memory_bytes_used",
        190 * MEBIBYTE,
        150 * MEBIBYTE,
        31,
        area="heap",
    ),
    Case(
        "ZookeeperHeapFull",
        "garbage is collected every five minutes",
        (minutes(10, HEALTHY),)
        + 8
        * (
            minutes(5, world(says("jvm_memory_bytes_used", 198 * MEBIBYTE, member=2, area="heap"))),
            minutes(0.5, HEALTHY),
        ),
    ),
    lasts(
        "ZookeeperDigestMismatch",
        "one",
        1,
        world(says("digest_mismatches_count", 1, member=2)),
        of_member(2),
    ),
    lasts("ZookeeperDigestMismatch", "none", 30, HEALTHY),
    Case(
        "ZookeeperUnrecoverableError",
        "again and again",
        (
            minutes(10, HEALTHY),
            minutes(1, world(says("unrecoverable_error_count", 2, member=2))),
            minutes(1, world(says("unrecoverable_error_count", 4, member=2))),
        ),
        (of_member(2),),
    ),
    lasts(
        "ZookeeperUnrecoverableError",
        "one, as when a leader goes",
        2,
        world(says("unrecoverable_error_count", 1, member=2)),
    ),
    lasts("ZookeeperUnrecoverableError", "none", 30, HEALTHY),
)


def volume(used: Value, *, number: int = 1) -> State:
    labels = {"member": str(number), "volume": "data"}
    return together(
        known("volume_used_bytes", used, **labels),
        known("volume_capacity_bytes", 10 * GIBIBYTE, **labels),
    )


STEADY: Final = world(volume(2 * GIBIBYTE), volume(2 * GIBIBYTE, number=2))
OF_VOLUME: Final = {**of_member(2), "volume": "data"}
SAWTOOTH: Final = tuple(
    Phase(HOUR, together(STEADY, volume(Rising(10 * MEBIBYTE, start=0), number=2)))
    if part % 2 == 0
    else Phase(60, STEADY)
    for part in range(18)
)


def growth(name: str, alert: str) -> tuple[Case, ...]:
    before = world(*(says(name, 6000, member=n) for n in (1, 2, 3)))
    after = world(*(says(name, 40000, member=n) for n in (1, 2, 3)))
    moved = world(*(says(name, value, member=n) for n, value in ((1, 0), (2, 9000), (3, 9000))))
    few = world(*(says(name, 1000, member=n) for n in (1, 2, 3)))
    more = world(*(says(name, 3000, member=n) for n in (1, 2, 3)))
    return (
        Case(alert, "it doubles", (Phase(7 * HOUR, before), minutes(31, after)), (OF_ENSEMBLE,)),
        Case(alert, "many, but not more", (Phase(8 * HOUR, after),)),
        Case(alert, "clients move to other members", (Phase(7 * HOUR, before), minutes(40, moved))),
        Case(alert, "a small number doubles", (Phase(7 * HOUR, few), minutes(40, more))),
    )


GROWTH_CASES: Final = (
    *_condition_cases(
        "ZookeeperDiskPressure",
        "StorageHealthy",
        "DiskPressure",
        2,
        labelled=False,
        beside="ResizePending",
    ),
    Case(
        "ZookeeperVolumeFilling",
        "it grows by 600 MiB an hour",
        (Phase(4 * HOUR, together(STEADY, volume(Rising(5 * MEBIBYTE, start=0), number=2))),),
        (OF_VOLUME,),
    ),
    Case(
        "ZookeeperVolumeFilling",
        "a new member copies the data",
        (
            minutes(10, world(volume(5 * GIBIBYTE))),
            minutes(10, world(volume(5 * GIBIBYTE), volume(Rising(256 * MEBIBYTE), number=2))),
            Phase(4 * HOUR, world(volume(5 * GIBIBYTE), volume(5 * GIBIBYTE, number=2))),
        ),
    ),
    Case("ZookeeperVolumeFilling", "logs are purged every hour", SAWTOOTH),
    *growth("watch_count", "ZookeeperWatchesGrowing"),
    *growth("ephemerals_count", "ZookeeperEphemeralsGrowing"),
)

EXPIRING: Final = condition("Secured", "CertificateExpiring")


def ends_in(seconds: float) -> State:
    """When the certificate ends. Cases begin at the time 0, with ten minutes of health."""
    return known("certificate_not_after_seconds", seconds + 10 * 60)


def _certificate_cases(alert: str, count: float, *, left: float) -> tuple[Case, ...]:
    """A certificate that nothing has renewed, and one that has the same time left and is of a short life."""
    rotating = condition("Secured", "RotatingCertificates")
    return (
        lasts(alert, f"{left:g} s are left", count, world(EXPIRING, ends_in(left)), OF_ENSEMBLE),
        lasts(alert, f"{left:g} s, renewed now", count, world(rotating, ends_in(left))),
    )


ENSEMBLE_CASES: Final = (
    *_condition_cases(
        "ZookeeperRolloutStopped",
        "RolledOut",
        "RolloutStopped",
        2,
        labelled=False,
        beside="RollingMember",
    ),
    *_condition_cases(
        "ZookeeperSpecInvalid", "SpecValid", "InvalidConfigKey", 6, labelled=True, beside=""
    )[::2],
    *_condition_cases(
        "ZookeeperStorageUnhealthy",
        "StorageHealthy",
        "VolumeLost",
        6,
        labelled=True,
        beside="EphemeralStorage",
    ),
    *_certificate_cases("ZookeeperCertificateExpiring", 6, left=6 * 24 * HOUR),
    *_certificate_cases("ZookeeperCertificateEnding", 2, left=HOUR),
    *_certificate_cases("ZookeeperCertificateEnding", 2, left=-HOUR),
    lasts("ZookeeperCertificateEnding", "in a week", 30, world(EXPIRING, ends_in(7 * 24 * HOUR))),
    lasts(
        "ZookeeperCertificateEnding",
        "it is valid for an hour only, and was just renewed",
        30,
        world(condition("Secured", "Secured", 1), ends_in(HOUR)),
    ),
    *_condition_cases(
        "ZookeeperNotSecured",
        "Secured",
        "CertificateRejected",
        11,
        labelled=True,
        beside="EnablingTLS",
    ),
    lasts(
        "ZookeeperNotReady",
        "a member crashes again and again",
        31,
        other(HEALTHY, ready=(0, "CrashLooping"), rollout=(0, "WaitingForMember")),
        OF_ENSEMBLE,
    ),
    lasts(
        "ZookeeperNotReady",
        "a long roll",
        60,
        other(HEALTHY, ready=(0, "WaitingForMember"), rollout=(0, "WaitingForMember"), outdated=1),
    ),
    lasts(
        "ZookeeperNotReady",
        "stopped",
        60,
        other(HEALTHY, ready=(0, "Stopped"), stopped=1, quorum=None),
    ),
    lasts(
        "ZookeeperNotReady",
        "another ensemble is being taken over, which may take days",
        25 * 60,
        other(HEALTHY, ready=(0, "Bridging")),
    ),
    lasts("ZookeeperPaused", "for a day", 25 * 60, world(known("paused", 1)), OF_ENSEMBLE),
    lasts("ZookeeperPaused", "for some hours", 8 * 60, world(known("paused", 1))),
    lasts(
        "ZookeeperStatusOld",
        "it is not observed any more",
        27,
        world(known("observed_timestamp_seconds", 300)),
        OF_ENSEMBLE,
    ),
    lasts("ZookeeperStatusOld", "it is observed", 60, HEALTHY),
)

ALONE: Final = without(HEALTHY, "zookeeper_operator_")
BACKUP_CASES: Final = (
    Case(
        "ZookeeperBackupOverdue",
        "the backup of the night is not there",
        (minutes(10, world(backups(0))), minutes(12, world(backups(1)))),
        ({**OF_ENSEMBLE, "schedule": "nightly"},),
    ),
    Case(
        "ZookeeperBackupOverdue",
        "it comes late",
        (
            minutes(10, world(backups(0))),
            minutes(8, world(backups(1))),
            minutes(5, world(backups(0))),
        ),
    ),
    Case(
        "ZookeeperBackupOverdue",
        "the backups are there",
        (minutes(30, world(backups(0))),),
    ),
)

OPERATOR_CASES: Final = (
    lasts("ZookeeperOperatorAbsent", "it is gone", 4, ALONE, {}),
    short("ZookeeperOperatorAbsent", "it is rescheduled", 2, ALONE),
    lasts(
        "ZookeeperOperatorNotLeading", "it stands by", 3, world(operator(leading=0)), OF_OPERATOR
    ),
    short("ZookeeperOperatorNotLeading", "the Lease changes hands", 1, world(operator(leading=0))),
    lasts(
        "ZookeeperOperatorNotLeading",
        "another process stands by",
        30,
        world(operator("operator-b", leading=0)),
    ),
    lasts("ZookeeperOperatorsContend", "two work", 3, world(operator("operator-b")), OF_OPERATOR),
    short("ZookeeperOperatorsContend", "one takes over", 1, world(operator("operator-b"))),
    lasts(
        "ZookeeperOperatorReconcileFailing",
        "each time",
        20,
        world(own("reconciles_total", Rising(1), result="error")),
        OF_OPERATOR,
    ),
    lasts(
        "ZookeeperOperatorReconcileFailing",
        "now and then",
        60,
        world(own("reconciles_total", Rising(0.1), result="error")),
    ),
    lasts(
        "ZookeeperOperatorStuck",
        "it does not end",
        5,
        world(own("workqueue_oldest_running_seconds", Rising(30))),
        OF_OPERATOR,
    ),
    lasts(
        "ZookeeperOperatorStuck",
        "reconciles are slow",
        30,
        world(own("workqueue_oldest_running_seconds", 80)),
    ),
)

CASES: Final[Sequence[Case]] = (
    *QUORUM_CASES,
    *MEMBER_CASES,
    *GROWTH_CASES,
    *ENSEMBLE_CASES,
    *BACKUP_CASES,
    *OPERATOR_CASES,
)


# ---- what sets off nothing ----


def _restarting(number: int, *, left: int, quorum: tuple[int, str] = (1, "Serving")) -> State:
    """A member of three restarts while `left` others still have the old revision."""
    rest = {n: v for n, v in HEALTHY.items() if f'member="{number}"' not in n}
    away = together(rest, member(number, serving=0, up=0))
    return other(
        away,
        live=2,
        quorum=quorum,
        outdated=left,
        ready=(0, "RollingMember"),
        rollout=(0, "WaitingForMember"),
        elections=Rising(0),
    )


ROLL: Final = (
    minutes(10, HEALTHY),
    minutes(2.5, _restarting(1, left=2)),
    minutes(2.5, _restarting(2, left=1)),
    minutes(0.5, _restarting(3, left=0, quorum=(0, "ElectionExpected"))),
    minutes(2.5, _restarting(3, left=0)),
    minutes(20, HEALTHY),
)
"""Members of a database that takes minutes to load, with one election."""

JOINING: Final = world(member(4, serving=0), member(5, serving=0))
SCALING: Final = (
    minutes(10, HEALTHY),
    minutes(4, other(JOINING, ready=(0, "AddingMember"))),
    minutes(
        3,
        other(world(member(4), member(5, serving=0)), voters=4, live=4, ready=(0, "AddingMember")),
    ),
    minutes(20, other(world(size=5), voters=5, live=5)),
    minutes(2, other(world(size=5), voters=4, live=4, ready=(0, "RemovingMember"))),
    minutes(20, HEALTHY),
)

STOP: Final = (
    minutes(10, HEALTHY),
    minutes(
        60,
        together(
            operator(),
            ensemble(
                stopped=1,
                live=0,
                quorum=(0, "Stopped"),
                ready=(0, "Stopped"),
                rollout=(0, "Stopped"),
            ),
        ),
    ),
    minutes(
        1, other(world(), live=0, quorum=(0, "ElectionExpected"), ready=(0, "ElectionExpected"))
    ),
    minutes(20, HEALTHY),
)


def _by(pod: str, *, leading: int = 1, since: float = 0) -> State:
    """A healthy world that another pod of the operator reports, since some minutes after the beginning."""
    members = without(HEALTHY, "zookeeper_operator_")
    if not leading:
        return together(members, operator(pod, leading=0))
    mine = {
        name.replace('pod="operator-a"', f'pod="{pod}"'): value
        for name, value in HEALTHY.items()
        if name.startswith("zookeeper_operator_")
    }
    now = known("observed_timestamp_seconds", Rising(30, start=since * 60), pod=pod)
    return together(members, mine, now)


UPGRADE: Final = (
    minutes(30, HEALTHY),
    minutes(0.5, together(HEALTHY, operator("operator-b", leading=0))),
    minutes(1, _by("operator-b", leading=0)),
    minutes(30, _by("operator-b", since=31.5)),
)
"""The new pod stands by, the old one ends, and the new one takes the Lease when it has expired."""


def _with_tls(state: State, *, enabling: bool) -> State:
    """What is reported while TLS is turned on, and when it is on."""
    reason = ("EnablingTLS", 0) if enabling else ("Secured", 1)
    return together(state, condition("Secured", *reason), ends_in(90 * 24 * HOUR))


def _one_step(*, enabling: bool = True) -> tuple[Phase, ...]:
    """A step of TLS is a roll; between two of them all have one revision, and Secured is False still."""
    roll = [Phase(phase.seconds, _with_tls(phase.state, enabling=True)) for phase in ROLL[1:-1]]
    return (*roll, minutes(1, _with_tls(HEALTHY, enabling=enabling)))


TLS: Final = (
    minutes(10, HEALTHY),
    *_one_step(),
    *_one_step(),
    *_one_step(enabling=False),
    minutes(60, _with_tls(HEALTHY, enabling=False)),
    minutes(2, together(HEALTHY, condition("Secured", "RotatingCertificates"), ends_in(HOUR))),
    minutes(20, _with_tls(HEALTHY, enabling=False)),
)
"""TLS is turned on by three rolls; an hour later the certificate is renewed."""

SCENARIOS: Final[Mapping[str, tuple[Phase, ...]]] = {
    "rest": (minutes(120, HEALTHY),),
    "roll": ROLL,
    "scaling": SCALING,
    "stop": STOP,
    "TLS": TLS,
    "upgrade of the operator": UPGRADE,
}
