"""The alert rules: what each one asks, how long that must last, and where help is.

Every rule names the ensemble, and the member where it is about one. Rules about an ensemble use the metrics
of the operator, which knows what it does itself: a roll, a scaling, a stop or an upgrade of the operator sets
off none of them. Labels of the operator's own pod are aggregated away, so that what is pending continues with
another pod. What only a member knows comes from the metrics of the members.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Severity = Literal["critical", "warning"]

_UNITS: Final[Mapping[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RUNBOOKS: Final = "docs/runbooks/"
"""Where the runbooks are in the repository; the chart's `monitoring.rules.runbookBase` takes its place."""

_ENSEMBLE: Final = "namespace, ensemble"
_MEMBER: Final = "namespace, ensemble, member"
_VOLUME: Final = "namespace, ensemble, member, volume"
_ZK: Final = "{{ $labels.namespace }}/{{ $labels.ensemble }}"
_ONE: Final = "member {{ $labels.member }} of " + _ZK
_OURS: Final = 'ensemble!=""'
"""Other applications have metrics of these names, but no label that only our scrape configuration sets."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule.

    Attributes:
        name: The name of the alert.
        expression: What Prometheus evaluates.
        lasting: How long it must be true; empty for an alert at once.
        severity: `critical` stops writes or endangers data; `warning` needs a person in working hours.
        summary: What is wrong, with the labels of the alert.
        description: What it means for clients and what to check first.
        runbook: The page below `docs/runbooks`.
    """

    name: str
    expression: str
    lasting: str
    severity: Severity
    summary: str
    description: str
    runbook: str

    @property
    def lasting_seconds(self) -> float:
        """How long the expression must be true; 0 for an alert at once."""
        return float(self.lasting[:-1]) * _UNITS[self.lasting[-1]] if self.lasting else 0

    def to_rule(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expression}
        if self.lasting:
            rule["for"] = self.lasting
        return rule | {
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}{self.runbook}",
            },
        }


def _page(alert: str) -> str:
    """The section of an alert that is about no reason of the status."""
    return f"Alerts.md#{alert.lower()}"


def _condition(type_: str, reasons: str, *, keep: str = _ENSEMBLE) -> str:
    """A condition that is False for one of these reasons."""
    series = f'zookeeper_operator_ensemble_condition{{type="{type_}", reason{reasons}}}'
    return f"max by ({keep}) ({series} == 0)"


def _gauge(name: str, labels: str = _ENSEMBLE) -> str:
    """A metric of the operator, whichever process of it reports it."""
    return f"max by ({labels}) (zookeeper_operator_ensemble_{name})"


def _growing(name: str, total: str) -> str:
    """A metric of the members that is large and has doubled within six hours."""
    now = f"{total} by ({_ENSEMBLE}) ({name}{{{_OURS}}})"
    before = f"{total} by ({_ENSEMBLE}) ({name}{{{_OURS}}} offset 6h)"
    return f"({now} > 10000) and ({now} > 2 * {before})"


def _filling(hours: int) -> str:
    """A volume that will be full in a day, by its growth within some hours."""
    used = f"({_gauge('volume_used_bytes', _VOLUME)})[{hours}h:5m]"
    return f"(predict_linear({used}, 86400) > {_gauge('volume_capacity_bytes', _VOLUME)})"


_BEFORE_SERVING: Final = "Stopped|Founding|PreviousEnsemble|ElectionExpected"
_ADOPTING: Final = "Observing|Swapping|Undoing|Bridging"
"""Another ensemble is being taken over: how far it may go is for a person to say, and may take days."""
_NOT_BROKEN: Final = f'!~"{_BEFORE_SERVING}|{_ADOPTING}|Paused|Deleting|WaitingForAddress"'
_ROLLING: Final = (
    f"(({_gauge('outdated_members')} > 0) and on ({_ENSEMBLE}) "
    + _condition("RolledOut", '=~"RollingMember|HandingOverLeadership|WaitingForMember"')
    + ")"
)
"""A roll that goes on: members are restarted one at a time, and not all have the newest revision."""
_EXPIRING: Final = _condition("Secured", '="CertificateExpiring"')
"""By the part of its life that is left: what is soon for ten years is not soon for an hour."""

