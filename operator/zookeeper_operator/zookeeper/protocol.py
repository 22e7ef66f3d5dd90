"""The ensemble as the rest of the program sees it: one Protocol, its arguments and its errors.

The real client (`zookeeper.client`) and the simulator implement it; no implementation decides anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from zookeeper_operator.certificates.certificate import Certificate, Trust
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.served import Handshakes
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


@dataclass(frozen=True)
class Address:
    """How to reach one member: its pod."""

    id: int
    namespace: str
    pod: str
    ip: str


@dataclass(frozen=True, order=True)
class Endpoint:
    """Where a member that is not ours takes clients."""

    host: str
    port: int


@dataclass(frozen=True)
class SourceAnswer:
    """What a member that is not ours said on its client port.

    `mode` is empty unless it serves. `denies` means that it said itself that it does not, `refuses` that
    nothing listens at its address; one that is silent, or whose name does not resolve, may still serve.
    """

    reachable: bool
    problem: str | None = None
    mode: str = ""
    zxid: int | None = None
    connections: int | None = None
    version: str = ""
    denies: bool = False
    refuses: bool = False


@dataclass(frozen=True)
class SecureAccess:
    """What a session by TLS takes: the CAs to trust, and a certificate for members that ask for one."""

    trust: Trust
    key_pair: KeyPair


@dataclass(frozen=True)
class Access:
    """How to open a session with an ensemble as its super user. `repr` hides the passwords.

    Without `secure` the session is plain, without `login` it does not log in.
    """

    members: tuple[Address, ...]
    password: str = ""
    secure: SecureAccess | None = None
    login: Login | None = None

    def __repr__(self) -> str:
        """Name the members, never the password."""
        return f"Access(members={self.members!r})"


@dataclass(frozen=True)
class Presented:
    """A certificate to present in a handshake, and the CA by which it must be trusted."""

    key_pair: KeyPair
    authority: Certificate


class ReconfigureRefusedError(Exception):
    """The ensemble answered a reconfiguration with a refusal.

    `transient` says whether the cause may end by itself; otherwise trying again will not change it.
    """

    def __init__(self, why: str, *, transient: bool = False) -> None:
        super().__init__(why)
        self.transient = transient


class EnsembleUnreachableError(Exception):
    """No member could be asked, or none answered in time."""


class LoginRefusedError(EnsembleUnreachableError):
    """The members refuse the user as which the session logs in."""


class ConfigurationChangedError(EnsembleUnreachableError):
    """Another reconfiguration came first, or is under way: reconcile again, then decide again."""


class ZooKeeper(Protocol):
    """The ensemble itself: its members' AdminServers and its client port."""

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer.

        `thorough` also asks what costs a member more than a millisecond or two.
        """

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read `/zookeeper/config` after a sync.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """

    async def ask_source(self, endpoints: Sequence[Endpoint]) -> Mapping[Endpoint, SourceAnswer]:
        """Ask every member of another ensemble at once; never raises."""

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:
        """Read the text of `/zookeeper/config` of another ensemble; empty for a standalone server.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """

    async def write_fence(self, access: Access) -> int:
        """Have a majority commit one znode, which goes with its session; the zxid of it.

        Raises:
            EnsembleUnreachableError: it is not known to be committed.
        """

    async def shake_hands(
        self,
        members: Sequence[Address],
        ports: Mapping[int, Sequence[int]],
        presented: Presented | None = None,
    ) -> Handshakes:
        """Shake hands with these ports of each member at once; never raises.

        It costs a member one line in its log for each port.
        """

    async def count_plain_clients(self, members: Sequence[Address]) -> Mapping[int, int]:
        """How many clients from outside of its pod have a session without TLS with each member.

        It costs a member the more the more clients it has. Never raises; a member of which it is not known
        is left out.
        """

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Commit one step, if `based_on` is still what is committed; the configuration after it.

        The answer to the call itself is not trusted (ConnectionLoss is common for calls that were
        committed): what was read back decides.

        Raises:
            ReconfigureRefusedError: refused (no quorum of the new configuration, no right, bad line).
            EnsembleUnreachableError: could not be asked, or the outcome could not be read back.
        """
