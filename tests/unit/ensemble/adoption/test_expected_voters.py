"""Who is taken for the quorum while an ensemble is taken over, and who is not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.cli.clusters import ReadOnlyKube
from tests.unit.ensemble.plan.scenes import answers
from tests.unit.ensemble.plan.test_adoption import LINES, OURS, VERSION, published_list, scene

from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.configuration_reader import ConfigurationReader, Told
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Access, Address, Endpoint, SourceAnswer, ZooKeeper
from zookeeper_operator.zookeeper.servers import CommittedConfig

STATIC = "\n".join([*(s.line() for s in LINES), "version=200000000"])
"""What members of the source commit that were restarted from their own list: a newer version of it."""


class Members:
    """Members of a source and of ours; the answers of ours are given by id."""

    def __init__(self, observed: Observed, modes: Mapping[int, str], ours: Mapping[int, Answers]):
        self._observed, self._modes, self._ours = observed, modes, ours
        self.read_from: list[int] = []

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        del members, thorough
        return self._ours

    async def ask_source(self, endpoints: Sequence[Endpoint]) -> Mapping[Endpoint, SourceAnswer]:
        hosts = {server.host: server.id for server in LINES}
        return {e: self._said(self._modes.get(hosts[e.host], "")) for e in endpoints}

    @staticmethod
    def _said(mode: str) -> SourceAnswer:
        if not mode:
            return SourceAnswer(reachable=False, problem="no answer")
        return SourceAnswer(reachable=True, mode=mode, zxid=VERSION, version="3.9.4")

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:
        hosts = {server.host: server.id for server in LINES}
        self.read_from += [hosts[e.host] for e in endpoints]
        return STATIC

    async def read_config(self, access: Access) -> CommittedConfig:
        self.read_from += [address.id for address in access.members]
        assert self._observed.committed is not None
        return self._observed.committed


async def ask(
    voters: Iterable[int],
    modes: Mapping[int, str],
    ours: Iterable[int] = (),
    *,
    leader: int = 11,
    published: bool = True,
) -> tuple[Told, list[int]]:
    observed = scene(voters, ours=ours, leader=leader, proceed="Swap")
    status = {**observed.ensemble.status, "adoption": {"source": [s.line() for s in LINES]}}
    observed = replace(observed, ensemble=replace(observed.ensemble, status=status))
    if not published:
        observed = replace(observed, children=())
    said = {i: answers(i, leader, voters) for i in ours}
    members = Members(observed, modes, said)
    kube: Any = ReadOnlyKube([])
    reader = ConfigurationReader(kube, cast("ZooKeeper", members))
    addresses = tuple(Address(i, "demo", f"zk-{i}", f"10.0.0.{i}") for i in ours)
    told = await reader.ask(Key(names.KIND, "demo", "zk"), observed, addresses)
    return told, members.read_from


LED_BY_3 = {2: "follower", 3: "leader"}
LED_BY_2 = {1: "follower", 2: "leader"}


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("voters", [(1, 11, 12), OURS, (1, 2, 11)])
async def test_members_of_a_source_that_serve_as_their_own_ensemble_are_not_believed(
    voters: tuple[int, ...], *, published: bool
) -> None:
    told, read_from = await ask(voters, LED_BY_3, published=published)
    assert told.committed is None
    assert read_from == []
    assert told.unreadable


async def test_what_a_source_says_counts_only_with_one_of_ours_as_soon_as_one_votes() -> None:
    told, _ = await ask((1, 2, 11), LED_BY_2)
    assert told.committed is None
    assert "no member of ours" in told.unreadable
    told, read_from = await ask((1, 2, 11), LED_BY_2, (11,), leader=2)
    assert told.committed is not None
    assert read_from == [11]


@pytest.mark.parametrize("published", [True, False])
async def test_before_one_of_ours_votes_the_majority_of_the_source_is_the_quorum(
    *, published: bool
) -> None:
    told, read_from = await ask((1, 2, 3), LED_BY_3, OURS, leader=3, published=published)
    assert told.committed is not None
    assert read_from == list(OURS)


async def test_a_list_that_is_lost_is_replaced_by_what_ours_count_never_by_who_serves() -> None:
    told, read_from = await ask((1, 11, 12), {**LED_BY_3, 1: "follower"}, published=False)
    assert (told.committed, read_from) == (None, [])
    told, _ = await ask((1, 11, 12), {1: "follower"}, (11, 12), published=False)
    assert told.committed is not None


async def test_a_list_that_was_made_from_the_record_names_no_quorum() -> None:
    """It was published while nobody knew who votes; members of the source are not believed for that."""
    observed = scene((1, 11, 12), ours=(), proceed="Swap")
    status = {**observed.ensemble.status, "adoption": {"source": [s.line() for s in LINES]}}
    ensemble = replace(observed.ensemble, status=status)
    lost = replace(observed, ensemble=ensemble, children=(), committed=None, answers={})
    made = published_list(ensemble, understand(lost).membership)
    assert made["data"]["configVersion"] == "0"
    again = replace(lost, children=(made,))
    members = Members(again, LED_BY_3, {})
    kube: Any = ReadOnlyKube([])
    told = await ConfigurationReader(kube, cast("ZooKeeper", members)).ask(
        Key(names.KIND, "demo", "zk"), again, ()
    )
    assert (told.committed, members.read_from) == (None, [])


async def test_the_configuration_is_read_from_members_that_follow_the_leader() -> None:
    observed = scene(OURS, leader=11, proceed="Swap")
    said = {
        11: answers(11, 11, OURS),
        12: answers(12, 11, OURS),
        13: answers(13, 3, (1, 2, 3)),
    }
    members = Members(observed, LED_BY_3, said)
    kube: Any = ReadOnlyKube([])
    reader = ConfigurationReader(kube, cast("ZooKeeper", members))
    addresses = tuple(Address(i, "demo", f"zk-{i}", f"10.0.0.{i}") for i in OURS)
    await reader.ask(Key(names.KIND, "demo", "zk"), observed, addresses)
    assert members.read_from in ([], [11, 12]), "13 follows a leader without a vote"
