"""What each phase of TLS and of authentication puts into `zoo.cfg`.

Pure. Measured on 3.8.6, 3.8.7, 3.9.5 and 3.9.6: with these keys members of neighbouring phases form a
quorum. On 3.8.6 and 3.9.5: files that are replaced by a rename are taken over on both ports without a
restart.

Only `sasl` and `x509` are ever enforced: any client may call itself a user of `digest`. `sasl` always is,
since the operator logs in by it; `x509` where members have the port and the trust for it, because a server
that enforces a scheme it has no provider for never serves.
"""

from typing import Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.security import TlsSpec
from zookeeper_operator.api.versions import security_traits
from zookeeper_operator.certificates.key_store import KEY_STORE, PASSWORD, TRUST_STORE
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.security.phase import (
    DIALS_TLS,
    QUORUM_PHASES,
    Phase,
    lets_in_certificates,
)
from zookeeper_operator.ensemble.target import Target

CERTIFICATES_DIRECTORY: Final = "/certificates"
USERS_DIRECTORY: Final = "/users"
JAAS_OPTION: Final = f"-Djava.security.auth.login.config={USERS_DIRECTORY}/jaas.conf"
"""By which a server, and a client in its pod, find the users."""
_SASL: Final = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
_NETTY: Final = "org.apache.zookeeper.server.NettyServerCnxnFactory"


def security_keys(target: Target) -> dict[str, str]:
    """The keys of `zoo.cfg` for the phase of a target; none without TLS and users."""
    keys = keys_of_phase(target.phase, target.spec)
    return keys | _authentication(target.phase, target.spec)


def keys_of_phase(phase: Phase, spec: EnsembleSpec) -> dict[str, str]:
    """The keys of `zoo.cfg` for what members of a phase have in common; none without TLS and users."""
    traits, tls = security_traits(spec.version), spec.tls or TlsSpec()
    # In FIPS mode releases check no name, or let no user of DIGEST-MD5 in.
    without_fips = phase.knows_users and not traits.digest_md5_in_fips_mode
    keys: dict[str, str] = {}
    if phase.uses_certificates or without_fips:
        # Its default differs between 3.8 and 3.9, and with it whether names are checked.
        keys["fips-mode"] = _text(not (tls.verify_peer_names or without_fips))
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
        elif without_fips or traits.checks_names_in_fips_mode:
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


def _authentication(phase: Phase, spec: EnsembleSpec) -> dict[str, str]:
    if not phase.knows_users:
        return {}
    keys = {"authProvider.sasl": _SASL}
    if phase.requires_authentication:
        by_certificate = phase.clients and lets_in_certificates(spec)
        keys |= {
            "enforce.auth.enabled": "true",
            "enforce.auth.schemes": "sasl,x509" if by_certificate else "sasl",
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
