"""`NAME-ca` and `NAME-tls`: the operator's own CA, and what the members mount.

Pure: keys and certificates are given. Only `NAME-tls` is ever mounted.
"""

from collections.abc import Mapping

from zookeeper_operator.certificates.authority import Authority, build_authority
from zookeeper_operator.certificates.key_store import Stores, build_stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, secret_bytes
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def build_ca(target: Target, authority: Authority) -> Object:
    """The Secret `NAME-ca`."""
    return child(
        target,
        api_version="v1",
        kind="Secret",
        name=names.authority_name(target.name),
        content={"type": "kubernetes.io/tls", "data": secret_bytes(build_authority(authority))},
    )


def build_tls(
    target: Target,
    stores: Stores,
    *,
    live: Mapping[str, bytes],
    origin: str,
    fresh_password: str,
) -> Object:
    """The Secret `NAME-tls`.

    Args:
        target: What is wanted.
        stores: What it must hold.
        live: What it holds; what need not change stays byte for byte.
        origin: The Secret that the certificate was taken from, as uid and version; empty for our own CA.
        fresh_password: The password of a trust store that has none yet.
    """
    annotations = {names.ANNOTATION_CERTIFICATES: stores.fingerprint}
    if origin:
        annotations[names.ANNOTATION_SOURCE] = origin
    data = build_stores(stores, live=live, fresh_password=fresh_password)
    return child(
        target,
        api_version="v1",
        kind="Secret",
        name=names.tls_name(target.name),
        annotations=annotations,
        content={"type": "Opaque", "data": secret_bytes(data)},
    )
