"""The counting writer: runs in a pod beside an ensemble and says what clients really got.

Each client writes one znode per interval and keeps the time of every acknowledgement. *Pinned* clients
know one member only: the time in which none of them was acknowledged is the ensemble's own gap. The
*multi-host* client knows every member, as an application does. A watcher asks each member for its role by
`srvr`, the one four-letter word that is on by default, and notes every new leader.

Prints one line of JSON when every client has written for the first time, and one with the result after
SIGTERM, when every acknowledged write has been read back by a client that knows all members. All times are
seconds of the node's clock. Standard library and kazoo only, but to log in: the file is mounted as it is.
"""

import argparse
import json
import logging
import re
import signal
import socket
import sys
import threading
import time
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.states import KazooState

BUCKET: Final = 1000
"""Znodes below one parent, so that a listing stays far below the largest packet."""

GAP_SECONDS: Final = 0.1
"""Shorter times without an acknowledgement are not listed."""

MOST_NAMED: Final = 20
"""Lost writes that are named in the result; all are counted."""


class Handler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo has no types
    """Gives an address up after a while; kazoo waits for a whole session on one that is gone."""

    def __init__(self, connect_seconds: float) -> None:
        super().__init__()
        self._connect_seconds = connect_seconds

    def create_connection(self, *args: Any, timeout: float, **kwargs: Any) -> Any:
        """Connect within the limit."""
        return super().create_connection(
            *args, timeout=min(timeout, self._connect_seconds), **kwargs
        )


