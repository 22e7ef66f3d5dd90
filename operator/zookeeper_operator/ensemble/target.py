"""What is wanted now: everything the builders may see, and nothing else.

Pure. A `Target` follows from a spec, from what the spec refers to, and from who the members are. Builders
take a `Target`, never the spec of a live object, so that a phase between spec and manifests has a place.

What goes into a pod template is of three kinds:

* what starts a roll: fields of the spec, a phase, hashes of what the spec refers to;
* what rides along with the next roll: `BUILDER_REVISION`;
* what is never in it: membership, replicas, whatever a running member takes over by itself.

The first kind is hashed into two annotations, by which a template that another version of the operator
built is recognised as still being what the user asked for (docs/adr/0002).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.ensemble import EnsembleSpec, ImagePullPolicy
from zookeeper_operator.api.security import TlsSpec
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.security.phase import PLAIN, Phase, lets_in_certificates
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash


@dataclass(frozen=True)
class Target:
    """One ensemble as it must be now."""

    namespace: str
    name: str
    uid: str
    spec: EnsembleSpec
    membership: Membership
    restarted_at: str = ""
    agent_image: str = ""
    agent_pull_policy: ImagePullPolicy = "IfNotPresent"
    cluster_domain: str = "cluster.local"
    operator_namespace: str = "zookeeper-operator"
    phase: Phase = PLAIN
    """What the members of a pod template speak."""
    reached: Phase = PLAIN
    """What every member speaks already: what applications may rely on."""
    trust: str = ""
    """The CAs that clients need to trust, in PEM; empty while there is none."""
    users: str = ""
    """A hash of the users that members of a phase with users know."""
    source_peers: tuple[Object, ...] = ()
    """Members of a source that may connect to the quorum ports, as peers of a NetworkPolicy."""

    @property
    def first_id(self) -> int:
        """The id of the first member; what has a lower one is a member of a source."""
        return self.spec.first_member_id

    @property
    def own_ids(self) -> tuple[int, ...]:
        """The members of the list that are ours, by id."""
        return tuple(sorted(i for i in self.membership.ids if i >= self.first_id))

    @property
    def closed(self) -> bool:
        """Whether no member takes plain clients from outside its pod."""
        servers = self.membership.servers
        return bool(servers) and all(server.is_closed for server in servers)


def build_target(
    ensemble: Ensemble,
    membership: Membership,
    *,
    phase: Phase = PLAIN,
    reached: Phase = PLAIN,
    trust: str = "",
    users: str = "",
    source_peers: tuple[Object, ...] = (),
) -> Target:
    """The target of an ensemble whose members are these."""
    return Target(
        namespace=ensemble.namespace,
        name=ensemble.name,
        uid=ensemble.uid,
        spec=ensemble.spec,
        membership=membership,
        restarted_at=ensemble.restarted_at,
        agent_image=ensemble.agent_image,
        agent_pull_policy=ensemble.agent_pull_policy,
        cluster_domain=ensemble.cluster_domain,
        operator_namespace=ensemble.operator_namespace,
        phase=phase,
        reached=reached,
        trust=trust,
        users=users,
        source_peers=source_peers,
    )


_FIRST_FIELDS: Final[Mapping[str, Any]] = {
    "version": True,
    "image": {
        "repository": True,
        "tag": True,
        "digest": True,
        "pull_policy": True,
        "pull_secrets": {"__all__": {"name"}},
    },
    "config": True,
    "jvm": {"heap_percent": True, "options": True},
    "logging": {"level": True, "format": True},
    "resources": {"requests": True, "limits": True},
    "storage": {
        "data": {"storage_class_name"},
        "log": {"storage_class_name"},
        "ephemeral": True,
    },
    "pod_template": True,
}
"""The fields of version 0.1 that start a roll. Closed forever: a field that comes later is left out here,
and with it from the annotation `inputs`, which older operators compute in the same way."""

_NO_TEMPLATE: Final[Mapping[str, Any]] = {
    "replicas": True,
    "allow_even_replicas": True,
    "observers": True,
    "paused": True,
    "stopped": True,
    "external": True,
    "network_policy": True,
    "metrics": {"from_": True},
    "tls": True,
    "auth": True,
    "bootstrap": True,
    "first_member_id": True,
    "adopt": True,
    "labels": True,
    "annotations": True,
    "storage": {"retention": True, "data": {"size": True}, "log": {"size": True}},
}
"""The fields whose change alone is no reason to build a pinned template again.

