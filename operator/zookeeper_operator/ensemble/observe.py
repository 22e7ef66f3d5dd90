"""One observation of an ensemble: everything that is decided from, gathered live, in one value.

Reads only. Children come from lists by label at the time of the observation, never from events; members are
asked all at once. What could not be learned is left unknown in the value, never guessed.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.children import CHILD_KINDS, expected_names
from zookeeper_operator.ensemble.dereference import dereference, fetch_tls_source
from zookeeper_operator.ensemble.ensemble import Ensemble, read_ensemble
from zookeeper_operator.ensemble.handshakes import HandshakeReader
from zookeeper_operator.ensemble.installation import check_managed_here
from zookeeper_operator.ensemble.judge.quorum import judge_quorum
from zookeeper_operator.ensemble.membership import published_ids
from zookeeper_operator.ensemble.observed import Claim, Observed, Pod, StorageClass
from zookeeper_operator.ensemble.plan.claims import asked_size
from zookeeper_operator.ensemble.pod_events import fetch_refused, with_start_trouble
from zookeeper_operator.ensemble.pods import (
    config_of,
    is_node_ready,
    is_ours,
    read_claim,
    read_pods,
    read_previous_pods,
    read_storage_classes,
)
from zookeeper_operator.ensemble.security.certificates import has_tls, uses_tls
from zookeeper_operator.ensemble.security.readiness import secure_access
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    EnsembleUnreachableError,
    SecureAccess,
    ZooKeeper,
)
from zookeeper_operator.zookeeper.servers import CommittedConfig

_LISTED: Final = tuple(kind.resource for kind in CHILD_KINDS if kind.listed)
_READ_AS_VALUES: Final = frozenset({"Pod", "PersistentVolumeClaim"})
# The members' voting views give every change of voters away at once; only a change among observers that
# someone else made needs the configuration itself to be read again.
_CONFIG_AGE_SECONDS: Final = 60.0


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class _KnownConfig:
    config: CommittedConfig
    fingerprint: object
    at: float
    uid: str


@dataclass(frozen=True)
class _Told:
    answers: Mapping[int, Answers]
    committed: CommittedConfig | None
    unreadable: str = ""


class Inspector:
    """Observes ensembles. Remembers only what saves a question, never what decides."""

    def __init__(
        self,
        kube: Kube,
        zookeeper: ZooKeeper,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._settings = settings
        self._now = now
        self._readings: dict[Key, _KnownConfig] = {}
        self._handshakes = HandshakeReader(zookeeper)

    async def observe(self, key: Key) -> Observed | None:
        """Observe one ensemble; None if it does not exist.

        Raises:
            KubeError: the API server could not be asked; nothing is known.
            pydantic.ValidationError: the spec cannot be read.
            ManagedElsewhereError: another operator manages it.
        """
        _, namespace, name = key
        body = await self._kube.get(names.ENSEMBLES, namespace, name)
        if body is None:
            self.forget(key)
            return None
        check_managed_here(body, self._settings.installation)
        ensemble = read_ensemble(
            body,
            cluster_domain=self._settings.cluster_domain,
            operator_namespace=self._settings.namespace,
            allowed_privileges=self._settings.allow_privileged,
            operator=self._settings.installation,
        )
        now = self._now()
        listed = await self._fetch_children(ensemble)
        candidates = [
            child
            for kind, found in listed.items()
            if kind not in _READ_AS_VALUES
            for child in found
        ]
        secured = _is_secured(ensemble, candidates, listed["Pod"])
        needed = _needed_names(ensemble, candidates, listed["Pod"], secured=secured)
        # What an earlier source of the certificate has left, or somebody else's, which is no obstacle.
        read = needed | ({("Secret", names.authority_name(name))} if secured else set())
        candidates += await self._fetch_unlisted(ensemble, candidates, read)
        children = tuple(
            c
            for c in candidates
            if is_ours(c, name=name, uid=ensemble.uid, needed=_name_of(c) in read)
        )
        statefulsets = [c for c in children if c["kind"] == "StatefulSet"]
        pods = read_pods(listed["Pod"], ensemble=name, statefulsets=statefulsets, now=now)
        claims = _read_claims(listed["PersistentVolumeClaim"], name, now)
        addresses = addresses_of(ensemble.namespace, pods)
        secure = secure_access(Observed(ensemble, now, children=children, pods=pods))
        polled, referenced, source, classes, pods, refused = await asyncio.gather(
            self._ask_ensemble(key, ensemble.uid, addresses, secure),
            dereference(self._kube, ensemble),
            fetch_tls_source(self._kube, ensemble),
            self._fetch_storage_classes(ensemble, claims),
            with_start_trouble(self._kube, ensemble.namespace, pods, now),
            fetch_refused(self._kube, ensemble.namespace, statefulsets, pods),
        )
        lost_nodes = await self._fetch_lost_nodes(
            {p.node for p in pods if p.node and not _answered(polled.answers, p)}
        )
        ours = {pod.name for pod in pods}
        unclaimed = [pod for pod in listed["Pod"] if pod["metadata"]["name"] not in ours]
        observed = Observed(
            ensemble=ensemble,
            now=now,
            children=children,
            foreign=tuple(c for c in candidates if c not in children and _name_of(c) in needed),
            pods=pods,
            unclaimed=frozenset(pod["metadata"]["name"] for pod in unclaimed),
            previous_pods=read_previous_pods(listed["Pod"], ensemble=name, pods_of_members=pods),
            unclaimed_configs=frozenset(config_of(pod.get("spec") or {}) for pod in unclaimed),
            refused=refused,
            claims=claims,
            answers=polled.answers,
            committed=polled.committed,
            unreadable=polled.unreadable,
            storage_classes=classes,
            referenced=referenced,
            lost_nodes=lost_nodes,
            tls_source=source,
            fresh_password=secrets.token_urlsafe(24),
            fresh_store_password=secrets.token_urlsafe(24),
        )
        if not has_tls(observed):
            return observed
        observed = replace(observed, fresh_keys=(fresh_private_key(), fresh_private_key()))
        return replace(observed, handshakes=await self._handshakes.fetch(key, observed))

    def forget(self, key: Key) -> None:
        """Drop what is remembered about an ensemble."""
        self._readings.pop(key, None)
        self._handshakes.forget(key)

    async def _fetch_children(self, ensemble: Ensemble) -> Mapping[str, list[Object]]:
        labels = f"{names.LABEL_ENSEMBLE}={ensemble.name}"
        lists = await asyncio.gather(
            *(self._kube.list(kind, ensemble.namespace, labels=labels) for kind in _LISTED)
        )
        return {kind.kind: found for kind, found in zip(_LISTED, lists, strict=True)}

    async def _fetch_unlisted(
        self, ensemble: Ensemble, listed: list[Object], wanted: frozenset[tuple[str, str]]
    ) -> list[Object]:
        """Objects under these names that no list has shown: Secrets, others' objects, or too new ones."""
        known = {_name_of(c) for c in listed}
        found = await asyncio.gather(
            *(
                self._kube.get(RESOURCES[kind], ensemble.namespace, name)
                for kind, name in sorted(wanted - known)
            )
        )
        return [body for body in found if body is not None]

    async def _fetch_storage_classes(
        self, ensemble: Ensemble, claims: tuple[Claim, ...]
    ) -> Mapping[str, StorageClass]:
        """The storage classes, when a claim is not what the spec asks for."""
        asked = {volume: asked_size(ensemble, volume) for volume in {c.volume for c in claims}}
        if all(c.phase == "Bound" and c.requested >= asked[c.volume] for c in claims):
            return {}
        try:
            return read_storage_classes(await self._kube.list(RESOURCES["StorageClass"], None))
        except KubeError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return {}

    async def _fetch_lost_nodes(self, nodes: set[str]) -> frozenset[str]:
        """Which of these nodes the cluster says are not ready; none where nodes may not be read."""
        try:
            found = await asyncio.gather(
                *(self._kube.get(RESOURCES["Node"], None, node) for node in sorted(nodes))
            )
        except KubeError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return frozenset()
        return frozenset(
            node for node, body in zip(sorted(nodes), found, strict=True) if not is_node_ready(body)
        )

    async def _ask_ensemble(
        self, key: Key, uid: str, addresses: tuple[Address, ...], secure: SecureAccess | None
    ) -> _Told:
        """What the members say, and who they are by the configuration that they have committed."""
        answers = await self._zookeeper.probe(addresses, thorough=True)
        fingerprint = fingerprint_of(answers)
        now = asyncio.get_running_loop().time()
        known = self._readings.get(key)
        # One that was created again under this name is another ensemble, whatever its members are called.
        is_same = known is not None and (known.uid, known.fingerprint) == (uid, fingerprint)
        if known and is_same and now - known.at < _CONFIG_AGE_SECONDS:
            return _Told(answers, known.config)
        serving = tuple(a for a in addresses if a.id in answers and answers[a.id].serving)
        if not serving:
            return _Told(
                answers, None, "no member serves, so none can be asked for the configuration"
            )
        # A sync waits for a quorum; while there is none, it would only delay the next reconcile.
        by_themselves = frozenset(member.id for member in serving)
        if not judge_quorum(answers, committed=None, published=by_themselves).healthy:
            return _Told(
                answers,
                None,
                "no majority has answered that it serves, so the configuration was not read",
            )
        try:
            config = await self._zookeeper.read_config(Access(serving, secure=secure))
        except EnsembleUnreachableError as error:
            # Giving up has taken seconds, and what was said before them is too old to report.
            why = f"the configuration could not be read: {error}"
            return _Told(await self._zookeeper.probe(addresses, thorough=True), None, why)
        self._readings[key] = _KnownConfig(config, fingerprint, now, uid)
        return _Told(answers, config)

    def invalidate(self, key: Key) -> None:
        """Read the configuration again next time: it may be changed, whatever the call answers."""
        self._readings.pop(key, None)


