"""Founders that have started before they were named as such.

A member learns at its start whether it may make itself an empty database. When an ensemble is founded again,
its pods run already: each is restarted, one at a time.

Safety: only a member that says it holds nothing is restarted, and only while no member serves.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.judge.emptiness import is_empty
from zookeeper_operator.ensemble.plan.revision import restart_of, statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.published import published_membership


def plan_founders(situation: Situation) -> Step:
    """Restart the first founder that does not know that it is one."""
    done = Step(Verdict(True, reasons.SETTLED, "every founder knows that it is one"))
    published = published_membership(situation.observed)
    if situation.founded or situation.quorum.serving or published is None:
        return done
    for pod in situation.observed.pods:
        if pod.id not in published.founders or not is_empty(situation.observed, pod):
            continue
        statefulset = statefulset_of(situation, pod.component)
        if statefulset is None:
            continue
        why = "it holds no data, and founds the ensemble again"
        return Step(
            Verdict(False, reasons.FOUNDING, f"restarting {pod.name}: {why}"),
            (restart_of(pod, statefulset, why),),
        )
    return done
