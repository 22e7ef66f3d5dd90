"""Operators of several versions, run one after the other as processes of this machine."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from e2e.cluster import OPERATOR_NAMESPACE, Cluster, run, wait_until
from e2e.places import Operator

ROOT: Final = Path(__file__).parents[1]
FIRST: Final = "ef0154dc35d2c7a5c9e5ae2ba88323e9e1de561c"
"""Version 0.1 of the operator: the last commit before configurations became immutable."""
WATCHED: Final = "4c75a8a2fbd9dbce69a6d3be555b09248aa778c3"
"""An older version, with all that the alert rules ask for: before members raised `initLimit` themselves."""


def unpack(commit: str, folder: Path) -> Path:
    """The operator's source as it was at a commit; the folder to import it from."""
    return unpack_checkout(commit, folder, "operator") / "operator"


def unpack_checkout(commit: str, folder: Path, *paths: str) -> Path:
    """The repository as it was at a commit, or some paths of it; the folder of the checkout."""
    _fetch_history(commit)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, *paths], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


@contextmanager
def without_installed(operator: Operator) -> Iterator[None]:
    """Keep the installed operator scaled to 0 as long as the block lasts."""
    cluster = operator.cluster
    scale = ("--namespace", OPERATOR_NAMESPACE, "scale", "deployment", operator.name)
    cluster.kubectl(*scale, "--replicas=0")
    try:
        wait_until("no operator runs", operator.is_gone, seconds=60)
        yield
    finally:
        cluster.kubectl(*scale, "--replicas=1")
        operator.wait_working()


@contextmanager
def running(cluster: Cluster, source: Path, namespace: str, log: Path) -> Iterator[None]:
    """An operator works on one namespace, from outside of the cluster; its log is appended to."""
    command = [
        *(sys.executable, "-m", "zookeeper_operator"),
        *(f"--kubeconfig={kubeconfig()}", f"--context={cluster.context}"),
        *(f"--namespaces={namespace}", "--leader-election=false", "--http-port=0"),
        "--http-host=127.0.0.1",
    ]
    with (
        log.open("a") as output,
        subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(source)}, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield
            assert process.poll() is None, "the operator has ended"
        except BaseException:
            print(f"---- log of the operator from {source}\n{log.read_text()[-5000:]}")
            raise
        finally:
            process.terminate()
            process.wait(timeout=30)


def kubeconfig() -> str:
    """The kubeconfig that kubectl uses."""
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def _fetch_history(commit: str) -> None:
    """Make sure that this checkout has a commit, which a shallow clone may lack.

    Raises:
        CommandError: the commit cannot be fetched; fetch the whole repository by hand.
    """
    git = ("git", "-C", str(ROOT))
    if run(*git, "cat-file", "-e", commit, check=False).returncode != 0:
        run(*git, "fetch", "--quiet", "--unshallow", timeout=120, check=False)
        run(*git, "cat-file", "-e", commit)
