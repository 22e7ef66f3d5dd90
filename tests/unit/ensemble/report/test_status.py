"""What the status takes over, what it computes again, and when it is worth a write."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.unit.ensemble.plan.scenes import NOW, at_rest, claim, edited

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.failure import Failure
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.limits import within_limits
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status, status_differs


def test_versions_that_no_member_reports_are_left_out() -> None:
    """An empty table over a full one is refused by the API server, and with it the whole status."""
    observed = at_rest()
    silent_ones = {i: silent(i) for i in observed.answers}
    status = build_status(build_plan(replace(observed, answers=silent_ones)), restarted={})
    assert status["version"] == {"target": "3.9.4"}


def test_the_volumes_of_members_that_have_left_are_listed() -> None:
    scene = at_rest(3)
    left = tuple(claim(i, member=False) for i in (5, 4))
    status = build_status(build_plan(replace(scene, claims=(*scene.claims, *left))), restarted={})
    assert status["retainedClaims"] == ["data-zk-4", "data-zk-5"]
    assert build_status(build_plan(scene), restarted={})["retainedClaims"] == []


def test_a_leader_too_busy_to_report_its_epoch_has_not_been_elected_again() -> None:
    scene = at_rest(3)
    first = build_status(build_plan(scene), restarted={})
    later = replace(
        scene,
        ensemble=replace(scene.ensemble, status=first),
        answers={i: replace(a, zxid=None) for i, a in scene.answers.items()},
        now=NOW.replace(hour=1),
    )
    second = build_status(build_plan(later), restarted={})
    assert second["leader"] == first["leader"]
    assert build_notices(first, second) == ()


def test_a_leader_that_is_silent_stays_with_the_time_since_when_it_is_not_known() -> None:
    scene = at_rest(3)
    first = build_status(build_plan(scene), restarted={})
    silent_ones = {i: silent(i) for i in scene.answers}
    for hour, since in ((12, "T12:"), (13, "T12:")):  # a later one does not move it
        now = NOW.replace(hour=hour)
        ensemble = replace(scene.ensemble, status=first)
        later = replace(scene, ensemble=ensemble, answers=silent_ones, committed=None, now=now)
        before, first = first, build_status(build_plan(later), restarted={})
        assert since in first["leader"]["unconfirmedSince"]
        assert {k: v for k, v in first["leader"].items() if k != "unconfirmedSince"} == {
            k: v for k, v in before["leader"].items() if k != "unconfirmedSince"
        }
    again = replace(scene, ensemble=replace(scene.ensemble, status=first))
    assert "unconfirmedSince" not in build_status(build_plan(again), restarted={})["leader"]


def test_what_moves_with_every_write_of_a_client_is_no_reason_to_write() -> None:
    member = {"id": 1, "zxid": "0x1", "connections": 1, "lag": 3, "serving": True}
    old = {"members": [member]}
    assert not status_differs(
        old, {"members": [{**member, "zxid": "0x2", "connections": 9, "lag": 99}]}
    )
    assert status_differs(old, {"members": [{**member, "lag": 100}]})
    assert status_differs(old, {"members": [{**member, "serving": False}]})


def test_no_text_of_a_status_is_longer_than_is_worth_reading() -> None:
    """400 bad labels made a message of 60 kB, which the API server refuses: there was no status any more."""
    labels = {f"{names.GROUP}/{'x' * 100}{n}": "1" for n in range(400)}
    plan = build_plan(edited(at_rest(3), {"podTemplate": {"metadata": {"labels": labels}}}))
    said: dict[str, Any] = {"restarted": {1: "y" * 9000}, "failure": Failure("ß" * 5000)}
    status = build_status(plan, **said)
    texts = list(_texts(status))
    assert max(len(text.encode()) for text in texts) == 1024
    assert sum(text.endswith(" …") for text in texts) >= 3
    assert len(json.dumps(status)) < 20_000
    assert not status_differs(status, build_status(plan, **said))


def test_what_programs_read_is_never_shortened_and_lists_fit_the_crd() -> None:
    long = ",".join(f"zk-{n}.demo.svc.cluster.local:2181" for n in range(109))
    status = within_limits({"connectionString": long, "retainedClaims": ["c"] * 300})
    assert status == {"connectionString": long, "retainedClaims": ["c"] * 256}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