QUORUM: Final = (
    Alert(
        "ZookeeperNoQuorum",
        _condition("QuorumHealthy", f'!~"{_BEFORE_SERVING}"'),
        "1m",
        "critical",
        f"{_ZK} has no quorum",
        "No majority of the voters serves under one leader, so every read and write fails. The status of the "
        "ensemble names the reason.",
        "NoQuorum.md",
    ),
    Alert(
        "ZookeeperSplitBrain",
        _condition(
            "QuorumHealthy", '=~"SplitBrain|VotingViewsDiffer"', keep=f"{_ENSEMBLE}, reason"
        ),
        "",
        "critical",
        f"Members of {_ZK} contradict each other",
        "Members claim to lead at the same time, or disagree on who votes, for longer than ZooKeeper takes "
        "to resolve it. The operator changes nothing meanwhile.",
        "{{ $labels.reason }}.md",
    ),
    Alert(
        "ZookeeperQuorumUnknown",
        f"({_gauge('stopped')} == 0) unless on ({_ENSEMBLE}) {_gauge('quorum_healthy')}",
        "2m",
        "warning",
        f"Nothing is known of the quorum of {_ZK}",
        "The operator cannot ask enough members. They may serve: check from a client before anything else.",
        "NotProbed.md",
    ),
    Alert(
        "ZookeeperFoundingStuck",
        _condition("QuorumHealthy", '=~"Founding|PreviousEnsemble"', keep=f"{_ENSEMBLE}, reason"),
        "15m",
        "warning",
        f"{_ZK} was created but does not serve yet",
        "The first members have not formed a quorum. The events of the ensemble and its pods say why.",
        "{{ $labels.reason }}.md",
    ),
    Alert(
        "ZookeeperNoTolerance",
        f"(({_gauge('tolerates')} == 0) and on ({_ENSEMBLE}) ({_gauge('voters')} > 2)) "
        f"unless on ({_ENSEMBLE}) {_ROLLING}",
        "5m",
        "warning",
        f"{_ZK} does not survive the loss of one more voter",
        "It serves, but exactly a majority of its voters is left.",
        "WaitingForMember.md",
    ),
    Alert(
        "ZookeeperLeadershipFlapping",
        f"sum by ({_ENSEMBLE}) (increase(zookeeper_operator_ensemble_elections_total[15m])) > 5",
        "",
        "warning",
        f"{_ZK} elects a leader again and again",
        "More than five elections in 15 minutes; a roll needs one. Clients wait during each of them.",
        _page("ZookeeperLeadershipFlapping"),
    ),
    Alert(
        "ZookeeperElectionTooLong",
        _condition("QuorumHealthy", '="ElectionInProgress"'),
        "30s",
        "warning",
        f"The members of {_ZK} do not agree on a leader",
        "An election takes about a second. They may not reach each other at ports 2888 and 3888.",
        "ElectionInProgress.md",
    ),
)
"""Whether clients are served, and whether that lasts."""

