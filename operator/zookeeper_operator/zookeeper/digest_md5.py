"""The client's side of SASL DIGEST-MD5 (RFC 2831), as far as ZooKeeper uses it: one round, no encryption.

Pure. The password itself is never sent.
"""

import re
from collections.abc import Mapping
from hashlib import md5
from typing import Final

from zookeeper_operator.zookeeper.jaas import Login

# ZooKeeper uses this name for every server.
_DIGEST_URI: Final = "zookeeper/zk-sasl-md5"
_COUNT: Final = "00000001"
_PAIR: Final = re.compile(r'([a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,"]*))')


class ChallengeError(Exception):
    """The server's message is not one of DIGEST-MD5, or it does not know the password."""


def respond(challenge: bytes, login: Login, client_nonce: str) -> bytes:
    """The answer to the server's challenge.

    Args:
        challenge: the server's first message.
        login: who logs in.
        client_nonce: random characters.

    Raises:
        ChallengeError: it is no challenge.
    """
    asked = _parse(challenge)
    if "nonce" not in asked or asked.get("algorithm") != "md5-sess":
        raise ChallengeError("the server does not offer DIGEST-MD5")
    fields = {
        "username": f'"{login.user}"',
        "realm": f'"{asked.get("realm", "")}"',
        "nonce": f'"{asked["nonce"]}"',
        "cnonce": f'"{client_nonce}"',
        "nc": _COUNT,
        "qop": "auth",
        "digest-uri": f'"{_DIGEST_URI}"',
        "response": _proof(asked, login, client_nonce, method="AUTHENTICATE"),
        "charset": "utf-8",
    }
    return ",".join(f"{key}={value}" for key, value in fields.items()).encode()


def verify(answer: bytes, challenge: bytes, login: Login, client_nonce: str) -> None:
    """Check that the server knows the password, too.

    Raises:
        ChallengeError: it does not.
    """
    expected = _proof(_parse(challenge), login, client_nonce, method="")
    if _parse(answer).get("rspauth") != expected:
        raise ChallengeError("the server does not know the password")


def _parse(message: bytes) -> Mapping[str, str]:
    text = message.decode("utf-8", "replace")
    return {key: quoted or plain for key, quoted, plain in _PAIR.findall(text)}


def _proof(asked: Mapping[str, str], login: Login, client_nonce: str, *, method: str) -> str:
    secret = f"{login.user}:{asked.get('realm', '')}:{login.password}".encode()
    session = md5(secret, usedforsecurity=False).digest()
    session += f":{asked['nonce']}:{client_nonce}".encode()
    parts = (
        md5(session, usedforsecurity=False).hexdigest(),
        asked["nonce"],
        _COUNT,
        client_nonce,
        "auth",
        _hash(f"{method}:{_DIGEST_URI}"),
    )
    return _hash(":".join(parts))


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
