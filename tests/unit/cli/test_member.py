"""The member that a session is opened with."""

from collections.abc import Sequence

import pytest
from tests.unit.ensemble.plan.scenes import pod

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.member import choose_pod
from zookeeper_operator.ensemble.observed import Pod

PODS = [pod(3), pod(1), pod(2, ready=False), pod(4, terminating=True)]


@pytest.mark.parametrize(
    ("member", "leader", "chosen"),
    [
        (None, 3, "zk-3"),
        (None, 2, "zk-1"),  # the leader of the status is not ready: the first that is
        (None, None, "zk-1"),
        (3, 1, "zk-3"),
        (2, 1, "zk-2"),  # one that does not serve is looked into when asked for
    ],
)
def test_the_one_asked_for_or_the_leader_or_the_first_ready(
    member: int | None, leader: int | None, chosen: str
) -> None:
    assert choose_pod("zk", PODS, member=member, leader_id=leader).name == chosen


@pytest.mark.parametrize(
    ("pods", "member", "said"),
    [
        (PODS, 4, "zk has no running member 4; ready are: 1, 3"),
        (PODS, 9, "zk has no running member 9; ready are: 1, 3"),
        ([], 1, "zk has no running member 1; ready are: none"),
        ([pod(1, ready=False)], None, "no member of zk is ready"),
    ],
)
def test_nobody_to_talk_to(pods: Sequence[Pod], member: int | None, said: str) -> None:
    with pytest.raises(Failure) as failed:
        choose_pod("zk", pods, member=member, leader_id=1)
    assert failed.value.message == said
