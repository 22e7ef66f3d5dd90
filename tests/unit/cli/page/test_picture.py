"""What the page shows of an ensemble, from its status and its members' answers."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.cli.page.scenes import answer, body, looking, pod, scene, silent

from zookeeper_operator.cli.page.picture import Leader, build_picture, build_row, leader_of
from zookeeper_operator.cli.page.timeline import find_moments

SINCE = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def member(picture: dict[str, Any], number: int) -> dict[str, Any]:
    return next(m for m in picture["members"] if m["id"] == number)


def test_who_leads_and_who_follows() -> None:
    picture = build_picture(scene(zones={"node-1": "a"}), SINCE)
    assert picture["source"] == "members"
    assert picture["leader"] == {
        "id": 2,
        "pod": "zk-2",
        "epoch": 1,
        "since": "2026-01-01T00:00:00Z",
    }
    assert [(m["role"], m["follows"], m["voter"]) for m in picture["members"]] == [
        ("follower", 2, True),
        ("leader", None, True),
        ("follower", 2, True),
    ]
    assert (member(picture, 1)["zone"], member(picture, 1)["node"]) == ("a", "node-1")
    assert picture["quorum"]["text"] == "3 of 3 voters live, 2 needed, 1 more may be lost"
    assert json.loads(json.dumps(picture)) == picture


def test_an_election_is_seen_before_the_operator_has_written_anything() -> None:
    """The status still names the old leader; the members' own answers count."""
    during = scene({1: looking(1), 2: silent(2), 3: looking(3)})
    picture = build_picture(during, SINCE)
    assert (leader_of(during), picture["leader"]) == (None, None)
    assert [m["role"] for m in picture["members"]] == ["looking", "", "looking"]
    assert picture["quorum"]["text"] == "0 of 3 voters live, 2 needed: no write is acknowledged"
    assert (member(picture, 1)["state"], member(picture, 1)["why"]) == ("election", "")

    after = scene({1: answer(1, 3, 2), 2: silent(2), 3: answer(3, 3, 2)})
    picture = build_picture(after, SINCE)
    assert leader_of(after) == Leader(3, 2)
    assert (picture["leader"]["pod"], picture["leader"]["since"]) == ("zk-3", SINCE.isoformat())
    assert (member(picture, 2)["state"], member(picture, 2)["why"]) == (
        "silent",
        "no answer within 3 s",
    )


def test_the_operators_word_gives_way_to_what_the_members_say() -> None:
    """It has not noticed yet, or is away; what it says of a loss that it knows, or wants, stays."""
    serving = body(conditions=[{"type": "Ready", "status": "True"}])
    stopped = body(summary="Stopped", conditions=[{"type": "Ready", "status": "False"}])
    lost = {1: looking(1), 2: silent(2), 3: looking(3)}
    assert build_picture(scene(body=serving))["summary"] == "Serving"
    assert build_picture(scene(lost, body=serving))["summary"] == "No quorum"
    assert build_picture(scene(lost, body=stopped))["summary"] == "Stopped"


def test_a_member_that_does_not_answer_may_serve() -> None:
    """Only a pod that is not ready, a refused connection or its own words say that it does not."""
    quiet = build_picture(scene({1: answer(1), 2: answer(2), 3: silent(3)}))
    refused = replace(silent(3), refuses=True)
    refusing = build_picture(scene({1: answer(1), 2: answer(2), 3: refused}))
    assert member(quiet, 3)["serving"] is None
    assert member(refusing, 3)["serving"] is False
    assert quiet["quorum"]["live"] == 2


def test_where_no_member_can_be_asked_the_operators_words_stay() -> None:
    away = scene({i: silent(i) for i in (1, 2, 3)})
    picture = build_picture(away, SINCE)
    assert (picture["source"], picture["leader"]["pod"]) == ("operator", "zk-2")
    assert picture["note"] == "no member can be asked from here (no answer within 3 s)"
    assert [m["role"] for m in picture["members"]] == ["follower", "leader", "follower"]
    assert build_picture(scene({}, pods=()))["note"] == "no member has been asked yet"


def test_members_that_are_down_are_no_riddle() -> None:
    unready = tuple(replace(pod(i), ready=False) for i in (1, 2, 3))
    picture = build_picture(scene({i: silent(i) for i in (1, 2, 3)}, pods=unready), SINCE)
    assert (picture["source"], picture["leader"]) == ("members", None)


def test_a_ready_member_that_was_not_asked_yet_is_not_taken_for_silent() -> None:
    picture = build_picture(scene({1: answer(1), 2: answer(2)}), SINCE)
    assert (member(picture, 3)["serving"], member(picture, 3)["state"]) == (True, "broadcast")


@pytest.mark.parametrize("order", [*itertools.permutations((1, 2, 3))], ids=str)
def test_the_first_answers_take_no_leader_away(order: tuple[int, ...]) -> None:
    """They come one by one, and may stop coming: the page that is just opened stays as it was written."""
    serving = body(conditions=[{"type": "Ready", "status": "True"}])
    before = build_picture(scene({}, body=serving), SINCE)
    for count in (1, 2, 3):
        asked = {i: answer(i) for i in order[:count]}
        picture = build_picture(scene(asked, body=serving), SINCE)
        assert (picture["leader"], picture["summary"]) == (before["leader"], "Serving")
        assert [m["serving"] for m in picture["members"]] == [True] * 3
        assert list(find_moments(before, picture, SINCE)) == []
        before = picture
    assert before["source"] == "members"


def test_members_that_are_to_be_asked_delay_nothing_that_the_others_decide() -> None:
    """A new leader that a majority follows, and an election of a majority, are shown at once."""
    elected = build_picture(scene({1: answer(1, 3, 2), 3: answer(3, 3, 2)}), SINCE)
    assert (elected["source"], elected["leader"]["pod"]) == ("members", "zk-3")
    looked = build_picture(scene({1: looking(1), 3: looking(3)}), SINCE)
    assert (looked["source"], looked["leader"]) == ("members", None)
    one = build_picture(scene({1: looking(1)}), SINCE)
    assert (one["source"], one["leader"]["pod"]) == ("operator", "zk-2")
    assert one["note"] == "not every member has been asked yet"
    known = build_picture(scene({1: answer(1)}, heard=frozenset({2, 3})), SINCE)
    assert (known["source"], known["leader"]) == ("members", None)


def test_a_contradiction_is_said() -> None:
    both = scene({1: answer(1, 1, 2), 2: answer(2), 3: answer(3)})
    assert build_picture(both)["conflict"]


def test_nothing_in_it_is_invisible_or_turns_the_text_around() -> None:
    evil = "\u202eevil\x00"
    picture = build_picture(
        scene(
            body=body(
                nextAction=evil,
                conditions=[{"type": "Ready", "status": "False", "reason": "X", "message": evil}],
            )
        )
    )
    assert picture["nextAction"] == "\\u202eevil\\u0000"
    assert picture["conditions"][0]["message"] == "\\u202eevil\\u0000"


def test_a_line_of_the_overview() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    row = build_row(body(conditions=ready))
    assert (row["leader"], row["epoch"], row["voters"], row["ready"]) == ("zk-2", 1, "3/3", True)
    bare = build_row({"metadata": {"namespace": "n", "name": "zk", "uid": "u"}})
    assert (bare["summary"], bare["leader"], bare["ready"]) == ("no status yet", "", False)
