"""Environments of Python beside that of the tests, for what is needed there and nowhere else."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock


def resolve_environment(name: str, lock: Path) -> Path:
    """The Python of an environment with what a lock file names, made once per content of the file."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zookeeper-operator"
    environment = cache / f"{name}-{digest}"
    ready = environment / "ready"
    cache.mkdir(parents=True, exist_ok=True)
    # Workers that test at the same time wait for the one that makes it.
    with FileLock(cache / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(environment, ignore_errors=True)
            _make(environment, lock)
            ready.touch()
    return environment / "bin/python"


def _make(environment: Path, lock: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                *(str(environment / "bin/python"), "-m", "pip", "install", "--quiet"),
                *("--require-hashes", "--no-deps", "--disable-pip-version-check"),
                *("-r", str(lock)),
            ],
            check=True,
            env={**os.environ, "TMPDIR": scratch},
        )
