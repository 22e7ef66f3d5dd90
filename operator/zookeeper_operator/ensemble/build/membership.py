"""`NAME-membership`: the server list the pods start from.

It is not part of the pod template and not hashed, so scaling restarts nothing. A pod that runs goes
by what the ensemble has committed; this list is for pods that start, and only if they know of nothing
newer themselves.
"""

from collections.abc import Iterable

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child
from zookeeper_operator.ensemble.membership import (
    EPOCH_KEY,
    FOUNDERS_KEY,
    IDENTITY_KEY,
    RESTART_KEY,
    RESTORE_KEY,
    SERVERS_KEY,
    SOURCE_KEY,
    STANDBY_KEY,
    STANDBY_OPEN_KEY,
    VERSION_KEY,
)
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Server


def build_membership(target: Target) -> Object:
    """The ConfigMap `NAME-membership`, one server line each, sorted by id."""
    membership = target.membership
    restart, standby = _pods(membership.restart), _pods(membership.standby)
    return child(
        target,
        api_version="v1",
        kind="ConfigMap",
        name=names.membership_name(target.name),
        content={
            "data": {
                SERVERS_KEY: _lines(membership.servers),
                VERSION_KEY: f"{membership.version:x}",
                FOUNDERS_KEY: " ".join(map(str, sorted(membership.founders))),
                IDENTITY_KEY: membership.identity,
                **({EPOCH_KEY: str(membership.epoch)} if membership.epoch else {}),
                **({RESTART_KEY: restart} if restart else {}),
                **({RESTORE_KEY: membership.restore} if membership.restore else {}),
                **({SOURCE_KEY: _lines(membership.source)} if membership.source else {}),
                **({STANDBY_KEY: standby} if standby else {}),
                **({STANDBY_OPEN_KEY: "true"} if membership.standby_open else {}),
            }
        },
    )


def _lines(servers: Iterable[Server]) -> str:
    return "".join(f"{server.line()}\n" for server in sorted(servers, key=lambda s: s.id))


def _pods(pods: Iterable[tuple[int, str]]) -> str:
    return "".join(f"{member_id} {uid}\n" for member_id, uid in pods)
