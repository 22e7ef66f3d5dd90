"""The pod of a backup beside real ensembles of both lines: every backup is the image of one moment."""

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from tests.integration.backup_pod import BackupPod, ContainerFailed, discard, left_of, task_with
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.archive.catalog import read_catalog
from zookeeper_operator.archive.layout import Place
from zookeeper_operator.archive.volume import VolumeStore
from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, verify
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter

MEMBERS: Final = (1, 2, 3)
PAIRS: Final = 1000
DATA: Final = 4000
SECONDS: Final = 60.0
PLACE: Final = Place("zk", "demo", "zk", "0123456789abcdef")


@pytest.fixture(scope="module", params=["3.9.5", "3.8.6"])
def line(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def jars(line: str, zookeeper_jars: Path, older_zookeeper_jars: Path) -> Path:
    found = zookeeper_jars if line == "3.9.5" else older_zookeeper_jars
    assert (found / f"zookeeper-{line}.jar").exists()
    return found


@pytest.fixture(scope="module")
def ensemble(
    line: str, jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZooKeeperServers]:
    """Three members with pairs of znodes, which are always changed together."""
    servers = ZooKeeperServers(jars=jars, directory=tmp_path_factory.mktemp(line))
    servers.found(MEMBERS, seconds=SECONDS)
    with connected(servers) as client:
        for side in ("a", "b"):
            client.create(f"/{side}")
        for begin in range(0, PAIRS, 50):
            transaction = client.transaction()
            for number in range(begin, begin + 50):
                for side in ("a", "b"):
                    transaction.create(f"/{side}/{number}", value(0))
            assert all(not isinstance(each, Exception) for each in transaction.commit())
    yield servers
    servers.stop()


@pytest.fixture
def pod(tmp_path: Path, jars: Path, ensemble: ZooKeeperServers) -> BackupPod:
    made = BackupPod(tmp_path, jars)
    made.configure([ensemble[n].line() for n in MEMBERS])
    return made


@contextmanager
def connected(servers: ZooKeeperServers) -> Iterator[KazooClient]:
    hosts = ",".join(f"{servers[n].ip}:{names.CLIENT_PORT}" for n in MEMBERS)
    client = KazooClient(hosts=hosts, timeout=30)
    try:
        client.start(timeout=SECONDS)
        yield client
    finally:
        client.stop()
        client.close()


def asked(servers: ZooKeeperServers, command: str, name: str) -> Any:
    """A value that a member answers with; on a busy machine the first answer may come too late."""
    deadline = time.monotonic() + SECONDS
    while name not in (answer := servers[1].ask(command)):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer[name]


def value(number: int) -> bytes:
    return f"{number:0{DATA}d}".encode()


class Writer:
    """Changes pairs by one `multi` each, as fast as it can."""

    def __init__(self, servers: ZooKeeperServers) -> None:
        self._servers = servers
        self._stopped = threading.Event()
        self.written = 0
        self.longest_gap = 0.0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + SECONDS
        while not self.written:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        with connected(self._servers) as client:
            last = time.monotonic()
            while not self._stopped.is_set():
                number = self.written * 7 % PAIRS
                transaction = client.transaction()
                for side in ("a", "b"):
                    transaction.set_data(f"/{side}/{number}", value(self.written))
                try:
                    transaction.commit()
                except KazooException:
                    continue
                self.written += 1
                self.longest_gap = max(self.longest_gap, time.monotonic() - last)
                last = time.monotonic()


def torn_pairs(file: Path) -> list[int]:
    with file.open("rb") as stream:
        data = {path: content for path, content, _ in SnapshotReader(stream.read).records()}
    assert sum(path.startswith(b"/a/") for path in data) == PAIRS
    return [n for n in range(PAIRS) if data[f"/a/{n}".encode()] != data[f"/b/{n}".encode()]]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "times", [2, pytest.param(25, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_each_backup_under_a_writer_of_multis_is_verified_and_none_is_torn(
    ensemble: ZooKeeperServers, pod: BackupPod, times: int
) -> None:
    with Writer(ensemble) as writer:
        for number in range(times):
            before = writer.written
            pod.join("sync")
            assert writer.written > before, "nothing was written meanwhile"
            assert torn_pairs(pod.snapshot) == []
            pod.join("verify")
            assert left_of(pod) == {
                *("snapshot", f"snapshot/{pod.snapshot.name}"),
                *("synced.json", "verified.json"),
            }
            pod.give(task_with(backup=f"zk-{number}", backupUid=f"uid-{number}"))
            result = pod.back_up()
            assert (result.consistency, result.verified.by) == ("Exact", "Restore")
            assert f"snapshot.{result.zxid}" == pod.snapshot.name
    store = VolumeStore(pod.volumes / "backups", claim="backups")
    catalog = read_catalog(store, PLACE)
    assert len(catalog.backups) == times
    assert not catalog.incomplete
    assert not catalog.unreadable


def test_an_idle_ensemble_is_backed_up(
    ensemble: ZooKeeperServers, pod: BackupPod, line: str
) -> None:
    pod.join("sync")
    with pod.snapshot.open("rb") as file:
        assert verify(file.read).consistency is Consistency.UNKNOWN
    pod.join("verify")
    pod.give(task_with())
    result = pod.back_up()
    assert result.consistency == "Unknown"
    assert result.zookeeper_version == line
    assert result.znodes == int(asked(ensemble, "monitor", "znode_count")) - 1
    served = json.loads((pod.work / "verified.json").read_text())
    assert served["znodes"] == result.znodes + 1


def test_a_joiner_is_no_member_and_leaves_nothing_behind(
    ensemble: ZooKeeperServers, pod: BackupPod
) -> None:
    before = asked(ensemble, "voting_view", "current_config")
    with connected(ensemble) as client:
        committed = client.get("/zookeeper/config")[0]
        pod.join("sync")
        assert client.get("/zookeeper/config")[0] == committed
    assert asked(ensemble, "voting_view", "current_config") == before
    ensemble.wait_until_serving(MEMBERS)


def test_a_sync_that_is_ended_leaves_no_snapshot_and_is_repeated(pod: BackupPod) -> None:
    process = pod.start_joiner("sync")
    deadline = time.monotonic() + SECONDS
    while not (pod.work / "sync.server/conf/zoo.cfg").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    pod.stop(process)
    assert left_of(pod) == set()
    pod.join("sync")
    pod.join("sync")
    assert pod.snapshot.stat().st_size


def test_a_joiner_without_an_ensemble_says_so(pod: BackupPod, ensemble: ZooKeeperServers) -> None:
    pod.configure([ensemble[9].line()])
    with pytest.raises(ContainerFailed) as failed:
        pod.join("sync", seconds=3)
    assert failed.value.failure.reason == "SyncFailed"
    assert "within 3 s" in failed.value.failure.message
    assert left_of(pod) == set()


def test_a_snapshot_that_no_server_loads_fails_the_verification(pod: BackupPod) -> None:
    pod.join("sync")
    content = bytearray(pod.snapshot.read_bytes())
    content[len(content) // 2] ^= 1
    pod.snapshot.write_bytes(content)
    with pytest.raises(ContainerFailed) as failed:
        pod.join("verify")
    assert failed.value.failure.reason in {"VerificationFailed", "InconsistentSnapshot"}
    assert "verified.json" not in left_of(pod)
    pod.give(task_with())
    with pytest.raises(ContainerFailed) as refused:
        pod.back_up()
    assert refused.value.failure.reason == "CorruptSnapshot"
    assert list((pod.volumes / "backups").rglob("*.json")) == []
    discard(pod)


def test_without_a_verification_by_a_server_the_agent_stores_nothing(pod: BackupPod) -> None:
    pod.join("sync")
    pod.give(task_with())
    with pytest.raises(ContainerFailed) as refused:
        pod.back_up()
    assert refused.value.failure.reason == "VerificationFailed"
    assert list((pod.volumes / "backups").rglob("*")) == []
    pod.give(task_with(verify="Checksum"))
    assert pod.back_up().verified.by == "Checksum"


def test_a_full_volume_of_the_pod_and_a_full_store_have_reasons_of_their_own(
    pod: BackupPod,
) -> None:
    pod.small = ("work",)
    with pytest.raises(ContainerFailed) as failed:
        pod.join("sync")
    assert failed.value.failure.reason == "WorkVolumeFull"
    pod.small = ()
    pod.join("sync")
    pod.give(task_with(verify="Checksum"))
    grow(pod.snapshot)
    pod.small = ("backups",)
    with pytest.raises(ContainerFailed) as refused:
        pod.back_up()
    assert refused.value.failure.reason == "StorageFull"


def grow(snapshot: Path) -> None:
    """Add data that gzip cannot make smaller."""
    output = io.BytesIO()
    with snapshot.open("rb") as file:
        reader = SnapshotReader(file.read)
        writer = SnapshotWriter(output.write, reader.header)
        for path, data, fixed in reader.records():
            writer.add((path, os.urandom(DATA) if path.startswith(b"/a/") else data, fixed))
    writer.finish(int(snapshot.name.partition(".")[2], 16))
    snapshot.write_bytes(output.getvalue())
