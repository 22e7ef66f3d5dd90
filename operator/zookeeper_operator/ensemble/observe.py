"""One observation of an ensemble: everything that is decided from, gathered live, in one value.

Reads only. Children come from lists by label at the time of the observation, never from events; members are
asked all at once. What could not be learned is left unknown in the value, never guessed.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.backups import SCHEDULES, read_backup_recent
from zookeeper_operator.ensemble.bootstrap import FoundBackup
from zookeeper_operator.ensemble.children import CHILD_KINDS, expected_names
from zookeeper_operator.ensemble.configuration_reader import ConfigurationReader
from zookeeper_operator.ensemble.dereference import (
    dereference,
    fetch_backup,
    fetch_issuance,
    fetch_passwords,
    fetch_tls_source,
)
from zookeeper_operator.ensemble.ensemble import Ensemble, read_ensemble
from zookeeper_operator.ensemble.handshakes import HandshakeReader
from zookeeper_operator.ensemble.installation import check_managed_here
from zookeeper_operator.ensemble.observed import (
    Claim,
    FormerVolume,
    Observed,
    Pod,
    StorageClass,
    TlsSource,
)
from zookeeper_operator.ensemble.plan.claims import asked_size
from zookeeper_operator.ensemble.pod_events import fetch_refused, with_start_trouble
from zookeeper_operator.ensemble.pods import (
    config_of,
    is_node_ready,
    is_ours,
    member_ids,
    read_claim,
    read_former_volumes,
    read_pods,
    read_previous_pods,
    read_storage_classes,
)
from zookeeper_operator.ensemble.referenced import Referenced
from zookeeper_operator.ensemble.security.certificates import has_tls, uses_tls
from zookeeper_operator.ensemble.security.phase import read_phase, template_phase, wanted_phase
from zookeeper_operator.ensemble.security.readiness import awaits_plain_clients
from zookeeper_operator.ensemble.security.users import names_login
from zookeeper_operator.ensemble.stopped_members import with_live_pods
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Address,
    ZooKeeper,
)

_LISTED: Final = tuple(kind.resource for kind in CHILD_KINDS if kind.listed)
_READ_AS_VALUES: Final = frozenset({"Pod", "PersistentVolumeClaim"})


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


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
        self._configurations = ConfigurationReader(kube, zookeeper, settings.namespaces)
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
            patch_pods=self._settings.patch_pods,
            cert_manager=self._settings.cert_manager,
            operator=self._settings.installation,
            agent_image=self._settings.image,
            agent_pull_policy=self._settings.image_pull_policy,
        )
        now = self._now()
        listed, schedules = await asyncio.gather(
            self._fetch_children(ensemble), self._kube.list(SCHEDULES, namespace)
        )
        listed = await with_live_pods(self._kube, ensemble, listed)
        candidates = [
            child
            for kind, found in listed.items()
            if kind not in _READ_AS_VALUES
            for child in found
        ]
        secured = _is_secured(ensemble, candidates, listed["Pod"])
        with_users = _has_users(ensemble, candidates, listed["Pod"])
        needed = _needed_names(
            ensemble, candidates, listed["Pod"], secured=secured, with_users=with_users
        )
        # What an earlier source of the certificate has left, or somebody else's, which is no obstacle.
        read = needed | ({("Secret", names.authority_name(name))} if secured else set())
        candidates += await self._fetch_unlisted(ensemble, candidates, read)
        if not with_users and _names_login(ensemble, candidates):
            # There were users until now: what members knew of them has still to be forgotten.
            read |= {("Secret", names.users_name(name))}
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
        so_far = Observed(ensemble, now, children=children, pods=pods)
        (
            told,
            (referenced, tls_source, passwords, backup),
            (classes, former),
            pods,
            refused,
        ) = await asyncio.gather(
            self._configurations.ask(key, so_far, addresses),
            self._fetch_named(ensemble),
            self._fetch_volumes(ensemble, claims),
            with_start_trouble(self._kube, ensemble.namespace, pods, now),
            fetch_refused(self._kube, ensemble.namespace, statefulsets, pods),
        )
        lost_nodes = await self._fetch_lost_nodes(
            {p.node for p in pods if p.node and not _answered(told.answers, p)}
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
            former_volumes=former,
            backup=backup,
            backup_recent=read_backup_recent(name, schedules),
            answers=told.answers,
            committed=told.committed,
            unreadable=told.unreadable,
            login_accepted=told.login_accepted,
            storage_classes=classes,
            referenced=referenced,
            lost_nodes=lost_nodes,
            source=told.source,
            tls_source=tls_source,
            passwords=passwords,
            fresh_password=secrets.token_urlsafe(24),
            fresh_login_password=secrets.token_urlsafe(24),
            fresh_store_password=secrets.token_urlsafe(24),
        )
        if ensemble.cert_manager and (secured or ensemble.asks_cert_manager):
            observed = replace(observed, issuance=await fetch_issuance(self._kube, ensemble))
        if not has_tls(observed):
            return observed
        if awaits_plain_clients(observed):
            serving = [a for a in addresses if _serves(told.answers, a.id)]
            counts = await self._zookeeper.count_plain_clients(serving)
            observed = replace(observed, plain_clients=counts)
        observed = replace(observed, fresh_keys=(fresh_private_key(), fresh_private_key()))
        return replace(observed, handshakes=await self._handshakes.fetch(key, observed))

    def forget(self, key: Key) -> None:
        """Drop what is remembered about an ensemble."""
        self._configurations.forget(key)
        self._handshakes.forget(key)

    def invalidate(self, key: Key) -> None:
        """Read the configuration again next time: it may be changed, whatever the call answers."""
        self._configurations.forget(key)

    async def _fetch_named(
        self, ensemble: Ensemble
    ) -> tuple[Referenced, TlsSource | None, Mapping[str, bytes], FoundBackup]:
        """What the spec refers to, and what is used of it."""
        return await asyncio.gather(
            dereference(self._kube, ensemble),
            fetch_tls_source(self._kube, ensemble),
            fetch_passwords(self._kube, ensemble),
            fetch_backup(self._kube, ensemble),
        )

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

    async def _fetch_volumes(
        self, ensemble: Ensemble, claims: tuple[Claim, ...]
    ) -> tuple[Mapping[str, StorageClass], tuple[FormerVolume, ...] | None]:
        """What the cluster knows of storage beside the claims."""
        return await asyncio.gather(
            self._fetch_storage_classes(ensemble, claims),
            self._fetch_former_volumes(ensemble, claims),
        )

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

    async def _fetch_former_volumes(
        self, ensemble: Ensemble, claims: tuple[Claim, ...]
    ) -> tuple[FormerVolume, ...] | None:
        """The volumes that lost claims have left, for a recovery; None where they may not be read."""
        if not ensemble.recover:
            return ()
        try:
            found = await self._kube.list(RESOURCES["PersistentVolume"], None)
        except KubeError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return None
        return read_former_volumes(found, namespace=ensemble.namespace, claims=claims)

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


def _answered(answers: Mapping[int, Answers], pod: Pod) -> bool:
    answer = answers.get(pod.id)
    return answer is not None and answer.reachable


def _serves(answers: Mapping[int, Answers], member_id: int) -> bool:
    answer = answers.get(member_id)
    return answer is not None and answer.serving


def _name_of(child: Object) -> tuple[str, str]:
    return child["kind"], child["metadata"]["name"]


def _is_secured(ensemble: Ensemble, listed: list[Object], pods: list[Object]) -> bool:
    statefulsets = [c for c in listed if c["kind"] == "StatefulSet"]
    annotations = [pod["metadata"].get("annotations") or {} for pod in pods]
    return uses_tls(ensemble, statefulsets, annotations)


def _has_users(ensemble: Ensemble, listed: list[Object], pods: list[Object]) -> bool:
    """Whether the spec asks for users, or members mount them."""
    templates = [
        template_phase(c["spec"]["template"]) for c in listed if c["kind"] == "StatefulSet"
    ]
    found = [read_phase(pod["metadata"].get("annotations") or {}) for pod in pods]
    phases = (wanted_phase(ensemble.spec), *templates, *found)
    return any(phase is not None and phase.knows_users for phase in phases)


def _names_login(ensemble: Ensemble, found: list[Object]) -> bool:
    own = ("Secret", names.auth_name(ensemble.name))
    return names_login(next((c for c in found if _name_of(c) == own), None))


def _needed_names(
    ensemble: Ensemble,
    listed: list[Object],
    pods: list[Object],
    *,
    secured: bool,
    with_users: bool,
) -> frozenset[tuple[str, str]]:
    """Kind and name of what the spec calls for, and of what members need that are still there."""
    configs = [c for c in listed if c["kind"] == "ConfigMap"]
    ids = member_ids(ensemble, configs, pods)
    expected = expected_names(ensemble, ids, secured=secured, with_users=with_users)
    return expected | _named_configs(listed, pods)


def _named_configs(listed: list[Object], pods: list[Object]) -> frozenset[tuple[str, str]]:
    """The configurations that templates and pods name: not to be shown by a list is not to be gone."""
    specs = [c["spec"]["template"]["spec"] for c in listed if c["kind"] == "StatefulSet"]
    specs += [pod.get("spec") or {} for pod in pods]
    return frozenset(("ConfigMap", name) for spec in specs if (name := config_of(spec)))


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
