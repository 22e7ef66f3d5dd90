"""Which ensemble is meant, and with whose eyes it is looked at."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cli.clusters import NoZooKeeper, ReadOnlyKube, ensemble
from tests.unit.ensemble.plan.scenes import at_rest, without_answer

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.reading import (
    Reader,
    find_ensemble,
    list_ensembles,
    operator_settings,
    why_unasked,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.target import build_target


async def test_the_only_one_needs_no_name() -> None:
    kube = ReadOnlyKube([ensemble("zk"), ensemble("zk", "other")])
    assert (await find_ensemble(kube, "demo", ""))["metadata"]["namespace"] == "demo"


@pytest.mark.parametrize(
    ("objects", "name", "said"),
    [
        (
            [ensemble("b"), ensemble("a")],
            "",
            "namespace demo has several ensembles, name one of them: a, b",
        ),
        (
            [ensemble("b"), ensemble("a")],
            "c",
            "there is no ensemble c in namespace demo; there are: a, b",
        ),
        ([], "", "there is no ensemble in namespace demo"),
        ([], "zk", "there is no ensemble zk in namespace demo"),
        (
            [ensemble("zk", "other")],
            "",
            "there is no ensemble in namespace demo; elsewhere there are: other/zk",
        ),
        (
            [ensemble("zk", "other")],
            "zk",
            "there is no ensemble zk in namespace demo; elsewhere there are: other/zk",
        ),
    ],
)
async def test_one_that_cannot_be_meant_is_answered_with_those_there_are(
    objects: list[dict[str, Any]], name: str, said: str
) -> None:
    with pytest.raises(Failure) as failed:
        await find_ensemble(ReadOnlyKube(objects), "demo", name)
    assert failed.value.message == said


async def test_who_may_not_see_all_namespaces_is_told_of_none() -> None:
    kube = ReadOnlyKube([ensemble("zk", "other")], forbidden=frozenset({names.KIND}))
    with pytest.raises(Failure) as failed:
        await find_ensemble(kube, "demo", "zk")
    assert failed.value.message == "there is no ensemble zk in namespace demo"


async def test_a_list_is_in_order() -> None:
    kube = ReadOnlyKube([ensemble("b"), ensemble("z", "a"), ensemble("a")])
    found = [b["metadata"]["name"] for b in await list_ensembles(kube, None)]
    assert found == ["z", "a", "b"]


def test_the_operators_settings_are_read_from_what_it_built() -> None:
    """Built with other settings, the children would all differ and the forecast be wrong."""
    owner = replace(
        at_rest(3).ensemble, cluster_domain="corp.example", operator_namespace="operators"
    )
    policy = build_network_policy(build_target(owner, Membership((), 0, (), "uid")))
    assert policy is not None
    body = ensemble(status={"connectionString": "zk-1.demo.svc.corp.example:2181,x"})
    found = operator_settings(body, policy)
    assert (found.cluster_domain, found.namespace) == ("corp.example", "operators")
    usual = operator_settings(ensemble(), None)
    assert (usual.cluster_domain, usual.namespace) == ("cluster.local", "zookeeper-operator")


def test_members_that_are_ready_but_silent_cannot_be_asked_from_here() -> None:
    scene = at_rest(3)
    assert why_unasked(scene) == ""
    silent = replace(
        scene,
        answers={
            i: replace(a, reachable=False, problem="refused") for i, a in scene.answers.items()
        },
    )
    assert why_unasked(silent) == "no member can be asked from here (refused)"
    assert why_unasked(without_answer(scene, 1, 2, 3)) == "", "they are down, which is no riddle"


def test_a_configuration_that_cannot_be_read_from_here_is_no_trouble_of_the_ensemble() -> None:
    """Such as without the right to forward ports: the operator's words are better than ours."""
    scene = replace(at_rest(3), committed=None, unreadable="the configuration could not be read")
    assert why_unasked(scene) == "the configuration could not be read"
    assert why_unasked(without_answer(scene, 1, 2, 3)) == ""


def test_the_operator_is_the_one_that_manages_the_ensemble_wherever_it_runs() -> None:
    """Without a NetworkPolicy, and with a Lease of another name, it is known by the status."""
    recorded = ensemble(status={"managedBy": "platform/zk-operator"})
    assert operator_settings(recorded, None).installation == "platform/zk-operator"
    recorded["metadata"]["annotations"] = {names.ANNOTATION_OPERATOR: "next/operator"}
    assert operator_settings(recorded, None).installation == "next/operator"


async def test_an_operator_that_cannot_exist_is_said_instead_of_an_observation() -> None:
    body = ensemble(status={"managedBy": "no-such-form", "summary": "Serving"})
    found = await Reader(ReadOnlyKube([body]), NoZooKeeper()).reading(body)
    assert found.seen is None
    assert found.status["summary"] == "Serving"
    assert found.why_not_seen == "operator no-such-form manages it"
