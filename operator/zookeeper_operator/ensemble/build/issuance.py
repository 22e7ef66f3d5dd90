"""The Certificate `NAME-certificate`: what cert-manager is asked to issue for the members.

Pure. Its Secret of the same name is a source like any other: it is checked, and members never mount it.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

from zookeeper_operator.api.security import IssuerReference
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import RESOURCES, Object

CERTIFICATE: Final = RESOURCES["Certificate"]
_VALIDITY: Final = "2160h0m0s"
_RENEW_BEFORE: Final = "720h0m0s"
"""As those of the operator's own CA; written as cert-manager stores them."""


def build_certificate(target: Target, issuer: IssuerReference, hosts: Iterable[str]) -> Object:
    """The Certificate of a target, for these names and addresses."""
    addresses = [host for host in hosts if _is_address(host)]
    name = names.certificate_name(target.name)
    return child(
        target,
        api_version=CERTIFICATE.api_version,
        kind=CERTIFICATE.kind,
        name=name,
        content={
            "spec": {
                "secretName": name,
                "commonName": target.name,
                "dnsNames": [host for host in hosts if host not in addresses],
                "ipAddresses": addresses,
                "duration": _VALIDITY,
                "renewBefore": _RENEW_BEFORE,
                # A handshake costs a member a fraction of what it would with RSA.
                "privateKey": {
                    "algorithm": "ECDSA",
                    "size": 256,
                    "encoding": "PKCS8",
                    "rotationPolicy": "Always",
                },
                # A member is the server of one connection and the client of the next.
                "usages": ["digital signature", "server auth", "client auth"],
                "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": issuer.group},
            }
        },
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
