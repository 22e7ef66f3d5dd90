"""What a status says in a few words."""

from datetime import UTC, datetime

import pytest

from zookeeper_operator.cli.summary import leader_line, quorum_line


@pytest.mark.parametrize(
    ("voters", "live", "said"),
    [
        (0, 0, "no voters are known"),
        (3, 1, "1 of 3 voters live, 2 needed: no write is acknowledged"),
        (3, 2, "2 of 3 voters live, 2 needed, no more may be lost"),
        (5, 5, "5 of 5 voters live, 3 needed, 2 more may be lost"),
    ],
)
def test_how_safe_it_is(voters: int, live: int, said: str) -> None:
    needed = voters // 2 + 1
    quorum = {"voters": voters, "needed": needed, "live": live, "tolerates": max(live - needed, 0)}
    assert quorum_line({"quorum": quorum}) == said


def test_who_leads() -> None:
    now = datetime(2026, 1, 1, 0, 12, tzinfo=UTC)
    leader = {"pod": "zk-3", "epoch": 2, "since": "2026-01-01T00:00:00Z"}
    assert leader_line({"leader": leader}, now) == "zk-3 for 12m, epoch 2"
    assert leader_line({"leader": {**leader, "since": None}}, now) == "zk-3, epoch 2"
    assert leader_line({}, now) == "none"
