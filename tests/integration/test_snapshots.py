"""Snapshot files beside real servers of both lines: we read theirs, and they load ours.

`RECORD=tests/unit/zookeeper/snapshot/files` writes the small files there that the unit tests read.
"""

import io
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.serialization import Create2, long_struct
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl
from tests.integration.zookeeper_servers import ZooKeeperServer, ZooKeeperServers

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.snapshot import writer
from zookeeper_operator.zookeeper.snapshot.comparison import compare
from zookeeper_operator.zookeeper.snapshot.content import (
    Content,
    content_of,
    contents,
    is_content,
)
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import Acl, Kind, Node, to_node
from zookeeper_operator.zookeeper.snapshot.restore import (
    RestorePoint,
    Stripped,
    restore_point,
    strip,
)
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, verify

RECORD: Final = os.environ.get("RECORD")
SECONDS: Final = 120.0
SESSION_SECONDS: Final = 60  # longer than a restart, even on a busy machine
SETTINGS: Final = {
    "extendedTypesEnabled": "true",
    "maxSessionTimeout": str(SESSION_SECONDS * 1000),
}
BIG: Final = os.urandom(900_000)
DAY: Final = 86_400_000


class CreateContainer(Create2):  # type: ignore[misc] # kazoo has no types
    """Kazoo has no request for containers."""

    type = 19


class CreateTtl(Create2):  # type: ignore[misc] # kazoo has no types
    """Kazoo has no request for znodes with a TTL, here of a day."""

    type = 21

    def serialize(self) -> bytes:
        return bytes(super().serialize() + long_struct.pack(DAY))


def create_extended(client: KazooClient, request: type[Create2], path: str, flags: int) -> None:
    result = client.handler.async_result()
    client._call(request(path, b"extended", OPEN_ACL_UNSAFE, flags), result)
    result.get(timeout=10)


both_lines = pytest.mark.parametrize("line", ["3.8.6", "3.9.5"], indirect=True, scope="module")
"""For what is different from line to line; the rest is repeated with the older one by `make e2e-long`."""