No template is made of them, but for the size of a small volume: it reaches `zoo.cfg`, with the next roll
where the template is pinned. `tls` and `auth` reach a template by phases, `bootstrap` by the task of the
first member: these are inputs of their own."""


_SHORT: Final = 8
"""Characters of a hash that is only compared with another one of the same field."""


def template_inputs(target: Target) -> str:
    """A hash of what version 0.1 knew of that starts a roll: byte for byte as it was computed there.

    Defaults are left out: a field that has its default is not there. An operator of version 0.1 that comes
    back accepts a template that a later one built, as long as this hash is the one it computes.
    """
    spec = _without_defaults(target.spec, include=_FIRST_FIELDS)
    return content_hash({"spec": spec, "restartedAt": target.restarted_at})


def later_inputs(target: Target) -> str:
    """A hash of everything later that starts a roll; empty while all of it has its default.

    It stands on the pod template, where an older operator that does not know it leaves it alone.
    """
    spec = _without_defaults(target.spec, exclude=_NO_TEMPLATE)
    known = _without_defaults(target.spec, include=_FIRST_FIELDS)
    later = _difference(spec, known) | _security(target) | _restore(target)
    return content_hash(later) if later else ""


def hashed_fields(target: Target) -> Mapping[str, str]:
    """The fields of the spec that pod templates are made of, each with a hash of its value.

    Two levels deep, such as `config.tickTime`; a field that has its default is not there. What differs
    between two of them is why one template follows another.
    """
    found: dict[str, str] = {}
    for name, value in _without_defaults(target.spec, exclude=_NO_TEMPLATE, by_alias=True).items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": content_hash(below) for key, below in value.items()}
        else:
            found[name] = content_hash(value)
    for name, value in _restore(target).items():
        found[name] = content_hash(value)
    security = _security(target)
    for part in ("tls", "auth"):
        for name, value in security.get(part, {}).items():
            found[f"{part}.{name}"] = content_hash(value)
    return {name: value[:_SHORT] for name, value in sorted(found.items())}


def _restore(target: Target) -> dict[str, Any]:
    """That the first member is restored; empty once the ensemble is founded."""
    return {"bootstrap": target.membership.restore} if target.membership.restore else {}


def _security(target: Target) -> dict[str, Any]:
    """The phase, and the fields of `spec.tls` and `spec.auth` that reach a template in this phase.

    Empty without TLS and users.
    """
    phase = target.phase
    if phase == PLAIN:
        return {}
    found: dict[str, Any] = {"phase": phase.text}
    if fields := _tls_fields(phase, target.spec.tls or TlsSpec()):
        found["tls"] = fields
    if phase.knows_users:
        found["users"] = target.users
    if phase.requires_authentication and lets_in_certificates(target.spec):
        found["auth"] = {"required": "by certificate, too"}
    return found


def _tls_fields(phase: Phase, tls: TlsSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if phase.quorum and tls.verify_peer_names:
        fields["verifyPeerNames"] = True
    if phase.clients and tls.client_certificates != "None":
        fields["clientCertificates"] = tls.client_certificates
    return fields


def _without_defaults(spec: EnsembleSpec, **chosen: Any) -> dict[str, Any]:
    """The chosen fields that differ from their defaults; no empty map for what is left out within.

    `resources` and `storage.log` stay even when empty: that is not their default.
    """
    dumped = spec.model_dump(mode="json", exclude_defaults=True, **chosen)
    storage = dumped.get("storage", {})
    if storage.get("data") == {}:
        del storage["data"]
    for part in ("image", "jvm", "logging", "metrics", "security_context", "storage"):
        if dumped.get(part) == {}:
            del dumped[part]
    return dumped


def _difference(whole: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What `whole` has beyond `known`."""
    found: dict[str, Any] = {}
    for key, value in whole.items():
        if key not in known:
            found[key] = value
        elif below := _difference_within(value, known[key]):
            found[key] = below
    return found


def _difference_within(value: Any, known: Any) -> Any:
    """What a value has beyond the known part of it; empty for nothing."""
    if isinstance(value, Mapping) and isinstance(known, Mapping):
        return _difference(value, known)
    if isinstance(value, list) and isinstance(known, list):
        items = [_difference_within(one, other) for one, other in zip(value, known, strict=True)]
        return items if any(items) else []
    return {}
