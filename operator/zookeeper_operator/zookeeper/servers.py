"""Server lines, the committed configuration, and what a majority is.

Pure: text becomes values and values become text. Nothing here depends on where a server runs.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

CLIENT_PORT: Final = 2181
SECURE_CLIENT_PORT: Final = 2281
OPEN_CLIENT: Final = f"0.0.0.0:{CLIENT_PORT}"
"""Where a member listens for plain clients: on every address."""
CLOSED_CLIENT: Final = "127.0.0.1:2182"
"""Where it does so when plain clients are shut out: inside its pod, for a person who has a shell there.

On another port than before: with Netty a member binds the new address before it closes the old one.
"""
QUORUM_PORT: Final = 2888
ELECTION_PORT: Final = 3888
ADMIN_PORT: Final = 8080

Role = Literal["participant", "observer"]

_SERVER_LINE: Final = re.compile(
    r"^server\.(?P<id>[0-9]{1,9})=(?P<host>[^:;|]+|\[[^]]+\])"
    r":(?P<quorum>[0-9]{1,5}):(?P<election>[0-9]{1,5})"
    r"(?::(?P<role>participant|observer))?(?:;(?P<client>\S+))?$"
)


@dataclass(frozen=True)
class Server:
    """One `server.N=` line of a ZooKeeper configuration."""

    id: int
    host: str
    role: Role = "participant"
    quorum_port: int = QUORUM_PORT
    election_port: int = ELECTION_PORT
    client: str = OPEN_CLIENT
    """Where it takes clients; empty if the line does not say, as in lists from before 3.5."""

    @property
    def is_closed(self) -> bool:
        """Whether it takes plain clients from inside its pod only."""
        return self.client == CLOSED_CLIENT

    def line(self) -> str:
        """The line as `reconfig` takes it and `/zookeeper/config` shows it."""
        client = f";{self.client}" if self.client else ""
        return (
            f"server.{self.id}={self.host}:{self.quorum_port}:{self.election_port}"
            f":{self.role}{client}"
        )


@dataclass(frozen=True)
class CommittedConfig:
    """What the ensemble itself has committed in `/zookeeper/config`.

    `version` is the zxid of the reconfiguration that made it (0: never reconfigured, never led).
    """

    version: int
    servers: tuple[Server, ...]

    @property
    def voters(self) -> frozenset[int]:
        """Ids of the participants: the only ones whose acknowledgement counts."""
        return frozenset(s.id for s in self.servers if s.role == "participant")

    @property
    def observers(self) -> frozenset[int]:
        """Ids of the committed observers."""
        return frozenset(s.id for s in self.servers if s.role == "observer")

    @property
    def ids(self) -> frozenset[int]:
        """Everyone the configuration names."""
        return frozenset(s.id for s in self.servers)

    def server(self, member_id: int) -> Server | None:
        """The line of one member, or None if the configuration does not name it."""
        return next((s for s in self.servers if s.id == member_id), None)


def majority(voters: int) -> int:
    """How many of so many voters must acknowledge a write (ZooKeeper's simple majority)."""
    return voters // 2 + 1


@lru_cache(maxsize=4096)
def parse_server(line: str) -> Server:
    """Read one `server.N=` line.

    Raises:
        ValueError: the line has another form (it is quoted in the message).
    """
    found = _SERVER_LINE.match(line.strip())
    if found is None:
        raise ValueError(f"not a server line: {line!r}")
    client = found["client"] or ""
    if client and ":" not in client:
        client = f"0.0.0.0:{client}"
    return Server(
        id=int(found["id"]),
        host=found["host"],
        role="observer" if found["role"] == "observer" else "participant",
        quorum_port=int(found["quorum"]),
        election_port=int(found["election"]),
        client=client,
    )


def parse_config(text: str) -> CommittedConfig:
    """Read the content of `/zookeeper/config`: server lines and a last line `version=<hex>`.

    Raises:
        ValueError: a line has another form, or there is no version.
    """
    servers: list[Server] = []
    version: int | None = None
    for line in filter(None, (raw.strip() for raw in text.splitlines())):
        if line.startswith("version="):
            version = int(line.removeprefix("version="), 16)
        else:
            servers.append(parse_server(line))
    if version is None:
        raise ValueError("the configuration has no version line")
    return CommittedConfig(version, tuple(sorted(servers, key=lambda s: s.id)))
