"""Environments of Python beside that of the tests, for what is needed there and nowhere else."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def resolve_environment(name: str, lock: Path) -> Path:
    """The Python of an environment with what a lock file names, made once per content of the file."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zookeeper-operator"
    environment = cache / f"{name}-{digest}"
    ready = environment / "ready"
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(environment, ignore_errors=True)
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
        ready.touch()
    return environment / "bin/python"