@pytest.fixture(scope="module", params=["3.9.5", pytest.param("3.8.6", marks=pytest.mark.long)])
def line(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(
    line: str,
    zookeeper_jars: Path,
    older_zookeeper_jars: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ZooKeeperServers]:
    """Servers of one line; the tests use the first."""
    jars = zookeeper_jars if line == "3.9.5" else older_zookeeper_jars
    assert (jars / f"zookeeper-{line}.jar").exists()
    servers = ZooKeeperServers(jars=jars, directory=tmp_path_factory.mktemp(line))
    yield servers
    servers.stop()


@contextmanager
def connected(server: ZooKeeperServer) -> Iterator[KazooClient]:
    """A client that may see everything."""
    client = KazooClient(
        hosts=f"{server.ip}:{names.CLIENT_PORT}",
        timeout=SESSION_SECONDS,
        auth_data=[("digest", "somebody:else")],
    )
    try:
        client.start(timeout=SECONDS)
        yield client
    finally:
        client.stop()
        client.close()


def restart(servers: ZooKeeperServers) -> Path:
    """Restart the server: when it leads again, it writes a snapshot of all it has; the file."""
    server = servers[1]
    server.kill()
    server.start()
    servers.wait_until_serving([1], seconds=SECONDS)
    return max(
        server.database.glob("snapshot.*"), key=lambda file: int(file.name.split(".")[1], 16)
    )


def found(servers: ZooKeeperServers, extra: dict[str, str] | None = None) -> ZooKeeperServer:
    """Found an ensemble of one."""
    servers.stop()
    server = servers[1]
    server.prepare([server.line()], founder=True, extra={**SETTINGS, **(extra or {})})
    server.start()
    servers.wait_until_serving([1], seconds=SECONDS)
    return server


def load(servers: ZooKeeperServers, content: bytes, name: str, files: dict[str, str]) -> None:
    """Start an ensemble of one on a snapshot, as a restore does: no marker, nothing else on the disk."""
    servers.stop()
    server = servers[1]
    server.prepare([server.line()], founder=False, extra=SETTINGS)
    server.database.mkdir()
    (server.database / name).write_bytes(content)
    for file, text in files.items():
        (server.database / file).write_text(text, encoding="ascii")
    server.start()


def mismatches(server: ZooKeeperServer) -> int:
    return int(server.ask("monitor")["digest_mismatches_count"])


def znode_count(server: ZooKeeperServer) -> int:
    """How many znodes a server has; it counts the root twice, as "" and "/"."""
    return int(server.ask("monitor")["znode_count"]) - 1


def fill(client: KazooClient) -> None:
    """Write a tree with a bit of everything."""
    client.create("/app", b"data")
    client.create("/app/null", None)
    client.create("/app/empty", b"")
    client.create("/app/Zürich-日本", "ä".encode())
    client.create("/app/secret", b"s", acl=[make_digest_acl("somebody", "else", all=True)])
    client.create("/app/changed", b"1")
    client.set("/app/changed", b"2")
    client.create("/app/deleted")
    client.delete("/app/deleted")
    for _ in range(3):
        client.create("/app/sequence-", sequence=True)
    client.create("/app/lock", b"mine", ephemeral=True)
    client.create("/app/candidate-", ephemeral=True, sequence=True)
    transaction = client.transaction()
    transaction.create("/app/multi-a", b"both")
    transaction.create("/app/multi-b", b"both")
    transaction.set_data("/app/changed", b"3")
    assert all(not isinstance(each, Exception) for each in transaction.commit())
    client.ensure_path("/zookeeper/quota/app")
    client.create("/zookeeper/quota/app/zookeeper_stats", b"count=0,bytes=0")
    client.create("/zookeeper/quota/app/zookeeper_limits", b"count=100,bytes=-1")
    client.create("/app/container")
    client.delete("/app/container")
    create_extended(client, CreateContainer, "/app/container", 4)
    client.create("/app/container/child", b"c")
    create_extended(client, CreateTtl, "/app/ttl", 5)


def nodes_of(file: Path) -> dict[str, Node]:
    with file.open("rb") as stream:
        return {node.path: node for node in map(to_node, SnapshotReader(stream.read).records())}


def living(client: KazooClient, path: str = "/") -> Iterator[tuple[str, bytes | None, Any]]:
    """A znode and all below it, as a client sees them: path, data and stat."""
    data, stat = client.get(path)
    yield path, data, stat
    for child in client.get_children(path):
        yield from living(client, f"{path.rstrip('/')}/{child}")


def living_content(client: KazooClient) -> list[Content]:
    found = []
    for path, data, stat in living(client):
        if stat.ephemeralOwner == 0 and is_content(path):
            acls, _ = client.get_acls(path)
            listed = tuple(Acl(acl.perms, acl.id.scheme, acl.id.id) for acl in acls)
            found.append(content_of(path, data, listed, None))
    return found


def content_of_file(file: Path) -> Iterator[Content]:
    with file.open("rb") as stream:
        yield from contents(SnapshotReader(stream.read))


def stripped(file: Path, *, last_epoch: int | None) -> tuple[Stripped, RestorePoint, bytes]:
    with file.open("rb") as stream:
        point = restore_point(verify(stream.read).latest_zxid, last_epoch=last_epoch)
        stream.seek(0)
        output = io.BytesIO()
        return strip(SnapshotReader(stream.read), output.write, point), point, output.getvalue()


def record(file: Path, name: str) -> None:
    if RECORD:
        shutil.copy(file, Path(RECORD) / name)


@pytest.fixture
def filled(server: ZooKeeperServers) -> Iterator[tuple[Path, KazooClient]]:
    """A snapshot of the whole tree, and a client with the session that has the ephemeral znodes."""
    with connected(found(server)) as client:
        fill(client)
        yield restart(server), client


@both_lines
@pytest.mark.timeout(600)
def test_a_snapshot_of_a_server_is_read_and_its_digest_is_the_servers(
    line: str, server: ZooKeeperServers, filled: tuple[Path, KazooClient]
) -> None:
    file, client = filled
    record(file, f"full-{line}")
    with file.open("rb") as stream:
        result = verify(stream.read)
    assert (result.consistency, result.reason) == (Consistency.EXACT, "")
    assert result.trailer.digest is not None
    assert result.digest == result.trailer.digest.value
    assert (result.trailer.last_zxid is None) == (line == "3.8.6")
    assert result.sessions == 1
    assert result.kinds[Kind.EPHEMERAL] == 2
    assert result.kinds[Kind.CONTAINER] == result.kinds[Kind.TTL] == 1
    assert result.nodes == znode_count(server[1])

    read = nodes_of(file)
    seen = {path: (data, stat) for path, data, stat in living(client)}
    assert read.keys() == seen.keys()
    for path, (data, stat) in seen.items():
        node = read[path]
        if is_content(path):
            assert node.data == data, path
            assert (node.stat.czxid, node.stat.mzxid) == (stat.czxid, stat.mzxid), path
            assert (node.stat.pzxid, node.stat.version) == (stat.pzxid, stat.version), path
            assert node.stat.cversion * 2 - stat.numChildren == stat.cversion, path
    assert read["/app/null"].data is None
    assert read["/app/empty"].data == b""
    assert read["/app/ttl"].stat.owner & 0xFF_FFFF_FFFF == DAY


@both_lines
@pytest.mark.timeout(600)
def test_a_server_loads_what_was_stripped_and_shows_the_same_tree(
    server: ZooKeeperServers, filled: tuple[Path, KazooClient], tmp_path: Path
) -> None:
    _, client = filled
    client.create("/big", b"")
    for number in range(3):
        client.create(f"/big/{number}", BIG)
    file = Path(shutil.copy(restart(server), tmp_path))
    client.stop()
    result, point, content = stripped(file, last_epoch=None)
    assert (result.sessions, result.ephemerals) == (1, 2)
    load(server, content, point.snapshot, dict(point.files))
    server.wait_until_serving([1], seconds=SECONDS)
    assert mismatches(server[1]) == 0
    assert znode_count(server[1]) == result.nodes
    with connected(server[1]) as restored:
        seen = living_content(restored)
        assert list(compare(lambda: content_of_file(file), lambda: seen, kinds=False)) == []
        assert restored.exists("/app/lock") is None
        assert restored.get("/zookeeper/config")[0].startswith(b"server.1=")
        sequence = restored.create("/app/sequence-", sequence=True)
        assert sequence not in nodes_of(file)
        restored.delete(sequence)
    assert mismatches(server[1]) == 0
    again = restart(server)
    assert list(compare(lambda: content_of_file(file), lambda: content_of_file(again))) == []


@pytest.mark.timeout(600)
def test_the_server_compares_the_digest_that_was_written(
    server: ZooKeeperServers, filled: tuple[Path, KazooClient]
) -> None:
    """The tests above prove something only if a wrong digest is counted."""
    file, client = filled
    client.stop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writer, "signed", lambda value: value + 1)
        _, point, content = stripped(file, last_epoch=None)
    load(server, content, point.snapshot, dict(point.files))
    server.wait_until_serving([1], seconds=SECONDS)
    assert mismatches(server[1]) > 0


