"""What a ZooKeeper server of a test is made of: the jars of a release, and an archive of their classes.

Both are made once and kept in the cache of the user.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

POM: Final = Path(__file__).parent / "zookeeper" / "pom.xml"
MAIN_CLASS: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
JVM_FLAGS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For a JVM that runs for seconds. An archive of classes serves the collector that it was made with."""
ARCHIVE_SECONDS: Final = 60.0

_WITHOUT_PARENT: Final = {"3.8.7": "3.8.6", "3.9.6": "3.9.5"}
"""Releases whose parent pom not every mirror has: all jars but the server are those of the release before."""


def resolve_jars(version: str = "", *, metrics: bool = False) -> Path:
    """The folder with the jars of `zookeeper/pom.xml`, filled by Maven once per content of it.

    `version` is another release of ZooKeeper than the one that stands there; with `metrics` its provider for
    Prometheus is among them.
    """
    if version in _WITHOUT_PARENT:
        return _exchange_server(resolve_jars(_WITHOUT_PARENT[version], metrics=metrics), version)
    chosen = [*([f"-Dzookeeper.version={version}"] if version else [])]
    chosen += ["--activate-profiles", "metrics"] if metrics else []
    digest = hashlib.sha256(POM.read_bytes() + " ".join(chosen).encode()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        _maven("dependency:copy-dependencies", f"-DoutputDirectory={folder}", *chosen)

    return cached_folder(f"zookeeper-jars-{digest}", fill)


def _exchange_server(before: Path, version: str) -> Path:
    """The jars of a release in which the server itself is another one."""

    def fill(folder: Path) -> None:
        shutil.copytree(before, folder)
        for name in ("zookeeper", "zookeeper-jute"):
            (old,) = folder.glob(f"{name}-[0-9]*.jar")
            old.unlink()
            artifact = f"org.apache.zookeeper:{name}:{version}"
            _maven("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")

    return cached_folder(f"{before.name}-{version}", fill)


def _maven(*arguments: str) -> None:
    subprocess.run(["mvn", "--quiet", "--batch-mode", "--file", str(POM), *arguments], check=True)


def cached_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache; where it is missing, `fill` makes it first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zookeeper-operator"
    found = cache / name
    if not found.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fill(Path(scratch, "filled"))
            try:
                Path(scratch, "filled").rename(found)  # complete or not there at all
            except OSError:
                if not found.is_dir():  # else: another run was faster
                    raise
    return found


@functools.cache
def resolve_class_archive(jars: Path) -> Path:
    """The archive of the classes that a server with the class path `JARS/*` has loaded when it leads.

    A JVM maps it instead of reading and verifying each class: a start takes 0.7 s of CPU instead of 1.1 s,
    and the tests start hundreds. A JVM that cannot use it goes without.
    """
    told = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr
    digest = hashlib.sha256(f"{told} {JVM_FLAGS}".encode()).hexdigest()[:12]
    folder = cached_folder(f"{jars.name}-classes-{digest}", lambda made: _archive(jars, made))
    return folder / "classes.jsa"


def _archive(jars: Path, folder: Path) -> None:
    """Start a server, wait until it leads, and end it: the JVM then writes the archive."""
    data, log, zoo_cfg = folder / "data", folder / "log", folder / "zoo.cfg"
    data.mkdir(parents=True)
    (data / "myid").write_text("1\n", encoding="ascii")
    ip = f"127.1.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # another worker may do the same now
    lines = (
        f"dataDir={data}",
        "tickTime=500",
        "initLimit=10",
        "syncLimit=4",
        "standaloneEnabled=false",
        "reconfigEnabled=true",
        f"admin.serverAddress={ip}",
        f"server.1={ip}:2888:3888;{ip}:2181",
    )
    zoo_cfg.write_text("\n".join(lines) + "\n", encoding="ascii")
    archive = f"-XX:ArchiveClassesAtExit={folder / 'classes.jsa'}"
    command = [
        "java",
        archive,
        "-Xmx128m",
        *JVM_FLAGS,
        "-cp",
        f"{jars}/*",
        MAIN_CLASS,
        str(zoo_cfg),
    ]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            deadline = time.monotonic() + ARCHIVE_SECONDS
            while b"leading - broadcast" not in log.read_bytes():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            server.terminate()
            server.wait(ARCHIVE_SECONDS)
        finally:
            server.kill()
    assert (folder / "classes.jsa").exists(), log.read_text()
