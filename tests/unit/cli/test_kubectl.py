"""kubectl: the command lines it gets, and what it says, understood."""

import json
from pathlib import Path

import pytest

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.kubectl import (
    RefusedError,
    UncheckedError,
    become,
    dry_run,
    read_refusal,
    shell_command,
)

TARGET = KubeContext("/file", "a", "demo")


def play_kubectl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a script of that name first on the PATH."""
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_shell_with_and_without_a_terminal() -> None:
    open_ = shell_command(TARGET, "zk-3", [], terminal=True)
    assert open_[:1] + open_[7:] == [
        *("kubectl", "exec", "--stdin", "--tty", "--container", "zookeeper", "zk-3"),
        *("--", "zkCli.sh"),
    ]
    once = shell_command(TARGET, "zk-3", ["ls", "/a b"], terminal=False)
    assert "--tty" not in once
    assert once[-3:] == ["zkCli.sh", "ls", "/a b"]
    closed = shell_command(TARGET, "zk-3", ["ls", "/"], terminal=False, port=2182)
    assert closed[-5:] == ["zkCli.sh", "-server", "localhost:2182", "ls", "/"]


def test_a_command_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Failure, match="kubectl is not on the PATH"):
        become(["kubectl"])
    with pytest.raises(UncheckedError, match="kubectl is not on the PATH"):
        dry_run(TARGET, {})


def test_the_answer_of_a_dry_run_is_the_object_as_it_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    play_kubectl(tmp_path, f'echo "$@" >{asked}; cat', monkeypatch)
    assert dry_run(TARGET, {"kind": "X"}) == {"kind": "X"}
    words = asked.read_text(encoding="utf-8").split()
    assert {"--kubeconfig", "/file", "--namespace", "demo", "--dry-run=server"} <= set(words)
    assert "--server-side" not in words
    dry_run(TARGET, {}, server_side=True)
    assert "--server-side" in asked.read_text(encoding="utf-8").split()


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("echo []", UncheckedError, "something that is not an object"),
        ("echo nonsense", UncheckedError, "something that is not an object"),
        ("echo 'error: it is invalid' >&2; exit 1", RefusedError, "^it is invalid$"),
        ("exit 1", RefusedError, "without a message"),
    ],
)
def test_what_kubectl_says_instead(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    error: type[Exception],
    said: str,
) -> None:
    play_kubectl(tmp_path, f"cat >/dev/null; {script}", monkeypatch)
    with pytest.raises(error, match=said):
        dry_run(TARGET, {})


def test_a_refusal_does_not_repeat_the_object() -> None:
    quoted = json.dumps(json.dumps({"spec": {"replicas": 2}}))
    told = read_refusal(
        "Warning: something else\n"
        f'The ZookeeperEnsemble "zk" is invalid: spec: Invalid value: {quoted}: '
        "replicas must be odd\n"
    )
    assert isinstance(told, RefusedError)
    assert str(told) == 'The ZookeeperEnsemble "zk" is invalid: spec: replicas must be odd'


def test_a_missing_right_is_no_refusal_of_the_edit() -> None:
    told = read_refusal(
        'Error from server (Forbidden): User "jane" cannot patch resource "zookeeperensembles" in '
        'API group "zookeeper.ensemble.dev" in the namespace "demo"'
    )
    assert isinstance(told, UncheckedError)
    assert '"jane" may not patch' in str(told)


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host?",
        "error: You must be logged in to the server (Unauthorized)",
        "Unable to connect to the server: net/http: TLS handshake timeout",
        'error: error validating "STDIN": error validating data: failed to download openapi: unknown',
    ],
)
def test_a_server_that_does_not_answer_is_no_refusal_of_the_edit(said: str) -> None:
    assert isinstance(read_refusal(said), UncheckedError)


def test_what_a_webhook_denies_is_refused() -> None:
    told = read_refusal(
        'Error from server (Forbidden): admission webhook "size" denied the request: too big'
    )
    assert isinstance(told, RefusedError)
