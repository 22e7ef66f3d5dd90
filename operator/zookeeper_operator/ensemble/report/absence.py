"""Members that do not serve: since when, whether that was asked for, and what is known of why.

Pure. A member is lost when it served and no longer does, and neither the spec nor the operator wants it so.
What is not known is no loss: a member that does not answer may only be too busy, so it is lost only if it is
known not to serve (`judge.presence`); without a leader none can serve, which is reported of the quorum.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.api import conditions
from zookeeper_operator.api.ensemble_status import MemberStatus
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.claim_deletion import is_stopped
from zookeeper_operator.ensemble.plan.copying import describe_slow_copy
from zookeeper_operator.ensemble.plan.members import waiting_for_vote, wanted_ids
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.times import format_time, parse_time
from zookeeper_operator.zookeeper.answers import Answers

# A restarted member serves again within half a minute; on a busy node it may take a few times that.
TIME_TO_RETURN: Final = timedelta(minutes=2)
# A member that gets or loses a vote has no leader for a second or two.
_TIME_TO_FOLLOW: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class Absence:
    """Since when a member that served does not; `lost` if that was not asked for."""

    since: str | None = None
    lost: bool = False


def judge_absence(
    situation: Situation,
    member_id: int,
    before: MemberStatus | None,
    *,
    serving: bool,
    restarted: bool,
) -> Absence:
    """What the absence of a member is, by its status that stands; `restarted` by the operator right now.

    `serving` is what its status says now: of a silent member, what was last known.
    """
    stopped = is_stopped(situation) or situation.ensemble.deleting
    if stopped or was_stopped(situation) or before is None or serving:
        return Absence()
    if not (before.serving or before.not_serving_since):
        return Absence()  # it has not served yet
    now = situation.observed.now
    since = before.not_serving_since or format_time(now)
    away = now - (parse_time(since) or now)
    expected = member_id not in wanted_ids(situation) or (
        away < TIME_TO_RETURN
        and (restarted or _is_caused_by_operator(situation, member_id, before, now))
    )
    lost = before.lost or (not expected and _is_gone(situation, member_id, away))
    return Absence(since, lost)


def was_stopped(situation: Situation) -> bool:
    """Whether the status that stands is that of a stop: members that still served then were ending."""
    return conditions.is_stop_reported(situation.ensemble.status)


def _is_caused_by_operator(
    situation: Situation, member_id: int, before: MemberStatus, now: datetime
) -> bool:
    """Whether the operator has restarted a member lately, or has taken its vote for that."""
    at = parse_time(before.restarted_at)
    lately = at is not None and now - at < TIME_TO_RETURN
    return lately or member_id in waiting_for_vote(situation)


def _is_gone(situation: Situation, member_id: int, away: timedelta) -> bool:
    answer = situation.observed.answers.get(member_id)
    if answer is not None and answer.reachable:
        return situation.quorum.healthy and away >= _TIME_TO_FOLLOW
    return member_id in situation.quorum.absent


def is_silent(answer: Answers | None, pod: Pod | None) -> bool:
    """Whether a member that has answered since its start does not answer now."""
    answered = answer is not None and answer.reachable
    return not answered and pod is not None and pod.answered and pod.running and not pod.terminating


def describe_absence(situation: Situation, member_id: int, before: MemberStatus | None) -> str:
    """What is known of a member that does not serve, as a sentence."""
    observed = situation.observed
    answer, pod = observed.answers.get(member_id), observed.pod(member_id)
    name = names.member_name(situation.ensemble.name, member_id)
    since = f" since {before.not_serving_since}" if before and before.not_serving_since else ""
    if answer is not None and answer.reachable:
        copies = describe_slow_copy(situation, member_id)
        return copies or _describe_leaderless(situation, name, before, since)
    if pod is None:
        return f"{name} has no pod"
    if pod.terminating:
        return f"the pod of {name} is being deleted"
    if pod.node in observed.lost_nodes:
        return f"{name} is on node {pod.node}, which is not ready"
    return f"{name} does not answer{since}" if is_silent(answer, pod) else f"{name} is starting"


def _describe_leaderless(
    situation: Situation, name: str, before: MemberStatus | None, since: str
) -> str:
    leader = situation.quorum.leader
    if leader is None:
        return f"{name} answers, but has no leader"
    led_by = names.member_name(situation.ensemble.name, leader)
    begun = parse_time(before.not_serving_since) if before else None
    if begun is None or situation.observed.now - begun < _TIME_TO_FOLLOW:
        return f"{name} does not follow {led_by} yet"
    return (
        f"{name} answers, but has not followed {led_by}{since}: it does not reach {led_by} at ports "
        f"{names.QUORUM_PORT} and {names.ELECTION_PORT}, does not resolve its name, or still copies the data"
    )