def _answered(answers: Mapping[int, Answers], pod: Pod) -> bool:
    answer = answers.get(pod.id)
    return answer is not None and answer.reachable


def _name_of(child: Object) -> tuple[str, str]:
    return child["kind"], child["metadata"]["name"]


def _is_secured(ensemble: Ensemble, listed: list[Object], pods: list[Object]) -> bool:
    statefulsets = [c for c in listed if c["kind"] == "StatefulSet"]
    annotations = [pod["metadata"].get("annotations") or {} for pod in pods]
    return uses_tls(ensemble, statefulsets, annotations)


def _needed_names(
    ensemble: Ensemble, listed: list[Object], pods: list[Object], *, secured: bool
) -> frozenset[tuple[str, str]]:
    """Kind and name of what the spec calls for, and of what members need that are still there."""
    published = next(
        (c for c in listed if _name_of(c) == ("ConfigMap", names.membership_name(ensemble.name))),
        None,
    )
    present = {names.member_id_of(ensemble.name, pod["metadata"]["name"]) for pod in pods}
    ids = published_ids(published) | {i for i in present if i is not None}
    return expected_names(ensemble, ids, secured=secured) | _named_configs(listed, pods)


def _named_configs(listed: list[Object], pods: list[Object]) -> frozenset[tuple[str, str]]:
    """The configurations that templates and pods name: not to be shown by a list is not to be gone."""
    specs = [c["spec"]["template"]["spec"] for c in listed if c["kind"] == "StatefulSet"]
    specs += [pod.get("spec") or {} for pod in pods]
    return frozenset(("ConfigMap", name) for spec in specs if (name := config_of(spec)))


def fingerprint_of(answers: Mapping[int, Answers]) -> object:
    """What changes whenever the committed voters can have changed."""
    return frozenset(
        (a.id, a.leader_id, a.is_leader, a.voting_view, a.epoch if a.is_leader else None)
        for a in answers.values()
        if a.serving
    )


def addresses_of(namespace: str, pods: Iterable[Pod]) -> tuple[Address, ...]:
    """Where the members can be asked: every pod that has an address and must stay."""
    return tuple(
        Address(pod.id, namespace, pod.name, pod.ip)
        for pod in pods
        if pod.ip and not pod.terminating
    )


def _read_claims(claims: list[Object], ensemble: str, now: datetime) -> tuple[Claim, ...]:
    found = (read_claim(body, ensemble=ensemble, now=now) for body in claims)
    return tuple(sorted(filter(None, found), key=lambda claim: claim.name))
