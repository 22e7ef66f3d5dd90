"""What each phase of TLS puts into `zoo.cfg`.

Pure. Measured on 3.8.6, 3.8.7, 3.9.5 and 3.9.6: with these keys members of neighbouring phases form a
quorum. On 3.8.6 and 3.9.5: files that are replaced by a rename are taken over on both ports without a
restart.
"""

from typing import Final

from zookeeper_operator.api.security import TlsSpec
from zookeeper_operator.api.versions import checks_names_in_fips_mode
from zookeeper_operator.certificates.key_store import KEY_STORE, PASSWORD, TRUST_STORE
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.security.phase import DIALS_TLS, QUORUM_PHASES
from zookeeper_operator.ensemble.target import Target

CERTIFICATES_DIRECTORY: Final = "/certificates"
_NETTY: Final = "org.apache.zookeeper.server.NettyServerCnxnFactory"


def security_keys(target: Target) -> dict[str, str]:
    """The keys of `zoo.cfg` for the phase of a target; none without TLS."""
    phase, tls = target.phase, target.spec.tls or TlsSpec()
    if not phase.uses_certificates:
        return {}
    # Its default differs between 3.8 and 3.9, and with it whether names are checked.
    keys = {"fips-mode": "false" if tls.verify_peer_names else "true"}
    if phase.quorum:
        keys |= {
            "portUnification": _text(phase.quorum < QUORUM_PHASES),
            "sslQuorum": _text(phase.quorum >= DIALS_TLS),
            "sslQuorumReloadCertFiles": "true",
            **_stores("ssl.quorum."),
        }
        if tls.verify_peer_names:
            # On the accepting side the name would be that of the address of a pod, which no certificate has.
            keys["ssl.quorum.clientHostnameVerification"] = "false"
        elif checks_names_in_fips_mode(target.spec.version):
            keys["ssl.quorum.hostnameVerification"] = "false"  # of both sides
    if phase.clients:
        keys |= {
            "serverCnxnFactory": _NETTY,
            "secureClientPort": str(names.SECURE_CLIENT_PORT),
            "client.certReload": "true",
            "ssl.clientAuth": tls.client_certificates.lower(),
            **_stores("ssl."),
        }
    return keys


def _stores(prefix: str) -> dict[str, str]:
    return {
        f"{prefix}keyStore.location": f"{CERTIFICATES_DIRECTORY}/{KEY_STORE}",
        f"{prefix}trustStore.location": f"{CERTIFICATES_DIRECTORY}/{TRUST_STORE}",
        f"{prefix}trustStore.passwordPath": f"{CERTIFICATES_DIRECTORY}/{PASSWORD}",
    }


def _text(value: bool) -> str:  # noqa: FBT001 -- a value, no switch
    return "true" if value else "false"
