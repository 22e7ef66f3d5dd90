"""The status of a `ZookeeperEnsemble`: what the operator writes and users read."""

from pydantic import Field

from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.model import ApiModel


class LeaderStatus(ApiModel):
    """Who leads."""

    id: int = Field(description="Id of the leader.", json_schema_extra={"format": "int32"})
    pod: str = Field(description="Pod of the leader.")
    epoch: int = Field(
        description="Epoch in which it leads; every election raises it.",
        json_schema_extra={"format": "int64"},
    )
    since: str | None = Field(
        default=None,
        description="When it was first seen to lead.",
        json_schema_extra={"format": "date-time"},
    )
    unconfirmed_since: str | None = Field(
        default=None,
        description="Since when the operator does not know whether it still leads.",
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
        default=0,
        description="Voters that serve now, by their own answers or by the leader's count.",
        json_schema_extra={"format": "int32"},
    )
    tolerates: int = Field(
        default=0,
        description="Voters that may still be lost before writes stop.",
        json_schema_extra={"format": "int32"},
    )
    unknown: int = Field(
        default=0,
        description="Voters that do not answer the operator; they may serve.",
        json_schema_extra={"format": "int32"},
    )
    summary: str = Field(
        default="",
        description="Live voters and desired voters, such as `3/3`; `?/3` while it is not known.",
    )


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


class CertificateStatus(ApiModel):
    """The certificate that the members are given."""

    serial: str = Field(default="", description="Serial number, in hexadecimal.")
    not_after: str | None = Field(
        default=None,
        description="When it ends.",
        json_schema_extra={"format": "date-time"},
    )
    issuer: str = Field(default="", description="Issuer.")


class SecurityStatus(ApiModel):
    """What is encrypted."""

    quorum: str = Field(
        default="",
        description="What every member does at least: `Plain`, `Accepting` (plain and TLS), `Dialing` (TLS "
        "by itself, and still accepts plain) or `Secured` (TLS only).",
    )
    clients: str = Field(
        default="",
        description="How every member serves clients: `Disabled` (without TLS), `Optional` (with and "
        "without) or `Required` (with TLS only).",
    )
    certificate: CertificateStatus | None = Field(
        default=None, description="The certificate that the members are given."
    )
    authentication: str | None = Field(
        default=None,
        description="What every member asks of its clients at least: `Disabled` (no client can log in as a "
        "user), `Optional` or `Required`. Left out where `auth` is not used.",
    )
    closing_since: str | None = Field(
        default=None,
        description="Since when port 2181 could be closed and clients without TLS are waited for.",
        json_schema_extra={"format": "date-time"},
    )


class MemberSecurityStatus(ApiModel):
    """What one member speaks."""

    phase: str = Field(
        default="",
        description="The phases that it runs: `q` of TLS in the quorum (0 to 3), `c` of TLS for clients (0 "
        "or 1), `a` of authentication (0: no users, 1: users, 2: required).",
    )
    serial: str = Field(
        default="", description="Serial number of the certificate that its ports serve, if known."
    )


class FenceStatus(ApiModel):
    """Where a source stood, and every member of ours with it."""

    zxid: str = Field(
        description="The last transaction, in hexadecimal digits.",
        json_schema_extra={"maxLength": 16},
    )
    generation: int = Field(
        default=0,
        description="The generation that the StatefulSet of the source had; 0 if none is named.",
        json_schema_extra={"format": "int64"},
    )
    pods: int = Field(
        default=0,
        description="How many pods it had.",
        json_schema_extra={"format": "int32"},
    )
    uid: str = Field(
        default="",
        description="Its UID: another StatefulSet of that name is another source.",
        json_schema_extra={"maxLength": 64},
    )


class AdoptionStatus(ApiModel):
    """The ensemble that is taken over."""

    source: tuple[str, ...] = Field(
        default=(),
        description="The server lines of the source as they were at the beginning.",
        json_schema_extra={
            "maxItems": 64,
            "x-kubernetes-list-type": "atomic",
            "itemSchema": {"maxLength": 512},
        },
    )
    pods: int | None = Field(
        default=None,
        description="How many pods the source must have now.",
        json_schema_extra={"format": "int32"},
    )
    connections: int | None = Field(
        default=None,
        description="Client connections that members of the source still hold.",
        json_schema_extra={"format": "int32"},
    )
    fence: FenceStatus | None = Field(
        default=None,
        description="Where the source and our members stood before it was stopped (mode `CutOver`).",
    )
    cut_over_at: str | None = Field(
        default=None,
        description="When our members became an ensemble of their own (mode `CutOver`); there is no way "
        "back.",
        json_schema_extra={"format": "date-time"},
    )


