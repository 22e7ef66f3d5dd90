"""What pravega's operator renders for a `ZookeeperCluster` called `zookeeper`, with its default values.

Ids are ordinal + 1. The list of members is a file on the volume: the first pod founds it, each further one
adds itself as an observer, and its readiness probe makes it a voter. Reconfiguration is on, ACLs are not
checked. Pods start one after the other as each becomes ready, run as root, and wait half a minute for their
clients before they stop. The headless Service knows ready pods only, and a member that is in no list is not
ready. The operator itself does not run: its owner has scaled it to 0. Left out is the Prometheus exporter,
which not every image of the tests has. Memory and disk are smaller than by default.
"""

from typing import ClassVar, Final

from e2e.cluster import Object
from e2e.sources.source import (
    CLIENT_PORT,
    HEAP_MEGABYTES,
    RESOURCES,
    Source,
    build_claim,
    read_scripts,
)

CLUSTER: Final = "zookeeper"
_LABELS: Final = {"app": CLUSTER, "release": CLUSTER}
_CLIENT: Final = {"name": "tcp-client", "port": CLIENT_PORT}
_ADMIN: Final = {"name": "tcp-admin-server", "port": 8080}
_CONFIG: Final = (
    "4lw.commands.whitelist=cons, envi, conf, crst, srvr, stat, mntr, ruok",
    "dataDir=/data",
    "standaloneEnabled=false",
    "reconfigEnabled=true",
    "skipACL=yes",
    "initLimit=10",
    "syncLimit=2",
    "tickTime=2000",
    "globalOutstandingLimit=1000",
    "preAllocSize=65536",
    "snapCount=10000",
    "commitLogCount=500",
    "snapSizeLimitInKb=4194304",
    "maxCnxns=0",
    "maxClientCnxns=60",
    "minSessionTimeout=4000",
    "maxSessionTimeout=40000",
    "autopurge.snapRetainCount=3",
    "autopurge.purgeInterval=1",
    "quorumListenOnAllIPs=false",
    "admin.serverPort=8080",
    "dynamicConfigFile=/data/zoo.cfg.dynamic",  # the start script relies on its being the last
)
_LOGGING: Final = """<configuration>
  <appender name="CONSOLE" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} [%t] %-5p %c{1} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="CONSOLE"/></root>
</configuration>
"""


class Pravega(Source):
    """The cluster of one `ZookeeperCluster`."""

    labels: ClassVar = {"app": CLUSTER}
    step_seconds = 120

    def start(self) -> None:
        """Create it where pods may run as root, and wait until every pod is ready."""
        standard = "pod-security.kubernetes.io/enforce=baseline"
        self.cluster.kubectl("label", "namespace", self.namespace, standard, "--overwrite")
        super().start()

    def first_answer(self) -> tuple[int, str]:
        """It agrees, and gives the command of `prepare`."""
        return 0, f"patch service/{self.service} --type merge"

    def prepare(self) -> None:
        """Let the headless Service know pods that are not ready: a member that has left must be found."""
        self.kubectl(
            *("patch", f"service/{self.service}", "--type=merge"),
            '--patch={"spec":{"publishNotReadyAddresses":true}}',
        )

    def manifests(self) -> tuple[Object, ...]:
        """Everything its operator creates, in order."""
        environment = {
            "DOMAIN": f"{self.service}.{self.namespace}.svc.cluster.local",
            "QUORUM_PORT": "2888",
            "LEADER_PORT": "3888",
            "CLIENT_HOST": f"{self.name}-client",
            "CLIENT_PORT": str(CLIENT_PORT),
            "ADMIN_SERVER_HOST": f"{self.name}-admin-server",
            "ADMIN_SERVER_PORT": "8080",
            "CLUSTER_NAME": self.name,
            "CLUSTER_SIZE": str(self.members),
        }
        files = {
            "zoo.cfg": "".join(f"{line}\n" for line in _CONFIG),
            "logback.xml": _LOGGING,
            "env.sh": "".join(f"{name}={value}\n" for name, value in environment.items()),
        }
        quorum = {"name": "tcp-quorum", "port": 2888}
        election = {"name": "tcp-leader-election", "port": 3888}
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": dict(self.labels)}}
        return (
            self.build("v1", "ConfigMap", f"{self.name}-configmap", _LABELS, data=files),
            # Not of the operator: what the image has in /usr/local/bin.
            self.build("v1", "ConfigMap", "image", {}, data=read_scripts("pravega")),
            self._service(self.service, _CLIENT, quorum, election, _ADMIN, headless=True),
            self._service(f"{self.name}-client", _CLIENT),
            self._service(f"{self.name}-admin-server", _ADMIN),
            self.build("policy/v1", "PodDisruptionBudget", self.name, _LABELS, spec=budget),
            self.build("apps/v1", "StatefulSet", self.name, _LABELS, spec=self._statefulset()),
        )

    def _service(self, name: str, *ports: Object, headless: bool = False) -> Object:
        labels = {**_LABELS, "headless": str(headless).lower()}
        spec: Object = {"ports": list(ports), "selector": dict(self.labels)}
        if headless:
            spec["clusterIP"] = "None"
        return self.build("v1", "Service", name, labels, spec=spec)

    def _statefulset(self) -> Object:
        return {
            "replicas": self.members,
            "serviceName": self.service,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate"},
            "selector": {"matchLabels": dict(self.labels)},
            "template": {
                "metadata": {"labels": {**_LABELS, "kind": "ZookeeperMember"}},
                "spec": self._pod(),
            },
            "volumeClaimTemplates": [build_claim(labels=dict(self.labels))],
        }

    def _pod(self) -> Object:
        same = {"key": "app", "operator": "In", "values": [self.name]}
        neighbours = {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchExpressions": [same]},
        }
        apart = [{"weight": 20, "podAffinityTerm": neighbours}]
        return {
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "affinity": {
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": apart}
            },
            "containers": [self._container()],
            "volumes": [
                {"name": "conf", "configMap": {"name": f"{self.name}-configmap"}},
                {"name": "image", "configMap": {"name": "image", "defaultMode": 0o755}},
            ],
        }

    def _container(self) -> Object:
        timing = {
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 3,
        }
        ports = {
            "client": CLIENT_PORT,
            "quorum": 2888,
            "leader-election": 3888,
            "metrics": 7000,
            "admin-server": 8080,
        }
        return {
            "name": "zookeeper",
            "image": f"zookeeper:{self.version}",
            "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/local/bin/zookeeperStart.sh"],
            "env": [
                {"name": "JVMFLAGS", "value": "-XX:TieredStopAtLevel=1"},
                {"name": "ZK_SERVER_HEAP", "value": str(HEAP_MEGABYTES)},
                {"name": "ZK_CLIENT_HEAP", "value": "48"},
                {"name": "JMXDISABLE", "value": "true"},
            ],
            "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
            "resources": RESOURCES,
            "readinessProbe": {**timing, "exec": {"command": ["zookeeperReady.sh"]}},
            "livenessProbe": {**timing, "exec": {"command": ["zookeeperLive.sh"]}},
            "lifecycle": {"preStop": {"exec": {"command": ["zookeeperTeardown.sh"]}}},
            "volumeMounts": [
                {"name": "data", "mountPath": "/data"},
                {"name": "conf", "mountPath": "/conf"},
                {"name": "image", "mountPath": "/usr/local/bin"},
            ],
        }
