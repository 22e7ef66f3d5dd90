"""What an operator process decides with and acts through: the real thing, unless a test wants it wrong."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.kubelet import StartScript, run_start_script

from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.kube.api import Kube


def _as_it_is(kube: Kube) -> Kube:
    return kube


@dataclass(frozen=True)
class Mind:
    """The planner, the hands (a layer over the port to Kubernetes), and the start script of the pods."""

    decide: Callable[[Observed], Plan] = build_plan
    hands: Callable[[Kube], Kube] = _as_it_is
    script: StartScript = run_start_script


RIGHT = Mind()
