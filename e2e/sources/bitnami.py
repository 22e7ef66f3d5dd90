"""What the Bitnami chart renders for the release `zookeeper`, with its default values.

Static server list with the ids on the volumes, reconfiguration off, snapshots and logs in one directory below
/bitnami/zookeeper, probes that do not wait for a quorum, all pods in parallel, a NetworkPolicy that lets
nobody but its own release in at the quorum ports, no rights and a read-only root in the container, no
AdminServer. With `replicaCount: 1` it is a standalone server. Memory and disk are smaller than by default.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from e2e.cluster import Object
from e2e.sources.source import (
    CLIENT_PORT,
    HEAP_MEGABYTES,
    RESOURCES,
    Source,
    build_claim,
    read_scripts,
)

RELEASE: Final = "zookeeper"
_MATCH: Final = {"app.kubernetes.io/instance": RELEASE, "app.kubernetes.io/name": "zookeeper"}
_COMPONENT: Final = {"app.kubernetes.io/component": "zookeeper"}
_LABELS: Final = {
    **_MATCH,
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/version": "3.9.3",
    "helm.sh/chart": "zookeeper-13.8.0",
}
_QUORUM: Final = [
    {"name": "tcp-follower", "port": 2888, "targetPort": "follower"},
    {"name": "tcp-election", "port": 3888, "targetPort": "election"},
]
_CLIENT: Final = {"name": "tcp-client", "port": CLIENT_PORT, "targetPort": "client"}
_ENV: Final[Mapping[str, str]] = {
    "BITNAMI_DEBUG": "false",
    "ZOO_DATA_LOG_DIR": "",
    "ZOO_PORT_NUMBER": "2181",
    "ZOO_TICK_TIME": "2000",
    "ZOO_INIT_LIMIT": "10",
    "ZOO_SYNC_LIMIT": "5",
    "ZOO_PRE_ALLOC_SIZE": "65536",
    "ZOO_SNAPCOUNT": "100000",
    "ZOO_MAX_CLIENT_CNXNS": "60",
    "ZOO_4LW_COMMANDS_WHITELIST": "srvr, mntr, ruok",
    "ZOO_LISTEN_ALLIPS_ENABLED": "no",
    "ZOO_AUTOPURGE_INTERVAL": "1",
    "ZOO_AUTOPURGE_RETAIN_COUNT": "10",
    "ZOO_MAX_SESSION_TIMEOUT": "40000",
    "ZOO_ENABLE_AUTH": "no",
    "ZOO_ENABLE_QUORUM_AUTH": "no",
    "ZOO_HEAP_SIZE": str(HEAP_MEGABYTES),
    "ZOO_LOG_LEVEL": "ERROR",
    "ALLOW_ANONYMOUS_LOGIN": "yes",
    # Not of the chart: short-lived servers gain nothing from the second compiler.
    "JVMFLAGS": "-XX:TieredStopAtLevel=1",
    "MIN_SERVER_ID": "1",
}


class Bitnami(Source):
    """A release of the chart."""

    labels: ClassVar = {**_MATCH, **_COMPONENT}

    def manifests(self) -> tuple[Object, ...]:
        """Everything the release consists of, in order."""
        return (
            self.build("v1", "ServiceAccount", self.name, _LABELS)
            | {"automountServiceAccountToken": False},
            self.build(
                "v1",
                "ConfigMap",
                f"{self.name}-scripts",
                _LABELS,
                data=read_scripts("bitnami"),
            ),
            self._network_policy(),
            self._disruption_budget(),
            self._service(self.service, clusterIP="None", publishNotReadyAddresses=True),
            self._service(self.name, sessionAffinity="None"),
            self.build(
                "apps/v1",
                "StatefulSet",
                self.name,
                {**_LABELS, **_COMPONENT, "role": "zookeeper"},
                spec=self._statefulset(),
            ),
        )

    def first_answer(self) -> tuple[int, str]:
        """It refuses, with the variables to set."""
        return 1, "ZOO_CFG_server_1" if self.members == 1 else "ZOO_RECONFIG_ENABLED"

    def prepare(self) -> None:
        """Turn reconfiguration on, and restart the members one by one, the leader last."""
        on_delete = '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
        self.kubectl("patch", f"statefulset/{self.name}", "--type=merge", f"--patch={on_delete}")
        variables = ["ZOO_RECONFIG_ENABLED=yes"]
        if self.members == 1:
            line = f"{self.host(1)}:2888:3888;{CLIENT_PORT}"
            variables += [f"ZOO_CFG_server_1={line}", "ZOO_CFG_standaloneEnabled=false"]
        self.kubectl("set", "env", f"statefulset/{self.name}", *variables)
        self.restart_all()

    def _service(self, name: str, **spec: Any) -> Object:
        ports = [_CLIENT, *_QUORUM]
        body = {"type": "ClusterIP", "ports": ports, "selector": dict(self.labels), **spec}
        return self.build("v1", "Service", name, {**_LABELS, **_COMPONENT}, spec=body)

    def _network_policy(self) -> Object:
        own = [{"podSelector": {"matchLabels": _MATCH}}]
        spec = {
            "podSelector": {"matchLabels": _MATCH},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [{}],
            "ingress": [
                {"ports": [{"port": CLIENT_PORT}]},
                {"ports": [{"port": 2888}, {"port": 3888}], "from": own},
            ],
        }
        return self.build("networking.k8s.io/v1", "NetworkPolicy", self.name, _LABELS, spec=spec)

    def _disruption_budget(self) -> Object:
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": dict(self.labels)}}
        return self.build(
            "policy/v1", "PodDisruptionBudget", self.name, {**_LABELS, **_COMPONENT}, spec=spec
        )

    def _statefulset(self) -> Object:
        return {
            "replicas": self.members,
            "revisionHistoryLimit": 10,
            "podManagementPolicy": "Parallel",
            "serviceName": self.service,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {}},
            "selector": {"matchLabels": dict(self.labels)},
            "template": {
                "metadata": {"labels": {**_LABELS, **_COMPONENT}},
                "spec": self._pod(),
            },
            "volumeClaimTemplates": [build_claim()],
        }

    def _pod(self) -> Object:
        neighbours = {
            "labelSelector": {"matchLabels": dict(self.labels)},
            "topologyKey": "kubernetes.io/hostname",
        }
        apart = [{"weight": 1, "podAffinityTerm": neighbours}]
        scripts = {"name": f"{self.name}-scripts", "defaultMode": 0o755}
        return {
            "enableServiceLinks": True,
            "serviceAccountName": self.name,
            "automountServiceAccountToken": False,
            "affinity": {
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": apart}
            },
            "securityContext": {
                "fsGroup": 1001,
                "fsGroupChangePolicy": "Always",
                "supplementalGroups": [],
                "sysctls": [],
            },
            "containers": [self._container()],
            "volumes": [
                {"name": "empty-dir", "emptyDir": {}},
                {"name": "scripts", "configMap": scripts},
            ],
        }

    def _container(self) -> Object:
        servers = " ".join(f"{self.host(member)}:2888:3888::{member}" for member in self.ids)
        variables = {**_ENV, "ZOO_SERVERS": servers}
        pod_name = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
        probe = {
            "exec": {
                "command": [
                    *("/bin/bash", "-ec"),
                    "printf ruok | timeout 3 nc -w 3 localhost 2181 | grep imok",
                ]
            },
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": 6,
        }
        return {
            "name": "zookeeper",
            "image": f"zookeeper:{self.version}",
            "imagePullPolicy": "IfNotPresent",
            "command": ["/scripts/setup.sh"],
            "env": [
                *({"name": name, "value": value} for name, value in variables.items()),
                {"name": "POD_NAME", "valueFrom": pod_name},
            ],
            "ports": [
                {"name": "client", "containerPort": CLIENT_PORT},
                {"name": "follower", "containerPort": 2888},
                {"name": "election", "containerPort": 3888},
            ],
            "resources": RESOURCES,
            "livenessProbe": {**probe, "initialDelaySeconds": 30},
            "readinessProbe": {**probe, "initialDelaySeconds": 5},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "runAsGroup": 1001,
                "runAsNonRoot": True,
                "runAsUser": 1001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [
                {"name": "scripts", "mountPath": "/scripts/setup.sh", "subPath": "setup.sh"},
                {
                    "name": "scripts",
                    "mountPath": "/image/entrypoint.sh",
                    "subPath": "entrypoint.sh",
                },
                {"name": "data", "mountPath": "/bitnami/zookeeper"},
                *(
                    {"name": "empty-dir", "mountPath": path, "subPath": folder}
                    for path, folder in (
                        ("/tmp", "tmp-dir"),  # noqa: S108 -- in the container
                        ("/opt/bitnami/zookeeper/conf", "app-conf-dir"),
                        ("/opt/bitnami/zookeeper/logs", "app-logs-dir"),
                    )
                ),
            ],
        }
