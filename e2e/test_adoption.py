"""A running ensemble of a plain StatefulSet in another namespace is taken over, under clients that write.

Always: no acknowledged write and no session lost, the history of the data goes on (the zxid that created a
znode stays the one that created it), and nothing of the source is changed but the number of its pods.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from e2e.changes import check_published, committed
from e2e.cluster import Cluster, Object, wait_until
from e2e.ensembles import Ensemble, manifest, session
from e2e.places import Operator, Places
from e2e.plain import host, plain_manifests
from e2e.writer.handle import CountingWriter, Result, counting
from kazoo.protocol.states import ZnodeStat

FIRST: Final = 11
BEFORE: Final = "/before"
ADOPTABLE_BY: Final = "zookeeper.ensemble.dev/adoptable-by"
STEP_SECONDS: Final = 150
"""For every vote to go over, on a machine that is busy with other things."""


@dataclass(frozen=True)
class Source:
    """The ensemble that is taken over."""

    cluster: Cluster
    namespace: str
    members: int = 3

    @property
    def hosts(self) -> list[str]:
        """The addresses of its members."""
        return [f"{host(self.namespace, i)}:2181" for i in range(1, self.members + 1)]

    def start(self, version: str) -> None:
        """Create it, with reconfiguration turned on, and wait until every pod is ready."""
        config = ["reconfigEnabled=true"]
        if self.members == 1:
            config.append("standaloneEnabled=false")
        self.cluster.apply(
            *plain_manifests(self.namespace, members=self.members, version=version, config=config)
        )
        wait_until(
            "every pod of the source is ready",
            lambda: self.statefulset()["status"].get("readyReplicas") == self.members,
            seconds=120,
        )

    def statefulset(self) -> Object:
        """Its StatefulSet."""
        found = self.cluster.get("statefulset", "zk", self.namespace)
        assert found is not None
        return found

    def allow(self, ensemble: Ensemble) -> None:
        """Let the operator of that ensemble change the number of the pods."""
        allowed = {ADOPTABLE_BY: f"{ensemble.namespace}/{ensemble.name}"}
        self.cluster.patch(
            "statefulset", "zk", self.namespace, {"metadata": {"annotations": allowed}}
        )

    def scale(self, pods: int) -> None:
        """What its owner, or a tool of theirs, does."""
        self.cluster.patch("statefulset", "zk", self.namespace, {"spec": {"replicas": pods}})

    def pods(self) -> list[Object]:
        """Its pods."""
        return self.cluster.list("pods", self.namespace, selector="app=zk")


@dataclass(frozen=True)
class Adoption:
    """A source with data, and the ensemble that takes it over."""

    source: Source
    ensemble: Ensemble
    template: Object
    before: ZnodeStat

    @property
    def ours(self) -> list[int]:
        """The ids of our members."""
        return list(range(FIRST, FIRST + self.source.members))

    def create(self) -> None:
        """Apply the ensemble, and wait until every one of its members has the data and no vote."""
        size, namespace = self.source.members, self.source.namespace
        self.ensemble.cluster.apply(
            manifest(
                self.ensemble.namespace,
                replicas=size,
                firstMemberId=FIRST,
                adopt={
                    "connectionString": self.source.hosts[0],
                    "statefulSet": {"name": "zk", "namespace": namespace},
                },
            )
        )
        self.wait("Observing", "have the data")
        assert self.voters() == set(range(1, size + 1))
        assert self.source.statefulset()["spec"]["replicas"] == size

    def proceed(self, gate: str) -> None:
        """Say how far it may go."""
        self.ensemble.change(adopt={"proceed": gate})

    def wait(self, reason: str, words: str = "") -> None:
        """Wait until the adoption stands like this."""

        def stands() -> bool:
            found = self.ensemble.condition("Adopted")
            return found.get("reason") == reason and words in found["message"]

        wait_until(
            f"Adopted: {reason} {words}",
            stands,
            seconds=STEP_SECONDS,
            seen=lambda: self.ensemble.status().get("conditions"),
        )

    def wait_adopted(self) -> None:
        """Wait until nothing of the source runs any more."""
        wait_until(
            "status.adoptedAt is set",
            lambda: self.ensemble.status().get("adoptedAt"),
            seconds=STEP_SECONDS,
            seen=lambda: self.ensemble.condition("Adopted"),
        )
        wait_until("the pods of the source are gone", lambda: not self.source.pods(), seconds=60)

    def voters(self) -> set[int]:
        """Who votes, as the first of our members has it committed."""
        lines, _ = committed(self.ensemble, member=FIRST)
        voting = [line for line in lines if ":participant" in line]
        return {int(line.partition("=")[0].partition(".")[2]) for line in voting}

    def end(self) -> None:
        """The source is released: the spec does not name it any more, and all is as an ensemble is."""
        self.ensemble.change(adopt=None)
        status = self.ensemble.wait_settled()
        assert status["quorum"]["voters"] == self.source.members
        assert self.voters() == set(self.ours)
        assert self.source.statefulset()["spec"]["template"] == self.template
        with self.ensemble.client(f"pod/zk-{FIRST}") as client:
            value, stat = client.get(BEFORE)
        assert value == b"kept"
        assert (stat.czxid, stat.mzxid, stat.ctime) == (
            self.before.czxid,
            self.before.mzxid,
            self.before.ctime,
        ), "the history of the data goes on"


def check(result: Result) -> None:
    """What its clients got. One that only knows the source has no member left in the end."""
    print(result)
    assert result.acknowledged > 0
    assert result.lost == 0, result.raw["lostNames"]
    assert result.sessions_lost == 0


@contextmanager
def writing(adoption: Adoption) -> Iterator[CountingWriter]:
    """A client that knows the members of the source, and those that will take their places."""
    addresses = [*adoption.source.hosts, *map(adoption.ensemble.host, adoption.ours)]
    with counting(
        adoption.source.cluster,
        adoption.source.namespace,
        everyone=",".join(addresses),
        pinned=[],
        options=["--interval=0.05", "--roles-interval=0.5"],
    ) as writer:
        yield writer


def begin(places: Places, *, members: int = 3, version: str = "3.9.4") -> Adoption:
    """A source that serves and holds data, and a place for what takes it over."""
    source = Source(places.cluster, places.namespace(), members)
    ensemble = Ensemble(places.cluster, places.namespace())
    source.start(version)
    source.allow(ensemble)
    with (
        places.cluster.port_forward(source.namespace, "pod/zk-1", 2181) as port,
        session(f"127.0.0.1:{port}") as client,
    ):
        client.create(BEFORE, b"kept")
        _, stat = client.get(BEFORE)
    return Adoption(source, ensemble, source.statefulset()["spec"]["template"], stat)


@pytest.mark.slow
def test_three_members_are_taken_over(places: Places) -> None:
    adoption = begin(places)
    with writing(adoption) as writer:
        adoption.create()
        adoption.proceed("Swap")
        adoption.wait("Bridging")
        assert adoption.voters() == set(adoption.ours)
        assert adoption.source.statefulset()["spec"]["replicas"] == 1
        adoption.proceed("Finish")
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()
    check_published_from(adoption)


def check_published_from(adoption: Adoption) -> None:
    """What pods start from is what the ensemble has committed, and holds nothing of the source."""
    check_published(adoption.ensemble, member=FIRST)
    cluster, namespace = adoption.ensemble.cluster, adoption.ensemble.namespace
    wait_until(
        "nothing of the source is remembered",
        lambda: (
            "source" not in (cluster.get("configmap", "zk-membership", namespace) or {})["data"]
        ),
        seconds=30,
    )


# ---- further sizes and mishaps ----


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("members", "version"), [(1, "3.9.4"), (3, "3.8.6"), (5, "3.9.4")])
def test_a_source_of_another_size_or_release(places: Places, members: int, version: str) -> None:
    """A single server has nobody to stand in for it: its vote goes over at Finish."""
    adoption = begin(places, members=members, version=version)
    with writing(adoption) as writer:
        adoption.create()
        if members > 1:
            adoption.proceed("Swap")
            adoption.wait("Bridging")
        adoption.proceed("Finish")
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_there_and_back_and_there_again(places: Places) -> None:
    adoption = begin(places)
    with writing(adoption) as writer:
        adoption.create()
        adoption.proceed("Swap")
        adoption.wait("Bridging")
        adoption.proceed("Observe")
        adoption.wait("Observing", "have the data")
        assert adoption.voters() == {1, 2, 3}
        assert len(adoption.source.pods()) == 3
        adoption.proceed("Swap")
        adoption.wait("Bridging")
        adoption.proceed("Finish")
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_the_operator_is_killed_at_every_step(places: Places, operator: Operator) -> None:
    adoption = begin(places)

    def then_kill(pods: int) -> None:
        wait_until(
            f"the source has {pods} pods",
            lambda: adoption.source.statefulset()["spec"]["replicas"] == pods,
            seconds=STEP_SECONDS,
            every=0.1,
        )
        operator.kill()
        operator.wait_working()

    with writing(adoption) as writer:
        adoption.create()
        adoption.proceed("Swap")
        then_kill(2)
        then_kill(1)
        adoption.wait("Bridging")
        adoption.proceed("Finish")
        then_kill(0)
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_owner_puts_the_source_back_in_the_middle(places: Places) -> None:
    """As Helm or Argo do: the members that come back start from their own list, and get no say."""
    adoption = begin(places)
    with writing(adoption) as writer:
        adoption.create()
        adoption.proceed("Swap")
        adoption.wait("Bridging")
        adoption.source.scale(3)
        wait_until(
            "the operator stops them again",
            lambda: adoption.source.statefulset()["spec"]["replicas"] == 1,
            seconds=60,
        )
        adoption.wait("Bridging")
        assert adoption.voters() == set(adoption.ours)
        adoption.proceed("Finish")
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()
