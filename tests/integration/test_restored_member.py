"""A member that is restored from a backup, by the start script, as in its pod."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from tests.integration.processes import another_network
from tests.integration.test_start_script import COPY, ORIGINAL, SECONDS, Pod, client, wait_until

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.mounted import Mounted
from zookeeper_operator.agent.program import run

STORAGE = {"persistentVolumeClaim": {"claimName": "backups"}}
EPOCH = 77


@pytest.fixture(autouse=True, scope="module")
def _no_other_servers(zookeeper_jars: Path) -> Iterator[None]:
    with another_network():
        yield


@pytest.fixture
def copy(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path / "copy", COPY, zookeeper_jars)
    pod.publish()
    yield pod
    pod.stop()


@pytest.fixture
async def backup(tmp_path: Path, zookeeper_jars: Path) -> dict[str, Any]:
    """The result of a backup of an ensemble that is gone; its volume is beside the pods."""
    pod = Pod(tmp_path / "original", ORIGINAL, zookeeper_jars)
    try:
        pod.start()
        await wait_until(pod, serving=True)
        writer = client()
        writer.create("/written", b"there")
        writer.create("/lock", b"mine", ephemeral=True)
        restart(pod)
        await wait_until(pod, serving=True)
        writer.stop()
        writer.close()
    finally:
        pod.stop()
    root = tmp_path / "agent"
    for directory in (mounts.BACKUPS, mounts.SNAPSHOTS):
        Mounted(root).path(directory).mkdir(parents=True)
    newest = max((pod.path / "data/version-2").glob("snapshot.*"), key=zxid_of)
    shutil.copy(newest, Mounted(root).path(mounts.SNAPSHOTS))
    source = {"namespace": "demo", "ensemble": "zk", "identity": "uid-1"}
    task = {"source": source, "backup": "b", "backupUid": "u", "verify": "Checksum"}
    result = run_agent("back-up", root, {"storage": STORAGE, **task})
    assert result["ephemerals"] == 1, result
    return result


def restart(pod: Pod) -> None:
    """When it leads again it writes a snapshot of all it has."""
    pod.stop()
    pod.publish(version=1 << 32)
    pod.start()


def zxid_of(file: Path) -> int:
    return int(file.name.partition(".")[2], 16)


def run_agent(command: str, root: Path, task: dict[str, Any]) -> dict[str, Any]:
    mounted = Mounted(root)
    for file in (mounts.TASK, mounts.TERMINATION_LOG):
        mounted.path(file).parent.mkdir(parents=True, exist_ok=True)
    mounted.path(mounts.TASK).write_text(json.dumps(task))
    code = run(command, mounted)
    left: dict[str, Any] = json.loads(mounted.path(mounts.TERMINATION_LOG).read_text())
    return {**left, "code": code}


def restore(pod: Pod, tmp_path: Path, path: str) -> dict[str, Any]:
    """Run the program in the pod of the member, with the volume of the backups."""
    backups = pod.path / "backups"
    if not backups.is_symlink():
        backups.symlink_to(tmp_path / "agent" / "backups")
    target = {"namespace": "copy", "ensemble": "zk", "identity": "uid-1"}
    task = {"storage": STORAGE, "path": path, "target": target, "lastEpoch": EPOCH}
    return run_agent("restore", pod.path, task)


async def test_the_start_script_serves_what_was_restored(
    tmp_path: Path, backup: dict[str, Any], copy: Pod
) -> None:
    assert restore(copy, tmp_path, backup["path"])["restored"] is True
    copy.start()
    assert (await wait_until(copy, serving=True)).database == ""
    reader = client()
    assert reader.get("/written")[0] == b"there"
    assert reader.exists("/lock") is None
    config = reader.get("/zookeeper/config")[0].decode()
    assert COPY.server(1).host in config
    assert ORIGINAL.server(1).host not in config
    created = reader.create("/later", include_data=True)[1].czxid
    assert created >> 32 == EPOCH + 2, "one above the last epoch, and one for the election"
    close(reader)
    # What was written since then stays, however often the init container runs.
    copy.stop()
    assert restore(copy, tmp_path, backup["path"])["restored"] is False
    copy.publish(version=(EPOCH + 2) << 32)
    copy.start()
    await wait_until(copy, serving=True)
    reader = client()
    assert reader.exists("/later")
    close(reader)


async def test_a_client_that_has_seen_a_later_zxid_comes_back(
    tmp_path: Path, backup: dict[str, Any], copy: Pod
) -> None:
    assert restore(copy, tmp_path, backup["path"])["restored"] is True
    copy.start()
    await wait_until(copy, serving=True)
    returning = KazooClient("127.0.0.1:2181", timeout=10)
    returning.last_zxid = EPOCH << 32 | 0xFFFFFFFF
    returning.start(timeout=SECONDS)
    assert returning.get("/written")[0] == b"there"
    close(returning)


async def test_after_a_failed_download_the_member_stays_empty_and_founds_nothing(
    tmp_path: Path, backup: dict[str, Any], copy: Pod
) -> None:
    for file in (tmp_path / "agent/backups").rglob("snapshot.gz"):
        file.write_bytes(file.read_bytes()[:-1])
    failed = restore(copy, tmp_path, backup["path"])
    assert (failed["code"], failed["reason"]) == (1, "CorruptBackup")
    # A pod would not start it. Even so, it must not lead with nothing.
    copy.start()
    answers = await wait_until(copy, serving=False)
    await asyncio.sleep(3)
    assert (await wait_until(copy, serving=False)).database == answers.database == "none"


def close(reader: KazooClient) -> None:
    reader.stop()
    reader.close()
