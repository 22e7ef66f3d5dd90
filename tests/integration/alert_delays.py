"""How soon each alert must fire: what happens until its expression is true, and its own time after that."""

from collections.abc import Mapping, Sequence
from typing import Final

from monitoring.alerts import all_alerts
from tests.integration.alert_cases import CASES, Case
from tests.integration.timelines import STEP_SECONDS, Phase, State
from tests.unit.monitoring.expressions import metrics_in

SCRAPES: Final = 2
"""One until it is scraped, one until the rules are evaluated."""

UNTIL_TRUE: Final[Mapping[str, float]] = {
    "ZookeeperMemberLagging": 10,
    "ZookeeperLeadershipFlapping": 360,
    "ZookeeperFsyncSlow": 180,
    "ZookeeperHeapFull": 900,
    "ZookeeperUnrecoverableError": 60,
    "ZookeeperVolumeFilling": 600,
    "ZookeeperStatusOld": 600,
    "ZookeeperOperatorReconcileFailing": 180,
    "ZookeeperOperatorStuck": 150,
}
"""Of alerts about what grows or lasts: how long their histories take until the expression is true."""


def firing_cases() -> dict[str, Case]:
    """The first case of each alert in which it fires."""
    found: dict[str, Case] = {}
    for case in CASES:
        if case.fires:
            found.setdefault(case.alert, case)
    return found


ALERTS: Final = {alert.name: alert for alert in all_alerts()}
FIRING: Final = firing_cases()


def begins(phases: Sequence[Phase]) -> float:
    """When the trouble of a history begins: after its first phase, or at once if there is no other."""
    return phases[0].seconds if len(phases) > 1 else 0


def due(name: str, *, scrape: float = STEP_SECONDS) -> float:
    """How long after the beginning of the trouble the alert must fire at the latest."""
    return UNTIL_TRUE.get(name, 0) + ALERTS[name].lasting_seconds + SCRAPES * scrape


def history(name: str) -> tuple[Phase, ...]:
    """What sets off an alert, with what its expression asks for and nothing else."""
    asked = set(metrics_in(ALERTS[name].expression))

    def part(state: State) -> State:
        return {series: value for series, value in state.items() if series.split("{")[0] in asked}

    return tuple(Phase(phase.seconds, part(phase.state)) for phase in FIRING[name].phases)


def extended(phases: Sequence[Phase], seconds: float) -> tuple[Phase, ...]:
    """The history with a last phase that lasts until some seconds after its beginning, and a scrape more."""
    *first, last = phases
    before = sum(phase.seconds for phase in first)
    return (*first, Phase(max(0, seconds - before) + STEP_SECONDS, last.state))
