"""The certificates of an ensemble: what `NAME-ca` and `NAME-tls` must hold now, and how they stand.

Pure: keys are given. Members see only what has passed every check. What is wrong with a source keeps the
certificate that is in use; it never reaches a member. From one certificate to the next the content of
`NAME-tls` changes by the steps of `certificates.rotation`, each confirmed by handshakes.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.security import OperatorCaSpec, TlsSourceSpec
from zookeeper_operator.certificates.authority import (
    Authority,
    Holder,
    Terms,
    create_authority,
    issue,
    read_authority,
    source_of,
    why_authority_is_due,
    why_certificate_is_due,
)
from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.certificates.key_store import Stores, read_stores
from zookeeper_operator.certificates.lifetime import Lifetime, judge_lifetime
from zookeeper_operator.certificates.path import path_to
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.certificates.rotation import Confirmed, Stage, next_step
from zookeeper_operator.certificates.source import (
    AUTHORITIES,
    CERTIFICATE,
    Source,
    SourceKey,
    read_source,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.certificate_names import issued_hosts, needed_hosts
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.referenced import tls_source_name
from zookeeper_operator.ensemble.security.phase import read_phase, wanted_phase
from zookeeper_operator.ensemble.security.source_problem import (
    SourceProblem,
    missing_source,
    stale_source,
)
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.duration import parse_duration
from zookeeper_operator.kube.times import parse_time
from zookeeper_operator.zookeeper.served import Handshake

_FLAWS_IN_A_SENTENCE: Final = 3


@dataclass(frozen=True)
class Certificates:
    """What the Secrets of an ensemble must hold now, and how they stand. `repr` shows no key.

    Attributes:
        authority: the operator's CA, for `NAME-ca`; None if the source is another.
        wanted: what `NAME-tls` must hold; None if there is nothing to give to members.
        live: what it holds.
        source: where a rotation leads; None if there is no source, or it cannot be used.
        stage: how far the rotation from `live` to `source` is.
        problem: why the source cannot be used.
        warnings: what a person should know of the source.
        lifetime: the dates of what is wanted.
        mounted: the dates of what is live, which is something else while nothing may be applied.
        origin: the Secret that the certificate is from, by uid and version; empty for our own CA.
        since: since when `NAME-tls` holds what is wanted; None if it does not, or that is not known.
    """

    authority: Authority | None = None
    wanted: Stores | None = None
    live: Stores | None = None
    source: Source | None = field(default=None, repr=False)
    stage: Stage = "Done"
    problem: SourceProblem | None = None
    warnings: tuple[str, ...] = ()
    lifetime: Lifetime | None = None
    mounted: Lifetime | None = None
    origin: str = ""
    since: datetime | None = None

    @property
    def to_present(self) -> KeyPair | None:
        """A key pair of the CA that members must come to trust; None if none has to be confirmed."""
        changes = self.live is not None and self.source is not None
        if not changes or self.stage not in ("Trusting", "Presenting"):
            return None
        assert self.source is not None
        return self.source.key_pair

    @property
    def leaf(self) -> Certificate | None:
        """The certificate that members must serve now; None if `NAME-tls` is not there yet."""
        return None if self.live is None else self.live.key_pair.chain.leaf


def uses_tls(
    ensemble: Ensemble, statefulsets: Iterable[Object], pods: Iterable[Mapping[str, str]]
) -> bool:
    """Whether an ensemble has to do with certificates: its spec asks for them, or its members mount them."""
    return (
        wanted_phase(ensemble.spec).uses_certificates
        or any(_bears_certificates(_annotations(s["spec"]["template"])) for s in statefulsets)
        or any(map(_bears_certificates, pods))
    )


def _bears_certificates(annotations: Mapping[str, str]) -> bool:
    """Whether a pod with these annotations mounts certificates, or may: its phase cannot be read."""
    phase = read_phase(annotations)
    return phase is None or phase.uses_certificates


def has_tls(observed: Observed) -> bool:
    """The same of an observation."""
    statefulsets = (c for c in observed.children if c["kind"] == "StatefulSet")
    return uses_tls(observed.ensemble, statefulsets, (pod.template for pod in observed.pods))


def judge_certificates(observed: Observed) -> Certificates:
    """What the Secrets must hold now, by the source, by what they hold, and by what was confirmed."""
    if not has_tls(observed):
        return Certificates()
    ensemble, now = observed.ensemble, observed.now
    secret = observed.child("Secret", names.tls_name(ensemble.name))
    live = read_stores(read_secret(secret))
    found = replace(_find_source(observed, live), live=live)
    if found.source is None:
        origin = _annotations(secret or {}).get(names.ANNOTATION_SOURCE, "")
        return _dated(replace(found, wanted=live, origin=origin), observed)
    if live is None:
        wanted = Stores(found.source.key_pair, found.source.trust)
        return _dated(replace(found, wanted=wanted), observed)
    usable = judge_lifetime(_path_of(live), now).usable
    confirmed = _find_confirmed(observed, live, found.source)
    step = next_step(live, found.source, confirmed=confirmed, live_is_usable=usable)
    return _dated(replace(found, wanted=step.stores, stage=step.stage), observed)


def read_secret(secret: Object | None) -> Mapping[str, bytes]:
    """The decoded data of a Secret; what cannot be decoded is left out."""
    found: dict[str, bytes] = {}
    for key, value in ((secret or {}).get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError):
            continue
    return found


def ports_of(phase_quorum: int, phase_clients: int) -> tuple[int, ...]:
    """The ports on which a member of these phases shakes hands."""
    quorum = (names.ELECTION_PORT,) if phase_quorum > 0 else ()
    clients = (names.SECURE_CLIENT_PORT,) if phase_clients > 0 else ()
    return (*quorum, *clients)


def tls_ports(observed: Observed) -> Mapping[int, tuple[int, ...]]:
    """The TLS ports of each member that serves, by what its pod runs; members without any are left out."""
    found: dict[int, tuple[int, ...]] = {}
    for pod in observed.pods:
        phase = read_phase(pod.template)
        if phase is None or pod.terminating:
            continue
        if ports := ports_of(phase.quorum, phase.clients):
            found[pod.id] = ports
    return found


def serves(handshake: Handshake | None, leaf: Certificate) -> bool:
    """Whether a handshake has shown that a port serves a certificate."""
    return handshake is not None and handshake.leaf == leaf


def unconfirmed_members(observed: Observed, leaf: Certificate) -> tuple[int, ...]:
    """The members of which no handshake has shown that each of their TLS ports serves the certificate."""
    return _members_unlike(observed, lambda handshake: serves(handshake, leaf))


def distrusting_members(observed: Observed, anchor: Certificate) -> tuple[int, ...]:
    """The members of which no handshake has shown that each of their TLS ports trusts a CA."""
    return _members_unlike(observed, lambda handshake: _trusts(handshake, anchor))


def _members_unlike(
    observed: Observed, shows: Callable[[Handshake | None], bool]
) -> tuple[int, ...]:
    """The members with a TLS port of which the handshake does not show it."""
    shown = observed.handshakes
    return tuple(
        member_id
        for member_id, ports in sorted(tls_ports(observed).items())
        if not all(shows(shown.get(member_id, {}).get(port)) for port in ports)
    )


def _find_confirmed(observed: Observed, live: Stores, source: Source) -> Confirmed:
    """What is known of every member that mounts the stores.

    One without a pod confirms nothing, nor one of which the phase, and so what it mounts, is not known.
    """
    committed = observed.committed
    here = {pod.id for pod in observed.pods}
    unreadable = any(read_phase(pod.template) is None for pod in observed.pods)
    if committed is None or not committed.ids <= here or unreadable:
        return Confirmed()
    return Confirmed(
        trusted=not distrusting_members(observed, source.path.anchor),
        served=not unconfirmed_members(observed, live.key_pair.chain.leaf),
    )


def _trusts(handshake: Handshake | None, anchor: Certificate) -> bool:
    return handshake is not None and handshake.accepts is True and handshake.presented == anchor


def _find_source(observed: Observed, live: Stores | None) -> Certificates:
    ensemble = observed.ensemble
    tls = ensemble.spec.tls
    asked = tls.source if tls is not None else TlsSourceSpec()
    if asked.secret_name is not None or asked.issuer_ref is not None:
        return _from_secret(observed, live, verify=tls is not None and tls.verify_peer_names)
    authority = read_authority(
        read_secret(observed.child("Secret", names.authority_name(ensemble.name)))
    )
    if tls is None and not _is_in_use(authority, live):
        return Certificates()  # it is being left, and its source is no longer named
    return _from_authority(observed, live, authority, asked.operator_ca or OperatorCaSpec())


def _is_in_use(authority: Authority | None, live: Stores | None) -> bool:
    """Whether members trust this CA, or nothing yet: an earlier source may have left it behind."""
    return authority is not None and (
        live is None or authority.certificate in live.trust.authorities
    )


def _from_authority(
    observed: Observed, live: Stores | None, authority: Authority | None, spec: OperatorCaSpec
) -> Certificates:
    """A source of the operator's own CA. What is due is issued with a fresh key, which `NAME-tls` keeps."""
    ensemble, now = observed.ensemble, observed.now
    terms = Terms(
        parse_duration(spec.validity),
        parse_duration(spec.certificate_validity),
        parse_duration(spec.renew_before),
    )
    holder = Holder(ensemble.namespace, ensemble.name, issued_hosts(ensemble))
    if observed.fresh_keys is None:
        return Certificates(authority)
    for_authority, for_leaf = observed.fresh_keys
    if authority is None or why_authority_is_due(authority.certificate, now=now, terms=terms):
        authority = create_authority(holder, key=for_authority, now=now, terms=terms)
    key_pair = None if live is None else live.key_pair
    if key_pair is None or why_certificate_is_due(
        key_pair, authority, holder, now=now, terms=terms
    ):
        key_pair = issue(authority, holder, key=for_leaf, now=now, terms=terms)
    return Certificates(authority, source=source_of(authority, key_pair))