MEMBERS: Final = (
    Alert(
        "ZookeeperMemberDown",
        f"{_gauge('member_serving', _MEMBER)} == 0",
        "10m",
        "warning",
        f"{_ONE.capitalize()} does not serve",
        "The status of the ensemble says what is known of it; its pod and its log say why.",
        "WaitingForMember.md",
    ),
    Alert(
        "ZookeeperMemberLagging",
        f"{_gauge('member_lag', _MEMBER)} > 1000",
        "5m",
        "warning",
        f"{_ONE.capitalize()} is far behind the leader",
        "It serves old data, and is no help if the leader is lost. Its disk or its network is too slow.",
        "MemberNotSynced.md",
    ),
    Alert(
        "ZookeeperMemberNotScraped",
        f'max by ({_MEMBER}) (up{{{_OURS}, member!=""}}) == 0',
        "10m",
        "warning",
        f"The metrics of {_ONE} cannot be scraped",
        "What only the member knows is not monitored. spec.metrics.from may not name Prometheus.",
        _page("ZookeeperMemberNotScraped"),
    ),
    Alert(
        "ZookeeperFsyncSlow",
        f"sum by ({_MEMBER}) (rate(fsynctime_sum{{{_OURS}}}[5m])) / "
        f"sum by ({_MEMBER}) (rate(fsynctime_count{{{_OURS}}}[5m])) > 100",
        "10m",
        "warning",
        f"The disk of {_ONE} is slow",
        "Writing the transaction log takes more than 100 ms on average, and every write waits for it.",
        _page("ZookeeperFsyncSlow"),
    ),
    Alert(
        "ZookeeperOutstandingRequests",
        f"max by ({_MEMBER}) (outstanding_requests{{{_OURS}}}) > 100",
        "5m",
        "warning",
        f"{_ONE.capitalize()} does not keep up with its clients",
        "More than 100 requests wait in it. At 1000, globalOutstandingLimit, it stops reading from clients.",
        _page("ZookeeperOutstandingRequests"),
    ),
    Alert(
        "ZookeeperConnectionsNearLimit",
        f"max by ({_MEMBER}) (num_alive_connections{{{_OURS}}}) > on ({_ENSEMBLE}) group_left "
        f"0.85 * {_gauge('connection_limit')}",
        "5m",
        "warning",
        f"{_ONE.capitalize()} has almost as many connections as it accepts",
        "More than 85 % of maxCnxns of spec.config. At the limit it rejects clients.",
        _page("ZookeeperConnectionsNearLimit"),
    ),
    Alert(
        "ZookeeperConnectionsRejected",
        f"sum by ({_MEMBER}) (increase(connection_rejected{{{_OURS}}}[5m])) > 0",
        "5m",
        "warning",
        f"{_ONE.capitalize()} rejects connections",
        "A limit for connections is reached (maxCnxns, maxClientCnxns), or connections are throttled.",
        _page("ZookeeperConnectionsRejected"),
    ),
    Alert(
        "ZookeeperFileDescriptors",
        f"max by ({_MEMBER}) (open_file_descriptor_count{{{_OURS}}} / max_file_descriptor_count) > 0.85",
        "10m",
        "warning",
        f"{_ONE.capitalize()} is running out of file descriptors",
        "Each connection needs one. Without any, the member accepts no client and writes no snapshot.",
        _page("ZookeeperFileDescriptors"),
    ),
    Alert(
        "ZookeeperHeapFull",
        f'min by ({_MEMBER}) (min_over_time(jvm_memory_bytes_used{{{_OURS}, area="heap"}}[15m])) / '
        f'max by ({_MEMBER}) (jvm_memory_bytes_max{{{_OURS}, area="heap"}}) > 0.9',
        "15m",
        "warning",
        f"The heap of {_ONE} is full",
        "Garbage collection frees too little; long pauses and a restart for lack of memory come next.",
        _page("ZookeeperHeapFull"),
    ),
    Alert(
        "ZookeeperDigestMismatch",
        f"sum by ({_MEMBER}) (increase(digest_mismatches_count{{{_OURS}}}[15m])) > 0",
        "",
        "critical",
        f"{_ONE.capitalize()} may hold other data than the rest",
        "After a transaction its tree had another digest than the leader's.",
        _page("ZookeeperDigestMismatch"),
    ),
    Alert(
        # One is counted by a follower that forwards a request when its leader goes.
        "ZookeeperUnrecoverableError",
        f"sum by ({_MEMBER}) (increase(unrecoverable_error_count{{{_OURS}}}[5m])) > 2",
        "",
        "critical",
        f"{_ONE.capitalize()} meets errors that it cannot recover from",
        "Its threads end again and again. Its log says by which error.",
        _page("ZookeeperUnrecoverableError"),
    ),
)
"""What single members cannot do."""

