"""Everything that one observation of an ensemble found, as one frozen value.

`observe` fills it in once per reconcile, from live reads; nothing else decides anything. Absence is
distinguished from ignorance: a member that could not be asked has `reachable=False`, a configuration
that could not be read is None, and neither is ever taken for "gone".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.certificates.private_key import PrivateKey
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.fence import Memory
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.bootstrap import FoundBackup
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.referenced import Referenced
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.served import Handshakes
from zookeeper_operator.zookeeper.servers import CommittedConfig

# What is refused because a member is not in sync yet is worth another try soon.
_RETRY_AFTER: Final = timedelta(seconds=2)
# A follower that starts has a snapshot of some hundred MiB within this.
_WORTH_TRYING: Final = timedelta(seconds=15)


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not come up by itself, in the API's own words."""

    reason: str
    message: str


@dataclass(frozen=True)
class Pod:
    """One member's pod.

    `trouble` keeps the member itself from coming up; `sidecar` is that of another container, which the
    member does without. `answered` says whether the server has answered since its container was started,
    `running_since` when that was; `running` whether it runs, as far as the kubelet has reported.
    `never_ready` is False where that is not known.
    """

    id: int
    name: str
    uid: str
    revision: str
    ready: bool
    terminating: bool
    running: bool = True
    node: str = ""
    ip: str = ""
    host_ip: str = ""
    trouble: Trouble | None = None
    ready_since: datetime | None = None
    unready_since: datetime | None = None
    config: str = ""
    replace_requested: bool = False
    never_ready: bool = False
    sidecar: Trouble | None = None
    answered: bool = False
    running_since: datetime | None = None
    creating_since: datetime | None = None
    """Since when it has a node and none of its containers has been started."""
    notified: str = ""
    """Of which certificates the operator has notified its kubelet last, and how often."""
    template: Mapping[str, str] = field(default_factory=dict)
    """Those annotations of the template it was created from that say why it differs from another one."""

    @property
    def component(self) -> str:
        """Whether it belongs to the voters' or to the observers' StatefulSet."""
        return names.component_of(self.id)


@dataclass(frozen=True)
class Claim:
    """One volume claim of one member.

    `requested` and `capacity` are bytes; `size` is how the claim spells what it requests. `member` says
    whether the volume is marked as belonging to a member of the committed configuration, None if it was
    never marked; `instance` is the label of that name, which it must not bear; `owners` are the UIDs of the
    objects it is deleted with.
    """

    name: str
    uid: str
    member_id: int
    volume: str
    phase: str
    requested: int
    capacity: int
    identity: str
    member: bool | None
    size: str = ""
    storage_class: str = ""
    terminating: bool = False
    resizing: bool = False
    file_system_resize_pending: bool = False
    owners: frozenset[str] = frozenset()
    instance: str | None = None


@dataclass(frozen=True)
class FormerVolume:
    """A PersistentVolume that is bound to no claim there is, but to one that was called like a member's."""

    name: str
    claim: str
    phase: str


@dataclass(frozen=True)
class StorageClass:
    """What the planner must know of a storage class."""

    name: str
    expandable: bool
    default: bool = False


@dataclass(frozen=True)
class Refusal:
    """The last reconfiguration the ensemble refused, as this process remembers it.

    A hint, not state: after a restart of the operator it is gone, the call is tried again and refused
    again.

    Attributes:
        why: What the ensemble answered.
        at: When it did so last.
        handing_over: The member that was to hand over its vote; None if something else was refused.
        transient: Whether the cause is transient, such as a follower that is not in sync yet.
        since: When the same was refused first; None if that was only once.
    """

    why: str
    at: datetime
    handing_over: int | None = None
    transient: bool = False
    since: datetime | None = None

    def is_recent(self, now: datetime) -> bool:
        """Whether it is too early to try the same again."""
        return now - self.at < _RETRY_AFTER

    def is_transient(self, now: datetime) -> bool:
        """Whether trying the same again is better than going without it."""
        return self.transient and now - (self.since or self.at) < _WORTH_TRYING

    def followed_by(self, later: "Refusal") -> "Refusal":
        """A later refusal, which continues this one if it is about the same."""
        same = later.handing_over == self.handing_over
        if not same or later.at - self.at > _WORTH_TRYING:
            return later
        return replace(later, since=self.since or self.at)


@dataclass(frozen=True)
class TlsSource:
    """The content of a `kubernetes.io/tls` Secret, and which one it is. `repr` does not show the content."""

    name: str
    uid: str
    version: str
    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Issuance:
    """The Certificate `NAME-certificate` of cert-manager, as far as it could be read.

    Attributes:
        certificate: The live object; None if there is none.
        ours: Whether it belongs to the ensemble. Another one is left alone, and its Secret is used.
        unreadable: Why it could not be read, for example because cert-manager is not installed.
    """

    certificate: Object | None = None
    ours: bool = False
    unreadable: str = ""

    @property
    def message(self) -> str:
        """What cert-manager says of it, if it is not done; empty if it says nothing."""
        found = ((self.certificate or {}).get("status") or {}).get("conditions") or []
        said = {c.get("type"): str(c.get("message") or "") for c in found if isinstance(c, dict)}
        return said.get("Issuing") or said.get("Ready") or ""


