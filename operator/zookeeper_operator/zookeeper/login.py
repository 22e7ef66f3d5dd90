"""Logs a kazoo client in by SASL DIGEST-MD5, with every connection that it opens.

kazoo leaves this to a library that is not maintained any more. Of kazoo's own way it replaces the one
method that a connection calls when it is open, and before anything else is sent.
"""

import secrets
import threading
from typing import Final

from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, ConnectionDropped
from kazoo.protocol.connection import ConnectionHandler
from kazoo.protocol.serialization import SASL

from zookeeper_operator.zookeeper.answers import no_answer_within
from zookeeper_operator.zookeeper.digest_md5 import ChallengeError, respond, verify
from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError, LoginRefusedError

_REFUSED: Final = "the members do not accept the user {}"


class LoggingIn:
    """The log-in of one client, which is not started yet."""

    def __init__(self, client: KazooClient, login: Login) -> None:
        self._login = login
        self._decided = threading.Event()
        self._refused = False
        self._refusals = 0
        self._addresses = len(client.hosts)
        client._connection = _Connection(client, self)  # noqa: SLF001 -- kazoo has no other way

    def wait(self, seconds: float) -> None:
        """Wait until a member has accepted the user.

        Raises:
            LoginRefusedError: every member that was asked has refused the user.
            EnsembleUnreachableError: no member has answered.
        """
        if not self._decided.wait(seconds):
            raise EnsembleUnreachableError(no_answer_within(seconds))
        if self._refused:
            raise LoginRefusedError(_REFUSED.format(self._login.user))

    def carry_out(self, connection: "_Connection", seconds: float) -> None:
        """Log in over a connection that has just been opened; the next member is tried if one refuses.

        Raises:
            ConnectionDropped: this member refuses the user.
            AuthFailedError: so have all.
        """
        nonce = secrets.token_hex(16)
        try:
            challenge = connection.exchange(b"", seconds, xid=1)
            answer = connection.exchange(respond(challenge, self._login, nonce), seconds, xid=2)
            verify(answer, challenge, self._login, nonce)
        except (ChallengeError, _RefusalError) as refusal:
            self._refusals += 1
            if self._refusals < self._addresses:
                raise ConnectionDropped(_REFUSED.format(self._login.user)) from refusal
            self._refused = True
            self._decided.set()
            raise AuthFailedError(_REFUSED.format(self._login.user)) from refusal
        self._refusals = 0
        self._decided.set()


class _RefusalError(Exception):
    """The member answers with an error."""


class _Connection(ConnectionHandler):  # type: ignore[misc] # kazoo has no types
    """kazoo's connection, but for how it logs in."""

    def __init__(self, client: KazooClient, logging_in: LoggingIn) -> None:
        super().__init__(client, client._conn_retry.copy(), logger=client.logger, sasl_options={})  # noqa: SLF001
        self._logging_in = logging_in

    def _authenticate_with_sasl(self, host: str, timeout: float) -> None:
        del host
        self._logging_in.carry_out(self, timeout)

    def exchange(self, token: bytes, seconds: float, *, xid: int) -> bytes:
        """Send one message of SASL and read the answer."""
        self._submit(SASL(token), seconds, xid)
        header, buffer, offset = self._read_header(seconds)
        if header.err or header.xid != xid:
            raise _RefusalError
        answer, _ = SASL.deserialize(buffer, offset)
        return answer or b""
