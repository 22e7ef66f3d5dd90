"""`NAME-membership`: the server list the pods start from.

It is not part of the pod template and not hashed, so scaling restarts nothing. A pod that runs goes
by what the ensemble has committed; this list is for pods that start, and only if they know of nothing
newer themselves.
"""

from dataclasses import dataclass
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Server, parse_server

SERVERS_KEY: Final = "ZOO_SERVERS"
VERSION_KEY: Final = "configVersion"
FOUNDERS_KEY: Final = "founders"
IDENTITY_KEY: Final = "identity"


@dataclass(frozen=True)
class Membership:
    """Who the members are, and who may start without data.

    `version` is that of the committed configuration the list was taken from, 0 before there is one.
    `founders` are the ids that may elect a leader on empty volumes: the members of the first
    configuration until it has had a quorum, and nobody from then on (pains 1 and 8). `identity` is
    what the volumes of this ensemble are stamped with.
    """

    servers: tuple[Server, ...]
    version: int
    founders: tuple[int, ...]
    identity: str

    @property
    def ids(self) -> frozenset[int]:
        """Everyone the list names."""
        return frozenset(server.id for server in self.servers)


def build_membership(ensemble: Ensemble, membership: Membership) -> Object:
    """The ConfigMap `NAME-membership`, one server line each, sorted by id."""
    servers = sorted(membership.servers, key=lambda server: server.id)
    return child(
        ensemble,
        api_version="v1",
        kind="ConfigMap",
        name=names.membership_name(ensemble.name),
        content={
            "data": {
                SERVERS_KEY: "".join(f"{server.line()}\n" for server in servers),
                VERSION_KEY: f"{membership.version:x}",
                FOUNDERS_KEY: " ".join(map(str, sorted(membership.founders))),
                IDENTITY_KEY: membership.identity,
            }
        },
    )


def read_membership(config_map: Object) -> Membership:
    """What a live `NAME-membership` says.

    Raises:
        KeyError: a key is missing.
        ValueError: a value has another form, or the list is empty. An empty list is never taken for
            an ensemble without members.
    """
    data = config_map.get("data") or {}
    servers = tuple(parse_server(line) for line in data[SERVERS_KEY].splitlines() if line.strip())
    if not servers:
        raise ValueError("the membership names no server")
    return Membership(
        servers=servers,
        version=int(data[VERSION_KEY], 16),
        founders=tuple(int(word) for word in data[FOUNDERS_KEY].split()),
        identity=data[IDENTITY_KEY],
    )
