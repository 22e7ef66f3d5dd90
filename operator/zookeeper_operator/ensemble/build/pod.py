"""The pod of a member: its container, environment, probes and volumes.

The pod index, `ZOO_MY_ID` and `server.N` are one and the same number.
"""

import json
from typing import Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.bootstrap import read_task
from zookeeper_operator.ensemble.build.auth import DIGEST_KEY, SUPER_USER_DIRECTORY
from zookeeper_operator.ensemble.build.config import (
    CERTIFICATES_SCRIPT,
    START_SCRIPT,
    STARTED_SCRIPT,
)
from zookeeper_operator.ensemble.build.metrics import container_ports
from zookeeper_operator.ensemble.build.objects import labels_of, member_selector
from zookeeper_operator.ensemble.build.restore import (
    build_container_security,
    build_database_mounts,
    build_resources,
    build_restore_container,
    build_restore_volumes,
)
from zookeeper_operator.ensemble.build.security import (
    CERTIFICATES_DIRECTORY,
    JAAS_OPTION,
    USERS_DIRECTORY,
)
from zookeeper_operator.ensemble.build.volumes import volumes_asked_for
from zookeeper_operator.ensemble.membership import SERVERS_KEY
from zookeeper_operator.ensemble.security.phase import PLAIN
from zookeeper_operator.ensemble.target import Target, hashed_fields, later_inputs
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.merge import merge
from zookeeper_operator.kube.quantity import parse_quantity

_USER: Final = 1000  # zookeeper in the official image
MEBIBYTE: Final = 1024**2
_MEMORY_WITHOUT_LIMIT: Final = 512 * MEBIBYTE

_JVM_FLAGS: Final = (
    # Names are cached below the JVM already; its own 30 s keep a restarted member away.
    "-Dsun.net.inetaddr.ttl=0",
    "-Dsun.net.inetaddr.negative.ttl=0",
    # As process 1 it cannot be killed by the `kill -9` that zkServer.sh gives it for this case, and
    # would continue without the threads that ran out of memory.
    "-XX:+ExitOnOutOfMemoryError",
    # The dump would go to the disk of the node, and holds the data of all clients.
    "-XX:-HeapDumpOnOutOfMemoryError",
    "-Dzookeeper.log.target=System.out",
)
"""For the server only, by SERVER_JVMFLAGS: JVMFLAGS would reach zkCli.sh in the pod as well."""
_LARGEST_PACKET: Final = "-Djute.maxbuffer="
"""The server's option that its clients need too: with another limit they cannot read what it holds."""


def build_pod_template(target: Target, component: str, *, config: str, auth_hash: str) -> Object:
    """The pod template of the voters or of the observers; a change of it creates a new revision of the pods.

    Args:
        target: What is wanted.
        component: `names.VOTER` or `names.OBSERVER`.
        config: Name of the ConfigMap with the configuration.
        auth_hash: Hash of `NAME-auth`.

    Returns:
        The template. `spec.podTemplate` is merged over it; what that may not touch,
        `pod_template_problems` reports beforehand.
    """
    annotations = {
        names.ANNOTATION_AUTH: auth_hash,
        names.ANNOTATION_FIELDS: json.dumps(hashed_fields(target), separators=(",", ":")),
    }
    if later := later_inputs(target):
        annotations[names.ANNOTATION_TARGET] = later
    if target.phase != PLAIN:
        annotations[names.ANNOTATION_SECURITY] = target.phase.text
    if target.phase.knows_users:
        annotations[names.ANNOTATION_USERS] = target.users
    if target.restarted_at:
        annotations[names.ANNOTATION_RESTARTED_AT] = target.restarted_at
    template = {
        "metadata": {"labels": labels_of(target, component), "annotations": annotations},
        "spec": _pod_spec(target, component, config),
    }
    merged: Object = merge(template, target.spec.pod_template)
    return merged


def _pod_spec(target: Target, component: str, config: str) -> Object:
    spec: Object = {
        "terminationGracePeriodSeconds": 20,  # SIGTERM ends ZooKeeper at once; there is nothing to wait for
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": _security_context(target),
        "affinity": {"podAntiAffinity": _anti_affinity(target)},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": member_selector(target, component)},
            }
        ],
        "containers": [_container(target)],
        "volumes": _volumes(target, config),
    }
    task = read_task(target.membership.restore) if target.membership.restore else None
    if task is not None and component == names.VOTER:
        spec["initContainers"] = [build_restore_container(target, task)]
        spec["volumes"] += build_restore_volumes(target, task)
    secrets = target.spec.image.pull_secrets
    if secrets:
        spec["imagePullSecrets"] = [{"name": secret.name} for secret in secrets]
    return spec


