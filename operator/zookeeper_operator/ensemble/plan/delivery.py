"""Notifying kubelets of a new certificate, so that members have it within seconds.

A kubelet brings a changed Secret to a pod the next time that it looks after the pod: after a minute or so, or
at once if the pod changes. So an annotation of the pod is changed, never of its template: nothing restarts.
It is no more than a hint; whether a member has taken the certificate over is seen by handshakes alone.
"""

from datetime import timedelta
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.security.certificates import (
    distrusting_members,
    unconfirmed_members,
)
from zookeeper_operator.ensemble.security.phase import read_phase
from zookeeper_operator.kube.api import Object

_DONE: Final = Verdict(True, reasons.SETTLED, "the kubelets know of the certificate")
_AGAIN: Final = timedelta(seconds=15)
"""The kubelet may have looked before it had the new Secret itself."""
_MOST_TIMES: Final = 6
_LATEST: Final = _AGAIN * _MOST_TIMES
"""By then the kubelet has come to it without being notified."""


def plan_delivery(situation: Situation) -> Step:
    """Annotate the pods that have to take over what `NAME-tls` holds."""
    certificates, observed = situation.certificates, situation.observed
    leaf, live, since = certificates.leaf, certificates.live, certificates.since
    if not situation.ensemble.patch_pods or leaf is None or live is None or since is None:
        return Step(_DONE)
    missing = {*unconfirmed_members(observed, leaf)}
    if certificates.to_present is not None and certificates.source is not None:
        missing |= {*distrusting_members(observed, certificates.source.path.anchor)}
    tries = min((observed.now - since) // _AGAIN, _MOST_TIMES)
    actions = []
    for pod in observed.pods:
        phase = read_phase(pod.template)
        if pod.terminating or phase is None or not phase.uses_certificates:
            continue
        known, _, count = pod.notified.partition("/")
        before = pod.running_since is not None and pod.running_since < since
        if known == live.fingerprint:
            due = pod.id in missing and tries > (int(count) if count.isdecimal() else 0)
        else:
            due = before and (pod.id in missing or observed.now - since < _LATEST)
        if due:
            mark = f"{live.fingerprint}/{tries}"
            why = "its kubelet must bring it the new certificate"
            actions.append(Apply(_annotated(situation, pod, mark), why, optional=True))
    return Step(_DONE, tuple(actions))


def _annotated(situation: Situation, pod: Pod, mark: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": situation.ensemble.namespace,
            "uid": pod.uid,
            "annotations": {names.ANNOTATION_CERTIFICATES: mark},
        },
    }
