"""The Certificate of cert-manager that an ensemble needs: created, kept as it must be, and removed.

It comes before the founding, which waits for the Secret that cert-manager writes. One that is not ours is
left alone. Never disruptive: members mount what has been made of the Secret, not the Secret itself.
"""

from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Action, Delete
from zookeeper_operator.ensemble.build.issuance import build_certificate
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.certificate_names import issued_hosts
from zookeeper_operator.ensemble.plan.child_apply import find_apply
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict

_DONE = Verdict(True, reasons.SETTLED, "cert-manager is asked for what the members need")


def plan_issuance(situation: Situation) -> Step:
    """Apply the Certificate, or remove it when the certificate comes from elsewhere."""
    ensemble, issuance = situation.ensemble, situation.observed.issuance
    if issuance is None or issuance.unreadable or situation.problems:
        return Step(_DONE)
    live, tls = issuance.certificate, ensemble.spec.tls
    if live is not None and (not issuance.ours or live["metadata"].get("deletionTimestamp")):
        return Step(_DONE)
    if tls is not None and tls.source.issuer_ref is not None:
        body = build_certificate(situation.target, tls.source.issuer_ref, issued_hosts(ensemble))
        apply = find_apply(situation, stamped(body), live)
        # What cert-manager refuses must not stop anything else.
        action: Action | None = None if apply is None else replace(apply, optional=True)
    elif live is not None:
        metadata = live["metadata"]
        action = Delete(
            api_version=live["apiVersion"],
            kind=live["kind"],
            name=metadata["name"],
            uid=metadata["uid"],
            why="the certificate of the members comes from elsewhere",
        )
    else:
        action = None
    return Step(_DONE, () if action is None else (action,))