def _from_secret(observed: Observed, live: Stores | None, *, verify: bool) -> Certificates:
    ensemble, found = observed.ensemble, observed.tls_source
    name = tls_source_name(ensemble)
    if found is None:
        return Certificates(problem=missing_source(observed, name or ""))
    reading = read_source(found.data, names=needed_hosts(ensemble), names_required=verify)
    warnings = tuple(f"Secret {found.name}: {flaw.sentence}" for flaw in reading.warnings)
    origin = f"{found.uid}/{found.version}"
    source = reading.source
    if source is None:
        shown = [flaw.sentence for flaw in reading.flaws]
        said = "; ".join(shown[:_FLAWS_IN_A_SENTENCE])
        problem = SourceProblem(
            reasons.CERTIFICATE_INVALID, f"Secret {found.name} cannot be used: {said}"
        )
        return Certificates(problem=problem)
    in_use = live is not None and live.key_pair == source.key_pair
    lifetime = judge_lifetime(source.path.certificates, observed.now)
    if not in_use and not lifetime.fresh_enough:
        is_anchor = lifetime.subject == source.path.anchor.subject
        key: SourceKey = AUTHORITIES if is_anchor else CERTIFICATE
        return Certificates(problem=stale_source(found.name, key, lifetime))
    return Certificates(source=source, warnings=warnings, origin=origin)


def _dated(found: Certificates, observed: Observed) -> Certificates:
    wanted, mounted = (
        None if stores is None else judge_lifetime(_path_of(stores), observed.now)
        for stores in (found.wanted, found.live)
    )
    return replace(found, lifetime=wanted, mounted=mounted, since=_since(found, observed))


def _since(found: Certificates, observed: Observed) -> datetime | None:
    if found.live is None or found.wanted != found.live:
        return None
    secret = observed.child("Secret", names.tls_name(observed.ensemble.name))
    annotations = _annotations(secret or {})
    if annotations.get(names.ANNOTATION_CERTIFICATES) != found.live.fingerprint:
        return None
    try:
        since = parse_time(annotations.get(names.ANNOTATION_CERTIFICATES_SINCE))
    except ValueError:
        return None  # somebody has edited it
    return since if since is not None and since.tzinfo is not None else None


def _path_of(stores: Stores) -> tuple[Certificate, ...]:
    path = path_to(stores.key_pair.chain, stores.trust.authorities)
    return stores.key_pair.chain.certificates if path is None else path.certificates


def _annotations(template: Object) -> Mapping[str, str]:
    return (template.get("metadata") or {}).get("annotations") or {}