class MemberStatus(ApiModel):
    """One member as it was last seen."""

    id: int = Field(description="Id of the member.", json_schema_extra={"format": "int32"})
    pod: str = Field(description="Pod of the member; of a member of a source, its address.")
    role: str = Field(
        default="",
        description="`leader`, `follower`, `observer`, `looking`, or empty if it did not answer.",
    )
    state: str = Field(
        default="",
        description="Where it is in the protocol: `election`, `discovery`, `synchronization` or "
        "`broadcast`. Of a member that does not answer: `absent`, `stopping`, `starting`, `silent` (it runs, "
        "and has answered before), or the reason why its pod does not come up.",
    )
    serving: bool = Field(
        default=False,
        description="Whether it serves clients; of a member that does not answer, what was last known.",
    )
    not_serving_since: str | None = Field(
        default=None,
        description="Since when it does not serve, if it has served before.",
        json_schema_extra={"format": "date-time"},
    )
    lost: bool = Field(
        default=False,
        description="Whether it does not serve although neither the spec nor the operator wants that.",
    )
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
    security: MemberSecurityStatus | None = Field(
        default=None, description="What it speaks, while `tls` or `auth` is used or is being left."
    )


class EnsembleStatus(ApiModel):
    """What the operator has seen."""

    observed_generation: int = Field(
        default=0,
        description="Generation of the spec this status was computed for.",
        json_schema_extra={"format": "int64"},
    )
    summary: str = Field(
        default="", description="Reason of the most important condition; the STATUS column."
    )
    next_action: str = Field(
        default="",
        description="What will happen next, or why it may not, in one sentence.",
    )
    conditions: tuple[Condition, ...] = Field(
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
    security: SecurityStatus | None = Field(
        default=None,
        description="What is encrypted, and what is asked of clients, while `tls` or `auth` is used or is "
        "being left.",
    )
    connection_string: str | None = Field(
        default=None, description="Connection string for clients in the cluster."
    )
    tls_connection_string: str | None = Field(
        default=None,
        description="Connection string for clients with TLS in the cluster, as soon as every member listens "
        "for them.",
    )
    external_connection_string: str | None = Field(
        default=None, description="Connection string for clients outside of the cluster."
    )
    admin_server_exposed: bool | None = Field(
        default=None,
        description="`true` while `spec.external` opens the AdminServers to the outside.",
    )
    adoption: AdoptionStatus | None = Field(
        default=None, description="The ensemble that is taken over, while `spec.adopt` is set."
    )
    adopted_at: str | None = Field(
        default=None,
        description="When the adoption ended: the source is stopped, and `spec.adopt` may be removed.",
        json_schema_extra={"format": "date-time"},
    )
    founded_at: str | None = Field(
        default=None,
        description=("When the first majority formed. From then on an empty volume is a loss."),
        json_schema_extra={"format": "date-time"},
    )
    restored_from: str | None = Field(
        default=None,
        description="The backup that the ensemble was founded from (`spec.bootstrap`): its directory below "
        "the bucket or the volume.",
    )
    founded_again_at: str | None = Field(
        default=None,
        description="When the ensemble was last founded again, because every member had lost its data "
        "(`storage.ephemeral`). What was written before is gone.",
        json_schema_extra={"format": "date-time"},
    )
    identity: str | None = Field(
        default=None,
        description="Identity stamped on the volumes of this ensemble, to recognise foreign ones.",
    )
    managed_by: str | None = Field(
        default=None,
        description=(
            "The operator that manages the ensemble: its namespace and the name of its Lease. Any "
            "other operator leaves the ensemble alone."
        ),
    )
    retained_claims: tuple[str, ...] = Field(
        default=(),
        description="Volume claims kept of members that were removed.",
        json_schema_extra={"maxItems": 256, "x-kubernetes-list-type": "atomic"},
    )
