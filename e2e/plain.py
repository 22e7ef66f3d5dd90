"""The baseline: ZooKeeper on a plain StatefulSet, as a careful user without an operator would write it.

It is also what the tests of an adoption take over.

The same image, resources and probes as the operator's members have, all pods in parallel, a headless Service
that publishes pods before they are ready, a disruption budget, and the static server list of the image's
documentation. It lacks only what no manifest can do: it does not know which member leads.
"""

from collections.abc import Iterable
from typing import Final

from e2e.cluster import Object
from e2e.ensembles import RESOURCES

LABELS: Final = {"app": "zk", "app.kubernetes.io/name": "zookeeper"}
"""The second one as charts have it; the NetworkPolicy of the operator lets it connect to such pods."""
VERSION: Final = "3.9.4"
_CONFIG: Final = ("preAllocSize=4096", "snapSizeLimitInKb=32768")
_RUOK: Final = {"path": "/commands/ruok", "port": 8080}
_MONITOR: Final = {"path": "/commands/monitor", "port": 8080}


def host(namespace: str, member: int) -> str:
    """The address of a member's pod."""
    return f"zk-{member}.zk-members.{namespace}.svc.cluster.local"


def plain_manifests(
    namespace: str, *, members: int = 3, version: str = VERSION, config: Iterable[str] = ()
) -> tuple[Object, ...]:
    """Everything it takes, in order; `config` are further lines of its zoo.cfg."""
    container = _container(
        namespace, members, f"zookeeper:{version}", " ".join((*_CONFIG, *config))
    )
    return (
        _object("v1", "Service", namespace, "zk-members")
        | {
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": LABELS,
                "ports": [
                    {"name": "client", "port": 2181},
                    {"name": "quorum", "port": 2888},
                    {"name": "election", "port": 3888},
                ],
            }
        },
        _object("policy/v1", "PodDisruptionBudget", namespace, "zk")
        | {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}},
        _object("apps/v1", "StatefulSet", namespace, "zk")
        | {"spec": _statefulset(members, container)},
    )


def _object(api_version: str, kind: str, namespace: str, name: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": LABELS}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _statefulset(members: int, container: Object) -> Object:
    return {
        "replicas": members,
        "serviceName": "zk-members",
        "ordinals": {"start": 1},
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": _pod(container)},
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "256Mi"}},
                },
            }
        ],
    }


def _pod(container: Object) -> Object:
    return {
        "terminationGracePeriodSeconds": 20,
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }


def _container(namespace: str, members: int, image: str, config: str) -> Object:
    servers = " ".join(
        f"server.{member}={host(namespace, member)}:2888:3888;2181"
        for member in range(1, members + 1)
    )
    own_index = {"fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}}
    return {
        "name": "zookeeper",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "ZOO_MY_ID", "valueFrom": own_index},
            {"name": "ZOO_SERVERS", "value": servers},
            {"name": "ZOO_INIT_LIMIT", "value": "10"},
            {"name": "ZOO_SYNC_LIMIT", "value": "5"},
            {"name": "ZOO_AUTOPURGE_PURGEINTERVAL", "value": "1"},
            {"name": "ZOO_4LW_COMMANDS_WHITELIST", "value": "srvr,mntr,ruok"},
            {"name": "ZOO_CFG_EXTRA", "value": config},
            {"name": "ZK_SERVER_HEAP", "value": "230"},
            {"name": "JMXDISABLE", "value": "true"},
        ],
        "ports": [
            {"name": "client", "containerPort": 2181},
            {"name": "quorum", "containerPort": 2888},
            {"name": "election", "containerPort": 3888},
            {"name": "admin", "containerPort": 8080},
        ],
        "resources": RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": {
            "httpGet": _RUOK,
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 1800,
        },
        "livenessProbe": {
            "httpGet": _RUOK,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "httpGet": _MONITOR,
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 3,
        },
        "volumeMounts": [
            {"name": "data", "mountPath": "/data", "subPath": "data"},
            {"name": "data", "mountPath": "/datalog", "subPath": "datalog"},
        ],
    }
