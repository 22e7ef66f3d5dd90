"""`NAME-users`: who may log in, as the file that members read when they start. Pure."""

from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, secret_data
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object

JAAS_KEY: Final = "jaas.conf"


def build_users(target: Target, jaas: str) -> Object:
    """The Secret `NAME-users`; without users, when no member mounts it any more."""
    return child(
        target,
        api_version="v1",
        kind="Secret",
        name=names.users_name(target.name),
        content={"type": "Opaque", "data": secret_data({JAAS_KEY: jaas})},
    )
