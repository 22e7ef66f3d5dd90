"""The names everything else is found by: API group, labels, annotations, child objects, ports.

Nothing here may depend on a cluster or on a spec: a name is a function of the ensemble's own
name and a member's id, forever. Changing one renames objects that hold data.
"""

import re
from typing import Final

from zookeeper_operator.api import backup
from zookeeper_operator.api.ensemble import FIRST_OBSERVER_ID, KIND, LAST_OBSERVER_ID, PLURAL
from zookeeper_operator.api.group import API_VERSION, GROUP, VERSION
from zookeeper_operator.kube.api import FIELD_MANAGER, Resource
from zookeeper_operator.zookeeper.servers import (
    ADMIN_PORT,
    CLIENT_PORT,
    ELECTION_PORT,
    QUORUM_PORT,
    SECURE_CLIENT_PORT,
)

__all__ = [
    "ADMIN_PORT",
    "API_VERSION",
    "CLIENT_PORT",
    "ELECTION_PORT",
    "FIELD_MANAGER",
    "FIRST_OBSERVER_ID",
    "GROUP",
    "KIND",
    "LAST_OBSERVER_ID",
    "PLURAL",
    "QUORUM_PORT",
    "SECURE_CLIENT_PORT",
    "VERSION",
]

ENSEMBLES: Final = Resource(API_VERSION, KIND, PLURAL)
"""Where the ensembles themselves are in the Kubernetes API."""
BACKUPS: Final = Resource(API_VERSION, backup.KIND, backup.PLURAL)
"""Where backups are in the Kubernetes API."""

LABEL_ENSEMBLE: Final = f"{GROUP}/ensemble"
# GitOps tools take what bears it for their own, and remove what has no owner and is in no repository.
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_IDENTITY: Final = f"{GROUP}/identity"
# On the pods of backups, which are no members: no Service, budget or policy of the ensemble selects them.
LABEL_BACKUP_OF: Final = f"{GROUP}/backup-of"
LABEL_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
LABEL_POD_INDEX: Final = "apps.kubernetes.io/pod-index"
LABEL_REVISION: Final = "controller-revision-hash"

_MEMBER_ID: Final = re.compile(r"[1-9][0-9]{0,2}")

VOTER: Final = "voter"
OBSERVER: Final = "observer"

# Written by the operator on its own children.
ANNOTATION_APPLIED: Final = f"{GROUP}/applied"
ANNOTATION_INPUTS: Final = f"{GROUP}/inputs"
ANNOTATION_BUILDER: Final = f"{GROUP}/builder"
ANNOTATION_TARGET: Final = f"{GROUP}/target"
ANNOTATION_AUTH: Final = f"{GROUP}/auth"
ANNOTATION_FIELDS: Final = f"{GROUP}/fields"
ANNOTATION_GENERATION: Final = f"{GROUP}/generation"
# On a pod template: what its members speak, `security.phase`. Absent from one without TLS.
ANNOTATION_SECURITY: Final = f"{GROUP}/security"
# On a pod template with users: a hash of them and their passwords, and of one that is random.
ANNOTATION_USERS: Final = f"{GROUP}/users"
# On `NAME-tls`: which Secret its content is from, and which certificates and CAs it holds. The latter is also
# on a pod whose kubelet has been notified of them.
ANNOTATION_SOURCE: Final = f"{GROUP}/source"
ANNOTATION_CERTIFICATES: Final = f"{GROUP}/certificates"
ANNOTATION_CERTIFICATES_SINCE: Final = f"{GROUP}/certificates-since"
# On a claim: "true" while its volume belongs to a member of the committed configuration.
ANNOTATION_MEMBER: Final = f"{GROUP}/member"
# Written by people.
ANNOTATION_RESTARTED_AT: Final = f"{GROUP}/restartedAt"
ANNOTATION_REPLACE: Final = f"{GROUP}/replace"
ANNOTATION_RECOVER: Final = f"{GROUP}/recover"
# Written by `kubectl rollout restart`, on a pod template.
ANNOTATION_ROLLOUT_RESTART: Final = "kubectl.kubernetes.io/restartedAt"
ANNOTATION_OPERATOR: Final = f"{GROUP}/operator"
# Written by people, on the StatefulSet of a source: the ensemble that may stop and start its pods.
ANNOTATION_ADOPTABLE_BY: Final = f"{GROUP}/adoptable-by"

TEMPLATE_MARKS: Final = (
    ANNOTATION_FIELDS,
    ANNOTATION_AUTH,
    ANNOTATION_SECURITY,
    ANNOTATION_USERS,
    ANNOTATION_RESTARTED_AT,
    ANNOTATION_ROLLOUT_RESTART,
)
"""The annotations of a pod template that say why it differs from another one."""

