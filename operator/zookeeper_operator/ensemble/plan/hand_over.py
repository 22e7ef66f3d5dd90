"""Handing over: a member that is due gives its vote away before its restart.

Safety:

* a member that does not log what it observes (`syncEnabled: "false"`) is never demoted to vote again;
* a hand-over that is refused for a transient cause, such as a follower that still copies the data, is
  tried again for some seconds before the leader is restarted without one;
* without a hand-over a member is restarted only if the others are a majority.
"""

from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.build.config import logs_while_observing
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.members import server_in_role
from zookeeper_operator.ensemble.plan.restart import restart
from zookeeper_operator.ensemble.plan.restart_reason import restart_reason
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CommittedConfig


def plan_hand_over(situation: Situation, pod: Pod) -> Step:
    """Take the vote of a member that is due, or restart it where it cannot be without one."""
    if not logs_while_observing(situation.ensemble.spec):
        return _keep_vote(situation, pod)
    observed = situation.observed
    committed = observed.committed
    assert committed is not None
    refusal = observed.refusal
    if refusal is not None and refusal.handing_over == pod.id:
        if refusal.is_transient(observed.now):
            step = _ask_to_hand_over(situation, pod, committed)
            return replace(step, actions=()) if refusal.is_recent(observed.now) else step
        if situation.quorum.survives_without(pod.id):
            why = restart_reason(situation, pod)
            return restart(situation, pod, f"{why}; its hand-over was refused")
        if refusal.is_recent(observed.now):
            return _stop(pod, f" ({refusal.why})")
    return _ask_to_hand_over(situation, pod, committed)


def _keep_vote(situation: Situation, pod: Pod) -> Step:
    """Restart a member that must not observe in between: it would not log what it sees, and vote again."""
    key = "spec.config.syncEnabled is not true"
    if situation.quorum.survives_without(pod.id):
        return restart(
            situation, pod, f"{restart_reason(situation, pod)}; without a hand-over, since {key}"
        )
    return _stop(pod, f", since {key}")


def _stop(pod: Pod, why: str) -> Step:
    verdict = Verdict(
        False,
        reasons.ROLLOUT_STOPPED,
        f"{pod.name} cannot hand over before its restart{why}, and without it no majority would be left; "
        "delete the pod by hand if a short outage is acceptable",
    )
    return Step(verdict)


def _ask_to_hand_over(situation: Situation, pod: Pod, committed: CommittedConfig) -> Step:
    return Step(
        Verdict(
            False,
            reasons.HANDING_OVER_LEADERSHIP,
            f"{pod.name} hands over before its restart",
        ),
        (
            Reconfigure(
                based_on=committed,
                joining=(server_in_role(situation, pod.id, "observer"),),
                reason=reasons.HANDING_OVER_LEADERSHIP,
                why=f"{pod.name} is the last one to be restarted"
                if pod.id == situation.quorum.leader
                else f"no majority would be left without {pod.name}",
            ),
        ),
    )
