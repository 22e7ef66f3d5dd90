"""What a backup costs, beside a snapshot of the AdminServer: `python -m tests.bench.backup 10000000`.

Three real servers of this machine with a tree of this size, two writers of `multi`, and the containers of the
pod of a backup one after the other. Prints one table. The longest gap is the longest time in which a writer
got no answer; memory is the most that was resident.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from tests.bench.snapshots import generate
from tests.integration.backup_pod import BackupPod, task_with
from tests.integration.processes import enter_own_network
from tests.integration.zookeeper_jars import resolve_jars
from tests.integration.zookeeper_servers import PASSWORD, ZooKeeperServers

from zookeeper_operator.ensemble import names

MEMBERS: Final = (1, 2, 3)
DATA_SIZE: Final = 1_000
PAIRS: Final = 100
CALM_SECONDS: Final = 10.0
_BASE_HEAP: Final = 256
_HEAP_PER_BYTE: Final = 5 / (1 << 20)
"""MiB of heap for each byte of a snapshot: the tree, and a buffer of what is being sent."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Writer:
    """Changes pairs by one `multi` each, as fast as it can, and remembers its longest gap."""

    hosts: str
    written: int = 0
    longest_gap: float = 0.0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Write until stopped."""
        client = KazooClient(hosts=self.hosts, timeout=30)
        client.start(timeout=60)
        last = time.monotonic()
        while not self._stopped.is_set():
            transaction = client.transaction()
            for side in ("a", "b"):
                path = f"/{side}-{self.written % PAIRS}"
                transaction.set_data(path, str(self.written).encode())
            try:
                transaction.commit()
            except KazooException:
                continue
            now = time.monotonic()
            self.longest_gap = max(self.longest_gap, now - last)
            last = now
            self.written += 1
        client.stop()
        client.close()

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()


@contextmanager
def writing(servers: ZooKeeperServers) -> Iterator[list[Writer]]:
    """Two writers, each with a member of its own."""
    ids = sorted(MEMBERS, key=lambda n: n == servers.leader(MEMBERS))
    hosts = [f"{servers[n].ip}:{names.CLIENT_PORT}" for n in ids]
    client = KazooClient(hosts=",".join(hosts), timeout=30)
    client.start(timeout=60)
    for side in ("a", "b"):
        for number in range(PAIRS):
            client.create(f"/{side}-{number}")
    client.stop()
    client.close()
    writers = [Writer(hosts[0]), Writer(hosts[-1])]
    threads = [threading.Thread(target=w.run, daemon=True) for w in writers]
    for thread in threads:
        thread.start()
    yield writers
    for writer in writers:
        writer.stop()
    for thread in threads:
        thread.join(60)


@contextmanager
def watching_memory(kinds: dict[str, str]) -> Iterator[dict[str, int]]:
    """The most that processes have had resident, by kind: those whose command has the text of it."""
    most: dict[str, int] = defaultdict(int)
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(0.05):
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    command = (path / "cmdline").read_bytes().decode(errors="replace")
                    resident = int((path / "statm").read_text().split()[1]) * _PAGE
                except (OSError, ValueError, IndexError):
                    continue
                for kind, text in kinds.items():
                    if text in command and not command.startswith(("bash", "setpriv", "unshare")):
                        most[kind] = max(most[kind], resident)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield most
    stopped.set()
    thread.join()


def found_with_tree(servers: ZooKeeperServers, file: Path) -> None:
    """Start an ensemble whose members all have this snapshot."""
    extra = {
        "admin.snapshot.enabled": "true",
        "admin.snapshot.intervalInMS": 0,
        "initLimit": 240,
        "syncLimit": 20,
        "snapCount": 10_000_000,
    }
    lines = [servers[n].line() for n in MEMBERS]
    for n in MEMBERS:
        servers[n].prepare(lines, founder=False, extra=extra)
        servers[n].database.mkdir(parents=True)
        target = servers[n].database / "snapshot.100000000"
        target.write_bytes(b"")
        with file.open("rb") as source, target.open("wb") as output:
            while block := source.read(1 << 20):
                output.write(block)
        servers[n].start()
    servers.wait_until_serving(MEMBERS, seconds=300)


def snapshot_by_admin_server(servers: ZooKeeperServers) -> int:
    """Stream a snapshot of a follower; its size."""
    follower = next(n for n in MEMBERS if n != servers.leader(MEMBERS))
    url = f"http://{servers[follower].ip}:{names.ADMIN_PORT}/commands/snapshot?streaming=true"
    request = urllib.request.Request(url, headers={"Authorization": f"digest super:{PASSWORD}"})
    size = 0
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        while block := answer.read(1 << 20):
            size += len(block)
    return size


def measure(size: int) -> None:
    """Measure one size, and print the table."""
    jars = resolve_jars()
    enter_own_network()
    heap = _BASE_HEAP + int(size * _HEAP_PER_BYTE)
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as name:
        folder = Path(name)
        tree = folder / "tree"
        count = generate(tree, size=size, data_size=DATA_SIZE)
        servers = ZooKeeperServers(jars=jars, directory=folder / "servers", heap_mebibytes=heap)
        pod = BackupPod(folder / "backup", jars)
        pod.flags = f"-Xmx{heap}m"
        try:
            found_with_tree(servers, tree)
            _say(f"{tree.stat().st_size / 1e6:.0f} MB, {count} znodes, heap {heap} MiB\n")
            _measure(servers, pod)
        finally:
            servers.stop()


def _measure(servers: ZooKeeperServers, pod: BackupPod) -> None:
    pod.configure([servers[n].line() for n in MEMBERS], {"initLimit": 240, "syncLimit": 20})
    pod.give(task_with())
    kinds = {"agent": "zookeeper_operator.agent", "joiner": str(pod.root)}
    _say("| step | seconds | longest gap of the writers, s | writes per s |")
    _say("| --- | --- | --- | --- |")
    with watching_memory(kinds) as most, writing(servers) as writers:
        _row("nothing", writers, lambda: time.sleep(CALM_SECONDS))
        _row("backup: sync", writers, lambda: pod.join("sync", seconds=900))
        _row("backup: verify by a server", writers, lambda: pod.join("verify", seconds=900))
        stored: list[int] = []

        def back_up() -> None:
            stored.append(pod.back_up().stored_bytes)

        _row("backup: verify, compress, store", writers, back_up)
        streamed: list[int] = []
        _row(
            "AdminServer snapshot of a follower",
            writers,
            lambda: streamed.append(snapshot_by_admin_server(servers)),
        )
    _say(
        f"\nresident at most: joiner {most['joiner'] / 1e6:.0f} MB, agent {most['agent'] / 1e6:.0f} MB; "
        f"stored {stored[0] / 1e6:.1f} MB, streamed by the AdminServer {streamed[0] / 1e6:.1f} MB"
    )


def _row(step: str, writers: list[Writer], act: Callable[[], None]) -> None:
    for writer in writers:
        writer.longest_gap = 0.0
    before, begun = sum(w.written for w in writers), time.monotonic()
    act()
    took = time.monotonic() - begun
    gap, written = max(w.longest_gap for w in writers), sum(w.written for w in writers) - before
    _say(f"| {step} | {took:.1f} | {gap:.2f} | {written / took:.0f} |")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="+")
    for size in parser.parse_args().sizes:
        measure(size)


if __name__ == "__main__":
    main()
