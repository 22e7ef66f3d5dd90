"""Backups in a real S3 server: signatures, parts that fail, slow and cut connections, a full bucket."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import pytest
from tests.integration import s3_server
from tests.integration.s3_server import BUCKET, Fault, Request, S3Server
from tests.unit.agent.pods import Pod
from tests.unit.zookeeper.snapshot.trees import SMALL, Tree, node

from zookeeper_operator.agent import mounts
from zookeeper_operator.api.backup import S3Storage
from zookeeper_operator.archive import s3
from zookeeper_operator.archive.errors import ArchiveError, Reason

CREDENTIALS: Final = s3.Credentials(s3_server.ACCESS_KEY, s3_server.SECRET_KEY)
IMPATIENT: Final = s3.Patience(
    connect=timedelta(seconds=1),
    request=timedelta(seconds=2),
    retries=3,
    retry=timedelta(seconds=20),
)
THREE_PARTS: Final = 2 * s3.PART + 12345


@pytest.fixture(scope="module")
def running(moto_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(moto_python, tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(running: S3Server) -> S3Server:
    running.reset()
    return running


def store(server: S3Server, credentials: s3.Credentials = CREDENTIALS, **fields: Any) -> s3.S3Store:
    value = {"bucket": BUCKET, "endpoint": server.endpoint, **fields}
    return s3.S3Store(S3Storage.model_validate(value), credentials=credentials, patience=IMPATIENT)


def content(size: int) -> Iterator[bytes]:
    for start in range(0, size, 1 << 18):
        yield bytes([start >> 18 & 0xFF]) * min(1 << 18, size - start)


def test_what_was_put_in_parts_is_got_and_listed(server: S3Server) -> None:
    found = store(server)
    found.put("zk/a/snapshot.gz", content(THREE_PARTS))
    assert b"".join(found.get("zk/a/snapshot.gz")) == b"".join(content(THREE_PARTS))
    assert [(s.path, s.size) for s in found.list("zk/a")] == [("zk/a/snapshot.gz", THREE_PARTS)]
    assert list(found.list("zk/ab")) == []
    assert sum(request.is_part for request in server.requests) == 3
    found.delete(["zk/a/snapshot.gz", "zk/a/none"])
    assert list(found.list("zk")) == []


def test_nothing_is_overwritten(server: S3Server) -> None:
    found = store(server)
    found.create("a", b"first")
    for again in (found.create, found.put):
        with pytest.raises(ArchiveError) as error:
            again("a", cast("Any", b"second"))
        assert error.value.reason is Reason.ALREADY_STORED
    assert b"".join(found.get("a")) == b"first"


def test_each_third_part_that_fails_is_sent_again(server: S3Server) -> None:
    parts = 0

    def rule(request: Request) -> Fault | None:
        nonlocal parts
        parts += request.is_part
        return (
            Fault(status=500, code="InternalError") if request.is_part and parts % 3 == 1 else None
        )

    server.rule = rule
    store(server).put("a", content(THREE_PARTS))
    assert b"".join(store(server).get("a")) == b"".join(content(THREE_PARTS))
    assert parts > 3


def test_connections_that_are_cut_are_opened_again(server: S3Server) -> None:
    found = store(server)
    found.put("a", content(THREE_PARTS))
    cut: set[str] = set()

    def rule(request: Request) -> Fault | None:
        if request.method == "GET" and len(cut) < 3:
            cut.add(str(request.number))
            return Fault(cut_after=100_000)
        return None

    server.rule = rule
    assert b"".join(found.get("a")) == b"".join(content(THREE_PARTS))
    assert len(cut) == 3


def test_an_answer_that_does_not_come_is_asked_for_again(server: S3Server) -> None:
    slow = iter([Fault(seconds=4)])
    found = store(server)
    found.create("a", b"x")
    server.rule = lambda request: next(slow, None) if request.method == "GET" else None
    assert b"".join(found.get("a")) == b"x"


def test_a_server_that_fails_for_good_is_unavailable_and_leaves_no_object(server: S3Server) -> None:
    server.rule = lambda r: Fault(status=503, code="SlowDown") if r.is_part else None
    with pytest.raises(ArchiveError) as error:
        store(server).put("a", content(THREE_PARTS))
    assert error.value.reason is Reason.STORAGE_UNAVAILABLE
    assert "SlowDown" in error.value.message
    assert list(store(server).list("")) == []


def test_a_stream_that_fails_is_its_own_failure_and_leaves_no_object(server: S3Server) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * (s3.PART + 1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        store(server).put("a", broken())
    assert not store(server)._exists("a")
    assert server.uploads() == 0


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (s3.Credentials(s3_server.ACCESS_KEY, "wrong"), "SignatureDoesNotMatch"),
        (s3.Credentials("AKIAOTHER", s3_server.SECRET_KEY), "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused_at_once_and_not_shown(
    server: S3Server, credentials: s3.Credentials, code: str
) -> None:
    found = store(server, credentials)
    for action in (
        lambda: found.put("a", [b"x"]),
        lambda: found.create("a", b"x"),
        lambda: list(found.get("a")),
        lambda: list(found.list("a")),
        lambda: found.delete(["a"]),
    ):
        server.requests.clear()
        with pytest.raises(ArchiveError) as error:
            action()
        assert error.value.reason is Reason.STORAGE_REFUSED
        assert len(server.requests) == 1
        assert credentials.secret_access_key not in error.value.message
        assert credentials.secret_access_key not in repr(credentials)
    assert code in error.value.message


def test_a_bucket_that_does_not_exist_is_named(server: S3Server) -> None:
    with pytest.raises(ArchiveError) as error:
        list(store(server, bucket="nowhere").list("a"))
    assert error.value.reason is Reason.STORAGE_NOT_FOUND
    assert "s3://nowhere" in error.value.message


def test_a_full_server_is_full(server: S3Server) -> None:
    server.rule = lambda r: (
        Fault(status=507, code="XMinioStorageFull") if r.method == "PUT" else None
    )
    with pytest.raises(ArchiveError) as error:
        store(server).create("a", b"x")
    assert error.value.reason is Reason.STORAGE_FULL


def test_a_server_that_cannot_be_reached_is_unavailable(server: S3Server) -> None:
    with pytest.raises(ArchiveError) as error:
        list(store(server, endpoint="http://127.0.0.1:1").list("a"))
    assert error.value.reason is Reason.STORAGE_UNAVAILABLE


# -- the programs -----------------------------------------------------------


@pytest.fixture
def pod(tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Pod:
    made = Pod(tmp_path)
    made.sync()
    directory = made.path(mounts.S3_CREDENTIALS)
    directory.mkdir(parents=True)
    (directory / mounts.ACCESS_KEY_ID).write_text(f"{s3_server.ACCESS_KEY}\n")
    (directory / mounts.SECRET_ACCESS_KEY).write_text(s3_server.SECRET_KEY)
    monkeypatch.setattr(s3, "Patience", lambda: IMPATIENT)
    return made


def s3_storage(server: S3Server) -> dict[str, Any]:
    return {"s3": s3_server.storage(endpoint=server.endpoint)}


def test_a_backup_is_stored_restored_and_pruned(pod: Pod, server: S3Server) -> None:
    storage = s3_storage(server)
    result = pod.back_up(storage=storage)
    assert (result["code"], result["location"]) == (0, f"s3://{BUCKET}/{result['path']}")
    order = [r.path.rsplit("/", 1)[1] for r in server.requests if r.method in {"PUT", "POST"}]
    assert order[-1] == "manifest.json"
    restored = pod.restore(result["path"], storage=storage)
    assert (restored["code"], restored["restored"]) == (0, True)
    assert pod.prune(storage=storage, paths=[result["path"]])["removedCount"] == 1
    assert list(store(server).list("zk")) == []


def test_a_failed_download_exits_with_a_reason_and_leaves_nothing(
    pod: Pod, server: S3Server
) -> None:
    storage = s3_storage(server)
    result = pod.back_up(storage=storage)
    server.rule = lambda r: Fault(cut_after=10) if r.path.endswith("snapshot.gz") else None
    failed = pod.restore(result["path"], storage=storage)
    assert (failed["code"], failed["reason"]) == (1, "StorageUnavailable")
    for directory in (mounts.DATA, mounts.TRANSACTIONS):
        assert list(pod.path(directory).iterdir()) == []
    server.rule = lambda _: None
    assert pod.restore(result["path"], storage=storage)["restored"] is True


@pytest.mark.parametrize("broken", ["snapshot.gz", "manifest.json"])
def test_what_fails_while_it_is_stored_is_no_backup(
    pod: Pod, server: S3Server, broken: str
) -> None:
    storage = s3_storage(server)
    server.rule = lambda r: (
        Fault(status=500, code="InternalError")
        if r.path.endswith(broken) and r.method in {"PUT", "POST"}
        else None
    )
    assert pod.back_up(storage=storage)["reason"] == "StorageUnavailable"
    server.rule = lambda _: None
    assert not [s for s in store(server).list("zk") if s.path.endswith("manifest.json")]


@pytest.mark.timeout(300)
def test_the_memory_does_not_grow_with_the_snapshot(pod: Pod, server: S3Server) -> None:
    """The program in a process of its own; data that gzip cannot make smaller."""
    sizes = {}
    for znodes in (30, 120):
        nodes = [node(f"/app/{n}", os.urandom(900_000)) for n in range(znodes)]
        pod.sync(tree=Tree((*SMALL.nodes, *nodes), SMALL.sessions, SMALL.acls))
        task = {
            "storage": s3_storage(server),
            "source": {"namespace": "demo", "ensemble": "zk", "identity": "0123456789abcdef"},
            "backup": "b",
            "backupUid": f"u{znodes}",
        }
        pod.give(mounts.TASK, task)
        code = (
            "import sys\n"
            "from zookeeper_operator.agent.program import main\n"
            "code = main(['back-up'])\n"
            "status = open('/proc/self/status').read()\n"
            "print(status.split('VmHWM:')[1].split()[0])\n"
            "sys.exit(code)\n"
        )
        output = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                mounts.ROOT_VARIABLE: str(pod.root),
            },
        ).stdout
        sizes[znodes] = int(output)
    assert sizes[120] < 150_000, sizes
    assert sizes[120] - sizes[30] < 40_000, sizes
