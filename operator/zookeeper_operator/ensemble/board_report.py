"""What a reconcile of an ensemble leaves on the board: how to probe its members, and its metric samples."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from zookeeper_operator.control.board import Report
from zookeeper_operator.control.series import Sample
from zookeeper_operator.ensemble.dereference import dereference
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.referenced import Referenced
from zookeeper_operator.ensemble.series import Elections, build_samples
from zookeeper_operator.kube.api import Kube, KubeError
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper

_REFERENCES_SECONDS: Final = 3.0


@dataclass(frozen=True)
class EnsembleReport:
    """`control.board.Report` of an ensemble.

    Its probe asks every member one cheap question, so that a new leader is seen although Kubernetes sees
    nothing, and checks for what the spec refers to and the reconcile did not find, since nothing watches it.
    What the reconcile found is what it compares with.
    """

    zookeeper: ZooKeeper = field(repr=False)
    addresses: tuple[Address, ...]
    signature: object
    referenced: Referenced
    dereference: Callable[[], Awaitable[Referenced]] = field(repr=False)
    elections: Elections
    samples: tuple[Sample, ...]

    async def probe(self) -> bool:
        """Whether a member answers otherwise than in the reconcile, or a reference leads elsewhere."""
        differs, appeared = await asyncio.gather(self._ask_members(), self._has_appeared())
        return differs or appeared

    async def _ask_members(self) -> bool:
        if not self.addresses:
            return False
        answers = await self.zookeeper.probe(self.addresses, thorough=False)
        return signature_of(answers) != self.signature

    async def _has_appeared(self) -> bool:
        if not (any(self.referenced.problems()) or self.referenced.watched):
            return False
        try:
            async with asyncio.timeout(_REFERENCES_SECONDS):
                return await self.dereference() != self.referenced
        except (KubeError, TimeoutError):
            return False  # nothing is known; the next probe asks again


def build_report(
    plan: Plan,
    addresses: tuple[Address, ...],
    *,
    kube: Kube,
    zookeeper: ZooKeeper,
    previous: Report | None,
) -> EnsembleReport:
    """The report of one reconcile; the previous one holds what was counted before."""
    counted = previous.elections if isinstance(previous, EnsembleReport) else Elections()
    elections = counted.after(plan.quorum)
    observed = plan.situation.observed
    return EnsembleReport(
        zookeeper=zookeeper,
        addresses=addresses,
        signature=signature_of(_probed(observed.answers, addresses)),
        referenced=observed.referenced,
        dereference=partial(dereference, kube, observed.ensemble),
        elections=elections,
        samples=build_samples(plan, elections),
    )


def _probed(
    answers: Mapping[int, Answers], addresses: tuple[Address, ...]
) -> Mapping[int, Answers]:
    """The answers of those that the next probe asks: members of a source are asked by a reconcile only."""
    asked = {address.id for address in addresses}
    return {i: answer for i, answer in answers.items() if i in asked}


def signature_of(answers: Mapping[int, Answers]) -> object:
    """What cheap answers are compared by: which members serve, and which leader they follow."""
    return frozenset(
        (a.id, a.reachable and a.problem is None, a.leader_id, a.is_leader)
        for a in answers.values()
    )