@pytest.mark.timeout(600)
def test_a_client_of_the_old_ensemble_is_refused_below_its_zxid_and_served_above_it(
    server: ZooKeeperServers, filled: tuple[Path, KazooClient], tmp_path: Path
) -> None:
    file, client = filled
    file = Path(shutil.copy(file, tmp_path))
    for _ in range(2):  # elections after the backup
        restart(server)
        client.retry(client.set, "/app", b"later")
    seen = client.last_zxid
    _, point, content = stripped(file, last_epoch=seen >> 32)
    assert file.name != f"snapshot.{seen:x}"
    assert seen < point.zxid

    server.stop()
    low = RestorePoint((seen >> 32) - 1)  # an ensemble that starts here leads in the client's epoch
    with file.open("rb") as stream:
        output = io.BytesIO()
        strip(SnapshotReader(stream.read), output.write, low)
    load(server, output.getvalue(), low.snapshot, dict(low.files))
    server.wait_until_serving([1], seconds=SECONDS)
    with pytest.raises((KazooTimeoutError, ConnectionLoss, SessionExpiredError, TimeoutError)):
        _served(client, seconds=5)
    assert "has seen zxid" in server[1].log()

    load(server, content, point.snapshot, dict(point.files))
    server.wait_until_serving([1], seconds=SECONDS)
    assert _served(client, seconds=60) == b"data"
    assert client.last_zxid > seen
    assert "has seen zxid" not in server[1].log()


