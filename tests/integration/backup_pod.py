"""The pod of a backup as a folder: the joiner beside real servers, and the agent.

Its volumes are mounts, as in a pod: what removes or renames one of them fails here too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.result import BackUpResult, Failure
from zookeeper_operator.agent.task import BackUpTask
from zookeeper_operator.zookeeper.servers import Server

SECONDS: Final = 180.0
BUILD: Final = resources.files("zookeeper_operator.backup.build") / "scripts"
LOGBACK: Final = resources.files("zookeeper_operator.ensemble.build") / "scripts" / "logback.xml"
VOLUMES: Final = ("work", "config", "membership", "backups", "etc/zookeeper-backup", "tmp")
READ_ONLY: Final = ("config", "membership", "etc/zookeeper-backup")
ZK_SERVER: Final = """#!/bin/bash
[[ $1 == --config && $3 == start-foreground ]] || exit 9
exec java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dzookeeper.log.level=INFO \\
  -Dzookeeper.log.target=System.out ${SERVER_JVMFLAGS:-} -cp "$2:$JARS/*" \\
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$2/zoo.cfg"
"""
"""What the image has: it is called as `zkServer.sh --config DIRECTORY start-foreground`."""
MOUNT: Final = """
set -e
mount --make-rprivate /
for volume in $VOLUMES; do mount --bind "$HOME_OF_VOLUMES/$volume" "$POD/$volume"; done
for volume in $SMALL; do mount -t tmpfs -o size=2m,mode=777 tmpfs "$POD/$volume"; done
for volume in $READ_ONLY; do mount -o remount,ro,bind "$POD/$volume"; done
exec "$@"
"""


class ContainerFailed(Exception):  # noqa: N818 -- it is a value of the tests
    """A container has ended with an exit code; `failure` is what it has left."""

    def __init__(self, failure: Failure, log: str) -> None:
        super().__init__(f"{failure}\n{log}")
        self.failure = failure


class BackupPod:
    """Where the containers of one backup run, one after the other."""

    def __init__(self, path: Path, jars: Path) -> None:
        self.root, self.volumes, self._jars = path / "pod", path / "volumes", jars
        self.flags = ""
        """Flags for the servers of the joiner."""
        self.small: tuple[str, ...] = ()
        """Volumes with room for half a megabyte, which are empty for each container."""
        for volume in VOLUMES:
            (self.root / volume).mkdir(parents=True)
            (self.volumes / volume).mkdir(parents=True)
        (self.root / "dev").mkdir()
        (self.root / "bin").mkdir()
        (self.root / "bin/zkServer.sh").write_text(ZK_SERVER, encoding="ascii")
        (self.root / "bin/zkServer.sh").chmod(0o755)
        for script in (BUILD / "joiner.sh", LOGBACK):
            (self.volumes / "config" / script.name).write_text(script.read_text(encoding="utf-8"))

    @property
    def work(self) -> Path:
        """What the containers share."""
        return self.volumes / "work"

    @property
    def snapshot(self) -> Path:
        """The file that the joiner has left."""
        (file,) = (self.work / "snapshot").iterdir()
        return file

    def configure(
        self, servers: Sequence[Server], extra: Mapping[str, object] | None = None
    ) -> None:
        """Give the joiner the keys of a member and the list of all."""
        keys = {
            "tickTime": 500,
            "initLimit": 20,
            "syncLimit": 8,
            "dataDir": "/data",
            **(extra or {}),
        }
        text = "".join(f"{key}={value}\n" for key, value in keys.items())
        (self.volumes / "config/zoo.cfg").write_text(text, encoding="ascii")
        # As the kubelet mounts a ConfigMap.
        membership = self.volumes / "membership"
        (membership / "..1").mkdir(exist_ok=True)
        lines = "".join(f"{server.line()}\n" for server in servers)
        (membership / "..1/ZOO_SERVERS").write_text(lines, encoding="ascii")
        for link, target in (("..data", "..1"), ("ZOO_SERVERS", "..data/ZOO_SERVERS")):
            (membership / link).unlink(missing_ok=True)
            (membership / link).symlink_to(target)

    def give(self, task: BackUpTask) -> None:
        """Give the agent its task."""
        file = self.volumes / mounts.TASK.lstrip("/")
        file.write_text(json.dumps(task.to_api()), encoding="utf-8")

    def start_joiner(self, mode: str, *, seconds: int = 120) -> subprocess.Popen[bytes]:
        """Start one of the containers of the joiner."""
        environment = {"JARS": str(self._jars), "JOINER_SECONDS": str(seconds)}
        if self.flags:
            environment["SERVER_JVMFLAGS"] = self.flags
        script = str(self.root / "config/joiner.sh")
        return self._start(["bash", script, mode], mode, environment)

    def join(self, mode: str, *, seconds: int = 120) -> None:
        """Run one of the containers of the joiner to its end."""
        self._finish(self.start_joiner(mode, seconds=seconds), mode)

    def back_up(self) -> BackUpResult:
        """Run the agent to its end."""
        argv = [sys.executable, "-m", "zookeeper_operator.agent", "back-up"]
        self._finish(self._start(argv, "agent", {}), "agent")
        return BackUpResult.model_validate_json(self._left())

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a container as the kubelet does when the pod is deleted."""
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)

    def log(self, name: str) -> str:
        """The end of the log of a container."""
        return (self.root / f"{name}.log").read_text(errors="replace")[-6000:]

    def _start(
        self, argv: list[str], name: str, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        (self.root / "dev/termination-log").write_text("")
        with (self.root / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount"),
                    *("bash", "-c", MOUNT, "mount", *argv),
                ],
                env={
                    "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "JOINER_ROOT": str(self.root),
                    mounts.ROOT_VARIABLE: str(self.root),
                    "POD": str(self.root),
                    "HOME_OF_VOLUMES": str(self.volumes),
                    "VOLUMES": " ".join(VOLUMES),
                    "READ_ONLY": " ".join(READ_ONLY),
                    "SMALL": " ".join(self.small),
                    **environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _finish(self, process: subprocess.Popen[bytes], name: str) -> None:
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if code:
            left = self._left() or json.dumps({"reason": "", "message": f"exit code {code}"})
            raise ContainerFailed(Failure.model_validate_json(left), self.log(name))

    def _left(self) -> str:
        return (self.root / "dev/termination-log").read_text()


def left_of(pod: BackupPod) -> set[str]:
    """The names of all that is in the work volume."""
    return {str(path.relative_to(pod.work)) for path in pod.work.rglob("*")}


def discard(pod: BackupPod) -> None:
    """Remove what it has stored and left."""
    for volume in ("work", "backups"):
        for path in (pod.volumes / volume).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def task_with(**fields: Any) -> BackUpTask:
    """A task with the fields that every task needs."""
    value: dict[str, Any] = {
        "storage": {"persistentVolumeClaim": {"claimName": "backups", "subPath": "zk"}},
        "source": {"namespace": "demo", "ensemble": "zk", "identity": "0123456789abcdef"},
        "backup": "zk-1",
        "backupUid": "uid-1",
        **fields,
    }
    return BackUpTask.model_validate(value)
