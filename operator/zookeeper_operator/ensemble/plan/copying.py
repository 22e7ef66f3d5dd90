"""Members that copy the data of the leader, and those that have not finished in the time that it allows.

Pure. A leader counts a member from the moment it begins to send; the member says that it serves when it has
written what it was sent (tests/integration/test_start_script.py). In between, the leader waits for
`initLimit` ticks and a second for each 10 MiB that it held at its start (ADR 14). Then it drops the member,
which begins again.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import follower_timeout, initial_timeout
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.zookeeper.answers import Answers

# Until a server that is started asks its peers for the leader.
_TIME_TO_START: Final = timedelta(seconds=30)
_BYTES_EACH_SECOND: Final = 10 * 1024**2


def find_copying(
    answers: Mapping[int, Answers], leader: int | None, absent: Collection[int]
) -> frozenset[int]:
    """The members that a leader has begun to send its data, and that do not serve yet.

    The leader does not name those that it counts. They are known only where it counts everyone who may
    follow it: those that serve, those that say that they do not, and those of which nothing is known.
    """
    said = answers.get(leader) if leader is not None else None
    if said is None or said.synced_followers is None:
        return frozenset()
    others = [a for a in answers.values() if a.id != leader]
    waiting = frozenset(a.id for a in others if a.denies)
    following = sum(a.serving and a.leader_id == leader for a in others)
    unknown = sum(not (a.serving or a.denies or a.id in absent) for a in others)
    counted = said.synced_followers + (said.synced_observers or 0)
    return waiting if counted >= following + len(waiting) + unknown else frozenset()


def because_of_slow_copies(situation: Situation, members: Iterable[int]) -> str:
    """The end of a sentence: which of these members copy for longer than the leader waits. May be empty."""
    found = [text for i in sorted(members) if (text := describe_slow_copy(situation, i))]
    return ": " + "; ".join(found) if found else ""


def describe_slow_copy(situation: Situation, member_id: int) -> str:
    """What is known of a member that copies for longer than the leader waits; empty of any other."""
    quorum, answers = situation.quorum, situation.observed.answers
    pod = situation.observed.pod(member_id)
    if pod is None or pod.running_since is None or quorum.leader is None:
        return ""
    if member_id not in find_copying(answers, quorum.leader, quorum.absent):
        return ""
    if situation.observed.now - pod.running_since < _longest_copy(situation, quorum.leader):
        return ""
    led_by = names.member_name(situation.ensemble.name, quorum.leader)
    return (
        f"{pod.name} runs since {pod.running_since:%H:%M:%S} UTC and still copies the data of {led_by}, "
        "which drops a member that needs longer than initLimit: it begins again then; if this does not end, "
        f"raise spec.config.initLimit and restart {led_by}"
    )


def _longest_copy(situation: Situation, leader: int) -> timedelta:
    """How long a member may run until it serves, or was dropped once.

    A member that is cut off is counted for `syncLimit` ticks more.
    """
    spec = situation.ensemble.spec
    held = situation.observed.answers[leader].tree_bytes or 0
    own = timedelta(seconds=held / _BYTES_EACH_SECOND)
    return _TIME_TO_START + initial_timeout(spec) + follower_timeout(spec) + own
