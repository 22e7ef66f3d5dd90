"""`kubectl zk adopt`: what is found out about a source, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import yaml
from tests.unit.cli.clusters import NoZooKeeper, ReadOnlyKube

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.cli.adopt.inquiry import Inquiry, Wish, inquire
from zookeeper_operator.cli.adopt.view import as_value, as_yaml, render
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.protocol import Endpoint, SourceAnswer

EVERYWHERE = "0.0.0.0"  # noqa: S104 -- refused
LABELS = {"app.kubernetes.io/name": "zookeeper"}
CONFIG = "\n".join(
    [
        *(
            f"server.{n}=zookeeper-{n - 1}.zookeeper-headless.old.svc.cluster.local:2888:3888:"
            "participant;0.0.0.0:2181"
            for n in (1, 2, 3)
        ),
        "version=100000000",
    ]
)
STATEFULSET: Object = {
    "kind": "StatefulSet",
    "metadata": {"name": "zookeeper", "namespace": "old", "uid": "u", "resourceVersion": "7"},
    "spec": {
        "replicas": 3,
        "serviceName": "zookeeper-headless",
        "selector": {"matchLabels": LABELS},
    },
}
POLICY: Object = {
    "kind": "NetworkPolicy",
    "metadata": {"name": "zookeeper", "namespace": "old"},
    "spec": {"podSelector": {"matchLabels": LABELS}},
}
SERVICE: Object = {
    "kind": "Service",
    "metadata": {"name": "zookeeper-headless", "namespace": "old"},
    "spec": {"clusterIP": "None"},
}


@dataclass
class Members(NoZooKeeper):
    """A source whose members answer."""

    config: str = CONFIG
    version: str = "3.8.6"
    asked: list[Endpoint] = field(default_factory=list)

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:  # type: ignore[override]
        self.asked += endpoints
        return self.config

    async def ask_source(  # type: ignore[override]
        self, endpoints: Sequence[Endpoint]
    ) -> Mapping[Endpoint, SourceAnswer]:
        return {
            endpoint: SourceAnswer(
                reachable=True,
                mode="leader" if number == 0 else "follower",
                version=self.version,
            )
            for number, endpoint in enumerate(endpoints)
        }


def wish(source: str = "statefulset/old/zookeeper", **more: object) -> Wish:
    return Wish(name="zk", namespace="demo", source=source, **more)  # type: ignore[arg-type]


async def ask(
    members: Members | None = None, *objects: Object, asked: Wish | None = None
) -> Inquiry:
    kube = ReadOnlyKube([STATEFULSET, *objects])
    return await inquire(kube, members or Members(), asked or wish())


async def test_every_step_is_shown_with_the_voters_after_it() -> None:
    found = await ask()
    shown = render(found)
    assert found.obstacles == ()
    steps = [(step.gate, step.voters) for step in found.steps]
    assert steps[0] == ("Swap", (1, 2, 3, 11))
    assert steps[-1] == ("Finish", (11, 12, 13))
    assert "the source gets 2 pods: that of member 3 is stopped (voters: 1, 2, 3, 11)" in shown
    assert "  Finish   the source gets 0 pods" in shown
    assert "adoptable-by=demo/zk" in shown, "the source is in another namespace"
    assert "3.8.6" in shown
    assert as_value(found)["steps"][0]["does"] == "member 11 gets a vote"


async def test_a_source_that_cannot_reconfigure_is_cut_over() -> None:
    found = await ask(Members(CONFIG.replace("100000000", "0")))
    shown = render(found)
    assert found.obstacles == ()
    assert [(step.gate, step.voters) for step in found.steps] == [
        *[("Swap", (1, 2, 3))] * 3,
        *[("Swap", (11, 12, 13))] * 4,
    ]
    order = ["as a fence", "stood still for 5 s", "gets 0 pods", "no way back", "member 11 is rest"]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)
    assert "stop everything that writes before you set proceed: Swap" in shown
    assert "ZOO_RECONFIG_ENABLED" in shown, "there is a way without a pause"
    spec = EnsembleSpec.model_validate(found.manifest["spec"])
    assert spec.adopt is not None
    assert (spec.adopt.mode, spec.adopt.proceed) == ("CutOver", "Observe")


async def test_the_manifest_names_every_pod_and_only_observes() -> None:
    found = await ask()
    (manifest,) = yaml.safe_load_all(as_yaml(found))
    spec = EnsembleSpec.model_validate(manifest["spec"])
    assert manifest["metadata"] == {"name": "zk", "namespace": "demo"}
    assert spec.adopt is not None
    assert spec.adopt.proceed == "Observe"
    assert spec.adopt.connection_string.count("zookeeper-headless.old.svc.cluster.local:2181") == 3
    assert (spec.replicas, spec.first_member_id) == (3, 11)


async def test_a_policy_is_proposed_only_beside_one() -> None:
    assert (await ask()).policy is None, "the first policy would close the source to its clients"
    found = await ask(Members(), POLICY)
    assert found.policy is not None
    assert found.policy["spec"]["podSelector"] == {"matchLabels": LABELS}
    assert len(list(yaml.safe_load_all(as_yaml(found)))) == 2


async def test_a_service_that_hides_pods_is_told() -> None:
    """A member of pravega's that has left is not ready, and has no name then."""
    found = await ask(Members(), SERVICE)
    assert "patch service/zookeeper-headless" in render(found)
    spec = {**SERVICE["spec"], "publishNotReadyAddresses": True}
    assert "patch service" not in render(await ask(Members(), {**SERVICE, "spec": spec}))
    assert "patch service" not in render(await ask())


