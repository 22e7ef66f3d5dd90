"""Handshakes are made when they are needed, and no more often."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import NOW
from tests.unit.ensemble.security.secrets import SOURCE, source_secret, source_secret_leaf

from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.handshakes import HandshakeReader
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import judge_certificates
from zookeeper_operator.zookeeper.protocol import Address, Presented, ZooKeeper
from zookeeper_operator.zookeeper.served import Handshake, Handshakes

KEY = Key(names.KIND, "demo", "zk")
PORTS = (names.ELECTION_PORT, names.SECURE_CLIENT_PORT)


class Members:
    """Members that serve a certificate, and accept every one."""

    def __init__(self, leaf: Certificate | None) -> None:
        self.leaf = leaf
        self.asked: list[int] = []
        self.presented: Presented | None = None

    async def shake_hands(
        self,
        members: Sequence[Address],
        ports: Mapping[int, Sequence[int]],
        presented: Presented | None = None,
    ) -> Handshakes:
        self.asked += [member.id for member in members]
        self.presented = presented
        accepts = None if presented is None else True
        by = None if presented is None else presented.authority
        shown = Handshake(self.leaf, accepts=accepts, presented=by)
        return {m.id: dict.fromkeys(ports[m.id], shown) for m in members}


def secured(**spec: Any) -> Observed:
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {}, **spec})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    observed = ensemble.world.observed
    pods = tuple(replace(p, ip=f"10.0.0.{p.id}") for p in observed.pods)
    return replace(observed, pods=pods, handshakes={})


def reader(members: Members) -> HandshakeReader:
    return HandshakeReader(cast("ZooKeeper", members))


async def test_what_was_shown_is_remembered_for_five_minutes() -> None:
    observed = secured()
    members = Members(judge_certificates(observed).leaf)
    of = reader(members)
    first = await of.fetch(KEY, observed)
    assert {i: tuple(ports) for i, ports in first.items()} == dict.fromkeys((1, 2, 3), PORTS)
    assert await of.fetch(KEY, observed) == first
    assert members.asked == [1, 2, 3]
    await asyncio.sleep(301)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3] * 2


async def test_a_member_whose_container_has_started_again_is_asked_again() -> None:
    observed = secured()
    members = Members(judge_certificates(observed).leaf)
    of = reader(members)
    await of.fetch(KEY, observed)
    pods = tuple(replace(p, running_since=NOW) if p.id == 2 else p for p in observed.pods)
    await of.fetch(KEY, replace(observed, pods=pods))
    assert members.asked == [1, 2, 3, 2]


async def test_silence_says_nothing_else_than_what_was_shown() -> None:
    observed = secured()
    members = Members(judge_certificates(observed).leaf)
    of = reader(members)
    shown = await of.fetch(KEY, observed)
    members.leaf = None
    await asyncio.sleep(301)
    assert await of.fetch(KEY, observed) == shown
    await asyncio.sleep(10)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3] * 2, "who is silent is not asked all the time"
    await asyncio.sleep(10)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3] * 3
    answers = {i: replace(a, reachable=False) for i, a in observed.answers.items()}
    await asyncio.sleep(301)
    assert await of.fetch(KEY, replace(observed, answers=answers)) == shown


async def test_one_that_serves_another_certificate_is_asked_again_soon() -> None:
    observed = secured()
    members = Members(source_secret_leaf(NOW))
    of = reader(members)
    await of.fetch(KEY, observed)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3]
    await asyncio.sleep(3)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3] * 2


async def test_a_certificate_of_a_new_ca_is_presented() -> None:
    observed = secured(tls=SOURCE)
    members = Members(judge_certificates(observed).leaf)
    of = reader(members)
    await of.fetch(KEY, observed)
    assert members.presented is None
    source = source_secret("new ca", NOW)
    shown = await of.fetch(KEY, replace(observed, tls_source=source))
    presented: Any = members.presented
    assert presented.key_pair.chain.leaf.pem == source.data["tls.crt"]
    assert all(one.accepts for ports in shown.values() for one in ports.values())


async def test_members_that_do_not_answer_or_have_no_tls_are_not_asked() -> None:
    observed = secured()
    members = Members(judge_certificates(observed).leaf)
    answers = {**observed.answers, 1: replace(observed.answers[1], reachable=False)}
    pods = tuple(replace(p, template={}) if p.id == 2 else p for p in observed.pods)
    await reader(members).fetch(KEY, replace(observed, answers=answers, pods=pods))
    assert members.asked == [3]


async def test_nothing_is_remembered_of_an_ensemble_that_is_gone() -> None:
    observed = secured()
    members = Members(judge_certificates(observed).leaf)
    of = reader(members)
    await of.fetch(KEY, observed)
    of.forget(KEY)
    await of.fetch(KEY, observed)
    assert members.asked == [1, 2, 3] * 2


pytestmark = pytest.mark.looptime
