"""`NAME-auth`: the super user as which the operator reconfigures the ensemble, and the user it logs in as.

Randomness is not our business: the passwords come from outside and are made once.
"""

import base64
import hashlib
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, secret_data
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash
from zookeeper_operator.zookeeper.jaas import Login

SUPER_USER: Final = "super"
USERNAME_KEY: Final = "username"
PASSWORD_KEY: Final = "password"  # noqa: S105 - the name of a key
DIGEST_KEY: Final = "digest"
SUPER_USER_DIRECTORY: Final = "/super-user"
"""Where members find the digest, as the file `digest`."""
LOGIN_USER_KEY: Final = "sasl-username"
LOGIN_PASSWORD_KEY: Final = "sasl-password"  # noqa: S105 - the name of a key


def super_digest(password: str) -> str:
    """What `DigestAuthenticationProvider.superDigest` must be for a password.

    ZooKeeper asks for SHA-1 here. The password is long and random, so it cannot be found by guessing.
    """
    digest = hashlib.sha1(f"{SUPER_USER}:{password}".encode())  # noqa: S324 - ZooKeeper's choice
    return f"{SUPER_USER}:{base64.b64encode(digest.digest()).decode()}"


def build_auth(target: Target, password: str, login: Login | None = None) -> Object:
    """The Secret `NAME-auth`: the super user, and the user to log in as where there are users."""
    further = (
        {} if login is None else {LOGIN_USER_KEY: login.user, LOGIN_PASSWORD_KEY: login.password}
    )
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
                    **further,
                }
            ),
        },
    )


def super_hash(auth: Object) -> str:
    """A hash of what a member is told of the super user; who else is in `NAME-auth` does not matter to it."""
    keys = (USERNAME_KEY, PASSWORD_KEY, DIGEST_KEY)
    return content_hash({key: auth["data"][key] for key in keys})


def read_password(secret: Object, key: str = PASSWORD_KEY) -> str:
    """A password in a live `NAME-auth`; empty if it holds none that can be read."""
    encoded = (secret.get("data") or {}).get(key) or ""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return ""
