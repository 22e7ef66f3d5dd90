"""The StatefulSets: the voters `NAME` and the observers `NAME-observer`.

Pod index, `ZOO_MY_ID` and `server.N` are one and the same number. Pods start in parallel, because
one alone never becomes ready, and are replaced by nobody but the operator (`OnDelete`), which
knows who leads.
"""

from typing import Final

from zookeeper_operator.api.ensemble import VolumeSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import DIGEST_KEY
from zookeeper_operator.ensemble.build.config import READY_SCRIPT, START_SCRIPT
from zookeeper_operator.ensemble.build.membership import SERVERS_KEY
from zookeeper_operator.ensemble.build.objects import child, labels_of, member_selector
from zookeeper_operator.ensemble.build.pod_template import pod_template_problems
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.merge import merge
from zookeeper_operator.kube.quantity import parse_quantity

__all__ = ["build_statefulset", "heap_mebibytes", "pod_template_problems"]

_USER: Final = 1000  # zookeeper in the official image
_MEBIBYTE: Final = 1024**2
_MEMORY_WITHOUT_LIMIT: Final = 512 * _MEBIBYTE

_JVM_FLAGS: Final = (
    # Names are cached below the JVM already; its own 30 s keep a restarted member away (pain 20).
    "-Dsun.net.inetaddr.ttl=0",
    "-Dsun.net.inetaddr.negative.ttl=0",
    # As process 1 it cannot be killed by the `kill -9` that zkServer.sh gives it for this case, and
    # would go on without the threads that ran out of memory.
    "-XX:+ExitOnOutOfMemoryError",
    # The dump would have to go to the disk of the node, and holds everybody's data.
    "-XX:-HeapDumpOnOutOfMemoryError",
    "-Dzookeeper.log.target=System.out",
)
"""For the server only, by SERVER_JVMFLAGS: JVMFLAGS would reach zkCli.sh in the pod as well."""


def build_statefulset(
    ensemble: Ensemble,
    component: str,
    *,
    replicas: int,
    identity: str,
    config_hash: str,
    auth_hash: str,
) -> Object:
    """The StatefulSet of the voters or of the observers.

    Args:
        ensemble: The ensemble.
        component: `names.VOTER` or `names.OBSERVER`.
        replicas: How many pods there have to be now, which is the planner's to decide.
        identity: What the volumes are stamped and labelled with.
        config_hash: Hash of `NAME-config`; another one makes another revision of the pods.
        auth_hash: Hash of `NAME-auth`, likewise.

    Returns:
        The full body. `spec.podTemplate` is merged over the pod template as it is; what it may not
        touch, `pod_template_problems` tells beforehand.
    """
    storage = ensemble.spec.storage
    spec: Object = {
        "replicas": replicas,
        "serviceName": names.members_service_name(ensemble.name),
        "ordinals": {"start": names.FIRST_OBSERVER_ID if component == names.OBSERVER else 1},
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "OnDelete"},
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": storage.retention.when_deleted,
            # To Kubernetes a stopped ensemble is one scaled to nothing; its data is to be kept.
            "whenScaled": "Retain" if ensemble.spec.stopped else storage.retention.when_scaled,
        },
        "selector": {"matchLabels": member_selector(ensemble, component)},
        "template": _template(
            ensemble, component, identity=identity, config_hash=config_hash, auth_hash=auth_hash
        ),
    }
    if not storage.ephemeral:
        spec["volumeClaimTemplates"] = [
            _claim_template(ensemble, component, name, volume, identity)
            for name, volume in volumes_asked_for(ensemble).items()
        ]
    return child(
        ensemble,
        api_version="apps/v1",
        kind="StatefulSet",
        name=names.statefulset_name(ensemble.name, component),
        component=component,
        content={"spec": spec},
    )


