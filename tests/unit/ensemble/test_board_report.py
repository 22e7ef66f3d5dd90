"""What is left on the board of an ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest
from tests.unit.ensemble.plan.scenes import answers, at_rest
from tests.unit.ensemble.store import Store

from zookeeper_operator.control.series import Sample
from zookeeper_operator.ensemble.board_report import EnsembleReport, build_report
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.referenced import Found, Reference, Referenced
from zookeeper_operator.kube.api import Kube, Object
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper

CALM = at_rest(3)
ADDRESSES = tuple(Address(i, "demo", f"zk-{i}", f"192.0.2.{i}") for i in (1, 2, 3))


class Members:
    """Members that give these answers."""

    def __init__(self, now: Mapping[int, Answers]) -> None:
        self.now = now

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        assert not thorough
        return {address.id: self.now[address.id] for address in members}


def report(
    now: Mapping[int, Answers],
    addresses: tuple[Address, ...] = ADDRESSES,
    *,
    scene: Observed = CALM,
    kube: Kube | None = None,
    previous: EnsembleReport | None = None,
) -> EnsembleReport:
    return build_report(
        build_plan(scene),
        addresses,
        kube=kube or Store([]),
        zookeeper=cast("ZooKeeper", Members(now)),
        previous=previous,
    )


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        pytest.param(CALM.answers, False, id="as before"),
        pytest.param(
            {**CALM.answers, 1: replace(CALM.answers[1], zxid=9, connections=7)},
            False,
            id="only written to",
        ),
        pytest.param({**CALM.answers, 1: silent(1)}, True, id="one is silent"),
        pytest.param({i: answers(i, 2, (1, 2, 3)) for i in (1, 2, 3)}, True, id="another leads"),
    ],
)
async def test_a_probe_sees_who_serves_and_who_leads(
    now: Mapping[int, Answers], *, changed: bool
) -> None:
    assert await report(now).probe() is changed


async def test_without_addresses_there_is_nobody_to_probe() -> None:
    assert not await report(CALM.answers, addresses=()).probe()


def test_elections_are_counted_from_one_report_to_the_next() -> None:
    first = report(CALM.answers)
    later = {i: answers(i, 2, (1, 2, 3), epoch=4) for i in (1, 2, 3)}
    second = report(later, scene=replace(CALM, answers=later), previous=first)
    assert (second.elections.elections, second.elections.leader_changes) == (3, 1)
    where = ("demo", "zk")
    assert Sample("zookeeper_operator_ensemble_elections_total", where, 3) in second.samples


async def test_a_new_version_of_a_secret_whose_content_is_used_is_noticed() -> None:
    scene = at_rest(3, {"tls": {"source": {"secretName": "registry"}}})
    reference = Reference("registry", "spec.tls.source", watched=True)
    known = Referenced((Found(reference, "present", version="1"),))
    of = replace(scene, referenced=known)
    for version, noticed in (("1", False), ("2", True)):
        probed = report(of.answers, scene=of, kube=Store([secret(version)]))
        assert await probed.probe() is noticed


NAMING = at_rest(3, {"image": {"pullSecrets": [{"name": "registry"}]}})
REFERENCE = Reference("registry", "spec.image.pullSecrets[0]")


def secret(version: str) -> Object:
    metadata = {"name": "registry", "namespace": "demo", "resourceVersion": version}
    return {"kind": "Secret", "metadata": metadata}


MISSING = Referenced((Found(REFERENCE, "missing"),))
PRESENT = Referenced((Found(REFERENCE, "present", version="7"),))


@pytest.mark.parametrize(
    ("known", "there", "changed"),
    [
        pytest.param(MISSING, [], False, id="still missing"),
        pytest.param(MISSING, [secret("8")], True, id="has appeared"),
        pytest.param(PRESENT, [], False, id="was there: the next reconcile is soon enough"),
    ],
)
async def test_a_secret_that_was_missing_is_looked_for(
    known: Referenced, there: list[Object], *, changed: bool
) -> None:
    """Nothing watches it. One that is there costs no request at rest."""
    scene = replace(NAMING, referenced=known)
    assert await report(scene.answers, scene=scene, kube=Store(there)).probe() is changed
