"""The step that restarts one member."""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.claim_deletion import build_restart_basis
from zookeeper_operator.ensemble.plan.revision import restart_of, statefulset_of, update_revision
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict


def restart(situation: Situation, pod: Pod, why: str) -> Step:
    """Delete the pod, which its StatefulSet creates again; `why` is for people."""
    statefulset = statefulset_of(situation, pod.component)
    assert statefulset is not None
    return Step(
        Verdict(False, reasons.ROLLING_MEMBER, f"restarting {pod.name}: {why}"),
        (
            restart_of(
                pod,
                statefulset,
                why,
                revisions=f"{pod.revision or 'unknown'} → "
                f"{update_revision(situation, pod.component)}",
                basis=build_restart_basis(situation, pod),
            ),
        ),
    )
