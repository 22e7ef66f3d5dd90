"""start.sh before a real ZooKeeper server: copies of volumes, and members that have lost their data.

A pod is a folder here (`START_ROOT`), and every host name is this machine. The servers listen on all
addresses, as in pods, so one runs at a time, in a network without the servers of other tests.
"""

import asyncio
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from kazoo.client import KazooClient
from tests.integration.processes import another_network
from tests.integration.zookeeper_servers import ZooKeeperServer

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import DIGEST_KEY, super_digest
from zookeeper_operator.ensemble.build.config import START_SCRIPT, build_config
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.judge.emptiness import EMPTY
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.plan.copying import find_copying
from zookeeper_operator.ensemble.target import build_target
from zookeeper_operator.zookeeper.admin import AdminServers
from zookeeper_operator.zookeeper.answers import Answers, Reply, read_answers, read_reply
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin
from zookeeper_operator.zookeeper.servers import Server

REFUSED: Final = 64
SECONDS: Final = 30.0
ORIGINAL: Final = Ensemble("demo", "zk", "uid-1", 1, EnsembleSpec(replicas=1))
COPY: Final = replace(ORIGINAL, namespace="copy", uid="uid-2")
TIGHT: Final = replace(
    ORIGINAL,
    spec=EnsembleSpec(
        replicas=1,
        config={"tickTime": 100, "initLimit": 1, "syncLimit": 300, "maxSessionTimeout": 40000},
    ),
)
"""100 ms are no time to write a large tree to a volume."""
LARGE_ZNODES: Final = 100
LARGE_BYTES: Final = 1_000_000
MEMBER: Final = Address(1, "demo", "zk-1", "127.0.0.1")
ENTRYPOINT: Final = """#!/bin/bash
sed -i "s#^dataDir=.*#dataDir=$START_ROOT/data#; s#^dataLogDir=.*#dataLogDir=$START_ROOT/datalog#" \
  "$START_ROOT/conf/zoo.cfg"
exec java -Xmx${HEAP:-128m} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djdk.net.hosts.file=$START_ROOT/hosts \
  $SERVER_JVMFLAGS -cp "$START_ROOT/config:$JARS/*" org.apache.zookeeper.server.quorum.QuorumPeerMain \
  "$START_ROOT/conf/zoo.cfg"
"""


