"""The resource a user writes and reads: `ZookeeperEnsemble`, version `v1alpha1`.

The models read what the API server has stored. They are lenient on purpose: every limit is in the
schema that `crd.py` makes of them, so that an object which was stored by an older schema can
still be read, reported on and repaired. `description` texts are for users: they become
`kubectl explain` and the reference page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from zookeeper_operator.api.schema.owned_keys import MAX_CONFIG_KEYS, MAX_VALUE_LENGTH

GROUP: Final = "zookeeper.ensemble.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ZookeeperEnsemble"
LIST_KIND: Final = "ZookeeperEnsembleList"
PLURAL: Final = "zookeeperensembles"
SINGULAR: Final = "zookeeperensemble"
SHORT_NAMES: Final = ("zke", "zk")
CRD_NAME: Final = f"{PLURAL}.{GROUP}"

MAX_REPLICAS: Final = 9
MAX_OBSERVERS: Final = 100
FIRST_OBSERVER_ID: Final = 101
MAX_NAME_LENGTH: Final = 40
DEFAULT_VERSION: Final = "3.9.4"

ImagePullPolicy = Literal["Always", "IfNotPresent", "Never"]
ExternalType = Literal["NodePort", "LoadBalancer"]
RetentionPolicy = Literal["Retain", "Delete"]
TrafficPolicy = Literal["Local", "Cluster"]
LogLevel = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
LogFormat = Literal["text", "json"]
ConditionState = Literal["True", "False", "Unknown"]

ConfigValue = str | int | bool
Quantity = str | int


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A ZooKeeper release the operator knows how to run.

    Attributes:
        version: The release, which is also the tag of the official image.
        minor: The release line it belongs to, such as `3.9`.
        warning: What a user of this release should know, or an empty text.
    """

    version: str
    minor: str
    warning: str = ""


_FIXED_IN_3_9_4 = "upgrade to 3.9.4 or later: it can lose data from a discontinuous committed log"

KNOWN_VERSIONS: Final[Mapping[str, KnownVersion]] = MappingProxyType(
    {
        known.version: known
        for known in (
            KnownVersion("3.8.4", "3.8"),
            KnownVersion("3.8.5", "3.8"),
            KnownVersion("3.8.6", "3.8"),
            KnownVersion("3.9.0", "3.9", _FIXED_IN_3_9_4),
            KnownVersion("3.9.1", "3.9", _FIXED_IN_3_9_4),
            KnownVersion("3.9.2", "3.9", _FIXED_IN_3_9_4),
            KnownVersion("3.9.3", "3.9", _FIXED_IN_3_9_4),
            KnownVersion("3.9.4", "3.9"),
            KnownVersion("3.9.5", "3.9", "not every registry has an image of it yet"),
        )
    }
)

UPGRADE_PATHS: Final[frozenset[tuple[str, str]]] = frozenset(
    {("3.8", "3.8"), ("3.8", "3.9"), ("3.9", "3.8"), ("3.9", "3.9")}
)
"""Pairs of release lines between which one member at a time may be moved, from and to."""


def minor_of(version: str) -> str:
    """Return the release line of a version: `3.9` of `3.9.4`."""
    return ".".join(version.split(".")[:2])


def has_upgrade_path(current: str, target: str) -> bool:
    """Tell whether members may be rolled from one version to the other.

    Between known versions the table decides. Whoever brings an unknown version brings an
    image as well and has to know its path; only the same line is taken to be safe.
    """
    pair = (minor_of(current), minor_of(target))
    if current in KNOWN_VERSIONS and target in KNOWN_VERSIONS:
        return pair in UPGRADE_PATHS
    return pair[0] == pair[1] or pair in UPGRADE_PATHS


