"""How TLS and authentication stand: the condition `Secured`. It never acts.

Pure. What is done about it is done by the children: `NAME-tls` holds what `security.certificates` finds,
`NAME-users` what `security.users` finds, and pod templates the phase that `security.walk` finds, which the
rollout brings to the members. What authentication says is in `plan.authentication`.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.certificates.lifetime import Lifetime
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.ensemble.plan.authentication import (
    describe_authentication,
    find_password_problem,
    find_refused_login,
    say_what_is_required,
)
from zookeeper_operator.ensemble.plan.plain_port import members_left, why_closing_waits
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.security.certificates import (
    distrusting_members,
    has_tls,
    unconfirmed_members,
)
from zookeeper_operator.ensemble.security.phase import DIALS_TLS, QUORUM_PHASES, read_phase
from zookeeper_operator.ensemble.security.readiness import closes_plain_port, why_ended
from zookeeper_operator.ensemble.security.users import has_users
from zookeeper_operator.kube.times import format_time

_TIME_TO_JOIN: Final = timedelta(seconds=60)
"""For a member that was restarted: a start and an election take a quarter of it."""
_TIME_TO_LOAD: Final = timedelta(minutes=5)
"""A kubelet brings a new Secret to its pods within some 90 s."""

_STEPS: Final = {
    1: "the members accept TLS beside plain connections",
    2: "the members connect to each other by TLS",
    3: "the members refuse plain connections of each other",
    0: "the members connect to each other without TLS",
}
"""What each quorum phase means."""
_STAGES: Final = {
    "Trusting": "every member must trust the new CA first",
    "Presenting": "the members must trust the new CA before they present its certificate",
    "Retiring": "the old CA is trusted until every member serves the new certificate",
}
_WITHOUT: Final = Step(Verdict(True, reasons.SECURED, "neither TLS nor users are asked for"))


def plan_security(situation: Situation) -> Step:
    """How they stand. Nothing waits for an ensemble that is stopped, whose members serve nothing."""
    if not has_security(situation.observed):
        return _WITHOUT
    if situation.ensemble.spec.stopped:
        return Step(Verdict(None, reasons.STOPPED, "the ensemble is stopped"), awaited=False)
    return Step(
        _problem(situation)
        or find_password_problem(situation)
        or _end(situation)
        or _rejection(situation)
        or find_refused_login(situation)
        or _walk(situation)
        or describe_authentication(situation)
        or _rotation(situation)
        or _plain_port(situation)
        or _secured(situation)
    )


def has_security(observed: Observed) -> bool:
    """Whether TLS or users are asked for, or are being left."""
    return has_tls(observed) or has_users(observed)


def why_founding_waits(situation: Situation) -> str | None:
    """Why a new ensemble is not founded yet: it would be without what its spec asks for."""
    if situation.founded or situation.observed.statefulset(names.VOTER) is not None:
        return None
    walk = situation.walk
    if walk.target == walk.wanted or not walk.waits_for:
        return None
    missing = "certificate" if situation.users.problem is None else "password"
    return f"nothing until there is a {missing}: {walk.waits_for}"


def _problem(situation: Situation) -> Verdict | None:
    found, mounted = situation.certificates.problem, situation.certificates.mounted
    if found is None:
        return None
    kept = "" if mounted is None else "; the members keep the certificate they have"
    if mounted is not None and mounted.state != "Valid":
        kept += f", which {_describe_end(mounted)}"
    return Verdict(False, found.reason, f"{found.message}{kept}")


def _describe_end(lifetime: Lifetime) -> str:
    if lifetime.state == "NotYetValid":
        return "is not valid yet"
    return f"{'ended' if lifetime.state == 'Expired' else 'ends'} at {format_time(lifetime.ends)}"


def _end(situation: Situation) -> Verdict | None:
    """A certificate that ends soon, and nothing has replaced it.

    While nothing may be applied it is the one that members have, whatever would replace it.
    """
    certificates, spec = situation.certificates, situation.ensemble.spec
    held = spec.paused or bool(situation.problems)
    lifetime = certificates.mounted if held else certificates.lifetime
    if lifetime is None or lifetime.state in ("Valid", "Expiring"):
        return None
    if ended := why_ended(lifetime):
        message = f"{ended}; no member is restarted until it is replaced, since it could not join the others"
    elif certificates.authority is None:
        message = f"the certificate of {lifetime.subject} {_describe_end(lifetime)}; renew it"
    elif held:
        until = "the pause ends" if spec.paused else "the spec is fixed"
        message = (
            f"the certificate of {lifetime.subject} {_describe_end(lifetime)}, and is not renewed until "
            f"{until}"
        )
    else:
        return None  # the operator renews it, as late as the spec asks for
    return Verdict(False, reasons.CERTIFICATE_EXPIRING, message)


def _rejection(situation: Situation) -> Verdict | None:
    """A member that dials TLS, runs, and does not join the others, which serve."""
    quorum, now = situation.quorum, situation.observed.now
    if not quorum.healthy:
        return None
    for pod in situation.observed.pods:
        phase = read_phase(pod.template)
        begun = (pod.running_since, pod.unready_since)
        if phase is None or phase.quorum < DIALS_TLS or pod.ready:
            continue
        if any(since is None or now - since < _TIME_TO_JOIN for since in begun):
            continue  # it starts, or has lost its leader just now
        answer = situation.observed.answers.get(pod.id)
        if answer is not None and answer.denies and pod.id not in quorum.serving:
            return Verdict(False, reasons.CERTIFICATE_REJECTED, _describe_rejection(situation, pod))
    return None


def _describe_rejection(situation: Situation, pod: Pod) -> str:
    since = format_time(pod.running_since) if pod.running_since else ""
    shown = situation.observed.handshakes.get(pod.id, {}).get(names.ELECTION_PORT)
    leaf = situation.certificates.leaf
    if shown is None or shown.leaf is None:
        said = "its election port shows no certificate"
        if shown is not None and shown.why:
            said += f" ({shown.why})"
    elif leaf is not None and shown.leaf != leaf:
        said = f"its election port serves another certificate (serial {shown.leaf.serial_text})"
    else:
        said = "its election port serves the right certificate; its log names the cause"
    return (
        f"{pod.name} runs with TLS since {since} and does not join the others, which serve: {said}"
    )


def _walk(situation: Situation) -> Verdict | None:
    walk = situation.walk
    if all(replace(phase, auth=0) == replace(walk.wanted, auth=0) for phase in walk.phases):
        return None
    seen, wanted = walk.reached, walk.wanted
    forwards = wanted.quorum > seen.quorum or wanted.clients > seen.clients
    current = seen.quorum if forwards else walk.highest.quorum
    if walk.waits_for:
        said = f"the next step of TLS waits: {walk.waits_for}"
    elif walk.target.quorum == current == wanted.quorum:
        doing = "begin to listen" if walk.target.clients else "stop listening"
        said = f"the members {doing} on port {names.SECURE_CLIENT_PORT}"
    else:
        level = walk.target.quorum
        number = level if forwards else QUORUM_PHASES - level
        said = f"step {number} of {QUORUM_PHASES}, after which {_STEPS[level]}"
    return Verdict(False, reasons.ENABLING_TLS if forwards else reasons.DISABLING_TLS, said)


def _plain_port(situation: Situation) -> Verdict | None:
    left = members_left(situation)
    if not left:
        return None
    if waits := why_closing_waits(situation):
        return Verdict(False, reasons.PLAIN_CLIENTS_CONNECTED, waits)
    named = ", ".join(str(server.id) for server in left)
    doing = "open again" if left[0].is_closed else "closed"
    said = f"port {names.CLIENT_PORT} of member {named} is not {doing} yet"
    return Verdict(False, reasons.CLOSING_PLAIN_PORT, said)


def _rotation(situation: Situation) -> Verdict | None:
    certificates = situation.certificates
    leaf = certificates.leaf
    if leaf is None:
        return None
    missing = unconfirmed_members(situation.observed, leaf)
    if certificates.stage == "Done" and not missing:
        return None
    silent = [i for i in missing if not _has_shown_another(situation, i)]
    if certificates.stage == "Done" and len(silent) == len(missing):
        named = ", ".join(map(str, silent))
        return Verdict(
            None,
            reasons.NOT_PROBED,
            f"which certificate member {named} serves is not known: port {names.ELECTION_PORT} or "
            f"{names.SECURE_CLIENT_PORT} did not answer the operator",
        )
    if late := _find_late(situation, leaf, missing):
        return Verdict(
            False,
            reasons.CERTIFICATE_NOT_LOADED,
            f"{late}, which it was given minutes ago; restart it by deleting its pod",
        )
    said = _STAGES.get(certificates.stage) or (
        f"member {', '.join(map(str, missing))} has not shown the certificate with serial "
        f"{leaf.serial_text} yet"
    )
    return Verdict(False, reasons.ROTATING_CERTIFICATES, said)


def _has_shown_another(situation: Situation, member_id: int) -> bool:
    """Whether a port of a member serves a certificate, and not the one that it was given."""
    shown = situation.observed.handshakes.get(member_id, {}).values()
    return any(one.leaf not in (None, situation.certificates.leaf) for one in shown)


def _find_late(situation: Situation, leaf: Certificate, missing: tuple[int, ...]) -> str:
    """Which members have not taken over what they were given for longer than that takes; empty if none."""
    certificates, observed = situation.certificates, situation.observed
    since, source = certificates.since, certificates.source
    if since is None or observed.now - since <= _TIME_TO_LOAD:
        return ""
    if missing:
        named = ", ".join(map(str, missing))
        return f"member {named} does not serve the certificate with serial {leaf.serial_text}"
    if source is None or certificates.to_present is None:
        return ""
    anchor = source.path.anchor
    named = ", ".join(map(str, distrusting_members(observed, anchor)))
    return f"member {named} does not trust the CA {anchor.subject}" if named else ""


def _secured(situation: Situation) -> Verdict:
    certificates, walk = situation.certificates, situation.walk
    parts = []
    if said := say_what_is_required(situation):
        parts.append(said)
    if walk.reached.quorum == QUORUM_PHASES:
        parts.append("the members use TLS among themselves")
    if walk.reached.clients:
        only = "use TLS only," if closes_plain_port(situation.ensemble.spec) else "can use TLS"
        parts.append(f"clients {only} on port {names.SECURE_CLIENT_PORT}")
    said = ", and ".join(parts) or "neither TLS nor users are used"
    lifetime = certificates.lifetime
    if certificates.source is not None and certificates.warnings:
        return Verdict(True, reasons.SECURED, f"{said}; {'; '.join(certificates.warnings)}")
    if lifetime is not None and lifetime.state == "Expiring" and certificates.authority is None:
        ends = format_time(lifetime.ends)
        return Verdict(True, reasons.SECURED, f"{said}; the certificate ends at {ends}")
    return Verdict(True, reasons.SECURED, said)