class Pod:
    """Member 1 of an ensemble, with its volume."""

    def __init__(
        self, path: Path, ensemble: Ensemble, jars: Path, *, script: str = START_SCRIPT
    ) -> None:
        self.path, self.ensemble, self._script = path, ensemble, script
        self.environment = {
            "PATH": os.environ["PATH"],
            "START_ROOT": str(path),
            "JARS": str(jars),
            "ZOO_MY_ID": "1",
            "POD_NAME": "zk-1",
            "MEMBERS_DOMAIN": f"{ensemble.namespace}.svc.cluster.local",
            "ENSEMBLE_IDENTITY": "uid-1",
            "SERVER_JVMFLAGS": "-Dzookeeper.log.level=INFO -Dzookeeper.log.format=text",
        }
        self._process: subprocess.Popen[bytes] | None = None
        for folder in ("data", "datalog", "conf", "config", "membership", "super-user", "dev"):
            (path / folder).mkdir(parents=True)
        (path / "super-user" / DIGEST_KEY).write_text(super_digest("password"))
        (path / "docker-entrypoint.sh").write_text(ENTRYPOINT)
        (path / "docker-entrypoint.sh").chmod(0o755)
        (path / "hosts").write_text(f"127.0.0.1 {ensemble.server(1).host}\n")
        self.publish(founders=(1,))
        for name, text in build_config(build_target(ensemble, self.membership))["data"].items():
            (path / "config" / name).write_text(text)

    def publish(self, *, founders: tuple[int, ...] = (), version: int = 0, epoch: int = 0) -> None:
        self.membership = Membership((self.ensemble.server(1),), version, founders, "uid-1", epoch)
        body = build_membership(build_target(self.ensemble, self.membership))
        for name, text in body["data"].items():
            (self.path / "membership" / name).write_text(text)

    def copy_volume(self, other: "Pod") -> None:
        for folder in ("data", "datalog", "conf"):
            shutil.copytree(other.path / folder, self.path / folder, dirs_exist_ok=True)

    def lose_volume(self) -> None:
        for folder in ("data", "datalog", "conf"):
            shutil.rmtree(self.path / folder)
            (self.path / folder).mkdir()

    def stamp(self) -> list[str]:
        found = {(self.path / f / "identity").read_text() for f in ("data", "datalog")}
        (text,) = found
        return text.splitlines()

    def forget_place(self) -> None:
        """Leave the volume as an earlier version of the script did."""
        for folder in ("data", "datalog"):
            (self.path / folder / "identity").write_text("uid-1 1\n")

    def start(self) -> subprocess.Popen[bytes]:
        with (self.path / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["bash", str(self.path / "config" / self._script)],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self._process

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            for process in self.processes():
                os.kill(process, signal.SIGKILL)
            self._process.wait()

    def processes(self) -> list[int]:
        """The server and what it has beside it."""
        assert self._process is not None
        server = self._process.pid
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        return [server, *map(int, children)]

    def ask(self, command: str) -> object:
        """What its AdminServer answers."""
        url = f"http://127.0.0.1:{names.ADMIN_PORT}/commands/{command}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)

    def refusal(self) -> str:
        assert self.start().wait(SECONDS) == REFUSED, (self.path / "log").read_text()
        return (self.path / "dev/termination-log").read_text()

    def log(self) -> str:
        return (self.path / "log").read_text()[-4000:]


@pytest.fixture(autouse=True, scope="module")
def _no_other_servers(zookeeper_jars: Path) -> Iterator[None]:
    with another_network():
        yield


@pytest.fixture
def original(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path / "original", ORIGINAL, zookeeper_jars)
    yield pod
    pod.stop()


@pytest.fixture
def copy(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path / "copy", COPY, zookeeper_jars)
    pod.publish()
    yield pod
    pod.stop()


async def wait_until(pod: Pod, *, serving: bool) -> Answers:
    """Ask its AdminServer until it serves, or says that it does not."""
    servers = AdminServers(DirectAdmin(), timeout_seconds=1.5)
    deadline = time.monotonic() + SECONDS
    try:
        while True:
            answers = (await servers.probe([MEMBER], thorough=True))[1]
            if answers.reachable and answers.serving == serving:
                return answers
            assert time.monotonic() < deadline, (answers, pod.log())
            await asyncio.sleep(0.2)
    finally:
        await servers.close()


def client() -> KazooClient:
    found = KazooClient("127.0.0.1:2181", timeout=10)
    found.start(timeout=SECONDS)
    return found


async def test_a_copy_refuses_and_the_original_goes_on(original: Pod, copy: Pod) -> None:
    original.start()
    await wait_until(original, serving=True)
    assert original.stamp() == ["uid-1 1", "demo/zk"]
    stored = [p.name for p in (original.path / "conf").glob("zoo.cfg.dynamic.?*")]
    assert stored == ["zoo.cfg.dynamic.100000000"], "this is what a copy would start from"
    copy.copy_volume(original)
    assert "of the ensemble demo/zk" in copy.refusal()
    copy.forget_place()
    assert ORIGINAL.server(1).host in copy.refusal(), "one from before is told by its list"
    original.stop()
    original.publish(version=1 << 32)
    original.start()
    assert (await wait_until(original, serving=True)).database == ""


async def test_a_volume_from_before_is_stamped_and_served(original: Pod) -> None:
    original.start()
    await wait_until(original, serving=True)
    original.stop()
    original.forget_place()
    original.publish(version=1 << 32)
    original.start()
    await wait_until(original, serving=True)
    assert original.stamp() == ["uid-1 1", "demo/zk"]


async def test_a_person_gives_a_copy_to_its_ensemble(original: Pod, copy: Pod) -> None:
    """As the message says. The data is there, and the lists of the original do not count."""
    original.start()
    await wait_until(original, serving=True)
    writer = client()
    writer.create("/written", b"there")
    writer.stop()
    writer.close()
    original.stop()
    copy.copy_volume(original)
    for folder in ("data", "datalog"):
        (copy.path / folder / "identity").write_text("uid-1 1\ncopy/zk\n")
    copy.start()
    await wait_until(copy, serving=True)
    reader = client()
    assert reader.get("/written")[0] == b"there"
    listed = reader.get("/zookeeper/config")[0].decode()
    reader.stop()
    reader.close()
    assert COPY.server(1).host in listed
    assert ORIGINAL.server(1).host not in listed


async def test_a_member_that_has_lost_its_data_says_so_and_founds_again_in_a_later_epoch(
    original: Pod,
) -> None:
    original.start()
    before = await wait_until(original, serving=True)
    original.stop()
    original.lose_volume()
    original.publish(version=5 << 32)
    for _ in range(2):  # its process starts again in the same pod
        original.start()
        assert (await wait_until(original, serving=False)).database == EMPTY
        original.stop()
    original.publish(version=5 << 32, founders=(1,), epoch=1005)
    original.start()
    again = await wait_until(original, serving=True)
    assert before.epoch is not None
    assert again.epoch is not None
    assert again.epoch > 1005 > before.epoch


@pytest.fixture
def tight(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path / "tight", TIGHT, zookeeper_jars)
    pod.environment["HEAP"] = "600m"
    yield pod
    pod.stop()


@pytest.fixture
def joiner(tight: Pod, tmp_path: Path, zookeeper_jars: Path) -> Iterator[ZooKeeperServer]:
    """An empty member, on ports beside those of the pod."""
    server = ZooKeeperServer(
        2, jars=zookeeper_jars, directory=tmp_path / "joiner", heap_mebibytes=600
    )
    empty(server, tight)
    yield server
    server.kill()


def empty(server: ZooKeeperServer, leader: Pod) -> None:
    """Take away what it has. Compression makes its volume slow."""
    observer = Server(2, server.ip, "observer", 2889, 3889, f"{server.ip}:2190")
    limits = {"initLimit": 600, "syncLimit": 300, "admin.serverPort": 8090}
    server.prepare([TIGHT.server(1), observer], founder=False, extra=limits)
    options = (
        ("jdk.net.hosts.file", leader.path / "hosts"),
        ("zookeeper.snapshot.compression.method", "gz"),
    )
    text = "".join(f"-D{key}={value}\n" for key, value in options)
    (server.directory / "options").write_text(text)


def fill() -> None:
    writer = client()
    for number in range(LARGE_ZNODES):
        writer.create(f"/{number}", bytes(LARGE_BYTES))
    writer.stop()
    writer.close()


def copied(joiner: ZooKeeperServer) -> int:
    """How many of the znodes a member has, as soon as it serves."""
    reader = KazooClient(f"{joiner.ip}:2190", timeout=10)
    try:
        reader.start(timeout=SECONDS)
        return len(reader.get_children("/")) - len({"zookeeper"})
    finally:
        reader.stop()
        reader.close()


def say(member_id: int, host: str, port: int) -> Answers:
    """What a member says; nothing if nobody listens."""
    replies = {}
    for command in ("leader", "monitor"):
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", f"/commands/{command}")
            replies[command] = read_reply(command, connection.getresponse().read())
        except OSError as error:
            replies[command] = Reply(trouble=str(error))
        finally:
            connection.close()
    return read_answers(member_id, replies)


def copying(joiner: ZooKeeperServer) -> frozenset[int]:
    """Who copies the data of member 1, as the operator sees it."""
    answers = {1: say(1, "127.0.0.1", names.ADMIN_PORT), 2: say(2, joiner.ip, 8090)}
    return find_copying(answers, 1, ())


def wait_until_copying(joiner: ZooKeeperServer) -> frozenset[int]:
    deadline = time.monotonic() + SECONDS
    while not (found := copying(joiner)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


async def test_a_leader_that_starts_with_much_data_lets_others_copy_it(
    tight: Pod, joiner: ZooKeeperServer
) -> None:
    """What it was sent takes the other one longer to write than the limit that both are configured with.

    Meanwhile the leader counts it, which is how the operator knows.
    """
    dropped = "Read timed out"
    tight.start()
    await wait_until(tight, serving=True)
    await asyncio.to_thread(fill)
    joiner.start()
    assert await asyncio.to_thread(copied, joiner) == LARGE_ZNODES
    before = (tight.path / "log").read_text().count(dropped)
    assert before > 0, "this leader has started without data: it drops the other one in the middle"
    tight.stop()
    joiner.kill()
    empty(joiner, tight)
    tight.publish(version=1 << 32)
    tight.start()
    await wait_until(tight, serving=True)
    joiner.start()
    assert await asyncio.to_thread(wait_until_copying, joiner) == {2}
    assert await asyncio.to_thread(copied, joiner) == LARGE_ZNODES
    assert (tight.path / "log").read_text().count(dropped) == before
    assert await asyncio.to_thread(copying, joiner) == frozenset(), "it has what it was sent"
