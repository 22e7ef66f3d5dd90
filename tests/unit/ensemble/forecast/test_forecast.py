"""What an edit would do, played out over the real planner."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ensemble.plan.scenes import (
    GIBIBYTE,
    NOW,
    at_rest,
    changed,
    edited,
    ensemble,
    outdated,
    with_children,
    without_answer,
)

from zookeeper_operator.ensemble.forecast.forecast import Forecast, Kind, build_forecast
from zookeeper_operator.ensemble.observed import Observed, StorageClass, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.kube.api import Object

DISRUPTIVE: tuple[Kind, ...] = ("restart", "hand over", "vote back", "join", "leave", "replace")


def after(scene: Observed, spec: Mapping[str, Any]) -> Forecast:
    return build_forecast(edited(scene, spec), before=scene)


def told(forecast: Forecast) -> list[tuple[Kind, str]]:
    return [(move.kind, move.subject) for move in forecast.of(*DISRUPTIVE)]


def with_class(scene: Observed, *, expandable: bool) -> Observed:
    return replace(scene, storage_classes={"standard": StorageClass("standard", expandable)})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 9])
def test_nothing_happens_to_an_ensemble_at_rest(size: int) -> None:
    forecast = build_forecast(at_rest(size))
    assert forecast.moves == ()
    assert (forecast.outcome, forecast.says, forecast.elections) == ("settled", "nothing to do", 0)


# ---- scaling ----


def test_three_become_five_one_by_one() -> None:
    forecast = after(at_rest(3), {"replicas": 5})
    assert told(forecast) == [("join", "zk-4"), ("join", "zk-5")]
    assert [move.voters for move in forecast.of("join")] == [4, 5]
    assert [news for move in forecast.moves for news in move.then] == [
        "zk-4 starts",
        "zk-5 starts",
    ]
    assert (forecast.outcome, forecast.elections) == ("settled", 0)
    assert {p.name for p in forecast.end.pods} == {"zk-1", "zk-2", "zk-3", "zk-4", "zk-5"}
    assert {c.name for c in forecast.end.claims} >= {"data-zk-4", "data-zk-5"}


def test_five_become_one_and_leadership_moves_with_every_leader_that_leaves() -> None:
    forecast = after(at_rest(5, leader=4), {"replicas": 1})
    assert told(forecast) == [("leave", f"zk-{i}") for i in (5, 4, 3, 2)]
    assert [move.voters for move in forecast.of("leave")] == [4, 3, 2, 1]
    assert forecast.of("leave")[0].then == (), "zk-4 still leads"
    assert forecast.of("leave")[1].then == ("zk-3 leads epoch 2",)
    assert forecast.elections == 3
    assert [p.name for p in forecast.end.pods] == ["zk-1"]
    assert forecast.outcome == "settled"


def test_volumes_of_those_who_leave_go_only_where_the_spec_says_so() -> None:
    scene = at_rest(3, {"storage": {"retention": {"whenScaled": "Delete"}}})
    deleted = after(scene, {"replicas": 1})
    news = [news for move in deleted.moves for news in move.then]
    assert "volume data-zk-3 is deleted" in news
    assert [c.name for c in deleted.end.claims] == ["data-zk-1"]
    assert len(after(at_rest(3), {"replicas": 1}).end.claims) == 3


def test_observers_start_and_are_listed_without_a_vote() -> None:
    forecast = after(at_rest(3), {"observers": {"replicas": 2}})
    assert told(forecast) == [("join", "zk-observer-101"), ("join", "zk-observer-102")]
    assert [(s.voters, s.observers) for s in forecast.of("join")] == [(3, 1), (3, 2)]


def test_a_member_in_trouble_stops_the_growth_and_says_which() -> None:
    trouble = Trouble("CrashLoopBackOff", "exit 1")
    scene = changed(without_answer(at_rest(3), 2), 2, trouble=trouble)
    forecast = after(scene, {"replicas": 5})
    assert told(forecast) == []
    assert forecast.outcome == "waiting"
    assert "zk-2" in forecast.says
    assert any("CrashLoopBackOff" in concern for concern in forecast.concerns)


# ---- rolling ----


@pytest.mark.parametrize(
    "edit", [{"version": "3.9.3"}, {"config": {"snapCount": 5000}}, {"jvm": {"heapPercent": 40}}]
)
def test_what_reaches_the_pods_rolls_followers_first_and_the_leader_after_a_hand_over(
    edit: dict[str, Any],
) -> None:
    forecast = after(at_rest(3, leader=2), edit)
    assert told(forecast) == [
        ("restart", "zk-1"),
        ("restart", "zk-3"),
        ("hand over", "zk-2"),
        ("restart", "zk-2"),
        ("vote back", "zk-2"),
    ]
    assert forecast.of("hand over")[0].then == ("zk-3 leads epoch 2",)
    assert (forecast.outcome, forecast.elections) == ("settled", 1)
    assert len({p.revision for p in forecast.end.pods}) == 1


def test_a_single_member_restarts_without_a_hand_over() -> None:
    forecast = after(at_rest(1), {"version": "3.9.3"})
    assert told(forecast) == [("restart", "zk-1")]
    assert forecast.of("restart")[0].then == ("zk-1 leads epoch 2",)


def test_what_does_not_reach_the_pods_restarts_none() -> None:
    forecast = after(at_rest(3), {"networkPolicy": {"enabled": False}})
    assert told(forecast) == []
    assert [(s.kind, s.subject) for s in forecast.moves] == [("remove", "NetworkPolicy zk")]


def test_what_the_api_server_fills_in_is_no_new_revision() -> None:
    scene = at_rest(3)

    def filled_in(child: Object) -> Object:
        if child["kind"] != "StatefulSet":
            return child
        template = child["spec"]["template"]
        pod = {
            **template["spec"],
            "schedulerName": "default-scheduler",
            "dnsPolicy": "ClusterFirst",
        }
        return {**child, "spec": {**child["spec"], "template": {**template, "spec": pod}}}

    scene = replace(scene, children=tuple(map(filled_in, scene.children)))
    assert build_forecast(scene).moves == ()
    assert told(after(scene, {"replicas": 4})) == [("join", "zk-4")]
    assert len(after(scene, {"version": "3.9.3"}).of("restart")) == 3


def test_an_edit_that_undoes_a_roll_under_way_restarts_only_who_was_rolled() -> None:
    """The same template gets the same revision again."""
    scene = at_rest(3, leader=3)
    rolling = edited(scene, {"version": "3.9.3"})
    scene = with_children(rolling)
    # Kubernetes gave the new template a revision; one of three has it.
    children = tuple(
        {**c, "status": {"observedGeneration": 1, "updateRevision": "newer"}}
        if c["kind"] == "StatefulSet"
        else c
        for c in scene.children
    )
    scene = changed(replace(scene, children=children), 1, revision="newer")
    onwards = build_forecast(scene)
    assert told(onwards)[0] == ("restart", "zk-2")
    assert len(onwards.of("restart")) == 2


def test_growing_and_rolling_in_one_edit_do_both() -> None:
    forecast = after(at_rest(3), {"version": "3.9.3", "replicas": 5})
    assert {s.subject for s in forecast.of("restart")} == {"zk-1", "zk-2", "zk-3"}
    assert [s.voters for s in forecast.of("join")] == [4, 5]
    assert forecast.outcome == "settled"


def test_a_roll_under_way_is_told_without_an_edit() -> None:
    assert told(build_forecast(outdated(at_rest(3, leader=3), 2))) == [("restart", "zk-2")]


# ---- refusals, stop, pause ----


def test_a_spec_that_cannot_be_acted_on_is_refused_with_the_planners_words() -> None:
    forecast = after(at_rest(3), {"config": {"dataDir": "/elsewhere"}})
    assert (forecast.outcome, forecast.moves) == ("refused", ())
    assert "spec.config.dataDir is owned by the operator" in forecast.refusals[0]


def test_stop_and_start() -> None:
    scene = at_rest(3)
    stop = after(scene, {"stopped": True})
    assert stop.outcome == "settled"
    assert stop.says == "nothing: the ensemble is stopped"
    assert stop.end.pods == ()
    assert len(stop.end.claims) == 3
    start = build_forecast(edited(stop.end, {"stopped": False}), before=stop.end)
    assert start.outcome == "settled"
    assert len(start.end.pods) == 3
    assert start.elections == 1
    assert start.of(*DISRUPTIVE) == ()


def test_nothing_is_done_while_paused() -> None:
    forecast = after(at_rest(3), {"paused": True, "replicas": 5})
    assert (forecast.moves, forecast.says) == ((), "nothing: the ensemble is paused")


# ---- volumes ----


def test_volumes_grow_where_the_class_lets_them() -> None:
    forecast = after(
        with_class(at_rest(3), expandable=True), {"storage": {"data": {"size": "10Gi"}}}
    )
    assert told(forecast) == []
    assert {c.capacity for c in forecast.end.claims} == {10 * GIBIBYTE}
    news = [news for move in forecast.moves for news in move.then]
    assert "volume data-zk-1 grows to 10Gi" in news
    assert forecast.outcome == "settled"


def test_volumes_that_cannot_grow_are_said_to_stop_it() -> None:
    forecast = after(
        with_class(at_rest(3), expandable=False), {"storage": {"data": {"size": "10Gi"}}}
    )
    assert {c.capacity for c in forecast.end.claims} == {5 * GIBIBYTE}
    assert "does not let data-zk-1 grow" in forecast.concerns[0]


# ---- founding ----


def test_a_new_ensemble_is_founded_by_all_at_once() -> None:
    new = Observed(ensemble=replace(ensemble(), status={}), now=NOW, fresh_password="fresh")
    forecast = build_forecast(new)
    assert forecast.outcome == "settled"
    assert forecast.elections == 1
    assert {p.name for p in forecast.end.pods} == {"zk-1", "zk-2", "zk-3"}
    assert forecast.end.committed is not None
    assert forecast.end.committed.voters == {1, 2, 3}


# ---- properties ----

EDITS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(1, 7),
        "version": st.sampled_from(["3.9.3", "3.9.4"]),
        "config": st.fixed_dictionaries({"snapCount": st.sampled_from([1000, 5000])}),
        "observers": st.fixed_dictionaries({"replicas": st.integers(0, 2)}),
        "stopped": st.booleans(),
        "storage": st.sampled_from([{"data": {"size": size}} for size in ("5Gi", "6Gi")]),
    },
)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 5), leader=st.integers(1, 5), edit=EDITS)
def test_every_forecast_ends_where_the_planner_has_nothing_left_to_do(
    size: int, leader: int, edit: dict[str, Any]
) -> None:
    scene = with_class(at_rest(size, leader=min(leader, size)), expandable=True)
    forecast = after(scene, edit)
    assert forecast.outcome == "settled", forecast.says
    assert build_plan(forecast.end).actions == ()
    assert build_forecast(forecast.end).moves == ()


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 5), leader=st.integers(1, 5), edit=EDITS)
def test_votes_change_one_at_a_time_and_only_who_exists_restarts(
    size: int, leader: int, edit: dict[str, Any]
) -> None:
    scene = at_rest(size, leader=min(leader, size))
    forecast = after(scene, edit)
    voters = [size, *(move.voters for move in forecast.of(*DISRUPTIVE))]
    assert all(abs(a - b) <= 1 for a, b in itertools.pairwise(voters)), voters
    assert len({s.subject for s in forecast.of("restart")}) == len(forecast.of("restart"))
