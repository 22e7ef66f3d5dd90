"""The screen about one ensemble, the lines about many."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.cli.screens import check_screen, text_of
from tests.unit.ensemble.plan.scenes import NOW, at_rest, edited, outdated, without_answer

from zookeeper_operator.cli.reading import Reading
from zookeeper_operator.cli.status import (
    remarks,
    render_list,
    render_status,
    status_as_value,
)
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status

LATER = NOW + timedelta(minutes=12)


def body_of(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "demo",
            "name": "zk",
            "generation": 1,
            "creationTimestamp": "2025-12-31T00:00:00Z",
            **metadata,
        },
        "status": status,
    }


def seen(observed: Observed, *, written: Observed | None = None) -> Reading:
    """What is shown when this was seen, after the operator wrote what it saw (the same, if not given)."""
    status = build_status(build_plan(observed), restarted={})
    last = build_status(build_plan(written or observed), restarted={})
    generation = observed.ensemble.generation
    return Reading(body_of(last, generation=generation), status, observed)


def test_an_ensemble_at_rest() -> None:
    scene = at_rest(3)
    answers = {i: replace(a, connections=i) for i, a in scene.answers.items()}
    check_screen("status-at-rest", render_status(seen(replace(scene, answers=answers)), LATER))


def test_a_member_that_is_away_in_mid_roll() -> None:
    scene = without_answer(outdated(at_rest(3, leader=1), 1, 2), 3)
    check_screen("status-member-away", render_status(seen(scene), LATER))


def test_nothing_written_yet() -> None:
    reading = Reading({"metadata": {"namespace": "demo", "name": "zk", "generation": 1}}, {})
    check_screen("status-nothing-yet", render_status(reading, LATER))


def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    narrow = text_of(render_status(seen(at_rest(3)), LATER), width=90)
    assert max(map(len, narrow.splitlines())) <= 90
    joined = "".join(narrow.split())
    assert "zk-3.demo.svc.cluster.local:2181" in joined


def test_several_versions_are_counted() -> None:
    scene = at_rest(3)
    answers = {
        **scene.answers,
        1: replace(scene.answers[1], version="3.9.3"),
    }
    text = text_of(render_status(seen(replace(scene, answers=answers)), LATER))
    assert "ZooKeeper 3.9.3 (1) and 3.9.4 (2)" in text


def stopped() -> Observed:
    scene = edited(at_rest(3), {"stopped": True})
    return replace(scene, pods=(), answers={}, committed=None)


def test_what_is_asked_for_is_no_fault() -> None:
    check_screen("status-stopped", render_status(seen(stopped()), LATER))
    paused = text_of(render_status(seen(at_rest(3, {"paused": True})), LATER))
    for text in (text_of(render_status(seen(stopped()), LATER)), paused):
        assert "CONDITION" not in text


def test_a_warning_of_an_ensemble_that_is_ready_is_shown() -> None:
    scene = at_rest(3, {"external": {"type": "LoadBalancer"}})
    text = text_of(render_status(seen(scene), LATER))
    assert "CONDITION" in text
    assert "WaitingForAddress" in text


def test_a_member_that_does_not_answer_says_for_how_long() -> None:
    member = {"pod": "zk-2", "state": "silent", "notServingSince": "2026-01-01T00:02:00Z"}
    text = text_of(render_status(Reading(body_of({}), {"members": [member]}), LATER))
    assert "silent for 10m" in text


# ---- whose figures these are ----


def test_nothing_is_remarked_when_all_agree() -> None:
    assert remarks(seen(at_rest(3))) == []


def test_the_operators_words_are_told_apart_from_the_members() -> None:
    reading = replace(seen(at_rest(3)), seen=None, why_not_seen="a right is missing")
    assert remarks(reading) == ["as last written by the operator: a right is missing"]
    assert status_as_value(reading)["source"] == "operator"
    assert status_as_value(seen(at_rest(3)))["source"] == "members"


def test_an_operator_that_lags_behind_is_remarked() -> None:
    scene = at_rest(3)
    (stale,) = remarks(seen(edited(scene, {"replicas": 5}), written=scene))
    assert stale == "the operator has not reconciled generation 2 of the spec yet"
    (differs,) = remarks(seen(scene, written=at_rest(3, leader=1)))
    assert differs.startswith("the operator's last status differs: Serving")


# ---- many ----


def test_a_list_has_one_line_each() -> None:
    first = seen(at_rest(3))
    down = seen(replace(without_answer(at_rest(3), 1, 2, 3), committed=None))
    down = replace(down, body=body_of({}, name="other", creationTimestamp="2026-01-01T00:00:00Z"))
    new = Reading(body_of({}, name="new"), {})
    check_screen("status-list", render_list([first, down, new], LATER))
