"""The operator's own settings: from the environment or the command line, read once, frozen."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """How this operator process runs. Every field is `ZOOKEEPER_OPERATOR_<NAME>` in the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: tuple[str, ...] = Field(default=(), description="watch only these; empty: all")
    namespace: str = Field(
        default="zookeeper-operator", description="where the operator itself runs"
    )
    identity: str = Field(
        default="", description="name of this process in the Lease; the pod's name"
    )
    cluster_domain: str = Field(default="cluster.local", description="DNS domain of the cluster")
    kubeconfig: str = Field(default="", description="path; empty: in-cluster credentials")
    context: str = Field(
        default="", description="context of the kubeconfig; empty: its current one"
    )
    reach: Literal["auto", "addresses", "api-server"] = Field(
        default="auto",
        description="the way to the members: their pods' addresses, or the API server; auto: their "
        "addresses in the cluster, the API server with a kubeconfig",
    )
    allow_privileged: tuple[str, ...] = Field(
        default=(),
        description="fields of spec.podTemplate that raise privileges and are allowed; empty: none",
    )
    image: str = Field(
        default="", description="image of the operator; pods of backups and restores run it too"
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="when pods of backups and restores pull it"
    )
    backup_service_accounts: tuple[str, ...] = Field(
        default=(),
        description="service accounts that backups may name in serviceAccountName; true: any; empty: none",
    )
    workers: int = Field(
        default=8, ge=1, description="ensembles reconciled in parallel, beside one that was edited"
    )
    pass_timeout_seconds: float = Field(default=90, gt=0, description="limit of one reconcile")
    resync_seconds: float = Field(
        default=300, gt=0, description="a reconcile at least this often, ±15 %"
    )
    probe_seconds: float = Field(default=10, gt=0, description="time between probes of an ensemble")
    unsettled_seconds: float = Field(
        default=1, gt=0, description="time between reconciles while unsettled"
    )
    probe_timeout_seconds: float = Field(
        default=1.5, gt=0, description="limit of one AdminServer request"
    )
    http_host: str = Field(default="0.0.0.0", description="address of /livez, /readyz, /metrics")  # noqa: S104
    http_port: int = Field(default=8081, ge=0, le=65535, description="port of these")
    leader_election: bool = Field(default=True, description="hold a Lease while working")
    lease_name: str = Field(default="zookeeper-operator", description="name of the Lease")
    lease_seconds: float = Field(default=15, gt=1, description="after this a silent holder is dead")
    log_format: Literal["text", "json"] = Field(default="text", description="one line per decision")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO")

    @property
    def installation(self) -> str:
        """The name of this operator in what it manages; processes that share a Lease share it."""
        return f"{self.namespace}/{self.lease_name}"
