"""TLS and authentication in the status: what is encrypted, who is served, and what each member speaks.

Pure. Nothing of a key or a password is in it.
"""

from typing import Final

from zookeeper_operator.api.ensemble_status import (
    CertificateStatus,
    MemberSecurityStatus,
    SecurityStatus,
)
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.plain_port import closing_since
from zookeeper_operator.ensemble.plan.security import has_security
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.security.phase import read_phase
from zookeeper_operator.ensemble.security.users import has_users
from zookeeper_operator.kube.times import format_time

_QUORUM: Final = ("Plain", "Accepting", "Dialing", "Secured")
_CLIENTS: Final = ("Disabled", "Optional")
_AUTHENTICATION: Final = ("Disabled", "Optional", "Required")


def build_security(situation: Situation) -> SecurityStatus | None:
    """What is encrypted; None while neither TLS nor users are asked for, or are being left."""
    if not has_security(situation.observed):
        return None
    leaf, reached = situation.certificates.leaf, situation.walk.reached
    since = closing_since(situation)
    certificate = None
    if leaf is not None:
        certificate = CertificateStatus(
            serial=leaf.serial_text, not_after=format_time(leaf.not_after), issuer=leaf.issuer
        )
    return SecurityStatus(
        quorum=_QUORUM[reached.quorum],
        clients="Required" if situation.target.closed else _CLIENTS[reached.clients],
        certificate=certificate,
        authentication=_authentication(situation),
        closing_since=None if since is None else format_time(since),
    )


def _authentication(situation: Situation) -> str | None:
    if not has_users(situation.observed):
        return None
    return _AUTHENTICATION[situation.walk.reached.auth]


def build_member_security(situation: Situation, pod: Pod | None) -> MemberSecurityStatus | None:
    """What a member speaks, by its pod, and the certificate that its ports have shown."""
    if pod is None or not has_security(situation.observed):
        return None
    phase = read_phase(pod.template)
    shown = situation.observed.handshakes.get(pod.id, {})
    leaf = next((one.leaf for one in shown.values() if one.leaf is not None), None)
    return MemberSecurityStatus(
        phase=phase.text if phase is not None else "",
        serial=leaf.serial_text if leaf is not None else "",
    )
