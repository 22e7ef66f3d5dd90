"""How long a call may take, and to whom a session by TLS speaks."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from zookeeper_operator.certificates.authority import (
    Authority,
    Holder,
    Terms,
    create_authority,
    issue,
)
from zookeeper_operator.certificates.certificate import read_certificate, trust_of
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.zookeeper.handshake import in_memory
from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError, SecureAccess
from zookeeper_operator.zookeeper.session import Deadline, open_session


def test_a_deadline_ends_with_its_time() -> None:
    deadline = Deadline(60)
    assert not deadline.over
    assert 59 < deadline.left() <= 60
    expired = Deadline(0)
    assert expired.over
    with pytest.raises(EnsembleUnreachableError, match="no answer within 0 s"):
        expired.left()


def test_a_deadline_ends_when_nobody_waits_any_more() -> None:
    given_up = threading.Event()
    deadline = Deadline(60, given_up)
    given_up.set()
    assert deadline.over
    with pytest.raises(EnsembleUnreachableError, match="no answer within 60 s"):
        deadline.left()


# ---- sessions by TLS ----

HOLDER = Holder("demo", "zk", ("localhost",))
TERMS = Terms(timedelta(days=3650), timedelta(days=90), timedelta(days=30))


def a_ca() -> Authority:
    now = datetime.now(UTC)
    return create_authority(HOLDER, key=fresh_private_key(), now=now, terms=TERMS)


def a_leaf(ca: Authority) -> KeyPair:
    return issue(ca, HOLDER, key=fresh_private_key(), now=datetime.now(UTC), terms=TERMS)


class Listener:
    """A member that asks clients for a certificate, and says goodbye to every session."""

    def __init__(self, ca: Authority) -> None:
        self.presented: list[int] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_REQUIRED
        with in_memory(a_leaf(ca).pem) as own, in_memory(ca.certificate.pem) as trusted:
            self._context.load_cert_chain(own)
            self._context.load_verify_locations(trusted)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._welcome(self._socket.accept()[0])

    def _welcome(self, connection: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(connection, server_side=True) as peer:
            peer.recv(100)
            der = peer.getpeercert(binary_form=True)
            assert der is not None
            self.presented.append(read_certificate(der).serial)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ca() -> Authority:
    return a_ca()


@pytest.fixture
def listener(ca: Authority) -> Iterator[Listener]:
    found = Listener(ca)
    yield found
    found.close()


def try_session(listener: Listener, secure: SecureAccess) -> None:
    with (
        pytest.raises(EnsembleUnreachableError),
        open_session([listener.address], Deadline(2), secure=secure),
    ):
        pass


def test_a_session_by_tls_presents_a_certificate_to_a_member_it_trusts(
    ca: Authority, listener: Listener
) -> None:
    key_pair = a_leaf(ca)
    try_session(listener, SecureAccess(trust_of([ca.certificate]), key_pair))
    assert set(listener.presented) == {key_pair.chain.leaf.serial}


def test_no_password_goes_to_a_member_of_another_ca(ca: Authority, listener: Listener) -> None:
    try_session(listener, SecureAccess(trust_of([a_ca().certificate]), a_leaf(ca)))
    assert listener.presented == []
