"""A backup by what the user calls it: a snapshot, a directory, or a ZookeeperBackup."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.archive.stored import KEY, store_in, store_snapshot
from tests.unit.cli.clusters import ReadOnlyKube
from tests.unit.zookeeper.snapshot.trees import SMALL, Tree, node, with_nodes, write

from zookeeper_operator.cli.backup.source import Options, open_backup
from zookeeper_operator.cli.backup.tree import Side, check, count, differences
from zookeeper_operator.cli.backup.view import describe_difference
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.kube.api import Object


def snapshot(path: Path, tree: Tree = SMALL) -> Path:
    path.write_bytes(write(tree))
    return path


def backup(**changes: Any) -> Object:
    body: Object = {
        "kind": "ZookeeperBackup",
        "metadata": {"name": "nightly", "namespace": "demo"},
        "spec": {
            "ensembleRef": {"name": "zk"},
            "storage": {"persistentVolumeClaim": {"claimName": "backups"}},
        },
        "status": {"phase": "Succeeded", "path": "demo/zk/x"},
    }
    return {**body, **changes}


async def opened(text: str, kube: ReadOnlyKube | None = None, **options: Any) -> bytes:
    """The content of what is opened."""
    async with open_backup(kube or ReadOnlyKube(), "demo", text, Options(**options)) as found:
        check(found)
        return found.file.read_bytes()


async def test_a_snapshot_of_a_member_is_used_as_it_is(tmp_path: Path) -> None:
    file = snapshot(tmp_path / "snapshot.500000042")
    assert await opened(str(file)) == file.read_bytes()


@pytest.mark.parametrize("part", ["", "/manifest.json", "/snapshot.gz"])
async def test_a_directory_is_named_by_itself_or_by_what_is_in_it(
    tmp_path: Path, part: str
) -> None:
    stored = store_snapshot(store_in(tmp_path), snapshot(tmp_path / "s"))
    async with open_backup(
        ReadOnlyKube(), "demo", f"{tmp_path}/{stored.path}{part}", Options()
    ) as found:
        check(found)
        assert found.manifest == stored.manifest
        fetched = found.file
    assert not fetched.exists(), "what was fetched is removed"


async def test_an_encrypted_one_needs_its_key(tmp_path: Path) -> None:
    stored = store_snapshot(store_in(tmp_path), snapshot(tmp_path / "s"), key=KEY)
    text = f"{tmp_path}/{stored.path}"
    with pytest.raises(Failure, match="encrypted"):
        await opened(text)
    key = tmp_path / "key"
    key.write_bytes(bytes(32))
    with pytest.raises(Failure, match="was encrypted by the key"):
        await opened(text, key_file=key)
    key.write_bytes(bytes(range(32)))
    assert await opened(text, key_file=key)


async def test_stored_data_that_was_changed_is_refused(tmp_path: Path) -> None:
    stored = store_snapshot(store_in(tmp_path), snapshot(tmp_path / "s"))
    data = tmp_path / stored.data_path
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(bytes(content))
    with pytest.raises(Failure):
        await opened(f"{tmp_path}/{stored.path}")


async def test_a_torn_snapshot_is_no_backup(tmp_path: Path) -> None:
    newer = with_nodes(SMALL, (*SMALL.nodes, node("/new", zxid=0x500000043)))
    with pytest.raises(Failure, match="no image of one moment"):
        await opened(str(snapshot(tmp_path / "torn", newer)))


async def test_what_is_on_a_volume_of_the_cluster_must_be_copied_first() -> None:
    with pytest.raises(Failure, match=r"volume of claim backups.*copy its directory demo/zk/x"):
        await opened("nightly", ReadOnlyKube([backup()]))


async def test_a_backup_that_is_not_complete_is_refused() -> None:
    running = backup(status={"phase": "Uploading"})
    with pytest.raises(Failure, match="is not complete: Uploading"):
        await opened("nightly", ReadOnlyKube([running]))


async def test_what_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there is no ZookeeperBackup gone"):
        await opened("gone")
    with pytest.raises(Failure, match="there is no file or directory"):
        await opened(f"{tmp_path}/gone")


async def test_only_the_subtree_is_counted_and_what_cannot_be_created_so(tmp_path: Path) -> None:
    file = snapshot(tmp_path / "s")
    async with open_backup(ReadOnlyKube(), "demo", str(file), Options()) as found:
        assert count(found, "/app") == (5, 2), "without the ephemeral one"
        assert count(found, "/app/null") == (1, 0)
        with pytest.raises(Failure, match="no znode /apple"):
            count(found, "/apple")


async def test_two_backups_are_compared_below_a_path(tmp_path: Path) -> None:
    changed = with_nodes(
        SMALL,
        [
            *(n for n in SMALL.nodes if n.path not in {"/app/null", "/app"}),
            node("/app", b"other", acl=7),
            node("/app/new"),
            node("/beside"),
        ],
    )
    left, right = snapshot(tmp_path / "l"), snapshot(tmp_path / "r", _in_order(changed))
    async with (
        open_backup(ReadOnlyKube(), "demo", str(left), Options()) as one,
        open_backup(ReadOnlyKube(), "demo", str(right), Options()) as other,
    ):
        found = {
            d.path: describe_difference(d) for d in differences(Side(one), Side(other), "/app")
        }
    assert found == {"/app": "data", "/app/null": "only left", "/app/new": "only right"}


def _in_order(tree: Tree) -> Tree:
    return with_nodes(tree, sorted(tree.nodes, key=lambda each: each.path))
