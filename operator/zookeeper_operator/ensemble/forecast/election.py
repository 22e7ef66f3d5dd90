"""What the members do among themselves: lose a leader, elect one, follow it, commit a configuration.

Pure. The rules are ZooKeeper's: a majority of the configured voters elects, a member without a database
does not vote, and a leader that loses its vote hands over.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from zookeeper_operator.api import conditions
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.forecast.world import World, find_config
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority

_LONG: Final = timedelta(days=1)


def silent(member_id: int) -> Answers:
    """What a member that does not answer says."""
    return Answers(member_id, reachable=False)


def looking(known: Answers) -> Answers:
    """What a member without a leader says."""
    return replace(
        known,
        reachable=True,
        problem="This ZooKeeper instance is not currently serving requests",
        denies=True,
        leader_id=None,
        is_leader=False,
        peer_state="looking",
        synced_followers=None,
    )


def in_sync(
    known: Answers,
    *,
    leader: int,
    zxid: int,
    voters: frozenset[int],
    observers: frozenset[int] = frozenset(),
) -> Answers:
    """What a member that follows a leader, or is the leader, says.

    One that the configuration does not list follows without a vote.
    """
    if known.id == leader:
        server, peer = "leader", "leading - broadcast"
    elif known.id in observers:
        server, peer = "observer", "observing - broadcast"
    else:
        server, peer = "follower", "following - broadcast"
    return replace(
        known,
        reachable=True,
        problem=None,
        denies=False,
        leader_id=leader,
        is_leader=known.id == leader,
        server_state=server,
        peer_state=peer,
        zxid=zxid,
        voting_view=voters,
        synced_followers=None,
    )


def find_able(world: World) -> frozenset[int]:
    """Members that serve, or would if they had a leader. A pod in trouble stays in trouble."""
    answers = world.observed.answers
    return frozenset(
        pod.id
        for pod in world.observed.pods
        if not pod.terminating
        and (answer := answers.get(pod.id)) is not None
        and (answer.serving or (answer.reachable and pod.trouble is None))
    )


def lose(world: World, ids: Iterable[int]) -> World:
    """Members stop answering. Without the leader, or a majority, the others have none."""
    gone, led = frozenset(ids), world.leader
    answers = {i: a for i, a in world.observed.answers.items() if i not in gone}
    world = world.with_observed(answers=answers)
    if led is None or led in gone or not _is_majority(find_config(world), world.serving):
        answers = {i: looking(a) if a.reachable else a for i, a in answers.items()}
        world = world.with_observed(answers=answers, committed=None)
    return world


def _is_majority(config: CommittedConfig, ids: frozenset[int]) -> bool:
    voters = config.voters
    return bool(voters) and len(ids & voters) >= majority(len(voters))


def settle_leadership(world: World) -> World:
    """Let the members follow their leader, or elect one."""
    return _elect(world) if world.leader is None else _follow(world, world.leader)


def _elect(world: World) -> World:
    """Let a majority of able voters choose; the highest id wins, as between equals it does."""
    candidates = find_able(world) - world.empty
    if not candidates or not _is_majority(config := find_config(world), candidates):
        return world
    epoch, leader = (world.zxid >> 32) + 1, max(candidates & config.voters)
    zxid = epoch << 32
    if config.version == 0:
        # The first leader gives the configuration its version.
        config = CommittedConfig(zxid, config.servers)
    world = replace(world, zxid=zxid, config=config, elections=world.elections + 1)
    return _follow(world, leader).with_news(f"{world.name(leader)} leads epoch {epoch}")


def _follow(world: World, leader: int) -> World:
    """Let every able member be in sync with the leader."""
    observed, config, able = world.observed, find_config(world), find_able(world)
    answers = dict(observed.answers)
    for member_id in able:
        answers[member_id] = in_sync(
            answers[member_id],
            leader=leader,
            zxid=world.zxid,
            voters=config.voters,
            observers=config.observers,
        )
    status = observed.ensemble.status
    if not status.get("foundedAt"):
        status = {**status, "foundedAt": format_time(observed.now)}
    observed = replace(
        observed,
        answers=answers,
        committed=config,
        ensemble=replace(observed.ensemble, status=status),
    )
    return replace(world, observed=observed, config=config, empty=world.empty - able)


def record_quorum(world: World) -> World:
    """The status reports the quorum, and it has held for as long as a restart waits for."""
    ensemble = world.observed.ensemble
    leader = next((a for a in world.observed.answers.values() if a.serving and a.is_leader), None)
    if leader is None:
        return world
    since = format_time(world.observed.now - _LONG)
    quorum = {"type": conditions.QUORUM_HEALTHY, "status": conditions.TRUE}
    others = [
        c
        for c in ensemble.status.get("conditions") or []
        if c.get("type") != conditions.QUORUM_HEALTHY
    ]
    status = {
        **ensemble.status,
        "leader": {
            "id": leader.id,
            "pod": world.name(leader.id),
            "epoch": leader.epoch,
            "since": since,
        },
        "conditions": [*others, {**quorum, "lastTransitionTime": since}],
    }
    if status == ensemble.status:
        return world
    return world.with_observed(ensemble=replace(ensemble, status=status))


def find_next_config(action: Reconfigure, version: int) -> CommittedConfig:
    """The configuration that a reconfiguration commits."""
    changed = {s.id for s in action.joining} | set(action.leaving)
    kept = [s for s in action.based_on.servers if s.id not in changed]
    servers = tuple(sorted((*kept, *action.joining), key=lambda s: s.id))
    return CommittedConfig(version, servers)


def reconfigure(world: World, action: Reconfigure) -> World:
    """A committed step. A leader that loses its vote is followed by another one at once."""
    zxid = max(world.zxid, action.based_on.version) + 1
    config = find_next_config(action, zxid)
    world = replace(world, config=config, zxid=zxid)
    leader = world.leader
    return _follow(world, leader) if leader in config.voters else _elect(world)