def connect(
    hosts: str, *, session_seconds: float, connect_seconds: float, login: tuple[str, str] | None
) -> KazooClient:
    """A client that goes on connecting for ever, without long pauses, as this user with this password."""
    client = KazooClient(
        hosts=hosts,
        timeout=session_seconds,
        handler=Handler(connect_seconds),
        connection_retry={"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 0.4},
    )
    if login is not None:
        from zookeeper_operator.zookeeper.jaas import Login  # noqa: PLC0415 -- in the image
        from zookeeper_operator.zookeeper.login import LoggingIn  # noqa: PLC0415

        LoggingIn(client, Login(*login))
    return client


class Writer(threading.Thread):
    """One client that writes numbered znodes and remembers when each was acknowledged."""

    def __init__(self, name: str, client: KazooClient, *, root: str, interval: float) -> None:
        super().__init__(name=name, daemon=True)
        self.folder = f"{root}/{name}"
        self.first_acknowledged = threading.Event()
        self.numbers = array("q")
        self.times = array("d")
        self.sessions_lost = 0
        self.errors: dict[str, int] = {}
        self._client = client
        self._interval = interval
        self._stopping = threading.Event()
        client.add_listener(self._on_state)

    def _on_state(self, state: str) -> None:
        if state == KazooState.LOST and not self._stopping.is_set():
            self.sessions_lost += 1

    def run(self) -> None:
        """Write until stopped. A write whose answer was lost is neither counted nor repeated."""
        self._client.start_async()
        number, bucket, due = 0, -1, time.monotonic()
        while not self._stopping.wait(max(due - time.monotonic(), 0)):
            due = max(due + self._interval, time.monotonic())
            try:
                if number // BUCKET != bucket:
                    self._client.ensure_path(self._parent(number))
                    bucket = number // BUCKET
                self._client.create(f"{self._parent(number)}/{number:09}", b"%d" % number)
            except (KazooException, ConnectionError) as error:
                if not self._stopping.is_set():
                    kind = type(error).__name__
                    self.errors[kind] = self.errors.get(kind, 0) + 1
            else:
                self.times.append(time.time())
                self.numbers.append(number)
                self.first_acknowledged.set()
            number += 1

    def _parent(self, number: int) -> str:
        return f"{self.folder}/{number // BUCKET:06}"

    def stop(self) -> None:
        """End the session and wait for the thread."""
        self._stopping.set()
        self._client.stop()
        self.join(timeout=10)
        self._client.close()

    def missing(self, reader: KazooClient) -> list[str]:
        """The acknowledged writes that a reader does not find."""
        reader.sync(self.folder)
        found: set[int] = set()
        for bucket in reader.get_children(self.folder):
            found.update(map(int, reader.get_children(f"{self.folder}/{bucket}")))
        return [f"{self.folder}: {number}" for number in self.numbers if number not in found]

    def report(self) -> dict[str, Any]:
        """What this client saw."""
        return {
            "acknowledged": len(self.numbers),
            "sessionsLost": self.sessions_lost,
            "errors": self.errors,
        }


class Roles:
    """Who leads, as the members themselves say it."""

    def __init__(self, members: list[str], *, interval: float) -> None:
        self.elections: list[dict[str, Any]] = []
        self._seen: set[int] = set()
        self._lock = threading.Lock()
        self._interval = interval
        self._threads = [
            threading.Thread(target=self._watch, args=(member,), daemon=True) for member in members
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def _watch(self, member: str) -> None:
        host, _, port = member.rpartition(":")
        while True:
            answer = ask(host, int(port), "srvr")
            mode = re.search(r"^Mode: leader$", answer, re.MULTILINE)
            zxid = re.search(r"^Zxid: 0x([0-9a-f]+)$", answer, re.MULTILINE)
            if mode and zxid:
                self._note(member, int(zxid[1], 16) >> 32)
            time.sleep(self._interval)

    def _note(self, member: str, epoch: int) -> None:
        with self._lock:
            if epoch not in self._seen:
                self._seen.add(epoch)
                self.elections.append({"at": time.time(), "leader": member, "epoch": epoch})


def ask(host: str, port: int, word: str) -> str:
    """The answer to a four-letter word; empty when there is none."""
    try:
        with socket.create_connection((host, port), timeout=0.5) as connection:
            connection.sendall(word.encode())
            parts = []
            while part := connection.recv(4096):
                parts.append(part)
            return b"".join(parts).decode(errors="replace")
    except OSError:
        return ""


def gaps(times: Iterable[float], *, begin: float, end: float) -> Iterator[dict[str, float]]:
    """The times without an acknowledgement that are worth naming, in their order."""
    inside = sorted(moment for moment in times if begin <= moment <= end)
    for before, after in pairwise([begin, *inside, end]):
        if after - before >= GAP_SECONDS:
            yield {"begin": before, "end": after, "seconds": round(after - before, 3)}


def say(event: str, **facts: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps({"event": event, **facts}), flush=True)


def main() -> int:
    """Write until SIGTERM, read everything back, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", required=True, help="connection string of all members")
    parser.add_argument("--pinned", action="append", default=[], help="HOST:PORT of one member")
    parser.add_argument("--root", default="/counted")
    parser.add_argument("--interval", type=float, default=0.01)
    parser.add_argument("--session-seconds", type=float, default=30)
    parser.add_argument("--connect-seconds", type=float, default=1)
    parser.add_argument("--roles-interval", type=float, default=0.1)
    parser.add_argument("--login", type=Path, help="a file named after the user, with its password")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    # What an earlier run has written is in nobody's way.
    root = f"{options.root}/{time.time_ns()}"

    file: Path | None = options.login
    login = None if file is None else (file.name, file.read_text(encoding="ascii"))

    def client(hosts: str) -> KazooClient:
        return connect(
            hosts,
            login=login,
            session_seconds=options.session_seconds,
            connect_seconds=options.connect_seconds,
        )

    def writer(name: str, hosts: str) -> Writer:
        return Writer(name, client(hosts), root=root, interval=options.interval)

    pinned = [writer(f"pinned-{n}", hosts) for n, hosts in enumerate(options.pinned, 1)]
    multi_host = writer("multi-host", options.all)
    writers = [*pinned, multi_host]
    roles = Roles(options.all.split(","), interval=options.roles_interval)
    roles.start()
    for each in writers:
        each.start()
    while not stop.is_set() and not all(w.first_acknowledged.wait(0.1) for w in writers):
        pass
    begin = time.time()
    say("ready", at=begin)
    stop.wait()
    end = time.time()
    for each in writers:
        each.stop()

    reader = client(options.all)
    reader.start(timeout=60)
    lost = [name for each in writers for name in each.missing(reader)]
    reader.stop()
    reader.close()
    say(
        "result",
        begin=begin,
        end=end,
        acknowledged=sum(len(w.numbers) for w in writers),
        lost=len(lost),
        lostNames=lost[:MOST_NAMED],
        sessionsLost=sum(w.sessions_lost for w in writers),
        gaps={
            "ensemble": list(
                gaps((t for w in pinned or writers for t in w.times), begin=begin, end=end)
            ),
            "multiHost": list(gaps(multi_host.times, begin=begin, end=end)),
        },
        elections=roles.elections,
        clients={each.name: each.report() for each in writers},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
