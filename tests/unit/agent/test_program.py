"""What every program leaves: a result or a failure that the status of a pod can hold, and no secret."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.pods import Pod

from zookeeper_operator.agent import mounts, program
from zookeeper_operator.agent.result import LONGEST, Failure, PruneResult, termination_message
from zookeeper_operator.api.backup import BackupStorage
from zookeeper_operator.archive.errors import ArchiveError


@given(st.text(max_size=3000), st.integers(1, 20))
def test_a_failure_is_never_longer_than_the_kubelet_keeps(text: str, times: int) -> None:
    message = termination_message(Failure(reason="UnexpectedError", message=text * times))
    assert len(message.encode()) <= LONGEST
    left = Failure.model_validate_json(message)
    assert left.message == text * times or (text * times).startswith(left.message[:-3])


def test_the_longest_result_is_kept_whole() -> None:
    names = tuple(f"20261126T020017Z-{1 << 62:x}" for _ in range(50))
    assert len(termination_message(PruneResult(removed=names, removed_count=1000))) < LONGEST


def test_a_defect_is_a_failure_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = Pod(tmp_path)

    def broken(_: object) -> None:
        raise ZeroDivisionError("here")

    monkeypatch.setattr(program, "COMMANDS", {"restore": broken})
    left = pod.run("restore", {})
    assert (left["code"], left["reason"]) == (1, "UnexpectedError")
    assert "ZeroDivisionError: here" in left["message"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"storage": 1}', "\x00"])
def test_a_task_that_cannot_be_read_is_a_failure(tmp_path: Path, content: str) -> None:
    pod = Pod(tmp_path)
    pod.path(mounts.TASK).write_text(content)
    assert program.run("prune", pod.mounted) == 1
    left = json.loads(pod.path(mounts.TERMINATION_LOG).read_text())
    assert left["reason"] == "InvalidTask"
    assert mounts.TASK in left["message"]


@pytest.mark.parametrize("arguments", [[], ["back-up", "now"], ["--help"], ["nothing"]])
def test_other_arguments_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(arguments) == 2
    assert "back-up | restore | prune" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, "access-key-id"),
        ({"access-key-id": "AKIA"}, "secret-access-key"),
        ({"access-key-id": "AKIA", "secret-access-key": "\n"}, "secret-access-key"),
    ],
)
def test_a_missing_credential_is_named_and_no_other_one_is_shown(
    tmp_path: Path, files: dict[str, str], named: str, caplog: pytest.LogCaptureFixture
) -> None:
    pod = Pod(tmp_path)
    directory = pod.path(mounts.S3_CREDENTIALS)
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_text(content)
    storage = BackupStorage.model_validate(
        {"s3": {"bucket": "backups", "credentialsSecret": {"name": "account"}}}
    )
    with caplog.at_level(logging.DEBUG), pytest.raises(ArchiveError) as error:
        pod.mounted.store(storage)
    assert error.value.reason == "InvalidCredentials"
    assert named in error.value.message
    assert "account" in error.value.message
    assert "AKIA" not in error.value.message + caplog.text
