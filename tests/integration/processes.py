"""Local server processes of the integration tests: they die with the test run, however it ends."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000

POD_NETWORK: Final = "10.128.0.0/14"
"""Every address of it is this network namespace itself."""


def enter_own_network() -> None:
    """Move this process, and what it starts from now on, into a new network namespace.

    All the well-known ports and every loopback address are then ours, whatever else runs on the
    machine, and the namespace vanishes with its last process. Without root a user namespace is made
    as well.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        _check(libc.unshare(_CLONE_NEWNET))
    else:
        uid, gid = os.geteuid(), os.getegid()
        _check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "route", "add", "local", POD_NETWORK, "dev", "lo"], check=True)


@contextmanager
def another_network() -> Iterator[None]:
    """Where this thread is for as long as this lasts: a network with none of the servers started so far."""
    with Path("/proc/thread-self/ns/net").open(encoding="ascii") as before:
        enter_own_network()
        try:
            yield
        finally:
            libc = ctypes.CDLL(None, use_errno=True)
            _check(libc.setns(before.fileno(), _CLONE_NEWNET))


def _check(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no network namespace of our own (run as root): {os.strerror(error)}")


class Process:
    """One server process, its output in a file; killed when the thread that started it is gone."""

    def __init__(self, name: str, argv: list[str], *, directory: Path) -> None:
        self.name = name
        self.argv = argv
        self.directory = directory
        self.log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id; it must be running."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it has ended by itself; None if it has not, or was killed."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start it; it must not be running."""
        assert not self.running, f"{self.name} runs already"
        self._output = self.log.open("ab")
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *self.argv],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, frozen or not; nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def tail(self, lines: int = 20) -> str:
        """The last lines of its output, for messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