@pytest.mark.parametrize(
    ("members", "asked", "words"),
    [
        (Members(config=""), wish(), "ZOO_CFG_server_1"),
        (
            Members(CONFIG.replace("100000000", "0")),
            wish(mode="Join"),
            "spec.adopt.mode: CutOver",
        ),
        (Members(), wish(mode="CutOver"), "spec.adopt.mode: Join"),
        (Members(), wish(first_id=3), "firstMemberId above 3"),
        (Members(), wish(first_id=99), "firstMemberId of at most 98"),
        (Members(version="3.9.9"), wish(), "runs 3.9.9"),
        (Members(version="3.4.14"), wish(), "runs 3.4.14"),
        (Members(f"group.1=1:2\n{CONFIG}"), wish(), "groups and weights"),
        (
            Members(CONFIG.replace("zookeeper-1.zookeeper-headless", "10.0")),
            wish(),
            "correct spec.adopt.statefulSet, or leave it out",
        ),
        (
            Members(
                CONFIG.replace("zookeeper-1.zookeeper-headless.old.svc.cluster.local", EVERYWHERE)
            ),
            wish("a:2181"),
            "names 0.0.0.0",
        ),
    ],
)
async def test_what_its_owner_has_to_do_is_said_in_lines_to_paste(
    members: Members, asked: Wish, words: str
) -> None:
    found = await ask(members, asked=asked)
    assert words in render(found)
    assert found.steps == ()


async def test_addresses_are_asked_as_they_are_written() -> None:
    members = Members()
    found = await ask(members, asked=wish("a.old:2181,b.old:2182"))
    assert members.asked == [Endpoint("a.old", 2181), Endpoint("b.old", 2182)]
    assert found.manifest["spec"]["adopt"]["connectionString"] == "a.old:2181,b.old:2182"
    assert "statefulSet" not in found.manifest["spec"]["adopt"]
    assert "by hand" in render(found)


async def test_a_statefulset_that_is_not_there_ends_it() -> None:
    with pytest.raises(Failure, match="no StatefulSet other in namespace old"):
        await ask(asked=wish("sts/old/other"))


async def test_a_source_that_does_not_answer() -> None:
    found = await inquire(ReadOnlyKube([STATEFULSET]), NoZooKeeper(), wish())
    assert "cannot be read: no member answers" in render(found)
