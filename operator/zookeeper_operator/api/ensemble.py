"""The resource a user writes: `ZookeeperEnsemble` and its spec. Its status is in `ensemble_status`.

Longer than most modules because it is one model: a field is easiest to find beside its neighbours.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from zookeeper_operator.api.adoption import AdoptSpec
from zookeeper_operator.api.bootstrap import BootstrapSpec
from zookeeper_operator.api.model import ApiModel, LocalReference
from zookeeper_operator.api.network import IngressRule, NetworkPeer
from zookeeper_operator.api.resources import ResourcesSpec
from zookeeper_operator.api.security import AuthSpec, TlsSpec
from zookeeper_operator.api.versions import DEFAULT_VERSION

KIND: Final = "ZookeeperEnsemble"
PLURAL: Final = "zookeeperensembles"
SHORT_NAMES: Final = ("zke",)

MAX_REPLICAS: Final = 9
MAX_OBSERVERS: Final = 100
FIRST_OBSERVER_ID: Final = 101
LAST_OBSERVER_ID: Final = FIRST_OBSERVER_ID + MAX_OBSERVERS - 1
LAST_VOTER_ID: Final = FIRST_OBSERVER_ID - 1
MAX_NAME_LENGTH: Final = 40
MAX_CONFIG_KEYS: Final = 100
MAX_CONFIG_VALUE_LENGTH: Final = 1024
MAX_TEMPLATE_DEPTH: Final = 32
MAX_TEMPLATE_VALUES: Final = 10_000

ImagePullPolicy = Literal["Always", "IfNotPresent", "Never"]
ExternalType = Literal["NodePort", "LoadBalancer"]
RetentionPolicy = Literal["Retain", "Delete"]
TrafficPolicy = Literal["Local", "Cluster"]
LogLevel = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
SecurityContextMode = Literal["Fixed", "Platform"]
LogFormat = Literal["text", "json"]

ConfigValue = str | int | bool


class ImageSpec(ApiModel):
    """Where the ZooKeeper image comes from."""

    repository: str = Field(
        default="zookeeper",
        description=(
            "Image repository, without tag. The official image `zookeeper` and images built from "
            "it work as they are. An image needs Java 9 or later."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 255},
    )
    tag: str = Field(
        default="",
        description="Image tag. Empty means `spec.version`.",
        json_schema_extra={"maxLength": 128},
    )
    digest: str = Field(
        default="",
        description=(
            "Image digest such as `sha256:…`, instead of a tag. `spec.version` must still say "
            "which ZooKeeper is inside."
        ),
        json_schema_extra={"maxLength": 140},
    )
    pull_policy: ImagePullPolicy = Field(
        default="IfNotPresent", description="When the image is pulled."
    )
    pull_secrets: tuple[LocalReference, ...] = Field(
        default=(),
        description="Secrets with the credentials of the registry.",
        json_schema_extra={
            "maxItems": 16,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )


class ObserversSpec(ApiModel):
    """Members that serve clients but do not vote."""

    replicas: int = Field(
        default=0,
        description=(
            "Number of observers, 0 to 100. They answer reads and forward writes, and they do not "
            "slow down a majority. Their ids start at 101."
        ),
        json_schema_extra={"format": "int32"},
    )


class JvmSpec(ApiModel):
    """The Java virtual machine of every member."""

    heap_percent: int = Field(
        default=60,
        description=(
            "Heap as a percentage of the memory limit, 10 to 90. The rest is for threads, buffers "
            "and the page cache."
        ),
        json_schema_extra={"format": "int32"},
    )
    options: tuple[str, ...] = Field(
        default=(),
        description=(
            "Further options of the JVM, one per entry, such as `-XX:+UseZGC`. They come after the "
            "options of the operator."
        ),
        json_schema_extra={
            "maxItems": 64,
            "x-kubernetes-list-type": "atomic",
            "itemSchema": {"minLength": 1, "maxLength": 1024},
        },
    )


class LoggingSpec(ApiModel):
    """What the members write to their logs."""

    level: LogLevel = Field(default="INFO", description="The lowest level that is written.")
    format: LogFormat = Field(
        default="text", description="One line of text per entry, or one JSON object."
    )


class VolumeSpec(ApiModel):
    """One persistent volume per member."""

    size: str = Field(
        default="5Gi",
        description=(
            "Size of the volume. It can grow if the storage class allows it, but never shrink."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 32},
    )
    storage_class_name: str | None = Field(
        default=None,
        description=(
            "Storage class of the volume; without it the default class of the cluster. It cannot "
            "be changed later."
        ),
        json_schema_extra={"maxLength": 253},
    )


class RetentionSpec(ApiModel):
    """What happens to the volumes."""

    when_deleted: RetentionPolicy = Field(
        default="Retain", description="What happens to the volumes when the ensemble is deleted."
    )
    when_scaled: RetentionPolicy = Field(
        default="Retain",
        description="What happens to the volumes of members that are removed by scaling down.",
    )


class StorageSpec(ApiModel):
    """Where the members keep their data."""

    data: VolumeSpec = Field(
        default_factory=VolumeSpec,
        description="The volume for snapshots and, without `log`, for the transaction log.",
    )
    log: VolumeSpec | None = Field(
        default=None,
        description=(
            "A volume of its own for the transaction log, for a lower write latency. It can only "
            "be asked for when the ensemble is created."
        ),
    )
    ephemeral: bool = Field(
        default=False,
        description=(
            "Keep the data in `emptyDir` volumes, which are lost with the pod. For experiments "
            "only. It cannot be changed later."
        ),
    )
    retention: RetentionSpec = Field(
        default_factory=RetentionSpec, description="What happens to volumes no longer in use."
    )


class ExternalMember(ApiModel):
    """Fixed ports of one member."""

    id: int = Field(
        description="Id of the member: 1 to 9 for voters, 101 and up for observers.",
        json_schema_extra={"format": "int32"},
    )
    node_port: int | None = Field(
        default=None,
        description="Node port for clients; without it Kubernetes picks one.",
        json_schema_extra={"format": "int32"},
    )
    admin_node_port: int | None = Field(
        default=None,
        description="Node port of the AdminServer; without it Kubernetes picks one.",
        json_schema_extra={"format": "int32"},
    )


class ExternalSpec(ApiModel):
    """How clients outside of the cluster reach each member."""

    type: ExternalType = Field(
        description="Type of the Services, one per member: `NodePort` or `LoadBalancer`."
    )
    admin_server: bool = Field(
        default=False,
        description=(
            "Expose the AdminServer (port 8080) of each member as well. It has no password: "
            "anyone who reaches it can read the configuration and who is connected."
        ),
    )
    members: tuple[ExternalMember, ...] = Field(
        default=(),
        description="Fixed node ports of single members.",
        json_schema_extra={
            "maxItems": 109,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
        },
    )
    annotations: dict[str, str] = Field(
        default_factory=dict,
        description="Annotations of the external Services, for load balancers and DNS controllers.",
        json_schema_extra={"maxProperties": 32, "valueSchema": {"maxLength": 2048}},
    )
    host_template: str = Field(
        default="",
        description=(
            "Host name advertised for a member, such as `zk-{id}.example.org` or `127.0.0.1`. "
            "`{id}`, `{pod}`, `{name}` and `{namespace}` are filled in. Empty means the address "
            "of the load balancer, or of the node the member runs on."
        ),
        json_schema_extra={"maxLength": 253},
    )
    port_base: int | None = Field(
        default=None,
        description=(
            "Client port advertised for member 1; member N gets N - 1 more. For port mappings in "
            "front of the cluster. Without it the port of the Service is advertised."
        ),
        json_schema_extra={"format": "int32"},
    )
    external_traffic_policy: TrafficPolicy = Field(
        default="Local",
        description=(
            "`Local` keeps the address of the client and saves a hop; with `Cluster` every node "
            "answers for every member."
        ),
    )


class MetricsSpec(ApiModel):
    """ZooKeeper's own metrics, which each member serves to Prometheus."""

    enabled: bool = Field(
        default=True,
        description=(
            "Every member serves its metrics at `/metrics`. A change restarts the members. "
            "`metricsProvider.className` in `config` has precedence, and so do the other keys "
            "`metricsProvider.*`. Members whose image does not contain ZooKeeper's provider for "
            "Prometheus run without."
        ),
    )
    port: int = Field(
        default=7000,
        description="Port of the metrics. Its name in the pods is `zk-metrics`.",
        json_schema_extra={"format": "int32"},
    )
    from_: tuple[NetworkPeer, ...] = Field(
        default=(),
        alias="from",
        description=(
            "Who may connect to the port, as in a NetworkPolicy; none means every pod of the cluster. "
            "A change restarts nothing."
        ),
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )


