"""A running ensemble in another namespace is taken over under writers, as docs/how-to/migrate.md says.

The sources are what a plain StatefulSet, the Bitnami chart and pravega's operator render. Always: no
acknowledged write and no session lost, the history of the data goes on (the zxid that created a znode stays
the one that created it), and nothing of the source is changed but the number of its pods.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import yaml
from e2e.changes import check_published, committed
from e2e.cluster import PATIENCE, Object, run, wait_until
from e2e.ensembles import Ensemble, manifest, session
from e2e.places import Operator, Places
from e2e.sources.bitnami import Bitnami
from e2e.sources.plain import Plain, Static
from e2e.sources.pravega import Pravega
from e2e.sources.source import Source
from e2e.writer.handle import CountingWriter, Result, counting
from kazoo.protocol.states import ZnodeStat

FIRST: Final = 11
BEFORE: Final = "/before"
RESYNC_SECONDS: Final = 360
"""Within which the operator looks again at an ensemble that has nothing left to do."""
LONG_SECONDS: Final = 1500 * PATIENCE


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

    @property
    def step_seconds(self) -> float:
        """For every vote to go over."""
        return 60 + self.source.members * self.source.step_seconds

    def create(self, file: Path) -> None:
        """Apply what `kubectl zk adopt` writes, and wait until every member has the data and no vote."""
        said = ask(self.source, self.ensemble, "--filename", str(file))
        assert said[0] == 0, said[1]
        self.ensemble.cluster.apply(*make_small(list(yaml.safe_load_all(file.read_text()))))
        self.wait("Observing", "have the data")
        assert self.voters() == set(self.source.ids)
        assert self.source.statefulset()["spec"]["replicas"] == self.source.members

    def proceed(self, gate: str) -> None:
        """Say how far it may go."""
        self.ensemble.change(adopt={"proceed": gate})

    def swap(self) -> tuple[float, float]:
        """Let the votes go over; when that began and ended."""
        began = time.time()
        self.proceed("Swap")
        self.wait("Bridging")
        ended = time.time()
        assert self.voters() == set(self.ours)
        assert self.source.statefulset()["spec"]["replicas"] == 1
        return began, ended

    def go_back(self) -> None:
        """Let the source have all its votes and pods again."""
        self.proceed("Observe")
        self.wait("Observing", "have the data")
        assert self.voters() == set(self.source.ids)
        assert len(self.source.pods()) == self.source.members

    def finish(self) -> None:
        """Let the last pod of the source go."""
        self.proceed("Finish")
        self.wait_adopted()

    def wait(self, reason: str, words: str = "", *, seconds: float = 0) -> None:
        """Wait until the adoption stands like this."""

        def stands() -> bool:
            found = self.ensemble.condition("Adopted")
            return found.get("reason") == reason and words in found["message"]

        wait_until(
            f"Adopted: {reason} {words}",
            stands,
            seconds=seconds or self.step_seconds,
            seen=lambda: self.ensemble.status().get("conditions"),
        )

    def wait_pods(self, count: int) -> None:
        """Wait until the source is to have so many pods."""
        wait_until(
            f"the source has {count} pods",
            lambda: self.source.statefulset()["spec"]["replicas"] == count,
            seconds=self.step_seconds,
            every=0.1,
        )

    def wait_adopted(self) -> None:
        """Wait until nothing of the source runs any more."""
        wait_until(
            "status.adoptedAt is set",
            lambda: self.ensemble.status().get("adoptedAt"),
            seconds=self.step_seconds,
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


def ask(source: Source, ensemble: Ensemble, *options: str) -> tuple[int, str]:
    """What `kubectl zk adopt` says of a source, and its exit code."""
    done = run(
        *(str(Path(sys.executable).with_name("kubectl-zk")), "adopt", ensemble.name),
        *("--context", ensemble.cluster.context, "--namespace", ensemble.namespace),
        *("--from", f"statefulset/{source.namespace}/{source.name}", *options),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def make_small(documents: list[Object]) -> list[Object]:
    """The manifests with as little memory and disk as the tests give every ensemble."""
    ensemble, *rest = documents
    small = manifest(ensemble["metadata"]["namespace"])["spec"]
    return [{**ensemble, "spec": {**small, **ensemble["spec"]}}, *rest]


def check(result: Result, moved: tuple[float, float] | None = None) -> None:
    """What clients got; with the times of a walk, the longest pause within it is printed."""
    print(result)
    if moved is not None:
        began, ended = moved
        gap = result.longest_gap(since=began, until=ended)
        print(f"votes went over in {ended - began:.0f} s, longest gap {gap:.2f} s")
    assert result.acknowledged > 0
    assert result.lost == 0, result.raw["lostNames"]
    assert result.sessions_lost == 0


@contextmanager
def writing(adoption: Adoption) -> Iterator[CountingWriter]:
    """A client that knows the members of the source, and those that will take their places."""
    addresses = [*adoption.source.hosts, *map(adoption.ensemble.host, adoption.ours)]
    with _writing(adoption.source, "writer", addresses) as writer:
        yield writer


@contextmanager
def writing_to_source(adoption: Adoption) -> Iterator[CountingWriter]:
    """A client that knows the members of the source only: nobody has told it anything."""
    with _writing(adoption.source, "old-writer", adoption.source.hosts) as writer:
        yield writer


@contextmanager
def _writing(source: Source, name: str, addresses: list[str]) -> Iterator[CountingWriter]:
    with counting(
        source.cluster,
        source.namespace,
        name=name,
        everyone=",".join(addresses),
        pinned=[],
        options=["--interval=0.05", "--roles-interval=0.5"],
    ) as writer:
        yield writer


def begin(source: Source, ensemble: Ensemble) -> Adoption:
    """A source that serves, holds data and can be taken over, and a place for what takes it over."""
    source.start()
    with (
        source.cluster.port_forward(source.namespace, f"pod/{source.pod(1)}", 2181) as port,
        session(f"127.0.0.1:{port}") as client,
    ):
        client.create(BEFORE, b"kept")
        _, stat = client.get(BEFORE)
    expected, words = source.first_answer()
    code, said = ask(source, ensemble, "--mode", "Join")
    assert (code, words in said) == (expected, True), said
    if code == 1:
        with _writing(source, "first-writer", source.hosts) as writer:
            source.prepare()
            check(writer.stop())
    else:
        source.prepare()
    source.allow(f"{ensemble.namespace}/{ensemble.name}")
    return Adoption(source, ensemble, source.statefulset()["spec"]["template"], stat)


def begin_with(
    kind: type[Source], places: Places, *, members: int = 3, version: str = "3.9.4"
) -> Adoption:
    """Such a source of a kind, in a namespace of its own."""
    source = kind(places.cluster, places.namespace(), members, version)
    return begin(source, Ensemble(places.cluster, places.namespace()))


@pytest.mark.slow
def test_three_members_are_taken_over(places: Places, tmp_path: Path) -> None:
    adoption = begin_with(Plain, places)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        moved = adoption.swap()
        adoption.finish()
        check(writer.stop(), moved)
    adoption.end()
    check_published_from(adoption)


@pytest.mark.slow
def test_a_source_that_cannot_reconfigure_is_cut_over(places: Places, tmp_path: Path) -> None:
    cut_over(begin_with(Static, places), tmp_path)


def cut_over(adoption: Adoption, tmp_path: Path) -> None:
    """Clients are late with stopping, which is told; what they have written last is there in the end."""
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        assert adoption.ensemble.body()["spec"]["adopt"]["mode"] == "CutOver"
        adoption.proceed("Swap")
        adoption.wait("SourceStillWrites")
        time.sleep(10)
        assert adoption.source.statefulset()["spec"]["replicas"] == adoption.source.members
        check(writer.stop())
    last = write_last(adoption.source)
    stopped = time.time()
    adoption.wait_adopted()
    with adoption.ensemble.client(f"pod/zk-{FIRST}") as client:
        assert {name: client.get(f"/last/{name}")[1].czxid for name in last} == last
        client.create("/after", b"")
    print(f"no write for {time.time() - stopped:.1f} s")
    assert adoption.source.statefulset()["spec"]["replicas"] == 0
    adoption.end()


def write_last(source: Source) -> dict[str, int]:
    """Znodes that a client of the source writes last of all, with the zxids that created them."""
    with (
        source.cluster.port_forward(source.namespace, f"pod/{source.pod(1)}", 2181) as port,
        session(f"127.0.0.1:{port}") as client,
    ):
        client.create("/last", b"")
        found = {}
        for name in map(str, range(50)):
            _, stat = client.create(f"/last/{name}", b"x", include_data=True)
            found[name] = stat.czxid
        return found


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


# ---- real sources ----


def long_test(test: Callable[..., None]) -> Callable[..., None]:
    """A repetition, for `make e2e-long`."""
    for mark in (pytest.mark.timeout(LONG_SECONDS), pytest.mark.slow, pytest.mark.long):
        test = mark(test)
    return test


def of_every_chart(test: Callable[..., None]) -> Callable[..., None]:
    """The same, with each kind of source and each release."""
    releases = pytest.mark.parametrize("version", ["3.8.6", "3.9.4"])
    return long_test(releases(pytest.mark.parametrize("kind", [Bitnami, Pravega])(test)))


@of_every_chart
def test_a_single_server(places: Places, tmp_path: Path, kind: type[Source], version: str) -> None:
    """It has nobody to stand in for it: its vote goes over at Finish, and its clients know ours before."""
    adoption = begin_with(kind, places, members=1, version=version)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        began = time.time()
        adoption.finish()
        check(writer.stop(), (began, time.time()))
    adoption.end()


@of_every_chart
def test_there_and_back_and_there_again(
    places: Places, tmp_path: Path, kind: type[Source], version: str
) -> None:
    adoption = begin_with(kind, places, version=version)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        with writing_to_source(adoption) as old:
            moved = adoption.swap()
            adoption.go_back()
            adoption.swap()
            check(old.stop(), moved)
        adoption.finish()
        check(writer.stop())
    adoption.end()


@of_every_chart
def test_five_members(places: Places, tmp_path: Path, kind: type[Source], version: str) -> None:
    adoption = begin_with(kind, places, members=5, version=version)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        with writing_to_source(adoption) as old:
            check(old.stop(), adoption.swap())
        adoption.finish()
        check(writer.stop())
    adoption.end()


@long_test
@pytest.mark.parametrize(("members", "version"), [(3, "3.8.6"), (5, "3.9.4")])
def test_a_cut_over_of_another_size_or_release(
    places: Places, tmp_path: Path, members: int, version: str
) -> None:
    cut_over(begin_with(Static, places, members=members, version=version), tmp_path)


@long_test
@pytest.mark.parametrize(("members", "version"), [(1, "3.9.4"), (3, "3.8.6"), (5, "3.9.4")])
def test_a_plain_source_of_another_size_or_release(
    places: Places, tmp_path: Path, members: int, version: str
) -> None:
    adoption = begin_with(Plain, places, members=members, version=version)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        if members > 1:
            adoption.swap()
        adoption.finish()
        check(writer.stop())
    adoption.end()


# ---- mishaps ----


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(LONG_SECONDS)
def test_the_operator_is_killed_at_every_step(
    places: Places, operator: Operator, tmp_path: Path
) -> None:
    adoption = begin_with(Bitnami, places)

    def then_kill(pods: int) -> None:
        adoption.wait_pods(pods)
        operator.kill()
        operator.wait_working()

    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        with writing_to_source(adoption) as old:
            adoption.proceed("Swap")
            then_kill(2)
            then_kill(1)
            adoption.wait("Bridging")
            check(old.stop())
        adoption.proceed("Finish")
        then_kill(0)
        adoption.wait_adopted()
        check(writer.stop())
    adoption.end()


@long_test
def test_a_pod_of_the_source_restarts_from_its_own_list(places: Places, tmp_path: Path) -> None:
    """As when its node is drained: a voter learns the newer list from the others, and keeps its vote.

    The last pod, which votes no more and is alone of its list, finds nobody, serves nobody and leads nobody.
    """
    adoption = begin_with(Bitnami, places)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        adoption.proceed("Swap")
        adoption.wait_pods(2)
        adoption.source.restart(1)
        adoption.wait("Bridging")
        assert adoption.voters() == set(adoption.ours)
        last = adoption.source.pod(1)
        adoption.source.cluster.delete("pod", last, adoption.source.namespace, "--wait=true")
        wait_until("it runs again", lambda: adoption.source.is_ready(1), seconds=120)
        assert adoption.source.mode(1) == ""
        assert adoption.voters() == set(adoption.ours)
        adoption.finish()
        check(writer.stop())
    adoption.end()


@long_test
def test_its_owner_puts_the_source_back_in_the_middle(places: Places, tmp_path: Path) -> None:
    """As Helm or Argo do: the members that come back start from their own list, and get no say."""
    adoption = begin_with(Bitnami, places)
    with writing(adoption) as writer:
        adoption.create(tmp_path / "zk.yaml")
        adoption.swap()
        adoption.source.scale(3)
        adoption.wait_pods(1)
        adoption.wait("Bridging")
        assert adoption.voters() == set(adoption.ours)
        adoption.finish()
        adoption.source.scale(3)
        adoption.wait("SourceCameBack", seconds=RESYNC_SECONDS)
        adoption.source.scale(0)
        check(writer.stop())
    adoption.end()
