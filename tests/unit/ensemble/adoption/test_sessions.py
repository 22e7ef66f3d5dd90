"""While a source must stand still, the operator opens no session: each would be a transaction."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from tests.unit.cli.clusters import ReadOnlyKube
from tests.unit.ensemble.adoption.test_expected_voters import Members
from tests.unit.ensemble.plan.test_adoption import LINES, OURS
from tests.unit.ensemble.plan.test_cut_over import CUT, cut_scene, own_list, with_list

from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.configuration_reader import ConfigurationReader, Told
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper
from zookeeper_operator.zookeeper.servers import CommittedConfig

SERVING: Mapping[int, str] = {1: "leader", 2: "follower", 3: "follower"}


async def ask(
    observed: Observed, *, view: tuple[int, ...] = (1, 2, 3), modes: Mapping[int, str] = SERVING
) -> tuple[Told, list[int]]:
    said = {i: replace(observed.answers[i], voting_view=frozenset(view)) for i in OURS}
    members = Members(observed, modes, said)
    kube: Any = ReadOnlyKube([])
    reader = ConfigurationReader(kube, cast("ZooKeeper", members))
    addresses = tuple(Address(i, "demo", f"zk-{i}", f"10.0.0.{i}") for i in OURS)
    told = await reader.ask(Key(names.KIND, "demo", "zk"), observed, addresses)
    return told, members.read_from


async def test_a_source_that_is_only_observed_is_read() -> None:
    told, read_from = await ask(cut_scene(proceed="Observe"))
    assert told.committed is not None
    assert told.committed.version == 0x200000000, "as its own members show it"
    assert set(read_from) == {1, 2, 3}, "ours show the list that they have started from"


async def test_a_source_that_must_stand_still_is_not_read() -> None:
    told, read_from = await ask(cut_scene())
    assert told.committed == CommittedConfig(0, LINES)
    assert read_from == []


async def test_a_source_whose_owner_has_changed_it_is_not_cut_over() -> None:
    told, read_from = await ask(cut_scene(), view=(1, 2, 3, 4))
    assert told.committed is None
    assert "count others as voters" in told.unreadable
    assert read_from == []


async def test_after_the_cut_no_word_of_the_source_counts() -> None:
    told, read_from = await ask(cut_scene(record=CUT))
    assert told.committed is None
    assert read_from == []
    only_list = cut_scene()
    told, read_from = await ask(with_list(only_list, own_list(only_list)))
    assert told.committed is None
    assert read_from == []
