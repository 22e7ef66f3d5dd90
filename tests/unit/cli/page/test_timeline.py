"""What has happened from one picture to the next."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.unit.cli.page.scenes import answer, body, looking, pod, scene, silent

from zookeeper_operator.cli.page.picture import Scene, build_picture
from zookeeper_operator.cli.page.timeline import find_moments, moments_of_events

AT = datetime(2026, 1, 1, tzinfo=UTC)


def happened(before: Scene, after: Scene) -> list[str]:
    return [m.text for m in find_moments(build_picture(before), build_picture(after), AT)]


def test_an_election_step_by_step() -> None:
    before = scene()
    during = scene({1: looking(1), 2: silent(2), 3: looking(3)})
    after = scene({1: answer(1, 3, 2), 2: silent(2), 3: answer(3, 3, 2)})
    assert happened(before, during) == [
        "zk-1 does not serve (election)",
        "zk-2 does not answer: no answer within 3 s",
        "zk-3 does not serve (election)",
        "no member leads; before it zk-2 led epoch 1",
    ]
    assert happened(during, after) == [
        "zk-1 serves as follower",
        "zk-3 serves as leader",
        "zk-3 leads epoch 2",
    ]
    assert happened(before, after)[-1] == "zk-3 leads epoch 2; before it zk-2 led epoch 1"
    assert happened(after, after) == []


def test_a_restart_with_its_reason() -> None:
    written = body()
    written["status"]["members"][0] |= {"restartReason": "spec.version changed in generation 2"}
    fresh = (replace(pod(1), uid="another"), pod(2), pod(3))
    assert happened(scene(), scene(pods=fresh, body=written)) == [
        "zk-1 has a new pod: spec.version changed in generation 2"
    ]


def test_a_new_pod_serves_when_it_says_so() -> None:
    """The status still says that the member leads, but that was its last pod."""
    others = {1: answer(1, 3, 2), 3: answer(3, 3, 2)}
    heard = frozenset({1, 2, 3})
    gone = scene(others, pods=(pod(1), pod(3)), heard=heard)
    fresh = scene(others, heard=heard)
    back = scene({**others, 2: answer(2, 3, 2)}, heard=heard)
    assert happened(gone, fresh) == []
    assert happened(fresh, back) == ["zk-2 serves as follower"]


def test_members_that_come_and_go_and_get_votes() -> None:
    view = frozenset({1, 2, 3, 4})
    four = {i: replace(answer(i), voting_view=view) for i in (1, 2, 3, 4)}
    grown = scene(four, pods=tuple(pod(i) for i in (1, 2, 3, 4)))
    assert happened(scene(), grown) == ["zk-4 has appeared", "voters 1 2 3 → 1 2 3 4"]
    assert happened(grown, scene()) == ["zk-4 is gone", "voters 1 2 3 4 → 1 2 3"]


def test_members_that_cannot_be_asked_from_here_are_no_loss() -> None:
    away = scene({i: silent(i) for i in (1, 2, 3)})
    assert happened(scene(), away) == []
    assert happened(away, scene()) == []


def test_another_ensemble_of_the_same_name_is_not_compared() -> None:
    other = body()
    other["metadata"]["uid"] = "another"
    assert happened(scene(), scene({}, body=other, pods=())) == []


def test_events_of_kubernetes_are_moments_too() -> None:
    event: dict[str, Any] = {
        "metadata": {},
        "reason": "MemberLost",
        "message": "zk-2 has\nno pod\u202e",
        "type": "Warning",
        "count": 3,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    (moment,) = moments_of_events([event, {"metadata": {}, "reason": "NoTime"}])
    assert moment.text == "MemberLost: zk-2 has no pod\\u202e (3 times)"
    assert moment.as_value() == {
        "at": "2026-01-01T00:00:00.000+00:00",
        "kind": "event",
        "text": moment.text,
        "warning": True,
    }
