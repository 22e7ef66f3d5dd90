"""certificates.sh, run for real by bash in a folder that plays the root of a pod."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble.build.config import CERTIFICATES_SCRIPT, build_config
from zookeeper_operator.ensemble.security.phase import Phase

OLD = {"keystore.pem": "key 1", "truststore.p12": "trust 1", "truststore.password": "word"}
# Stands for start.sh, which ends as Java: the process stays, and what runs beside it as well.
START = "#!/bin/bash\necho started\nexec sleep 60\n"


class Root:
    """The file system of one member's pod, with a Secret that is mounted as a kubelet does it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._swaps = 0
        for folder in ("tls", "certificates", "config", "dev"):
            (path / folder).mkdir()
        data = build_config(replace(target(tls={}), phase=Phase(1, 1)))["data"]
        (path / "config" / CERTIFICATES_SCRIPT).write_text(data[CERTIFICATES_SCRIPT])
        (path / "config" / "start.sh").write_text(START)

    def mount(self, content: Mapping[str, str]) -> None:
        """Swap `..data` for a folder with this content."""
        self._swaps += 1
        folder = self.path / "tls" / f"..{self._swaps}"
        folder.mkdir()
        for name, text in content.items():
            (folder / name).write_text(text)
        link = self.path / "tls" / "..new"
        link.symlink_to(folder.name)
        link.rename(self.path / "tls" / "..data")

    def used(self) -> dict[str, str]:
        found = sorted((self.path / "certificates").iterdir())
        return {p.name: p.read_text() for p in found if not p.name.startswith(".")}

    @contextmanager
    def running(self, seconds_between: int = 1) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            ["bash", str(self.path / "config" / CERTIFICATES_SCRIPT)],
            env={
                "PATH": os.environ["PATH"],
                "START_ROOT": str(self.path),
                "SECONDS_BETWEEN_STORES": str(seconds_between),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait_until(root: Root, content: Mapping[str, str]) -> None:
    deadline = time.monotonic() + 20
    while root.used() != content:
        assert time.monotonic() < deadline, root.used()
        time.sleep(0.02)


def test_the_certificates_are_there_before_the_server_starts(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.mount(OLD)
    with root.running() as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        assert root.used() == OLD
        modes = {p.stat().st_mode & 0o077 for p in (tmp_path / "certificates").iterdir()}
        assert modes == {0}, "only the member reads its key"


def test_new_files_are_taken_over_while_the_server_runs(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.mount(OLD)
    with root.running():
        wait_until(root, OLD)
        before = (tmp_path / "certificates" / "truststore.p12").stat().st_ino
        root.mount({**OLD, "keystore.pem": "key 2"})
        wait_until(root, {**OLD, "keystore.pem": "key 2"})
        after = (tmp_path / "certificates" / "truststore.p12").stat().st_ino
        assert before == after, "what has not changed is not touched"


def test_the_trust_store_comes_first_and_the_key_store_later(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.mount(OLD)
    new = {"keystore.pem": "key 2", "truststore.p12": "trust 2", "truststore.password": "word 2"}
    with root.running(seconds_between=2):
        wait_until(root, OLD)
        root.mount(new)
        wait_until(root, {**new, "keystore.pem": "key 1"})
        begun = time.monotonic()
        wait_until(root, new)
        assert time.monotonic() - begun > 1


def test_without_certificates_the_member_does_not_start(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with root.running() as process:
        assert process.wait(timeout=20) == 1
    said = (tmp_path / "dev" / "termination-log").read_text()
    assert said == "the certificates in /tls cannot be read\n"
