"""Where CPU is short, what is late is not reported as lost, and what is lost is still reported in time.

The operator gets 20 millicores, or busy loops take the CPU of the node. Clients write all the while and
count; after minutes of writes and a roll, a majority of the members is frozen.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from e2e.cluster import OPERATOR_NAMESPACE, wait_until
from e2e.ensembles import Ensemble, watch
from e2e.places import Operator
from e2e.writer.handle import Result

MINUTES: Final = float(os.environ.get("E2E_STARVED_MINUTES", "10"))
LONGEST_SECONDS: Final = (MINUTES + 30) * 60
pytestmark = [pytest.mark.long, pytest.mark.timeout(LONGEST_SECONDS)]

MILLICORES: Final = 20
LOOPS: Final = 8
SILENT_SECONDS: Final = 75
"""Within which the loss of members that answer nothing is reported."""
ROLL_SECONDS: Final = 900

Hardship = Callable[[Operator], AbstractContextManager[None]]


@dataclass
class Reported:
    """What the status said of the quorum, with the times at which a watch said it."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Take in a status and a reason."""
        if line:
            self.seen.append((time.time(), line))

    def times(self, *reasons: str) -> list[float]:
        """When one of these reasons was there."""
        return [at for at, line in self.seen if line.partition(" ")[2] in reasons]


@contextmanager
def starved_operator(operator: Operator) -> Iterator[None]:
    """The operator has 20 millicores."""
    cpu = f"{MILLICORES}m"
    resources = {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}
    pod = operator.leading_pod()
    operator.cluster.resize(OPERATOR_NAMESPACE, pod, "operator", resources)
    try:
        yield
        assert operator.leading_pod() == pod, "it still is the process that is short of CPU"
    finally:
        operator.kill()
        operator.wait_working(seconds=120)


@contextmanager
def busy_node(operator: Operator) -> Iterator[None]:
    """Busy loops on the operator's node, at the priority of whatever else runs on a node."""
    cluster, node = operator.cluster, operator.pods()[0]["spec"]["nodeName"]
    # They end by themselves: a test that is killed leaves no busy node behind.
    loop = f"timeout {LONGEST_SECONDS:.0f} sh -c 'while :; do :; done'"
    start = f"for i in $(seq {LOOPS}); do {loop} > /dev/null 2>&1 & echo $!; done"
    loops = cluster.on_node(node, "sh", "-c", start).split()
    try:
        yield
        cluster.on_node(node, "kill", "-0", *loops)  # they have run until now
    finally:
        cluster.on_node(node, "kill", *loops)


@pytest.mark.parametrize("hardship", [starved_operator, busy_node])
def test_where_cpu_is_short_nothing_is_reported_that_is_not_so(
    operator: Operator, three: Ensemble, hardship: Hardship
) -> None:
    """Ten minutes of writes and a roll: each report has its cause, and a real loss is in time."""
    three.wait_settled()
    changes = len(three.events("LeaderChanged"))
    reported = Reported()
    with watch(three, quorum_condition(), reported.add), hardship(operator):
        with three.counting() as writer:
            time.sleep(MINUTES * 60)  # the time itself is what is tested
            three.change(config={"maxClientCnxns": 50 + changes})
            three.wait_settled(seconds=ROLL_SECONDS)
            result = writer.stop()
        print(result)
        assert result.lost == 0
        assert false_losses(reported, result) == []
        elections = len(result.elections) - 1  # the first leader it found was there before
        wait_until(
            "each election has its Event",
            lambda: len(three.events("LeaderChanged")) - changes == elections,
            seconds=60,
        )
        lose_majority(three, reported)
    three.wait_settled(seconds=ROLL_SECONDS)


def quorum_condition() -> str:
    """Where status and reason of QuorumHealthy are."""
    found = '.status.conditions[?(@.type=="QuorumHealthy")]'
    return f'{{{found}.status}} {{{found}.reason}}{{"\\n"}}'


def false_losses(reported: Reported, result: Result) -> list[float]:
    """When a loss was reported although no client had waited for more than a second."""
    return [
        at
        for at in reported.times("NoQuorum", "SplitBrain")
        if result.longest_gap(since=at - SILENT_SECONDS, until=at) < 1
    ]


def lose_majority(ensemble: Ensemble, reported: Reported) -> None:
    """Freeze two of three: they answer nothing from then on."""
    frozen = (ensemble.leader(), ensemble.followers()[0])
    since = time.time()
    for member in frozen:
        ensemble.signal(member, "STOP")
    try:
        at = wait_until(
            "the loss is reported",
            lambda: [at for at in reported.times("NoQuorum") if at > since],
            seconds=SILENT_SECONDS,
        )
        print(f"reported {at[0] - since:.1f} s after the loss")
    finally:
        for member in frozen:
            ensemble.signal(member, "CONT")