class NetworkPolicySpec(ApiModel):
    """Who may connect to the members."""

    enabled: bool = Field(
        default=True,
        description=(
            "Close the AdminServer to all but the operator, the quorum ports to all but members, and "
            "the port of the metrics to all but `metrics.from`. The client ports are open to `clients`, and "
            "the ports that containers of `podTemplate` declare to all."
        ),
    )
    clients: tuple[NetworkPeer, ...] = Field(
        default=(),
        description=(
            "Who may connect to the client ports, as in a NetworkPolicy; none means anyone. The operator "
            "always may. Clients from outside of the cluster need an `ipBlock`. A change restarts nothing, "
            "and connections that exist may continue."
        ),
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )
    extra_ingress: tuple[IngressRule, ...] = Field(
        default=(),
        description=(
            "Who may connect to ports of containers that `podTemplate` adds. A port that is named here is "
            "open to these only, even if its container declares it."
        ),
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )


class SecurityContextSpec(ApiModel):
    """The user and group the members run as."""

    mode: SecurityContextMode = Field(
        default="Fixed",
        description=(
            "`Fixed`: every pod runs as user, group and file group 1000, the user of the official "
            "image. `Platform`: these ids are left out, for a platform that sets them itself and "
            "refuses others, such as OpenShift; the image must run under any user. In both cases the "
            "user is never root, no privilege can be gained, and the root file system is read-only. A "
            "change restarts the members."
        ),
    )


