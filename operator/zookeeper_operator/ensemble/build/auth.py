"""`NAME-auth`: the super user as which the operator reconfigures the ensemble.

Randomness is not our business: the password comes from outside and is made once.
"""

import base64
import hashlib
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, secret_data
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object

SUPER_USER: Final = "super"
USERNAME_KEY: Final = "username"
PASSWORD_KEY: Final = "password"  # noqa: S105 - the name of a key
DIGEST_KEY: Final = "digest"


def super_digest(password: str) -> str:
    """What `DigestAuthenticationProvider.superDigest` must be for a password.

    ZooKeeper asks for SHA-1 here. The password is long and random, so it cannot be found by guessing.
    """
    digest = hashlib.sha1(f"{SUPER_USER}:{password}".encode())  # noqa: S324 - ZooKeeper's choice
    return f"{SUPER_USER}:{base64.b64encode(digest.digest()).decode()}"


def build_auth(target: Target, password: str) -> Object:
    """The Secret `NAME-auth`: user name, password and digest."""
    return child(
        target,
        api_version="v1",
        kind="Secret",
        name=names.auth_name(target.name),
        content={
            "type": "Opaque",
            "data": secret_data(
                {
                    USERNAME_KEY: SUPER_USER,
                    PASSWORD_KEY: password,
                    DIGEST_KEY: super_digest(password),
                }
            ),
        },
    )


def read_password(secret: Object) -> str:
    """The password in a live `NAME-auth`; empty if it holds none that can be read."""
    encoded = (secret.get("data") or {}).get(PASSWORD_KEY) or ""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return ""
