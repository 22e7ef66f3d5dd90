"""Reads and commits configurations of an ensemble; whether a step is committed is decided by reading back.

Everything here blocks: call it in a thread.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from kazoo.exceptions import (
    AuthFailedError,
    BadArgumentsError,
    BadVersionError,
    KazooException,
    NewConfigNoQuorumError,
    NoAuthError,
    ReconfigDisabledError,
    ReconfigInProcessError,
    UnimplementedError,
)

from zookeeper_operator.zookeeper.answers import one_line
from zookeeper_operator.zookeeper.protocol import (
    ConfigurationChangedError,
    EnsembleUnreachableError,
    LoginRefusedError,
    ReconfigureRefusedError,
)
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server, parse_config
from zookeeper_operator.zookeeper.session import FAILURES, RETRY_SECONDS, Deadline, Session

OpenSession = Callable[[], AbstractContextManager[Session]]
"""Opens a session as the super user, within the deadline of the call."""

CONFIG_NODE: Final = "/zookeeper/config"
_ANSWER_SECONDS: Final = 3.0  # a reconfiguration takes less than 0.1

_REFUSALS: Final[Mapping[type[KazooException], str]] = {
    NewConfigNoQuorumError: (
        "no quorum of the new configuration is connected to the leader and in sync with it"
    ),
    NoAuthError: "the super user's password is not accepted",
    AuthFailedError: "the super user's password is not accepted",
    BadArgumentsError: "the members do not accept these server lines",
    UnimplementedError: "the member runs in standalone mode, which cannot be reconfigured",
    ReconfigDisabledError: "reconfigEnabled is not set on the members",
}


@dataclass(frozen=True)
class Step:
    """One incremental reconfiguration of the configuration with version `from_version`."""

    joining: tuple[Server, ...]
    leaving: tuple[int, ...]
    from_version: int

    def done_in(self, config: CommittedConfig) -> bool:
        """Whether the configuration is as this step wants it, whatever made it so."""
        joined = all(config.server(server.id) == server for server in self.joining)
        return joined and not config.ids.intersection(self.leaving)


def read_config_node(session: Session, deadline: Deadline) -> bytes:
    """What `/zookeeper/config` holds, after a sync.

    Raises:
        session.FAILURES: it could not be read; nothing is known.
    """
    session.sync_async(CONFIG_NODE).get(timeout=deadline.left())
    data, _ = session.get_async(CONFIG_NODE).get(timeout=deadline.left())
    return bytes(data or b"")


def read_config(open_session: OpenSession, deadline: Deadline) -> CommittedConfig:
    """Read `/zookeeper/config` after a sync.

    Raises:
        EnsembleUnreachableError: it could not be read; nothing is known.
    """
    with open_session() as session:
        try:
            data = read_config_node(session, deadline)
        except FAILURES as error:
            raise EnsembleUnreachableError(
                f"{CONFIG_NODE} is not answered: {_name(error)}"
            ) from error
        try:
            return parse_config(data.decode())
        except ValueError as error:
            raise EnsembleUnreachableError(
                f"{CONFIG_NODE} is not understood: {one_line(str(error))}"
            ) from error


def reconfigure(open_session: OpenSession, deadline: Deadline, step: Step) -> CommittedConfig:
    """Commit one step; the configuration after it.

    Whatever the call answered, unless it was a refusal, the configuration is read back over new
    connections, and what it contains decides.

    Raises:
        ReconfigureRefusedError: refused (no quorum of the new configuration, no right, bad line).
        ConfigurationChangedError: another reconfiguration came first or is under way.
        EnsembleUnreachableError: could not be asked, or the outcome could not be read back.
    """
    try:
        with open_session() as session:
            trouble = _send(session, deadline, step)
    except LoginRefusedError as error:
        raise ReconfigureRefusedError(str(error)) from error
    answer = "ok" if trouble is None else _name(trouble)
    config = _read_back(open_session, deadline, answer)
    if step.done_in(config):
        return config
    if trouble is None or isinstance(trouble, (BadVersionError, ReconfigInProcessError)):
        raise ConfigurationChangedError(
            f"another reconfiguration came first (answer: {answer}); committed is version "
            f"{config.version:x}"
        ) from trouble
    raise EnsembleUnreachableError(f"not reconfigured (answer: {answer})") from trouble


def _send(session: Session, deadline: Deadline, step: Step) -> Exception | None:
    """Send the call; the error that leaves its outcome open, if there was one.

    Raises:
        ReconfigureRefusedError: an error that leaves nothing open.
    """
    joining = ",".join(server.line() for server in step.joining)
    leaving = ",".join(str(member_id) for member_id in step.leaving)
    limit = min(deadline.left(), _ANSWER_SECONDS)  # the last moment to end early
    try:
        session.reconfig_async(joining or None, leaving or None, None, step.from_version).get(
            timeout=limit
        )
    except FAILURES as error:
        refusal = _REFUSALS.get(type(error))
        if refusal is not None:
            # A follower that has just started is in sync within seconds.
            transient = isinstance(error, NewConfigNoQuorumError)
            raise ReconfigureRefusedError(refusal, transient=transient) from error
        return error
    return None


def _read_back(open_session: OpenSession, deadline: Deadline, answer: str) -> CommittedConfig:
    """Read the configuration as often as it takes until the deadline."""
    while True:
        try:
            return read_config(open_session, deadline)
        except EnsembleUnreachableError as error:
            if deadline.over:
                raise EnsembleUnreachableError(
                    f"the outcome of a reconfiguration is not known (answer: {answer}): {error}"
                ) from error
            time.sleep(RETRY_SECONDS)


def _name(error: BaseException) -> str:
    return type(error).__name__.removesuffix("Error")