GROWTH: Final = (
    Alert(
        "ZookeeperDiskPressure",
        _condition("StorageHealthy", '="DiskPressure"'),
        "1m",
        "critical",
        f"A volume of {_ZK} is almost full",
        "A full volume takes its member out of service.",
        "DiskPressure.md",
    ),
    Alert(
        "ZookeeperVolumeFilling",
        # A volume that a new member has just filled does not grow within an hour, and one that is purged
        # every hour does not within six.
        f"{_filling(1)} and {_filling(6)}",
        "90m",
        "warning",
        f"The volume {{{{ $labels.volume }}}} of {_ONE} will be full within a day",
        "Raise spec.storage before it is; find out what writes so much.",
        "DiskPressure.md",
    ),
    Alert(
        "ZookeeperWatchesGrowing",
        _growing("watch_count", "sum"),
        "30m",
        "warning",
        f"The watches of {_ZK} have doubled within six hours",
        "A client may set watches and never remove them. They take heap.",
        _page("ZookeeperWatchesGrowing"),
    ),
    Alert(
        "ZookeeperEphemeralsGrowing",
        _growing("ephemerals_count", "max"),
        "30m",
        "warning",
        f"The ephemeral znodes of {_ZK} have doubled within six hours",
        "A client may create them without end. They go only with its session.",
        _page("ZookeeperEphemeralsGrowing"),
    ),
)
"""What grows until something is full."""

ENSEMBLES: Final = (
    Alert(
        "ZookeeperRolloutStopped",
        _condition("RolledOut", '="RolloutStopped"'),
        "1m",
        "warning",
        f"The rollout of {_ZK} has stopped",
        "A restarted member did not come back, so no other one is restarted.",
        "RolloutStopped.md",
    ),
    Alert(
        "ZookeeperSpecInvalid",
        _condition("SpecValid", '!=""', keep=f"{_ENSEMBLE}, reason"),
        "5m",
        "warning",
        f"The spec of {_ZK} cannot be acted on",
        "The members run as before, but no change reaches them.",
        "{{ $labels.reason }}.md",
    ),
    Alert(
        "ZookeeperStorageUnhealthy",
        _condition(
            "StorageHealthy",
            '=~"VolumeLost|ForeignVolume|ClaimBeingDeleted|DataWouldBeLost|ResizeRefused|StorageClassMissing"',
            keep=f"{_ENSEMBLE}, reason",
        ),
        "5m",
        "warning",
        f"The storage of {_ZK} needs a person",
        "The condition StorageHealthy of the ensemble names the volume.",
        "{{ $labels.reason }}.md",
    ),
    Alert(
        "ZookeeperCertificateExpiring",
        _EXPIRING,
        "5m",
        "warning",
        f"The certificate of {_ZK} ends soon",
        "Nothing has renewed it in time. When it has ended, a member that restarts cannot join the others.",
        "CertificateExpiring.md",
    ),
    Alert(
        "ZookeeperCertificateEnding",
        f"({_EXPIRING}) and on ({_ENSEMBLE}) ({_gauge('certificate_not_after_seconds')} - time() < 86400)",
        "1m",
        "critical",
        f"The certificate of {_ZK} ends within a day, or has ended",
        "When it has ended, a member that restarts cannot join the others: so restarts cost the quorum.",
        "CertificateExpiring.md",
    ),
    Alert(
        "ZookeeperNotSecured",
        _condition(
            "Secured",
            '=~"CertificateMissing|CertificateInvalid|CertificateRejected|CertificateNotLoaded|PasswordMissing|'
            'PasswordInvalid|LoginRefused"',
            keep=f"{_ENSEMBLE}, reason",
        ),
        "10m",
        "warning",
        f"{_ZK} is not secured as its spec asks",
        "The condition Secured of the ensemble names the Secret or the member. Members keep what they have.",
        "{{ $labels.reason }}.md",
    ),
    Alert(
        "ZookeeperNotReady",
        f"({_condition('Ready', _NOT_BROKEN)}) unless on ({_ENSEMBLE}) {_ROLLING}",
        "30m",
        "warning",
        f"{_ZK} is not as its spec asks",
        "The condition Ready of the ensemble says what is missing, and status.nextAction what happens next.",
        "README.md",
    ),
    Alert(
        "ZookeeperPaused",
        f"{_gauge('paused')} == 1",
        "1d",
        "warning",
        f"{_ZK} has been paused for a day",
        "The operator changes nothing: it replaces no lost volume and continues no roll.",
        _page("ZookeeperPaused"),
    ),
    Alert(
        "ZookeeperStatusOld",
        f"time() - {_gauge('observed_timestamp_seconds')} > 900",
        "1m",
        "warning",
        f"The status of {_ZK} is old",
        "The operator has not observed the ensemble for 15 minutes; its log says why.",
        _page("ZookeeperStatusOld"),
    ),
)
"""What keeps an ensemble from being as its spec asks."""

