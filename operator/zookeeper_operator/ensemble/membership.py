"""The members as the pods start from them: a value, and how it is read from a live `NAME-membership`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Server, parse_server

SERVERS_KEY: Final = "ZOO_SERVERS"
VERSION_KEY: Final = "configVersion"
FOUNDERS_KEY: Final = "founders"
IDENTITY_KEY: Final = "identity"
EPOCH_KEY: Final = "epoch"
RESTART_KEY: Final = "restart"
RESTORE_KEY: Final = "restore"
SOURCE_KEY: Final = "source"
STANDBY_KEY: Final = "standby"
STANDBY_OPEN_KEY: Final = "standbyOpen"


@dataclass(frozen=True)
class Membership:
    """Who the members are, and who may start without data.

    `version` is that of the committed configuration the list was taken from, 0 before there is one.
    `founders` are the ids that may elect a leader on empty volumes: the members of the first
    configuration until it has had a quorum, and none from then on. `identity` is
    what the volumes of this ensemble are stamped with. `epoch` is the one after which founders begin:
    0, unless an ensemble whose members have lost all data was founded again. `restart` is only there after
    a recovery: by member and UID, the pods that have started from the list that this one took the place of.
    `restore` is the task of the first member while the ensemble is founded from a backup; there is no
    founder then. `source` are the server lines of
    the ensemble that is taken over, as they were at the beginning. `standby` is only there around a
    cut: by member and UID, the pods that may have started from the list that this one took the place of. It
    is open until the pods have been listed after that: one may have been created in between.
    """

    servers: tuple[Server, ...]
    version: int
    founders: tuple[int, ...]
    identity: str
    epoch: int = 0
    restart: tuple[tuple[int, str], ...] = ()
    restore: str = ""
    source: tuple[Server, ...] = ()
    standby: tuple[tuple[int, str], ...] = ()
    standby_open: bool = False

    @property
    def voters(self) -> frozenset[int]:
        """Everyone the list names as a voter."""
        return frozenset(server.id for server in self.servers if server.role == "participant")

    @property
    def ids(self) -> frozenset[int]:
        """Everyone the list names."""
        return frozenset(server.id for server in self.servers)


def published_ids(config_map: Object | None) -> frozenset[int]:
    """The members that a live `NAME-membership` names; none if it is not there or cannot be read."""
    try:
        return frozenset() if config_map is None else read_membership(config_map).ids
    except (KeyError, ValueError):
        return frozenset()


def read_membership(config_map: Object) -> Membership:
    """What a live `NAME-membership` says.

    Raises:
        KeyError: a key is missing.
        ValueError: a value has another form, or the list is empty. An empty list is never taken for
            an ensemble without members.
    """
    return _read(frozenset((config_map.get("data") or {}).items()))


# A reconcile reads the same text some twenty times.
@lru_cache(maxsize=256)
def _read(items: frozenset[tuple[str, str]]) -> Membership:
    data = dict(items)
    servers = read_lines(data[SERVERS_KEY].splitlines())
    if not servers:
        raise ValueError("the membership names no server")
    return Membership(
        servers=servers,
        version=int(data[VERSION_KEY], 16),
        founders=tuple(int(word) for word in data[FOUNDERS_KEY].split()),
        identity=data[IDENTITY_KEY],
        epoch=int(data.get(EPOCH_KEY) or 0),
        restart=_pods_of(data.get(RESTART_KEY)),
        restore=data.get(RESTORE_KEY) or "",
        source=read_lines((data.get(SOURCE_KEY) or "").splitlines()),
        standby=_pods_of(data.get(STANDBY_KEY)),
        standby_open=STANDBY_OPEN_KEY in data,
    )


def _pods_of(text: str | None) -> tuple[tuple[int, str], ...]:
    lines = (line.partition(" ") for line in (text or "").splitlines())
    return tuple((int(member_id), uid) for member_id, _, uid in lines)


def read_lines(lines: Iterable[str]) -> tuple[Server, ...]:
    """Server lines.

    Raises:
        ValueError: one has another form.
    """
    return tuple(parse_server(line) for line in lines if line.strip())
