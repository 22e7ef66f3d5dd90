"""What is understood of answers that may be anything."""

import json
from typing import Any

import pytest

from zookeeper_operator.zookeeper.answers import (
    Answers,
    Reply,
    failure_of,
    one_line,
    read_answers,
    read_reply,
)

NOT_SERVING = "This ZooKeeper instance is not currently serving requests"


def replies(**told: dict[str, Any]) -> dict[str, Reply]:
    return {
        command: read_reply(command, json.dumps({"error": None, **fields}).encode())
        for command, fields in told.items()
    }


def test_everything_a_member_says() -> None:
    answers = read_answers(
        2,
        replies(
            leader={"is_leader": False, "leader_id": 3},
            monitor={
                "server_state": "follower",
                "peer_state": "following - broadcast",
                "num_alive_connections": 7,
                "version": "3.9.5-293c895, built on 2026-01-01",
            },
            voting_view={"current_config": {"1": {}, "2": {}, "3": {}}},
            server_stats={"server_stats": {"last_processed_zxid": (5 << 32) + 9}},
            dirs={"datadir_size": 10, "logdir_size": 20.0},
        ),
    )
    assert answers == Answers(
        2,
        reachable=True,
        leader_id=3,
        server_state="follower",
        peer_state="following - broadcast",
        zxid=(5 << 32) + 9,
        voting_view=frozenset({1, 2, 3}),
        connections=7,
        data_bytes=10,
        log_bytes=20,
        version="3.9.5",
    )
    assert answers.serving
    assert answers.epoch == 5


@pytest.mark.parametrize(
    ("monitor", "exports"),
    [({"election_time_count": 1.0}, True), ({"cnt_election_time": 1}, False), ({}, None)],
)
def test_which_provider_has_named_the_metrics(monitor: dict[str, Any], exports: object) -> None:
    assert read_answers(1, replies(monitor=monitor)).exports_metrics is exports


@pytest.mark.parametrize("odd", ["3", -1, 1.5, True, None, [3], 1 << 63])
def test_a_number_of_another_kind_is_unknown(odd: Any) -> None:
    answers = read_answers(
        1,
        replies(
            leader={"leader_id": odd},
            monitor={"num_alive_connections": odd},
            dirs={"datadir_size": odd},
        ),
    )
    assert (answers.leader_id, answers.connections, answers.data_bytes) == (None, None, None)


@pytest.mark.parametrize("view", [None, [1, 2], {"1": {}, "two": {}}, {"1": {}, "1000": {}}])
def test_a_voting_view_that_is_partly_unreadable_is_unknown(view: Any) -> None:
    assert read_answers(1, replies(voting_view={"current_config": view})).voting_view is None


def test_a_refusal_counts_before_what_could_not_be_read() -> None:
    told = {
        "leader": Reply(trouble="the answer to leader is not JSON", answered=True),
        "monitor": Reply(refused=NOT_SERVING, answered=True),
    }
    answers = read_answers(1, told)
    assert answers.problem == NOT_SERVING
    assert not answers.serving
    assert failure_of(answers, told) == "not_serving"


@pytest.mark.parametrize(
    ("reply", "problem", "failure"),
    [
        (Reply(trouble="no answer within 1 s", timed_out=True), "no answer within 1 s", "timeout"),
        (Reply(trouble="refused"), "refused", "unreachable"),
        (Reply(trouble="odd", answered=True), "odd", "unreadable"),
        (Reply(refused=NOT_SERVING, answered=True), NOT_SERVING, "not_serving"),
        (Reply(fields={}, answered=True), None, None),
    ],
)
def test_a_failure_has_one_word_for_the_metric(
    reply: Reply, problem: str | None, failure: str | None
) -> None:
    told = {"leader": reply}
    answers = read_answers(1, told)
    assert answers.reachable is reply.answered
    assert answers.problem == problem
    assert failure_of(answers, told) == failure


@pytest.mark.parametrize(
    ("command", "body", "reply"),
    [
        ("leader", b'{"error": null, "a": 1}', Reply({"error": None, "a": 1}, answered=True)),
        ("leader", b'{"error": "no\\nleader"}', Reply(refused="no leader", answered=True)),
        ("leader", b'{"error": ""}', Reply(refused="an error without a text", answered=True)),
        ("monitor", b" <html>", Reply(refused="does not serve (monitor failed)", answered=True)),
        ("dirs", b"<", Reply(trouble="answers dirs with a page that is not JSON", answered=True)),
        ("dirs", b"", Reply(trouble="the answer to dirs is not JSON", answered=True)),
        ("dirs", b"[" * 200_000, Reply(trouble="the answer to dirs is not JSON", answered=True)),
        ("dirs", b"{}", Reply(trouble="the answer to dirs has another form", answered=True)),
        ("dirs", b"[]", Reply(trouble="the answer to dirs has another form", answered=True)),
    ],
)
def test_a_body_may_be_anything(command: str, body: bytes, reply: Reply) -> None:
    assert read_reply(command, body) == reply


def test_a_text_becomes_one_short_line() -> None:
    assert one_line("a\n\tb  c") == "a b c"
    assert len(one_line("x" * 5000)) == 200


def test_a_member_that_does_not_serve_says_what_it_held_at_its_start() -> None:
    told = replies(system_properties={"member.database": "none", "user.name": "zookeeper"})
    answers = read_answers(1, {"leader": Reply(refused=NOT_SERVING, answered=True), **told})
    assert (answers.reachable, answers.serving, answers.database) == (True, False, "none")
    assert answers.problem == NOT_SERVING
