"""`prune`: removes what is named and what a rule does not keep, and nothing of others."""

from pathlib import Path

import pytest
from tests.unit.agent.pods import SOURCE, Pod


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def store(pod: Pod, number: int, **fields: object) -> str:
    pod.sync(zxid=0x500000042 + number)
    result = pod.back_up(backup=f"b{number}", backupUid=f"u{number}", **fields)
    return str(result["path"])


def test_what_is_named_is_removed_and_again_without_an_error(pod: Pod) -> None:
    first, second = store(pod, 1), store(pod, 2)
    for _ in range(2):
        result = pod.prune(paths=[first])
        assert (result["code"], result["removedCount"]) == (0, 1)
    assert pod.stored() == [f"{second}/manifest.json", f"{second}/snapshot.gz"]


def test_nothing_of_another_ensemble_is_removed(pod: Pod) -> None:
    path = store(pod, 1)
    other = store(pod, 2, source={**SOURCE, "ensemble": "other"})
    for wrong in (other, f"{path}/..", "zk", "zk/demo/zk", f"{path}/manifest.json", "/"):
        result = pod.prune(paths=[path, wrong])
        assert result["reason"] == "InvalidTask"
    assert len(pod.stored()) == 4


def test_a_rule_removes_backups_of_its_schedule_only(pod: Pod) -> None:
    manual = store(pod, 0, schedule=None)
    weekly = store(pod, 1, schedule="weekly")
    nightly = [store(pod, number) for number in range(2, 6)]
    result = pod.prune(schedule="nightly", retention={"keepLast": 1})
    assert result["removedCount"] == 3
    assert {str(Path(name).parent) for name in pod.stored()} == {manual, weekly, nightly[-1]}


def test_a_rule_without_a_schedule_removes_nothing(pod: Pod) -> None:
    for number in range(3):
        store(pod, number, schedule=None)
    assert pod.prune(retention={"keepLast": 1})["removedCount"] == 0
    assert len(pod.stored()) == 6
