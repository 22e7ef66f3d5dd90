"""The metrics about single members and their volumes. Pure; what is unknown has no sample."""

from collections.abc import Iterator
from typing import Final

from zookeeper_operator.control.series import Entry, Sample, gauge
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.storage import bytes_on
from zookeeper_operator.ensemble.report.members import member_lag

_MEMBER: Final = ("namespace", "ensemble", "member")
_VOLUME: Final = (*_MEMBER, "volume")

_LAG: Final = gauge(
    "ensemble_member_lag", _MEMBER, "Transactions by which a member is behind the leader."
)
_SERVING: Final = gauge(
    "ensemble_member_serving",
    _MEMBER,
    "1 if a member serves, 0 if it is known not to; absent while it is silent, and while the ensemble is "
    "stopped.",
)
_INFO: Final = gauge(
    "ensemble_member_info",
    (*_MEMBER, "role", "version"),
    "1 for each member that answers, with its role and the version of ZooKeeper that it runs.",
)
_USED: Final = gauge(
    "ensemble_volume_used_bytes",
    _VOLUME,
    "Snapshots and transaction logs that a member has on a volume, in bytes.",
)
_CAPACITY: Final = gauge(
    "ensemble_volume_capacity_bytes", _VOLUME, "Size of a member's volume, in bytes."
)

MEMBER_ENTRIES: Final[tuple[Entry, ...]] = (_LAG, _SERVING, _INFO, _USED, _CAPACITY)
"""What each ensemble reports of its members."""


def member_samples(plan: Plan, where: tuple[str, str]) -> Iterator[Sample]:
    """The samples of the members of one ensemble, `where` being its namespace and name."""
    answers = plan.situation.observed.answers
    leader = answers.get(plan.quorum.leader or 0)
    for member_id, answer in sorted(answers.items()):
        labels = (*where, str(member_id))
        lag = member_lag(answer, leader)
        if lag is not None:
            yield Sample(_LAG.name, labels, lag)
        if answer.reachable:
            role = answer.server_state if answer.serving else "looking"
            yield Sample(_INFO.name, (*labels, role, answer.version), 1)
    yield from _serving(plan, where)
    yield from _volumes(plan, where)


def _serving(plan: Plan, where: tuple[str, str]) -> Iterator[Sample]:
    if plan.situation.ensemble.spec.stopped:
        return
    answers = plan.situation.observed.answers
    serving = {member_id for member_id, answer in answers.items() if answer.serving}
    denying = {member_id for member_id, answer in answers.items() if answer.denies}
    for member_id in sorted(serving | denying | plan.quorum.absent):
        yield Sample(_SERVING.name, (*where, str(member_id)), member_id in serving)


def _volumes(plan: Plan, where: tuple[str, str]) -> Iterator[Sample]:
    for claim in plan.situation.observed.claims:
        labels = (*where, str(claim.member_id), claim.volume)
        used = bytes_on(plan.situation, claim)
        if used is not None:
            yield Sample(_USED.name, labels, used)
        if claim.capacity:
            yield Sample(_CAPACITY.name, labels, claim.capacity)
