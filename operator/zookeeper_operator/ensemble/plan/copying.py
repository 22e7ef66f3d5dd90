"""Members that copy the data of the leader, and those that have not finished in the time that it allows.

Pure. A leader counts a member from the moment it begins to send; the member says that it serves when it has
written what it was sent (tests/integration/test_start_script.py). In between, the leader waits for
`initLimit` ticks and a second for each 10 MiB that it held at its start (ADR 14). Then it drops the member,
which begins again.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import follower_timeout, initial_timeout
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.times import format_time, parse_time
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
    observed, quorum = situation.observed, situation.quorum
    since = _waits_since(situation, member_id)
    if since is None or quorum.leader is None:
        return ""
    if member_id not in find_copying(observed.answers, quorum.leader, quorum.absent):
        return ""
    if observed.now - since < _longest_copy(situation, quorum.leader):
        return ""
    name, led_by = (
        names.member_name(situation.ensemble.name, i) for i in (member_id, quorum.leader)
    )
    return (
        f"{name} has not served since {format_time(since)} and still copies the data of {led_by}: a copy "
        "that takes longer than initLimit begins again; if this does not end, raise spec.config.initLimit "
        f"and restart {led_by}"
    )


def _waits_since(situation: Situation, member_id: int) -> datetime | None:
    """Since when a member could have copied from this leader; None if it served, or does not run.

    One that has just lost its leader is counted for a while, and each follower copies a little after an
    election: neither has taken long.
    """
    pod, status = situation.observed.pod(member_id), situation.ensemble.status
    if pod is None or pod.running_since is None:
        return None
    members = status.get("members") or []
    before: Mapping[str, Any] = next((m for m in members if m.get("id") == member_id), {})
    if before.get("serving"):
        return None
    said = (before.get("notServingSince"), (status.get("leader") or {}).get("since"))
    return max((pod.running_since, *filter(None, map(parse_time, said))))


def _longest_copy(situation: Situation, leader: int) -> timedelta:
    """How long a member may be without serving until it serves, or was dropped once.

    A member that is cut off is counted for `syncLimit` ticks more.
    """
    spec = situation.ensemble.spec
    held = situation.observed.answers[leader].tree_bytes or 0
    own = timedelta(seconds=held / _BYTES_EACH_SECOND)
    return _TIME_TO_START + initial_timeout(spec) + follower_timeout(spec) + own