def _security_context(target: Target) -> Object:
    """The user and group of the members; a platform that gives each namespace its own ids refuses others."""
    context: Object = {
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "runAsNonRoot": True,
        "fsGroup": _USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if target.spec.security_context.mode == "Fixed":
        return context
    return {key: value for key, value in context.items() if value != _USER}


def _anti_affinity(target: Target) -> Object:
    """No two members on one node, where that can be had."""
    return {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 100,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": member_selector(target)},
                },
            }
        ]
    }


def _container(target: Target) -> Object:
    spec = target.spec
    secured = target.phase.uses_certificates
    container: Object = {
        "name": names.CONTAINER,
        "image": image_reference(target.spec),
        "imagePullPolicy": spec.image.pull_policy,
        "command": ["bash", f"/config/{CERTIFICATES_SCRIPT if secured else START_SCRIPT}"],
        "env": _environment(target),
        "ports": [
            {"name": name, "containerPort": number, "protocol": "TCP"}
            for name, number in _ports(target).items()
        ]
        + container_ports(spec),
        "securityContext": build_container_security(),
        # Where the start script leaves no message, the end of the server's log says why it ended.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **_probes(),
        "volumeMounts": [
            *build_database_mounts(target),
            # On the volume, for the server lists that ZooKeeper stores beside zoo.cfg.
            {"name": names.DATA_VOLUME, "mountPath": "/conf", "subPath": "conf"},
            {"name": names.CONFIG_VOLUME, "mountPath": "/config", "readOnly": True},
            {"name": "membership", "mountPath": "/membership", "readOnly": True},
            {"name": "scratch", "mountPath": "/logs", "subPath": "logs"},
            {"name": "scratch", "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108
            _SUPER_USER_MOUNT,
            *(_TLS_MOUNTS if secured else ()),
            *(_USERS_MOUNTS if target.phase.knows_users else ()),
        ],
    }
    if resources := build_resources(spec):
        container["resources"] = resources
    return container


_SUPER_USER_MOUNT: Final = {
    "name": names.SUPER_USER_VOLUME,
    "mountPath": SUPER_USER_DIRECTORY,
    "readOnly": True,
}

_TLS_MOUNTS: Final = (
    {"name": names.TLS_VOLUME, "mountPath": "/tls", "readOnly": True},
    {"name": names.CERTIFICATES_VOLUME, "mountPath": CERTIFICATES_DIRECTORY},
)

_USERS_MOUNTS: Final = (
    {"name": names.USERS_VOLUME, "mountPath": USERS_DIRECTORY, "readOnly": True},
)


def _ports(target: Target) -> dict[str, int]:
    secure = {"client-tls": names.SECURE_CLIENT_PORT} if target.phase.clients else {}
    return {
        "client": names.CLIENT_PORT,
        "quorum": names.QUORUM_PORT,
        "election": names.ELECTION_PORT,
        "admin": names.ADMIN_PORT,
        **secure,
    }


def _environment(target: Target) -> list[Object]:
    """The variables of start.sh and of the image.

    `ZOO_MY_ID` and `ZOO_SERVERS` bear the names of the official image, for people who debug a pod.
    """
    own_index = {"fieldRef": {"fieldPath": f"metadata.labels['{names.LABEL_POD_INDEX}']"}}
    servers = {"configMapKeyRef": {"name": names.membership_name(target.name), "key": SERVERS_KEY}}
    environment: list[Object] = [
        {"name": "ZOO_MY_ID", "valueFrom": own_index},
        {"name": "ZOO_SERVERS", "valueFrom": servers},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MEMBERS_DOMAIN", "value": f"{target.namespace}.svc.{target.cluster_domain}"},
        {"name": "ENSEMBLE_IDENTITY", "value": target.membership.identity},
        {"name": "ZK_SERVER_HEAP", "value": str(heap_mebibytes(target.spec))},
        {"name": "SERVER_JVMFLAGS", "value": " ".join(_server_flags(target))},
        {"name": "JMXDISABLE", "value": "true"},
        {"name": "HOME", "value": "/tmp"},  # noqa: S108 - zkCli.sh runs here; nothing else is writable
    ]
    if options := _client_flags(target):
        environment.append({"name": "CLIENT_JVMFLAGS", "value": " ".join(options)})
    return environment


def _client_flags(target: Target) -> tuple[str, ...]:
    """The options of zkCli.sh: where there are users it logs in, for which clients need FIPS mode off."""
    limits = (o for o in target.spec.jvm.options if o.startswith(_LARGEST_PACKET))
    login = (JAAS_OPTION, "-Dzookeeper.fips-mode=false") if target.phase.knows_users else ()
    return (*limits, *login)


def _server_flags(target: Target) -> tuple[str, ...]:
    # Of two options with the same name the last one counts.
    return (*jvm_flags(target.spec), *((JAAS_OPTION,) if target.phase.knows_users else ()))


def jvm_flags(spec: EnsembleSpec) -> tuple[str, ...]:
    """The options of the server's JVM, the ensemble's own last."""
    logging = spec.logging
    return (
        *_JVM_FLAGS,
        f"-Dzookeeper.log.level={logging.level}",
        f"-Dzookeeper.log.format={logging.format}",
        *spec.jvm.options,
    )


def _probes() -> Object:
    """A member is started if it serves, or has answered for a while; alive if it answers; ready if it serves.

    The AdminServer listens when the database is loaded, which takes as long as there is data, and answers
    `ruok` with 200 with and without a quorum: exactly what liveness must know. A member without a quorum
    must not be killed, it is one of those that can bring it back. `monitor` is the one command whose
    status matters: 200 from a member that serves, 500 from one that does not (3.8.6 to 3.9.5,
    tests/integration/test_zookeeper_probe.py). An exec probe would start processes in every pod every
    other second. Readiness outlasts an election, so that one does not empty the client Service.
    """
    return {
        # Each failure is a Warning Event, so the script waits; together that is half an hour.
        "startupProbe": {
            "exec": {"command": ["bash", f"/config/{STARTED_SCRIPT}"]},
            "periodSeconds": 1,
            "timeoutSeconds": 60,
            "failureThreshold": 36,
        },
        "livenessProbe": {
            "httpGet": _command("ruok"),
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "httpGet": _command("monitor"),
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 3,
        },
    }


def _command(name: str) -> Object:
    return {"path": f"/commands/{name}", "port": names.ADMIN_PORT, "scheme": "HTTP"}


def heap_mebibytes(spec: EnsembleSpec) -> int:
    """The heap of the JVM: a part of the memory limit, or of the request where there is no limit.

    0 if the quantity cannot be read, which is less than any member can start with.
    """
    resources = spec.resources
    memory = resources.limits.get("memory", resources.requests.get("memory"))
    try:
        size = _MEMORY_WITHOUT_LIMIT if memory is None else parse_quantity(memory)
    except ValueError:
        return 0
    return size * spec.jvm.heap_percent // 100 // MEBIBYTE


def image_reference(spec: EnsembleSpec) -> str:
    """The image by digest, by tag, or by the version."""
    image = spec.image
    if image.digest:
        return f"{image.repository}@{image.digest}"
    return f"{image.repository}:{image.tag or spec.version}"


def _volumes(target: Target, config: str) -> list[Object]:
    volumes: list[Object] = [
        {"name": names.CONFIG_VOLUME, "configMap": {"name": config}},
        {"name": "membership", "configMap": {"name": names.membership_name(target.name)}},
        {"name": "scratch", "emptyDir": {}},
        {"name": names.SUPER_USER_VOLUME, "secret": _super_digest(target)},
    ]
    if target.phase.uses_certificates:
        # In memory: a key must not be on the disk of a node.
        memory = {"medium": "Memory", "sizeLimit": "4Mi"}
        volumes += [
            {"name": names.TLS_VOLUME, "secret": _secret(target, names.tls_name(target.name))},
            {"name": names.CERTIFICATES_VOLUME, "emptyDir": memory},
        ]
    if target.phase.knows_users:
        secret = _secret(target, names.users_name(target.name))
        volumes.append({"name": names.USERS_VOLUME, "secret": secret})
    if target.spec.storage.ephemeral:
        volumes.extend(
            {"name": name, "emptyDir": {"sizeLimit": volume.size}}
            for name, volume in volumes_asked_for(target.spec).items()
        )
    return volumes


def _super_digest(target: Target) -> Object:
    """The digest alone: a variable would be seen by every process in the pod, and the password by members."""
    items = [{"key": DIGEST_KEY, "path": DIGEST_KEY}]
    return {**_secret(target, names.auth_name(target.name)), "items": items}


def _secret(target: Target, name: str) -> Object:
    source: Object = {"secretName": name}
    if target.spec.security_context.mode == "Fixed":
        source["defaultMode"] = 0o440  # it is the group's; a platform may set none
    return source
