"""The metrics about ensembles: what each one means, and the samples that one reconcile gives.

Pure. Elections and changes of the leader are counted from one reconcile to the next, so what was counted
before is an argument; the first sight of an ensemble counts nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from zookeeper_operator.api import conditions
from zookeeper_operator.control.series import Entry, Sample, counter, gauge, histogram
from zookeeper_operator.ensemble.build.config import connection_limit
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.member_series import MEMBER_ENTRIES, member_samples
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.claim_deletion import is_stopped
from zookeeper_operator.ensemble.plan.plain_port import is_closing
from zookeeper_operator.ensemble.plan.revision import update_revision
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.report.conditions import build_conditions

_ENSEMBLE: Final = ("namespace", "ensemble")
_PROBE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)

COUNTED: Final[tuple[Entry, ...]] = (
    counter("probe_failures", ("reason",), "Probes of members that failed, by reason."),
    histogram("probe_seconds", _PROBE_BUCKETS, "How long the probe of a member took."),
)
"""What the process counts of all ensembles together."""

_READY: Final = gauge(
    "ensemble_ready",
    _ENSEMBLE,
    "1 if the ensemble is ready, 0 if not; absent while it is not known.",
)
_QUORUM_HEALTHY: Final = gauge(
    "ensemble_quorum_healthy",
    _ENSEMBLE,
    "1 if a leader serves with a majority, 0 if not; absent while it cannot be known, and while the ensemble "
    "is stopped.",
)
_STOPPED: Final = gauge(
    "ensemble_stopped", _ENSEMBLE, "1 if the spec says that the ensemble is stopped, else 0."
)
_PAUSED: Final = gauge(
    "ensemble_paused", _ENSEMBLE, "1 if the spec says that the operator changes nothing, else 0."
)
_VOTERS: Final = gauge(
    "ensemble_voters", _ENSEMBLE, "Voting members of the committed configuration."
)
_LIVE_VOTERS: Final = gauge(
    "ensemble_live_voters", _ENSEMBLE, "Voting members that serve and follow the leader."
)
_TOLERATES: Final = gauge(
    "ensemble_tolerates",
    _ENSEMBLE,
    "Voters that may fail now without losing the quorum; absent while the ensemble is stopped.",
)
_WANTED_VOTERS: Final = gauge(
    "ensemble_wanted_voters", _ENSEMBLE, "Voting members that the spec asks for."
)
_LEADER: Final = gauge(
    "ensemble_leader", _ENSEMBLE, "Id of the member that leads; absent while none is known to lead."
)
_EPOCH: Final = gauge("ensemble_epoch", _ENSEMBLE, "Epoch of the current leader.")
_OUTDATED: Final = gauge(
    "ensemble_outdated_members",
    _ENSEMBLE,
    "Members whose pod does not run the current revision of its template.",
)
_OBSERVED: Final = gauge(
    "ensemble_observed_timestamp_seconds",
    _ENSEMBLE,
    "When the operator last observed the ensemble, in seconds since 1970.",
)
_CONDITION: Final = gauge(
    "ensemble_condition",
    (*_ENSEMBLE, "type", "reason"),
    "1 if the condition of this type is True, 0 if it is False; absent while it is Unknown.",
)
_CERTIFICATE: Final = gauge(
    "ensemble_certificate_not_after_seconds",
    _ENSEMBLE,
    "When the certificate of the members ends, in seconds since 1970; absent without TLS.",
)
_PLAIN_CLIENTS: Final = gauge(
    "ensemble_plain_clients",
    _ENSEMBLE,
    "Clients that are connected without TLS, while port 2181 is to be closed; absent otherwise.",
)
_CONNECTION_LIMIT: Final = gauge(
    "ensemble_connection_limit",
    _ENSEMBLE,
    "Connections that each member accepts (maxCnxns of spec.config); absent without a limit.",
)
_LEADER_CHANGES: Final = counter("ensemble_leader_changes", _ENSEMBLE, "Changes of the leader.")
_ELECTIONS: Final = counter(
    "ensemble_elections", _ENSEMBLE, "Elections, by the increments of the epoch."
)

REPORTED: Final[tuple[Entry, ...]] = (
    _READY,
    _STOPPED,
    _PAUSED,
    _QUORUM_HEALTHY,
    _VOTERS,
    _LIVE_VOTERS,
    _WANTED_VOTERS,
    _TOLERATES,
    _LEADER,
    _EPOCH,
    _CERTIFICATE,
    _PLAIN_CLIENTS,
    _CONNECTION_LIMIT,
    _LEADER_CHANGES,
    _ELECTIONS,
    _OUTDATED,
    _CONDITION,
    _OBSERVED,
    *MEMBER_ENTRIES,
)
"""What each ensemble reports."""


@dataclass(frozen=True)
class Elections:
    """The elections and the changes of the leader seen so far, and the last known epoch and leader."""

    elections: int = 0
    leader_changes: int = 0
    epoch: int | None = None
    leader: int | None = None

    def after(self, quorum: Quorum) -> "Elections":
        """The count when a quorum has been seen; what is unknown of it changes nothing."""
        found = self
        if quorum.epoch is not None:
            known = quorum.epoch if self.epoch is None else self.epoch
            grown = max(quorum.epoch - known, 0)
            found = replace(found, elections=self.elections + grown, epoch=quorum.epoch)
        if quorum.leader is not None:
            changed = self.leader not in {None, quorum.leader}
            found = replace(
                found, leader_changes=self.leader_changes + changed, leader=quorum.leader
            )
        return found


def build_samples(plan: Plan, elections: Elections) -> tuple[Sample, ...]:
    """The samples of one ensemble; what is unknown has none."""
    ensemble, quorum = plan.situation.ensemble, plan.quorum
    where = (ensemble.namespace, ensemble.name)
    found, stopped = build_conditions(plan), is_stopped(plan.situation)
    served = _truth(found, conditions.QUORUM_HEALTHY)
    leaf = plan.situation.certificates.leaf
    live = None if served is None else max(len(quorum.live), quorum.followed)
    values: dict[Entry, float | None] = {
        _READY: _truth(found, conditions.READY),
        _STOPPED: ensemble.spec.stopped,
        _PAUSED: ensemble.spec.paused,
        # What is asked for must not raise an alert.
        _QUORUM_HEALTHY: None if stopped else served,
        _VOTERS: len(quorum.voters),
        _LIVE_VOTERS: live,
        _WANTED_VOTERS: ensemble.spec.replicas,
        _TOLERATES: None if live is None or stopped else live - quorum.needed,
        _LEADER: quorum.leader,
        _EPOCH: quorum.epoch,
        _CERTIFICATE: None if leaf is None else leaf.not_after.timestamp(),
        _PLAIN_CLIENTS: _count_plain_clients(plan.situation),
        _CONNECTION_LIMIT: connection_limit(ensemble.spec),
        _LEADER_CHANGES: elections.leader_changes,
        _ELECTIONS: elections.elections,
        _OUTDATED: _count_outdated(plan.situation),
        _OBSERVED: plan.situation.observed.now.timestamp(),
    }
    samples = (
        Sample(entry.name, where, float(value))
        for entry, value in values.items()
        if value is not None
    )
    return (*samples, *_conditions(found, where), *member_samples(plan, where))


def _truth(found: list[conditions.Condition], type_: str) -> bool | None:
    """Whether a condition is true; None while it is not known."""
    condition = conditions.find(found, type_)
    if condition is None or condition.status == conditions.UNKNOWN:
        return None
    return condition.status == conditions.TRUE


def _conditions(found: Iterable[conditions.Condition], where: tuple[str, str]) -> Iterable[Sample]:
    for condition in found:
        if condition.status != conditions.UNKNOWN:
            labels = (*where, condition.type, condition.reason)
            yield Sample(_CONDITION.name, labels, condition.status == conditions.TRUE)


def _count_plain_clients(situation: Situation) -> int | None:
    """How many clients without TLS are waited for, as far as it is known; None if they are not."""
    if not is_closing(situation) or not situation.observed.plain_clients:
        return None
    return sum(situation.observed.plain_clients.values())


def _count_outdated(situation: Situation) -> int | None:
    """How many pods are of an older revision; None while Kubernetes has not reported the newest one."""
    pods = [(pod, update_revision(situation, pod.component)) for pod in situation.observed.pods]
    if not all(revision for _, revision in pods):
        return None
    return sum(pod.revision != revision for pod, revision in pods)
