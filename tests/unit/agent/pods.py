"""Pods as folders: what is mounted, and what a program leaves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.unit.archive.stored import IDENTITY
from tests.unit.zookeeper.snapshot.trees import SMALL, Tree, write

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.mounted import Mounted
from zookeeper_operator.agent.program import run

STORAGE: Final = {"persistentVolumeClaim": {"claimName": "backups", "subPath": "zk"}}
SOURCE: Final = {"namespace": "demo", "ensemble": "zk", "identity": IDENTITY}
KEY: Final = bytes(range(32))
NODES: Final = len(SMALL.nodes)
EPHEMERALS: Final = 1


class Pod:
    """One pod: its folder, and what is in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mounted = Mounted(root)
        for directory in (mounts.BACKUPS, mounts.SNAPSHOTS, mounts.DATA, mounts.TRANSACTIONS):
            self.path(directory).mkdir(parents=True)
        for file in (mounts.TASK, mounts.ENCRYPTION_KEY, mounts.TERMINATION_LOG):
            self.path(file).parent.mkdir(parents=True, exist_ok=True)

    def path(self, mount: str) -> Path:
        return self.mounted.path(mount)

    def give(self, mount: str, value: Mapping[str, Any]) -> None:
        self.path(mount).write_text(json.dumps(value))

    def sync(
        self, *, zxid: int = 0x500000042, tree: Tree = SMALL, served: int | None = None
    ) -> Path:
        """Leave what the joiner leaves; `served` is how many znodes a server has counted."""
        for file in self.path(mounts.SNAPSHOTS).iterdir():
            file.unlink()
        snapshot = self.path(mounts.SNAPSHOTS) / f"snapshot.{zxid:x}"
        snapshot.write_bytes(write(tree, zxid))
        self.give(mounts.SYNCED, {"zookeeperVersion": "3.9.5", "servers": ["server.1=a"]})
        self.serve(len(tree.nodes) + 1 if served is None else served)
        return snapshot

    def serve(self, znodes: int, **fields: Any) -> None:
        self.give(mounts.VERIFIED, {"at": "2026-11-26T02:00:10Z", "znodes": znodes, **fields})

    def back_up(self, **fields: Any) -> dict[str, Any]:
        task = {
            "storage": STORAGE,
            "source": SOURCE,
            "backup": "zk-1",
            "backupUid": "uid-1",
            "schedule": "nightly",
            **fields,
        }
        return self.run("back-up", task)

    def restore(self, path: str, **fields: Any) -> dict[str, Any]:
        target = {"namespace": "other", "ensemble": "new", "identity": "f" * 16}
        return self.run("restore", {"storage": STORAGE, "path": path, "target": target, **fields})

    def prune(self, **fields: Any) -> dict[str, Any]:
        return self.run("prune", {"storage": STORAGE, "source": SOURCE, **fields})

    def run(self, command: str, task: Mapping[str, Any]) -> dict[str, Any]:
        """Run a program; what it has left, with its exit code as `code`."""
        self.give(mounts.TASK, task)
        code = run(command, self.mounted)
        left: dict[str, Any] = json.loads(self.path(mounts.TERMINATION_LOG).read_text())
        return {**left, "code": code}

    def stored(self) -> list[str]:
        """All files of the volume."""
        root = self.path(mounts.BACKUPS)
        return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
