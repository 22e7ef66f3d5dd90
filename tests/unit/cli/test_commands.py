"""The real command, without a cluster: whatever is wrong is one sentence and an exit code."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zookeeper_operator.cli.commands import leader_of, zk
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.reading import Reading

COMMANDS = [
    ["status"],
    ["status", "zk", "-o", "json"],
    ["leader", "zk"],
    ["plan", "zk"],
    ["shell", "zk"],
    ["tree", "/", "zk"],
    ["events", "zk"],
    ["top", "zk", "--once"],
    ["report", "zk"],
    ["backups"],
    ["backup", "zk", "--claim", "backups"],
    ["restore", "zk", "--from", "nightly", "--path", "/app", "--dry-run"],
    ["recover", "zk", "--survivor", "2"],
    ["diff", "one", "other"],
    ["adopt", "zk", "--from", "statefulset/old/zookeeper"],
]
MANIFEST = {
    "apiVersion": "zookeeper.ensemble.dev/v1alpha1",
    "kind": "ZookeeperEnsemble",
    "metadata": {"name": "zk"},
    "spec": {"replicas": 5},
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """One that leads to a port of this machine where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    content = {
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def call(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(zk, arguments, input=given)


def said(result: Result) -> str:
    """The one line on standard error of a command that failed, and did not break."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_cluster(command: list[str], kubeconfig: Path) -> None:
    result = call("--kubeconfig", str(kubeconfig), *command)
    assert result.exit_code == 1
    assert said(result).startswith("Error: https://127.0.0.1:")
    assert "cannot be reached" in said(result)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_kubeconfig(command: list[str], tmp_path: Path) -> None:
    result = call(*command, "--kubeconfig", str(tmp_path / "missing"))
    assert result.exit_code == 1
    assert said(result) == (
        f"Error: there is no kubeconfig ({tmp_path}/missing does not exist); name one with "
        "--kubeconfig or in KUBECONFIG"
    )


def test_the_options_stand_before_or_after_the_command(kubeconfig: Path) -> None:
    for arguments in (
        ["--kubeconfig", str(kubeconfig), "--context", "none", "status"],
        ["status", "--kubeconfig", str(kubeconfig), "--context", "none"],
        ["--context", "other", "status", "--kubeconfig", str(kubeconfig), "--context", "none"],
    ):
        assert "there is no context none in" in said(call(*arguments))


def test_an_edit_that_cannot_be_read_is_told_before_anything_is_asked(
    kubeconfig: Path, tmp_path: Path
) -> None:
    where = ("--kubeconfig", str(kubeconfig))
    missing = call("plan", "-f", str(tmp_path / "missing.yaml"), *where)
    assert missing.exit_code == 2
    assert "No such file" in missing.stderr
    assert said(call("plan", "-f", "-", *where, given="kind: Pod")) == (
        "Error: there is no ZookeeperEnsemble in <stdin>"
    )
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xc3\x28")
    assert "is not YAML" in said(call("plan", "-f", str(binary), *where))
    edit = json.dumps(MANIFEST)
    assert "cannot be reached" in said(call("plan", "-f", "-", *where, given=edit))


def test_how_it_is_to_be_called_is_said(kubeconfig: Path) -> None:
    assert "a path begins with /" in call("tree", "app", "--kubeconfig", str(kubeconfig)).stderr
    assert call("status", "-o", "yaml").exit_code == 2
    assert call("tree", "/", "--depth", "1000").exit_code == 2
    for name in ("status", "leader", "plan", "shell", "tree", "events", "top", "report"):
        assert call(name, "--help").output.startswith(f"Usage: zk {name}")


def test_watching_needs_a_terminal(kubeconfig: Path) -> None:
    result = call("status", "--watch", "--kubeconfig", str(kubeconfig))
    assert result.exit_code == 2
    assert "--watch needs a terminal" in result.stderr


def test_the_program_itself_ends_with_one_sentence(tmp_path: Path) -> None:
    program = "from zookeeper_operator.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "status", "--kubeconfig", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: there is no kubeconfig")


def test_the_leader_or_why_there_is_none() -> None:
    body = {"metadata": {"name": "zk"}}
    assert leader_of(Reading(body, {"leader": {"pod": "zk-2"}})) == "zk-2"
    condition = {"type": "QuorumHealthy", "message": "1 of 3 voters is live"}
    with pytest.raises(Failure, match=r"^no member leads zk: 1 of 3 voters is live$"):
        leader_of(Reading(body, {"conditions": [condition]}))
    with pytest.raises(Failure, match=r"^no member leads zk$"):
        leader_of(Reading(body, {}))
