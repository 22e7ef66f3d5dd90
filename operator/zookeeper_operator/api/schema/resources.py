"""The custom resources: what the CRD of each is made from.

A new resource is a `CustomResource` here, beside the modules of its models and of its rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api import ensemble
from zookeeper_operator.api.conditions import READY
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.api.group import GROUP
from zookeeper_operator.api.model import ApiModel
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
        spec: The model of what a user asks for. All of it has defaults.
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