def heap_mebibytes(ensemble: Ensemble) -> int:
    """The heap of the JVM: a part of the memory limit, or of the request where there is no limit.

    0 if the quantity cannot be read, which is less than any member can start with.
    """
    resources = ensemble.spec.resources
    memory = resources.limits.get("memory", resources.requests.get("memory"))
    try:
        size = _MEMORY_WITHOUT_LIMIT if memory is None else parse_quantity(memory)
    except ValueError:
        return 0
    return size * ensemble.spec.jvm.heap_percent // 100 // _MEBIBYTE


def image_reference(ensemble: Ensemble) -> str:
    """The image by digest, by tag, or by the version."""
    image = ensemble.spec.image
    if image.digest:
        return f"{image.repository}@{image.digest}"
    return f"{image.repository}:{image.tag or ensemble.spec.version}"


def _template(
    ensemble: Ensemble, component: str, *, identity: str, config_hash: str, auth_hash: str
) -> Object:
    annotations = {names.ANNOTATION_AUTH: auth_hash, names.ANNOTATION_CONFIG: config_hash}
    if ensemble.restarted_at:
        annotations[names.ANNOTATION_RESTARTED_AT] = ensemble.restarted_at
    template = {
        "metadata": {"labels": labels_of(ensemble, component), "annotations": annotations},
        "spec": _pod_spec(ensemble, component, identity),
    }
    merged: Object = merge(template, ensemble.spec.pod_template)
    return merged


def _pod_spec(ensemble: Ensemble, component: str, identity: str) -> Object:
    spec: Object = {
        "terminationGracePeriodSeconds": 20,  # SIGTERM ends ZooKeeper at once; it has no farewell
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "runAsNonRoot": True,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {"podAntiAffinity": _anti_affinity(ensemble)},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": member_selector(ensemble, component)},
            }
        ],
        "containers": [_container(ensemble, identity)],
        "volumes": _volumes(ensemble),
    }
    secrets = ensemble.spec.image.pull_secrets
    if secrets:
        spec["imagePullSecrets"] = [{"name": secret.name} for secret in secrets]
    return spec


def _anti_affinity(ensemble: Ensemble) -> Object:
    """No two members on one node, where that can be had."""
    return {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 100,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": member_selector(ensemble)},
                },
            }
        ]
    }


