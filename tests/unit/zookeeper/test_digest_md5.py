"""DIGEST-MD5 by the example of RFC 2831. What servers of ZooKeeper make of it, the integration tests say."""

import re

import pytest

from zookeeper_operator.zookeeper import digest_md5
from zookeeper_operator.zookeeper.digest_md5 import ChallengeError, respond, verify
from zookeeper_operator.zookeeper.jaas import Login

CHALLENGE = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
LOGIN = Login("chris", "secret")
NONCE = "OA6MHXh6VqTrRk"


@pytest.fixture(autouse=True)
def _of_imap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_md5, "_DIGEST_URI", "imap/elwood.innosoft.com")


def test_the_answer_proves_the_password_and_does_not_hold_it() -> None:
    answer = respond(CHALLENGE, LOGIN, NONCE).decode()
    fields = dict(re.findall(r'([a-z-]+)="?([^",]*)"?', answer))
    assert fields == {
        "charset": "utf-8",
        "username": "chris",
        "realm": "elwood.innosoft.com",
        "nonce": "OA6MG9tEQGm2hh",
        "nc": "00000001",
        "cnonce": NONCE,
        "digest-uri": "imap/elwood.innosoft.com",
        "response": "d388dad90d4bbd760a152321f2143af7",
        "qop": "auth",
    }


def test_the_server_must_know_the_password_as_well() -> None:
    verify(b"rspauth=ea40f60335c427b5527b84dbabcdfffd", CHALLENGE, LOGIN, NONCE)
    for answer in (b"", b"rspauth=0", b"rspauth=d388dad90d4bbd760a152321f2143af7"):
        with pytest.raises(ChallengeError):
            verify(answer, CHALLENGE, LOGIN, NONCE)


@pytest.mark.parametrize("challenge", [b"", b"\xff", b'nonce="n"', b"algorithm=md5-sess"])
def test_what_is_no_challenge_is_not_answered(challenge: bytes) -> None:
    with pytest.raises(ChallengeError):
        respond(challenge, LOGIN, NONCE)