CONTAINER: Final = "zookeeper"
RESTORE: Final = "restore"
"""The init container of a member that is founded from a backup."""
METRICS_PORT: Final = "zk-metrics"
"""The name of the port by which scrape configurations find the metrics of the members."""
DATA_VOLUME: Final = "data"
CONFIG_VOLUME: Final = "config"
LOG_VOLUME: Final = "datalog"
TLS_VOLUME: Final = "tls"
CERTIFICATES_VOLUME: Final = "certificates"
USERS_VOLUME: Final = "users"
SUPER_USER_VOLUME: Final = "super-user"
LOGIN_USER: Final = "zookeeper-operator"
"""The user as which the operator logs in; `api.schema.security_rules` refuses it to others."""


def component_of(member_id: int) -> str:
    """Whether an id belongs to the voters' or to the observers' StatefulSet."""
    return OBSERVER if member_id >= FIRST_OBSERVER_ID else VOTER


def statefulset_name(ensemble: str, component: str) -> str:
    """`zk` for the voters, `zk-observer` for the observers."""
    return ensemble if component == VOTER else f"{ensemble}-{OBSERVER}"


def member_name(ensemble: str, member_id: int) -> str:
    """The pod of a member, and the Service that is its address: `zk-1`, `zk-observer-101`."""
    return f"{statefulset_name(ensemble, component_of(member_id))}-{member_id}"


def member_id_of(ensemble: str, pod: str) -> int | None:
    """The id of the member whose pod is called so; None for any name that no member's pod has."""
    tail = pod.rpartition("-")[2]
    if not _MEMBER_ID.fullmatch(tail):
        return None
    member_id = int(tail)
    named_so = member_id <= LAST_OBSERVER_ID and member_name(ensemble, member_id) == pod
    return member_id if named_so else None


def claim_name(ensemble: str, member_id: int, volume: str) -> str:
    """The claim a StatefulSet makes for one volume of one member: `data-zk-1`."""
    return f"{volume}-{member_name(ensemble, member_id)}"


def members_service_name(ensemble: str) -> str:
    """The headless Service that governs the StatefulSets."""
    return f"{ensemble}-members"


def client_service_name(ensemble: str) -> str:
    """The Service of all ready members."""
    return f"{ensemble}-client"


def external_service_name(ensemble: str, member_id: int) -> str:
    """The Service by which one member is reached from outside the cluster."""
    return f"{member_name(ensemble, member_id)}-external"


def config_name(ensemble: str, content: str) -> str:
    """The ConfigMap with zoo.cfg, logback.xml and the scripts, by the hash of its content."""
    return f"{first_config_name(ensemble)}-{content}"


def first_config_name(ensemble: str) -> str:
    """What version 0.1 called that ConfigMap; it changed in place."""
    return f"{ensemble}-config"


def is_config_name(ensemble: str, name: str) -> bool:
    """Whether a ConfigMap of an ensemble is one of those, by its name."""
    first = first_config_name(ensemble)
    return name == first or name.startswith(f"{first}-")


def membership_name(ensemble: str) -> str:
    """The ConfigMap with the server list that pods start from."""
    return f"{ensemble}-membership"


def auth_name(ensemble: str) -> str:
    """The Secret with the super user's password and digest."""
    return f"{ensemble}-auth"


def authority_name(ensemble: str) -> str:
    """The Secret with the operator's own CA of the ensemble; no member mounts it."""
    return f"{ensemble}-ca"


def tls_name(ensemble: str) -> str:
    """The Secret with the key store and the trust store that members mount."""
    return f"{ensemble}-tls"


def users_name(ensemble: str) -> str:
    """The Secret with the users that members mount."""
    return f"{ensemble}-users"


def certificate_name(ensemble: str) -> str:
    """The Secret that cert-manager writes for `spec.tls.source.issuerRef`."""
    return f"{ensemble}-certificate"


def backup_name(ensemble: str) -> str:
    """The Job of the backup that runs. There is one name, so the API server lets only one run at a time."""
    return f"{ensemble}-backup"


def connection_name(ensemble: str) -> str:
    """The ConfigMap and the Secret that say where applications connect."""
    return f"{ensemble}-connection"


def member_host(ensemble: str, namespace: str, member_id: int, cluster_domain: str) -> str:
    """A member's address in server lines: its own Service, which outlives every pod."""
    return f"{member_name(ensemble, member_id)}.{namespace}.svc.{cluster_domain}"


def external_host(ensemble: str, namespace: str, member_id: int, template: str) -> str:
    """Where a member is advertised outside the cluster, by `spec.external.hostTemplate`."""
    return _filled_in(
        template,
        id=str(member_id),
        pod=member_name(ensemble, member_id),
        name=ensemble,
        namespace=namespace,
    )


def _filled_in(template: str, **values: str) -> str:
    """The template with its fields replaced; `str.format` would also compute what a field asks for."""
    for field, value in values.items():
        template = template.replace(f"{{{field}}}", value)
    return template
