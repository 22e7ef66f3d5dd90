"""Client sessions with an ensemble: the only place where a kazoo client is created.

Everything here blocks: call it in a thread. A session has its own limits, shorter than kazoo's:
a member that does not answer must not hold up the others.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError, SequentialThreadingHandler
from kazoo.retry import KazooRetry

from zookeeper_operator.zookeeper.answers import no_answer_within, one_line
from zookeeper_operator.zookeeper.handshake import in_memory
from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.login import LoggingIn
from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError, SecureAccess

Session: TypeAlias = KazooClient
"""A connected kazoo client."""

FAILURES: Final = (KazooException, KazooTimeoutError, OSError)
"""Everything a call on a session may raise."""

RETRY_SECONDS: Final = 0.1
_SLOWEST_RETRY_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 1.0
# A member reads its stores for each handshake.
_CONNECT_BY_TLS_SECONDS: Final = 3.0
# What is requested is how long kazoo waits for a member to open the session. A server grants two ticks
# at least, 4 s by default.
_SESSION_SECONDS: Final = 1.5
_SILENT: Final = logging.Logger("kazoo", logging.CRITICAL + 1)  # noqa: LOG001 -- it logs credentials; that must never be turned on


class Deadline:
    """How long one call may take, from now, for the thread it runs in."""

    def __init__(self, seconds: float, given_up: threading.Event | None = None) -> None:
        """Start the clock.

        Args:
            seconds: how long.
            given_up: set when the result is no longer awaited, which ends it early.
        """
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._given_up = given_up or threading.Event()

    @property
    def over(self) -> bool:
        """Whether there is no time left, or the result is no longer awaited."""
        return self._given_up.is_set() or time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds left.

        Raises:
            EnsembleUnreachableError: none, or the result is no longer awaited.
        """
        if self.over:
            raise EnsembleUnreachableError(no_answer_within(self._seconds))
        return max(self._end - time.monotonic(), 0.01)


@contextlib.contextmanager
def open_session(
    hosts: Sequence[str],
    deadline: Deadline,
    *,
    password: str = "",
    session_seconds: float = _SESSION_SECONDS,
    secure: SecureAccess | None = None,
    login: Login | None = None,
) -> Iterator[Session]:
    """A connected session, closed in any case.

    Args:
        hosts: `host:port` of the members, any of which will do.
        deadline: until when a member must have opened the session.
        password: the super user's; empty: an anonymous session.
        session_seconds: the session time-out to request.
        secure: what TLS takes; None: a plain session.
        login: the user to log in as by SASL; None: the session does not log in.

    Raises:
        EnsembleUnreachableError: no member opens a session, or none can be asked for with this certificate.
        LoginRefusedError: every member that opens a session refuses the user.
    """
    try:
        context = None if secure is None else _context(secure)
    except (OSError, ValueError) as error:
        why = f"the operator cannot use the certificate of the members: {one_line(str(error))}"
        raise EnsembleUnreachableError(why) from error
    handler = _Handler(context)
    retry = KazooRetry(
        max_tries=-1,
        delay=RETRY_SECONDS,
        max_delay=_SLOWEST_RETRY_SECONDS,
        sleep_func=handler.sleep_func,
    )
    client = KazooClient(
        hosts=",".join(hosts),
        timeout=session_seconds,
        handler=handler,
        auth_data=[("digest", f"super:{password}")] if password else None,
        connection_retry=retry,
        command_retry=retry.copy(),
        logger=_SILENT,
        use_ssl=context is not None,
    )
    logging_in = None if login is None else LoggingIn(client, login)
    try:
        try:
            client.start(timeout=deadline.left())
            if logging_in is not None:
                logging_in.wait(deadline.left())
        except KazooTimeoutError:
            raise EnsembleUnreachableError("no member accepts a client session") from None
        yield client
    finally:
        client.stop()
        client.close()


def _context(secure: SecureAccess) -> ssl.SSLContext:
    """A context that trusts these CAs and no others.

    The CAs decide, not names: those of the members need not be in a certificate of the user's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=secure.trust.pem.decode("ascii"))
    with in_memory(secure.key_pair.pem) as path:
        context.load_cert_chain(path)
    return context


class _Handler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """Gives up an address that does not answer sooner than the whole session time-out, and speaks TLS."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = context

    def create_connection(self, address: tuple[str, int], **kwargs: Any) -> Any:
        if self._tls is None:
            return super().create_connection(address, **{**kwargs, "timeout": _CONNECT_SECONDS})
        plain = socket.create_connection(address, timeout=_CONNECT_BY_TLS_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(plain)
        except OSError:
            plain.close()  # kazoo would leave it open
            raise
