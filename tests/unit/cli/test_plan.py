"""The answer to "what would this edit do": one line, and the screen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cli.screens import check_screen, text_of
from tests.unit.ensemble.plan.scenes import NOW, at_rest, edited, ensemble, without_answer

from zookeeper_operator.cli.edit import Change
from zookeeper_operator.cli.plan import Answer, answer_as_value, grouped, render_plan, summarize
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.observed import Observed, StorageClass


def answer(scene: Observed, spec: Mapping[str, Any], *changes: Change) -> Answer:
    return Answer(
        "demo",
        "zk",
        edited=True,
        changes=changes,
        forecast=build_forecast(edited(scene, spec), before=scene),
    )


def with_class(scene: Observed, *, expandable: bool) -> Observed:
    return replace(scene, storage_classes={"standard": StorageClass("standard", expandable)})


@pytest.mark.parametrize(
    ("size", "spec", "said"),
    [
        (3, {}, "nothing to do"),
        (3, {"replicas": 5}, "restarts no pod, voters 3 → 4 → 5"),
        (5, {"replicas": 1}, "restarts no pod, voters 5 → 4 → 3 → 2 → 1"),
        (3, {"version": "3.9.3"}, "rolls 3 pods, one hand-over, no membership change"),
        (3, {"config": {"tickTime": 1000}}, "rolls 3 pods, one hand-over, no membership change"),
        (
            1,
            {"version": "3.9.3"},
            "rolls 1 pod, the leader restarts without a hand-over, no membership change",
        ),
        (3, {"observers": {"replicas": 2}}, "restarts no pod, observers 0 → 1 → 2"),
        (3, {"stopped": True}, "stops every member and keeps the data"),
        (3, {"config": {"dataDir": "/x"}}, "would be accepted, but not acted on"),
        (1, {"replicas": 9}, "restarts no pod, voters 1 → 2 → 3 → … → 9"),
        (3, {"paused": True, "replicas": 5}, "nothing: the ensemble is paused"),
    ],
)
def test_one_line_says_it(size: int, spec: dict[str, Any], said: str) -> None:
    assert summarize(answer(at_rest(size), spec)) == said


def test_one_line_about_volumes() -> None:
    bigger = {"storage": {"data": {"size": "10Gi"}}}
    grows = answer(with_class(at_rest(3), expandable=True), bigger)
    assert summarize(grows) == "restarts no pod, no membership change, 3 volumes to 10Gi"
    stuck = answer(with_class(at_rest(3), expandable=False), bigger)
    assert summarize(stuck).endswith("but then it stops short")
    retention = {"storage": {"retention": {"whenScaled": "Delete"}}}
    gone = answer(at_rest(3, retention), {"replicas": 1})
    assert summarize(gone).endswith("2 volumes deleted")


def test_who_votes_is_known_when_the_members_cannot_be_asked() -> None:
    unread = replace(at_rest(3), committed=None, unreadable="no right to ask")
    assert summarize(answer(unread, {"replicas": 5})) == "restarts no pod, voters 3 → 4 → 5"


def test_one_line_about_a_beginning() -> None:
    new = Observed(ensemble=replace(ensemble(), status={}), now=NOW, fresh_password="fresh")
    founded = replace(answer(new, {}), new=True)
    assert summarize(founded) == "founds an ensemble of 3 members"
    stopped = build_forecast(edited(at_rest(3), {"stopped": True})).end
    assert summarize(answer(stopped, {"stopped": False})) == "starts 3 members"


def test_an_edit_that_is_not_let_in_is_refused() -> None:
    refused = Answer("demo", "zk", edited=True, refusals=("spec.replicas: Invalid value",))
    assert summarize(refused) == "would be refused"
    assert refused.refused
    value = answer_as_value(refused)
    assert (value["outcome"], value["refusals"]) == ("refused", ["spec.replicas: Invalid value"])
    check_screen("plan-refused", render_plan(refused))


def test_what_the_planner_will_not_act_on_is_refused() -> None:
    refused = answer(at_rest(3), {"config": {"dataDir": "/x"}})
    assert refused.refused
    assert answer_as_value(refused)["outcome"] == "refused"
    assert "spec.config.dataDir is owned by the operator" in text_of(render_plan(refused))


def test_the_screen_of_a_roll() -> None:
    change = Change("spec.version", "3.9.4", "3.9.3")
    check_screen("plan-roll", render_plan(answer(at_rest(3), {"version": "3.9.3"}, change)))


def test_the_screen_of_growth() -> None:
    change = Change("spec.replicas", "3", "5")
    check_screen("plan-grow", render_plan(answer(at_rest(3), {"replicas": 5}, change)))


def test_the_screen_of_what_stops_short() -> None:
    scene = with_class(at_rest(3), expandable=False)
    change = Change("spec.storage.data.size", "5Gi", "10Gi")
    stuck = answer(scene, {"storage": {"data": {"size": "10Gi"}}}, change)
    check_screen("plan-stops-short", render_plan(replace(stuck, remarks=("A remark.",))))


def test_an_edit_that_waits_says_for_what() -> None:
    text = text_of(
        render_plan(
            answer(replace(without_answer(at_rest(3), 1, 2, 3), committed=None), {"replicas": 5})
        )
    )
    assert "Then: nothing to do" in text, "they come up and go on"


def test_values_for_programs() -> None:
    value = answer_as_value(answer(at_rest(3), {"version": "3.9.3", "replicas": 5}))
    assert (value["restarts"], value["handOvers"], value["elections"]) == (3, 1, 1)
    assert (value["voters"], value["observers"]) == ([3, 4, 5], [0])
    assert value["outcome"] == "settled"
    assert {s["kind"] for s in value["steps"]} >= {"apply", "restart", "hand over", "join"}


def test_each_kind_is_named_once() -> None:
    assert grouped("Service zk-4, Service zk-5, StatefulSet zk") == (
        "Service zk-4 zk-5, StatefulSet zk"
    )
    assert grouped("zk-1") == "zk-1"