class EnsembleSpec(ApiModel):
    """What a user asks for."""

    replicas: int = Field(
        default=3,
        description=(
            "Number of voting members, 1 to 9. 3 survive the loss of one member, 5 the loss of "
            "two. A change is made one member at a time."
        ),
        json_schema_extra={"format": "int32"},
    )
    first_member_id: int = Field(
        default=1,
        description=(
            "Id of the first member. It cannot be changed. An ensemble that adopts another one needs ids "
            "above those of the source, such as 11."
        ),
        json_schema_extra={"format": "int32"},
    )
    allow_even_replicas: bool = Field(
        default=False,
        description=(
            "Allow an even number of voting members, which survives no more losses than one member "
            "less."
        ),
    )
    version: str = Field(
        default=DEFAULT_VERSION,
        description=(
            "ZooKeeper version. It picks the tag of the image. A release of a known line that is "
            "newer than the operator runs with a warning; any other version needs `image.tag` or "
            "`image.digest`."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 64},
    )
    image: ImageSpec = Field(
        default_factory=ImageSpec, description="Where the ZooKeeper image comes from."
    )
    observers: ObserversSpec = Field(
        default_factory=ObserversSpec,
        description="Members that serve clients but do not vote.",
    )
    config: dict[str, ConfigValue] = Field(
        default_factory=dict,
        description=(
            "Keys of `zoo.cfg` with their values, such as `tickTime: 2000`: strings and integers; "
            "put `true`, `false`, `yes` and `no` in quotes. Keys the operator decides itself are "
            "refused."
        ),
        json_schema_extra={
            "maxProperties": MAX_CONFIG_KEYS,
            "valueSchema": {"maxLength": MAX_CONFIG_VALUE_LENGTH},
        },
    )
    jvm: JvmSpec = Field(
        default_factory=JvmSpec, description="The Java virtual machine of every member."
    )
    logging: LoggingSpec = Field(
        default_factory=LoggingSpec, description="What the members write to their logs."
    )
    resources: ResourcesSpec = Field(
        default_factory=lambda: ResourcesSpec(
            requests={"cpu": "100m", "memory": "512Mi"}, limits={"memory": "512Mi"}
        ),
        description="CPU and memory of every member.",
    )
    storage: StorageSpec = Field(
        default_factory=StorageSpec, description="Where the members keep their data."
    )
    stopped: bool = Field(
        default=False,
        description="Stop all members and keep their data; `false` starts them again. Refused with "
        "`storage.ephemeral`, whose data goes with the pods.",
    )
    paused: bool = Field(
        default=False,
        description="Observe and report only: the operator changes nothing while this is set.",
    )
    external: ExternalSpec | None = Field(
        default=None,
        description="How clients outside of the cluster reach each member. Without it they cannot.",
    )
    metrics: MetricsSpec = Field(
        default_factory=MetricsSpec,
        description="ZooKeeper's own metrics, which each member serves to Prometheus.",
    )
    network_policy: NetworkPolicySpec = Field(
        default_factory=NetworkPolicySpec, description="Who may connect to the members."
    )
    tls: TlsSpec | None = Field(
        default=None,
        description=(
            "Encrypt what members and clients send: `tls: {}` is a whole set-up with a CA of the operator. "
            "It is turned on and off while the ensemble serves."
        ),
    )
    auth: AuthSpec | None = Field(
        default=None,
        description="Who clients may be. Without it everyone who reaches a member is served.",
    )
    security_context: SecurityContextSpec = Field(
        default_factory=SecurityContextSpec, description="The user and group the members run as."
    )
    bootstrap: BootstrapSpec | None = Field(
        default=None,
        description=(
            "What a new ensemble begins with. It is read only while the ensemble is founded, ignored where "
            "volumes of it exist already, and cannot be changed."
        ),
    )
    adopt: AdoptSpec | None = Field(
        default=None,
        description=(
            "Take over a running ensemble without a stop. Only when the ensemble is created; it may be "
            "removed when `status.adoptedAt` is set."
        ),
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Labels of every object of the ensemble but pods, which take theirs from `podTemplate`, "
            "and volume claims. A change restarts nothing."
        ),
        json_schema_extra={"maxProperties": 32, "valueSchema": {"maxLength": 63}},
    )
    annotations: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Annotations of every object of the ensemble but pods, which take theirs from "
            "`podTemplate`, and volume claims. A change restarts nothing."
        ),
        json_schema_extra={"maxProperties": 32, "valueSchema": {"maxLength": 2048}},
    )
    pod_template: dict[str, Any] = Field(
        default_factory=dict,
        description=(
            "Parts of a pod template (`metadata`, `spec`), merged over the one the operator "
            "builds: node selectors, tolerations, sidecars and the like. Identity, ports and "
            "probes of the ZooKeeper container stay as they are, and fields that raise privileges "
            "are refused unless the operator was installed to allow them. `kubectl apply` drops "
            "nulls: what the operator sets cannot be removed by them."
        ),
        json_schema_extra={
            "properties": {
                part: {
                    "type": "object",
                    "description": text,
                    "maxProperties": 64,
                    "x-kubernetes-preserve-unknown-fields": True,
                }
                for part, text in (
                    ("metadata", "Labels and annotations of the pods."),
                    ("spec", "Parts of a pod spec."),
                )
            },
        },
    )

    @field_validator("pod_template", mode="before")
    @classmethod
    def _is_small(cls, template: Any) -> Any:
        """Refuse what no pod template is, before anything recurses into it or is computed of it.

        Raises:
            ValueError: it is nested too deeply, or has too many values.
        """
        level, seen = [template], 0
        for _ in range(MAX_TEMPLATE_DEPTH):
            seen += len(level)
            if seen > MAX_TEMPLATE_VALUES:
                raise ValueError(f"it has more than {MAX_TEMPLATE_VALUES} values")
            level = [value for parent in level for value in _values_of(parent)]
            if not level:
                return template
        raise ValueError(f"it is nested more than {MAX_TEMPLATE_DEPTH} levels deep")


def _values_of(parent: Any) -> Iterable[Any]:
    if isinstance(parent, Mapping):
        return parent.values()
    return parent if isinstance(parent, list) else ()
