"""What a reconcile of an ensemble leaves on the board: how to probe its members, and its metric samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zookeeper_operator.control.board import Report
from zookeeper_operator.control.series import Sample
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.series import Elections, build_samples
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper


@dataclass(frozen=True)
class EnsembleReport:
    """`control.board.Report` of an ensemble.

    Its probe asks every member one cheap question, so that a new leader is seen although Kubernetes sees
    nothing. The answers of the reconcile are what it compares with.
    """

    zookeeper: ZooKeeper = field(repr=False)
    addresses: tuple[Address, ...]
    signature: object
    elections: Elections
    samples: tuple[Sample, ...]

    async def probe(self) -> bool:
        """Whether a member answers otherwise than in the reconcile."""
        if not self.addresses:
            return False
        answers = await self.zookeeper.probe(self.addresses, thorough=False)
        return signature_of(answers) != self.signature


def build_report(
    plan: Plan, addresses: tuple[Address, ...], zookeeper: ZooKeeper, previous: Report | None
) -> EnsembleReport:
    """The report of one reconcile; the previous one holds what was counted before."""
    counted = previous.elections if isinstance(previous, EnsembleReport) else Elections()
    elections = counted.after(plan.quorum)
    return EnsembleReport(
        zookeeper,
        addresses,
        signature_of(plan.situation.observed.answers),
        elections,
        build_samples(plan, elections),
    )


def signature_of(answers: Mapping[int, Answers]) -> object:
    """What cheap answers are compared by: which members serve, and whom they follow."""
    return frozenset(
        (a.id, a.reachable and a.problem is None, a.leader_id, a.is_leader)
        for a in answers.values()
    )