class ApiModel(BaseModel):
    """What all models share: frozen, camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        """Take a null for a field that is not there, as the API server does."""
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def to_api(self) -> dict[str, Any]:
        """Return the value as the API server knows it: camelCase names, nothing that is null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class LocalReference(ApiModel):
    """The name of an object in the namespace of the ensemble."""

    name: str = Field(
        description="Name of the object, in the namespace of the ensemble.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )


class ImageSpec(ApiModel):
    """Where the ZooKeeper image comes from."""

    repository: str = Field(
        default="zookeeper",
        description=(
            "Image repository, without tag. The official image `zookeeper` and images built from "
            "it work as they are."
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
            "Image digest such as `sha256:…`, instead of a tag. `spec.version` still has to say "
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
            "Number of observers, 0 to 100. They answer reads and pass writes on, and they do not "
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

    level: LogLevel = Field(default="INFO", description="The least level that is written.")
    format: LogFormat = Field(
        default="text", description="One line of text per entry, or one JSON object."
    )


class ResourcesSpec(ApiModel):
    """CPU and memory of every member."""

    requests: dict[str, Quantity] = Field(
        default_factory=dict,
        description="What a member is guaranteed, such as `cpu: 100m` and `memory: 512Mi`.",
        json_schema_extra={"maxProperties": 16, "valueSchema": {"maxLength": 32}},
    )
    limits: dict[str, Quantity] = Field(
        default_factory=dict,
        description=(
            "What a member may not exceed. Set a memory limit: the heap is computed from it."
        ),
        json_schema_extra={"maxProperties": 16, "valueSchema": {"maxLength": 32}},
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
    """What becomes of the volumes."""

    when_deleted: RetentionPolicy = Field(
        default="Retain", description="What becomes of the volumes when the ensemble is deleted."
    )
    when_scaled: RetentionPolicy = Field(
        default="Retain",
        description="What becomes of the volumes of members that are removed by scaling down.",
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
        default_factory=RetentionSpec, description="What becomes of volumes no longer in use."
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
            "whoever reaches it can read the configuration and who is connected."
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


class NetworkPolicySpec(ApiModel):
    """Who may talk to the members."""

    enabled: bool = Field(
        default=True,
        description=(
            "Close the AdminServer to all but the operator, and the quorum ports to all but "
            "members. The client port stays open."
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
            "ZooKeeper version. It picks the tag of the image; a version the operator does not "
            "know needs `image.tag` or `image.digest`."
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
            "valueSchema": {"maxLength": MAX_VALUE_LENGTH},
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
        description="Stop all members and keep their data; `false` starts them again.",
    )
    paused: bool = Field(
        default=False,
        description="Observe and report only: the operator changes nothing while this is set.",
    )
    external: ExternalSpec | None = Field(
        default=None,
        description="How clients outside of the cluster reach each member. Without it they do not.",
    )
    network_policy: NetworkPolicySpec = Field(
        default_factory=NetworkPolicySpec, description="Who may talk to the members."
    )
    pod_template: dict[str, Any] = Field(
        default_factory=dict,
        description=(
            "Parts of a pod template (`metadata`, `spec`), merged over the one the operator "
            "builds: node selectors, tolerations, sidecars and the like. Identity, ports and "
            "probes of the ZooKeeper container stay as they are."
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


class LeaderStatus(ApiModel):
    """Who leads."""

    id: int = Field(description="Id of the leader.", json_schema_extra={"format": "int32"})
    pod: str = Field(description="Pod of the leader.")
    epoch: int = Field(
        description="Epoch of its reign; every election raises it.",
        json_schema_extra={"format": "int64"},
    )
    since: str | None = Field(
        default=None,
        description="When it was first seen to lead.",
        json_schema_extra={"format": "date-time"},
    )


class QuorumStatus(ApiModel):
    """How safe the ensemble is."""

    voters: int = Field(
        default=0,
        description="Voters in the committed configuration.",
        json_schema_extra={"format": "int32"},
    )
    needed: int = Field(
        default=0, description="Voters a majority needs.", json_schema_extra={"format": "int32"}
    )
    live: int = Field(
        default=0, description="Voters that serve now.", json_schema_extra={"format": "int32"}
    )
    tolerates: int = Field(
        default=0,
        description="Voters that may still be lost before writes stop.",
        json_schema_extra={"format": "int32"},
    )
    summary: str = Field(default="", description="Live voters and desired voters, such as `3/3`.")


class MembershipStatus(ApiModel):
    """The configuration the members have agreed on."""

    config_version: str = Field(
        default="", description="Version of the committed configuration, a hexadecimal zxid."
    )
    settled: bool = Field(
        default=False, description="Whether the committed members are the ones the spec asks for."
    )


class VersionStatus(ApiModel):
    """Which ZooKeeper runs."""

    target: str = Field(default="", description="Version the spec asks for.")
    members: dict[str, int] | None = Field(
        default=None,
        description="Number of members per version seen.",
        json_schema_extra={"maxProperties": 109},
    )


class MemberStatus(ApiModel):
    """One member as it was last seen."""

    id: int = Field(description="Id of the member.", json_schema_extra={"format": "int32"})
    pod: str = Field(description="Pod of the member.")
    role: str = Field(
        default="",
        description="`leader`, `follower`, `observer`, `looking`, or empty if it did not answer.",
    )
    state: str = Field(
        default="",
        description="Where it is in the protocol: `election`, `discovery`, `synchronization` or "
        "`broadcast`.",
    )
    serving: bool = Field(default=False, description="Whether it serves clients.")
    zxid: str = Field(default="", description="Last transaction it has, in hexadecimal.")
    epoch: int | None = Field(
        default=None,
        description="Epoch of its last transaction.",
        json_schema_extra={"format": "int64"},
    )
    lag: int | None = Field(
        default=None,
        description="Transactions it is behind the leader.",
        json_schema_extra={"format": "int64"},
    )
    connections: int | None = Field(
        default=None,
        description="Client connections it holds.",
        json_schema_extra={"format": "int32"},
    )
    version: str = Field(default="", description="ZooKeeper version it runs.")
    revision: str = Field(default="", description="Revision of its pod template.")
    restart_reason: str = Field(
        default="", description="Why the operator restarted it last, or is about to."
    )
    restarted_at: str | None = Field(
        default=None,
        description="When the operator restarted it last.",
        json_schema_extra={"format": "date-time"},
    )


class ConditionStatus(ApiModel):
    """One condition, as the Kubernetes API conventions ask for."""

    type: str = Field(
        description="What the condition is about.", json_schema_extra={"maxLength": 316}
    )
    status: ConditionState = Field(description="`True`, `False` or `Unknown`.")
    reason: str = Field(
        default="",
        description="The cause in one word, for programs.",
        json_schema_extra={"maxLength": 1024},
    )
    message: str = Field(
        default="",
        description="The cause in a sentence, for people.",
        json_schema_extra={"maxLength": 32768},
    )
    observed_generation: int = Field(
        default=0,
        description="Generation of the spec it was computed for.",
        json_schema_extra={"format": "int64"},
    )
    last_transition_time: str = Field(
        default="1970-01-01T00:00:00Z",
        description="When `status` last changed.",
        json_schema_extra={"format": "date-time"},
    )


class EnsembleStatus(ApiModel):
    """What the operator has seen."""

    observed_generation: int = Field(
        default=0,
        description="Generation of the spec this status was computed for.",
        json_schema_extra={"format": "int64"},
    )
    summary: str = Field(
        default="", description="Reason of the most telling condition; the STATUS column."
    )
    next_action: str = Field(
        default="",
        description="What will happen next, or why it may not, in one sentence.",
    )
    conditions: tuple[ConditionStatus, ...] = Field(
        default=(),
        description="The state of the ensemble, one question each.",
        json_schema_extra={
            "maxItems": 32,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    replicas: int = Field(
        default=0,
        description="Pods of voting members, for the scale subresource.",
        json_schema_extra={"format": "int32"},
    )
    ready_replicas: int = Field(
        default=0,
        description="Pods of voting members that are ready.",
        json_schema_extra={"format": "int32"},
    )
    selector: str = Field(
        default="", description="Label selector of the voting pods, for the scale subresource."
    )
    observers: int = Field(
        default=0, description="Observers that serve now.", json_schema_extra={"format": "int32"}
    )
    leader: LeaderStatus | None = Field(default=None, description="Who leads, if anyone does.")
    quorum: QuorumStatus | None = Field(default=None, description="How safe the ensemble is.")
    membership: MembershipStatus | None = Field(
        default=None, description="The configuration the members have agreed on."
    )
    version: VersionStatus | None = Field(default=None, description="Which ZooKeeper runs.")
    members: tuple[MemberStatus, ...] = Field(
        default=(),
        description="Every member as it was last seen.",
        json_schema_extra={
            "maxItems": 128,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
        },
    )
    connection_string: str | None = Field(
        default=None, description="Connection string for clients in the cluster."
    )
    external_connection_string: str | None = Field(
        default=None, description="Connection string for clients outside of the cluster."
    )
    admin_server_exposed: bool | None = Field(
        default=None,
        description="`true` while `spec.external` opens the AdminServers to the outside.",
    )
    founded_at: str | None = Field(
        default=None,
        description=("When the first majority formed. From then on an empty volume is a loss."),
        json_schema_extra={"format": "date-time"},
    )
    identity: str | None = Field(
        default=None,
        description="Identity stamped on the volumes of this ensemble, to tell foreign ones.",
    )
    retained_claims: tuple[str, ...] = Field(
        default=(),
        description="Volume claims kept of members that were removed.",
        json_schema_extra={"maxItems": 256, "x-kubernetes-list-type": "atomic"},
    )