def _container(ensemble: Ensemble, identity: str) -> Object:
    spec = ensemble.spec
    container: Object = {
        "name": names.CONTAINER,
        "image": image_reference(ensemble),
        "imagePullPolicy": spec.image.pull_policy,
        "command": ["bash", f"/config/{START_SCRIPT}"],
        "env": _environment(ensemble, identity),
        "ports": [
            {"name": "client", "containerPort": names.CLIENT_PORT, "protocol": "TCP"},
            {"name": "quorum", "containerPort": names.QUORUM_PORT, "protocol": "TCP"},
            {"name": "election", "containerPort": names.ELECTION_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": names.ADMIN_PORT, "protocol": "TCP"},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **_probes(),
        "volumeMounts": [
            {"name": names.DATA_VOLUME, "mountPath": "/data", "subPath": "data"},
            {"name": _log_volume(ensemble), "mountPath": "/datalog", "subPath": "datalog"},
            # On the volume, for the server lists that ZooKeeper stores beside zoo.cfg.
            {"name": names.DATA_VOLUME, "mountPath": "/conf", "subPath": "conf"},
            {"name": "config", "mountPath": "/config", "readOnly": True},
            {"name": "membership", "mountPath": "/membership", "readOnly": True},
            {"name": "scratch", "mountPath": "/logs", "subPath": "logs"},
            {"name": "scratch", "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108
        ],
    }
    resources = {
        "requests": dict(sorted(spec.resources.requests.items())),
        "limits": dict(sorted(spec.resources.limits.items())),
    }
    if any(resources.values()):
        container["resources"] = {kind: value for kind, value in resources.items() if value}
    return container


def _environment(ensemble: Ensemble, identity: str) -> list[Object]:
    """The variables of start.sh and of the image.

    `ZOO_MY_ID` and `ZOO_SERVERS` bear the names of the official image, for people who look into a pod.
    """
    own_index = {"fieldRef": {"fieldPath": f"metadata.labels['{names.LABEL_POD_INDEX}']"}}
    servers = {
        "configMapKeyRef": {"name": names.membership_name(ensemble.name), "key": SERVERS_KEY}
    }
    digest = {"secretKeyRef": {"name": names.auth_name(ensemble.name), "key": DIGEST_KEY}}
    return [
        {"name": "ZOO_MY_ID", "valueFrom": own_index},
        {"name": "ZOO_SERVERS", "valueFrom": servers},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MEMBERS_DOMAIN", "value": f"{ensemble.namespace}.svc.{ensemble.cluster_domain}"},
        {"name": "ENSEMBLE_IDENTITY", "value": identity},
        {"name": "SUPER_DIGEST", "valueFrom": digest},
        {"name": "ZK_SERVER_HEAP", "value": str(heap_mebibytes(ensemble))},
        {"name": "SERVER_JVMFLAGS", "value": " ".join(_jvm_flags(ensemble))},
        {"name": "JMXDISABLE", "value": "true"},
        {"name": "HOME", "value": "/tmp"},  # noqa: S108 - zkCli.sh runs here; nothing else is writable
    ]


def _jvm_flags(ensemble: Ensemble) -> tuple[str, ...]:
    logging = ensemble.spec.logging
    return (
        *_JVM_FLAGS,
        f"-Dzookeeper.log.level={logging.level}",
        f"-Dzookeeper.log.format={logging.format}",
        *ensemble.spec.jvm.options,
    )


def _probes() -> Object:
    """Alive is who answers at all; ready is who serves.

    The AdminServer listens when the database is loaded, which takes as long as there is data, and
    says 200 with and without a quorum: exactly what the first two have to know. A member without a
    quorum must not be killed, it is one of those that can bring it back. Readiness outlasts an election,
    so that one does not empty the client Service.
    """
    return {
        "startupProbe": {
            "httpGet": _ruok(),
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 1800,
        },
        "livenessProbe": {
            "httpGet": _ruok(),
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "exec": {"command": ["bash", f"/config/{READY_SCRIPT}"]},
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 3,
        },
    }


def _ruok() -> Object:
    return {"path": "/commands/ruok", "port": names.ADMIN_PORT, "scheme": "HTTP"}


def _log_volume(ensemble: Ensemble) -> str:
    return names.DATA_VOLUME if ensemble.spec.storage.log is None else names.LOG_VOLUME


def volumes_asked_for(ensemble: Ensemble) -> dict[str, VolumeSpec]:
    """The volumes of each member, by the name of the claim template."""
    storage = ensemble.spec.storage
    asked = {names.DATA_VOLUME: storage.data}
    if storage.log is not None:
        asked[names.LOG_VOLUME] = storage.log
    return asked


def _volumes(ensemble: Ensemble) -> list[Object]:
    volumes: list[Object] = [
        {"name": "config", "configMap": {"name": names.config_name(ensemble.name)}},
        {"name": "membership", "configMap": {"name": names.membership_name(ensemble.name)}},
        {"name": "scratch", "emptyDir": {}},
    ]
    if ensemble.spec.storage.ephemeral:
        volumes.extend(
            {"name": name, "emptyDir": {"sizeLimit": volume.size}}
            for name, volume in volumes_asked_for(ensemble).items()
        )
    return volumes


def _claim_template(
    ensemble: Ensemble, component: str, name: str, volume: VolumeSpec, identity: str
) -> Object:
    """One claim per member; its labels say whose volume it is, to whoever finds it later."""
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.size}},
    }
    if volume.storage_class_name is not None:
        spec["storageClassName"] = volume.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "labels": {**labels_of(ensemble, component), names.LABEL_IDENTITY: identity},
        },
        "spec": spec,
    }
