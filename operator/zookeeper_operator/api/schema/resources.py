"""The custom resources: what the CRD of each is made from.

A new resource is a `CustomResource` here, beside the modules of its models and of its rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api import backup, backup_schedule, ensemble
from zookeeper_operator.api.backup import BackupSpec
from zookeeper_operator.api.backup_schedule import ON_TIME, BackupScheduleSpec, BackupScheduleStatus
from zookeeper_operator.api.backup_status import VERIFIED, BackupStatus
from zookeeper_operator.api.conditions import READY
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.api.group import GROUP
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.api.schema.backup_rules import BACKUP_RULES, SCHEDULE_RULES
from zookeeper_operator.api.schema.ensemble_rules import ENSEMBLE_RULES
from zookeeper_operator.api.schema.rules import Rule


@dataclass(frozen=True, slots=True)
class Column:
    """One column that `kubectl get` prints.

    Attributes:
        name: Its heading.
        type: Type of the value, as the API server knows it.
        path: Where the value stands in the object.
        description: What it says.
    """

    name: str
    type: str
    path: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResource:
    """One kind of resource of the API group.

    Attributes:
        kind: Its kind.
        plural: The plural, as it stands in URLs.
        short_names: Its names for people at a command line.
        description: What an object is.
        spec: The model of what a user asks for. If all of it has defaults, an object needs no spec.
        status: The model of what the operator has seen.
        rules: What the API server refuses, by the place in the schema.
        columns: What `kubectl get` prints after the name.
        scale: The scale subresource, as it stands in the CRD; empty for none.
    """

    kind: str
    plural: str
    short_names: tuple[str, ...]
    description: str
    spec: type[ApiModel]
    status: type[ApiModel]
    rules: Mapping[str, tuple[Rule, ...]]
    columns: tuple[Column, ...]
    scale: Mapping[str, str]

    @property
    def crd_name(self) -> str:
        """The name of its CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


ENSEMBLE: Final = CustomResource(
    kind=ensemble.KIND,
    plural=ensemble.PLURAL,
    short_names=ensemble.SHORT_NAMES,
    description="An ensemble of Apache ZooKeeper servers.",
    spec=EnsembleSpec,
    status=EnsembleStatus,
    rules=ENSEMBLE_RULES,
    columns=(
        Column(
            "Voters", "string", ".status.quorum.summary", "Voters that serve, and voters asked for."
        ),
        Column("Leader", "string", ".status.leader.pod", "Pod of the leader."),
        Column(
            "Epoch", "integer", ".status.leader.epoch", "Epoch of the leader; elections raise it."
        ),
        Column(
            "Ready",
            "string",
            f'.status.conditions[?(@.type=="{READY}")].status',
            "Whether the ensemble serves as the spec asks.",
        ),
        Column(
            "Version", "string", ".status.version.target", "ZooKeeper version the spec asks for."
        ),
        Column("Status", "string", ".status.summary", "Reason of the most important condition."),
        Column(
            "Age", "date", ".metadata.creationTimestamp", "Time since the ensemble was created."
        ),
    ),
    scale=MappingProxyType(
        {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        }
    ),
)

BACKUP: Final = CustomResource(
    kind=backup.KIND,
    plural=backup.PLURAL,
    short_names=backup.SHORT_NAMES,
    description="One backup of an ensemble: one attempt.",
    spec=BackupSpec,
    status=BackupStatus,
    rules=BACKUP_RULES,
    columns=(
        Column("Ensemble", "string", ".spec.ensembleRef.name", "The ensemble that is backed up."),
        Column("Phase", "string", ".status.phase", "How far the backup is."),
        Column(
            "Verified",
            "string",
            f'.status.conditions[?(@.type=="{VERIFIED}")].status',
            "Whether the stored data is verified.",
        ),
        Column("Znodes", "integer", ".status.znodes", "Znodes in it."),
        Column("Bytes", "integer", ".status.storedBytes", "Size of what is stored."),
        Column("Completed", "date", ".status.completedAt", "Time since it was completed."),
        Column("Reason", "string", ".status.reason", "Why it waits or has failed."),
        Column("Location", "string", ".status.location", "Where it is stored."),
    ),
    scale=MappingProxyType({}),
)

SCHEDULE: Final = CustomResource(
    kind=backup_schedule.KIND,
    plural=backup_schedule.PLURAL,
    short_names=backup_schedule.SHORT_NAMES,
    description="When an ensemble is backed up, and how long its backups stay.",
    spec=BackupScheduleSpec,
    status=BackupScheduleStatus,
    rules=SCHEDULE_RULES,
    columns=(
        Column(
            "Ensemble",
            "string",
            ".spec.template.spec.ensembleRef.name",
            "The ensemble that is backed up.",
        ),
        Column("Schedule", "string", ".spec.schedule", "When, as cron writes it."),
        Column("Suspended", "boolean", ".spec.suspend", "Whether no backups are created."),
        Column(
            "OnTime",
            "string",
            f'.status.conditions[?(@.type=="{ON_TIME}")].status',
            "Whether its backups are made on time.",
        ),
        Column("Verified", "date", ".status.lastVerified.at", "Age of the newest verified backup."),
        Column("Active", "string", ".status.active", "The backup that waits or runs."),
        Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created."),
    ),
    scale=MappingProxyType({}),
)

CUSTOM_RESOURCES: Final[Mapping[str, CustomResource]] = MappingProxyType(
    {resource.plural: resource for resource in (ENSEMBLE, BACKUP, SCHEDULE)}
)
"""All of them by their plural, in the order of their documentation."""
