"""What an ensemble repeats of its schedules."""

from dataclasses import replace
from typing import Any

from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.api.conditions import BACKUP_RECENT, Condition, find
from zookeeper_operator.ensemble.backups import read_backup_recent
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.kube.api import Object


def schedule(name: str, ensemble: str = "zk", **condition: Any) -> Object:
    said = {"type": "OnTime", "status": "True", "reason": "RecentAndVerified", "message": "it is"}
    return {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"ensembleRef": {"name": ensemble}}}},
        "status": {"conditions": [{**said, **condition}]},
    }


LATE = {"status": "False", "reason": "TooOld"}
NEW = {"status": "Unknown", "reason": "FirstBackup"}


def reason(*schedules: Object) -> str | None:
    found = read_backup_recent("zk", schedules)
    return None if found is None else found.reason


def test_without_a_schedule_nothing_is_said() -> None:
    assert reason() is None
    assert reason(schedule("other", "another")) is None
    assert reason({**schedule("new"), "status": {}}) is None


def test_one_schedule_that_is_on_time_is_enough() -> None:
    assert reason(schedule("a", **LATE), schedule("b")) == "RecentAndVerified"
    assert reason(schedule("a", **NEW), schedule("b", **LATE)) == "TooOld"


def test_it_says_which_schedule_it_is() -> None:
    found = read_backup_recent("zk", [schedule("nightly")])
    assert found is not None
    assert (found.type, found.message) == (BACKUP_RECENT, "schedule nightly: it is")


def test_what_cannot_be_read_says_nothing() -> None:
    assert reason({**schedule("a"), "status": {"conditions": "none"}}) is None


def test_it_is_a_condition_of_the_ensemble_and_changes_no_other() -> None:
    observed = at_rest()
    late = Condition(type=BACKUP_RECENT, status="False", reason="TooOld", message="late")
    before = build_conditions(build_plan(observed))
    after = build_conditions(build_plan(replace(observed, backup_recent=late)))
    assert after[:-1] == before
    assert find(after, BACKUP_RECENT) == late.model_copy(
        update={"observed_generation": observed.ensemble.generation}
    )