BACKUPS: Final = (
    Alert(
        "ZookeeperBackupOverdue",
        "max by (namespace, ensemble, schedule) (zookeeper_operator_backup_overdue) == 1",
        "10m",
        "warning",
        f"There is no recent verified backup of {_ZK} by the schedule {{{{ $labels.schedule }}}}",
        "A verified backup should be there by the schedule and is not: the last ones have failed, or none "
        "was created. The status of the schedule names the reason.",
        "TooOld.md",
    ),
)
"""Whether what is lost could be restored."""

OPERATOR: Final = (
    Alert(
        "ZookeeperOperatorAbsent",
        "absent(zookeeper_operator_lease_leading)",
        "3m",
        "critical",
        "No operator of ZooKeeper is running",
        "Members continue to serve, but nothing is repaired, rolled or reported. Or Prometheus does not "
        "scrape the operator.",
        _page("ZookeeperOperatorAbsent"),
    ),
    Alert(
        "ZookeeperOperatorNotLeading",
        "sum by (namespace, job) (zookeeper_operator_lease_leading) == 0",
        "2m",
        "critical",
        "No operator in {{ $labels.namespace }} holds the Lease",
        "It runs, but stands by: nothing is repaired, rolled or reported.",
        _page("ZookeeperOperatorNotLeading"),
    ),
    Alert(
        "ZookeeperOperatorsContend",
        "sum by (namespace, job) (zookeeper_operator_lease_leading) > 1",
        "2m",
        "critical",
        "Several operators in {{ $labels.namespace }} work at the same time",
        "Each has a Lease of its own, or clocks differ by more than the time of the Lease.",
        _page("ZookeeperOperatorsContend"),
    ),
    Alert(
        "ZookeeperOperatorReconcileFailing",
        "sum by (namespace, job) "
        '(increase(zookeeper_operator_reconciles_total{result!="done"}[15m])) > 5',
        "5m",
        "warning",
        "Reconciles of the operator in {{ $labels.namespace }} fail",
        "Its log has one line for each failure, with the ensemble.",
        _page("ZookeeperOperatorReconcileFailing"),
    ),
    Alert(
        "ZookeeperOperatorStuck",
        "max by (namespace, job) (zookeeper_operator_workqueue_oldest_running_seconds) > 120",
        "1m",
        "critical",
        "A reconcile of the operator in {{ $labels.namespace }} does not end",
        "It should have ended after 90 seconds. One worker is lost to all other ensembles.",
        _page("ZookeeperOperatorStuck"),
    ),
)
"""Whether the operator works."""

GROUPS: Final[Mapping[str, tuple[Alert, ...]]] = {
    "zookeeper-quorum": QUORUM,
    "zookeeper-members": MEMBERS,
    "zookeeper-growth": GROWTH,
    "zookeeper-ensembles": ENSEMBLES,
    "zookeeper-backups": BACKUPS,
    "zookeeper-operator": OPERATOR,
}


def all_alerts() -> Iterator[Alert]:
    """Every alert, in the order of the file."""
    for group in GROUPS.values():
        yield from group


def rule_file() -> dict[str, Any]:
    """Return the content of a rule file of Prometheus, which is the spec of a PrometheusRule as well."""
    return {
        "groups": [
            {"name": name, "rules": [alert.to_rule() for alert in alerts]}
            for name, alerts in GROUPS.items()
        ]
    }