def _served(client: KazooClient, *, seconds: float) -> bytes:
    """What a client that lives on reads, once it is served; its session is a new one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return bytes(client.get_async("/app").get(timeout=1)[0])
        except (ConnectionLoss, SessionExpiredError, KazooTimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.timeout(600)
def test_an_empty_tree(line: str, server: ZooKeeperServers) -> None:
    found(server)
    file = min(server[1].database.glob("snapshot.*"))
    record(file, f"empty-{line}")
    with file.open("rb") as stream:
        result = verify(stream.read)
    assert result.consistency is Consistency.UNKNOWN
    assert result.reason == "the server had not computed a digest yet"
    _, point, content = stripped(file, last_epoch=None)
    load(server, content, point.snapshot, dict(point.files))
    server.wait_until_serving([1], seconds=SECONDS)
    assert mismatches(server[1]) == 0


@pytest.mark.timeout(600)
def test_a_snapshot_compressed_by_the_server(line: str, server: ZooKeeperServers) -> None:
    with connected(found(server, {"snapshot.compression.method": "gz"})) as client:
        fill(client)
        file = restart(server)
    record(file, f"full.gz-{line}")
    assert file.suffix == ".gz"
    with file.open("rb") as stream:
        result = verify(stream.read)
    assert (result.consistency, result.reason) == (Consistency.EXACT, "")


@pytest.mark.timeout(600)
def test_a_server_whose_charset_is_ascii(
    server: ZooKeeperServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    with connected(found(server)) as client:
        fill(client)
        file = restart(server)
    with file.open("rb") as stream:
        result = verify(stream.read)
    assert (result.consistency, result.reason) == (Consistency.EXACT, "")
    assert result.trailer.digest is not None
    assert result.digest != result.trailer.digest.value

    _, point, content = stripped(file, last_epoch=None)
    load(server, content, point.snapshot, dict(point.files))
    server.wait_until_serving([1], seconds=SECONDS)
    with connected(server[1]) as client:
        client.create("/app/日本")
    assert mismatches(server[1]) == 1


def write_pairs(client: KazooClient, pairs: Sequence[tuple[str, str]], value: bytes) -> None:
    """Write both znodes of each pair in one transaction, all transactions at once."""
    results = []
    for pair in pairs:
        transaction = client.transaction()
        for path in pair:
            transaction.set_data(path, value)
        results.append(transaction.commit_async())
    for result in results:
        result.get(timeout=30)


@pytest.mark.timeout(600)
def test_snapshots_under_writers_are_exact_or_known_to_be_torn(server: ZooKeeperServers) -> None:
    """A torn `multi` is never taken for an exact image."""
    pairs = [(f"/pair-{n}-a", f"/pair-{n}-b") for n in range(300)]
    with connected(found(server, {"snapCount": "200"})) as client:
        for path in (path for pair in pairs for path in pair):
            client.create(path, b"0")
        end = time.monotonic() + 15
        value = 0
        while time.monotonic() < end:
            value += 1
            write_pairs(client, pairs[value % 10 :: 10], str(value).encode())
    server.stop()
    found_of = Counter[Consistency]()
    for file in server[1].database.glob("snapshot.*"):
        with file.open("rb") as stream:
            result = verify(stream.read)
        found_of[result.consistency] += 1
        if result.consistency is Consistency.EXACT:
            read = nodes_of(file)
            whole = [pair for pair in pairs if all(path in read for path in pair)]
            assert [p for p in whole if read[p[0]].data != read[p[1]].data] == []
    assert found_of[Consistency.EXACT] > 0
