"""The kinds of objects an ensemble consists of, and the names they must have.

Pure, and the only such list: the live lists of `observe`, the watches of the controller, what may be
removed and what the chart's role grants are made from it or tested against it.
"""

from collections.abc import Iterable
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.referenced import tls_source_name
from zookeeper_operator.kube.api import RESOURCES
from zookeeper_operator.kube.children import ChildKind

_READ: Final = ("get", "list", "watch")
_MAKE: Final = (*_READ, "create", "patch")

CHILD_KINDS: Final = (
    ChildKind(RESOURCES["StatefulSet"], verbs=(*_MAKE, "delete"), removable=True),
    ChildKind(RESOURCES["Service"], verbs=(*_MAKE, "delete"), removable=True),
    ChildKind(RESOURCES["ConfigMap"], verbs=(*_MAKE, "delete"), removable=True),
    # Secrets are read by name: the right to list them is the right to read every one of them.
    ChildKind(RESOURCES["Secret"], verbs=("get", "create", "patch"), listed=False, watched=False),
    ChildKind(RESOURCES["PodDisruptionBudget"], verbs=_MAKE),
    ChildKind(RESOURCES["NetworkPolicy"], verbs=(*_MAKE, "delete"), removable=True),
    # Made by the StatefulSets.
    ChildKind(RESOURCES["Pod"], verbs=(*_READ, "patch", "delete")),
    ChildKind(RESOURCES["PersistentVolumeClaim"], verbs=(*_READ, "patch", "delete")),
)

CERTIFICATES: Final = ChildKind(
    RESOURCES["Certificate"],
    verbs=("get", "create", "patch", "delete"),
    listed=False,
    watched=False,
    removable=True,
)
"""Of cert-manager; only where the operator is installed with `certManager.enabled`. Read by name."""

REMOVABLE: Final = frozenset(kind.resource.kind for kind in CHILD_KINDS if kind.removable)


def expected_names(
    ensemble: Ensemble,
    present: Iterable[int] = (),
    *,
    secured: bool = False,
    with_users: bool = False,
) -> frozenset[tuple[str, str]]:
    """Kind and name of every child the spec calls for: no object of others may have such a name.

    `present` are members that are still there, whether or not the spec asks for them; `secured` says whether
    members mount certificates, or will, and `with_users` the same of users. The CA is the operator's own;
    where it is another one, its Secret may well have the name.

    The configuration is left out: its name holds a hash of its content, and no object of others has it.
    """
    name = ensemble.name
    found = {
        ("Secret", names.auth_name(name)),
        ("Secret", names.connection_name(name)),
        ("ConfigMap", names.membership_name(name)),
        ("ConfigMap", names.connection_name(name)),
        ("Service", names.members_service_name(name)),
        ("Service", names.client_service_name(name)),
        ("PodDisruptionBudget", name),
        ("StatefulSet", name),
    }
    if secured:
        found.add(("Secret", names.tls_name(name)))
        if ensemble.spec.tls is not None and tls_source_name(ensemble) is None:
            found.add(("Secret", names.authority_name(name)))
    if with_users:
        found.add(("Secret", names.users_name(name)))
    if ensemble.spec.network_policy.enabled:
        found.add(("NetworkPolicy", name))
    if ensemble.spec.observers.replicas:
        found.add(("StatefulSet", names.statefulset_name(name, names.OBSERVER)))
    for member_id in {*ensemble.voter_ids, *ensemble.observer_ids, *present}:
        found.add(("Service", names.member_name(name, member_id)))
        if ensemble.spec.external is not None:
            found.add(("Service", names.external_service_name(name, member_id)))
    return frozenset(found)