@dataclass(frozen=True)
class Applied:
    """An apply that was carried out: the resource version it led to, and the stamp of what was applied."""

    version: str
    stamp: str


@dataclass(frozen=True)
class Observed:
    """One observation of one ensemble."""

    ensemble: Ensemble
    now: datetime
    children: tuple[Object, ...] = ()
    """Live objects that the ensemble owns (controller owner UID), pods and claims left out."""
    foreign: tuple[Object, ...] = ()
    """Live objects that bear a name we need but are owned by someone else."""
    pods: tuple[Pod, ...] = ()
    unclaimed: frozenset[str] = frozenset()
    """Names of further pods with our label: of a StatefulSet that was just recreated, or not ours."""
    previous_pods: tuple[str, ...] = ()
    """Names of pods that members of this ensemble need, and that a deleted ensemble has left."""
    unclaimed_configs: frozenset[str] = frozenset()
    """The configurations that these further pods and `previous_pods` name."""
    refused: Mapping[str, Trouble] = field(default_factory=dict)
    """Why pods that must be there cannot be created, by their names, where that is known."""
    claims: tuple[Claim, ...] = ()
    answers: Mapping[int, Answers] = field(default_factory=dict)
    committed: CommittedConfig | None = None
    unreadable: str = ""
    """Why the committed configuration could not be read, when it could not."""
    backup_recent: Condition | None = None
    """What its schedules say of its backups; None if it has none."""
    backup: FoundBackup = field(default_factory=FoundBackup)
    """The backup that the spec names, while the ensemble is not founded."""
    former_volumes: tuple[FormerVolume, ...] | None = ()
    """Volumes that earlier claims of the members have left; None if they may not be read. Only read
    when a recovery is asked for."""
    storage_classes: Mapping[str, StorageClass] = field(default_factory=dict)
    referenced: Referenced = field(default_factory=Referenced)
    source: Source | None = None
    """The ensemble that is taken over, while the spec names one; its members are in `answers` as well."""
    lost_nodes: frozenset[str] = frozenset()
    """Nodes of members that do not answer, which the cluster says are not ready."""
    refusal: Refusal | None = None
    contradicted_since: datetime | None = None
    """Since when members have contradicted each other in every reconcile, as this process remembers it."""
    memory: Memory | None = None
    """Since when a source that is cut over stands still, or is silent, as this process remembers it."""
    applied: Mapping[str, "Applied"] = field(default_factory=dict)
    """What applies of this process have led to, by the uid of the object. Saves applying the same again."""
    tls_source: "TlsSource | None" = None
    """The Secret that the certificate of the members is taken from; None if there is none."""
    issuance: Issuance | None = None
    """The Certificate of cert-manager; None where the operator has nothing to do with cert-manager."""
    passwords: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The passwords that the spec refers to, by user; those that could be read."""
    login_accepted: bool | None = None
    """Whether the members have let the operator log in; None where it has not tried to."""
    handshakes: Handshakes = field(default_factory=dict)
    """What handshakes with the members' ports have shown, lately enough to count."""
    plain_clients: Mapping[int, int] = field(default_factory=dict)
    """How many clients of each member have no TLS, where it is asked for: a member not known is left out."""
    fresh_password: str = field(default="", repr=False)
    """Random; used only when there is no Secret yet. Randomness is not the planner's business."""
    fresh_login_password: str = field(default="", repr=False)
    """The same for the user that the operator logs in as."""
    fresh_store_password: str = field(default="", repr=False)
    """The same for the trust store. Members mount it in clear, so it must open nothing else."""
    fresh_keys: tuple[PrivateKey, PrivateKey] | None = None
    """New keys for a CA and for a certificate, for an ensemble that may need them."""

    @cached_property
    def _children_by_name(self) -> Mapping[tuple[str, str], Object]:
        return {(c["kind"], c["metadata"]["name"]): c for c in self.children}

    def child(self, kind: str, name: str) -> Object | None:
        """The owned live object of that kind and name."""
        return self._children_by_name.get((kind, name))

    def statefulset(self, component: str) -> Object | None:
        """The owned live StatefulSet of a component."""
        return self.child("StatefulSet", names.statefulset_name(self.ensemble.name, component))

    def is_leaving(self, claim: Claim) -> bool:
        """Whether a claim is being deleted, or will be: the garbage collector has yet to come to it.

        It deletes what has owners when none of them is left. An owner that is not ours belongs to a deleted
        ensemble.
        """
        ours = {c["metadata"]["uid"] for c in self.children} | {pod.uid for pod in self.pods}
        return claim.terminating or (bool(claim.owners) and not claim.owners & ours)

    def pod(self, member_id: int) -> Pod | None:
        """The pod of a member."""
        return next((p for p in self.pods if p.id == member_id), None)
