"""The part of a `ZookeeperEnsemble` about taking over another, running ensemble."""

from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.api.network import NetworkPeer

AdoptionMode = Literal["Join", "CutOver"]
AdoptionGate = Literal["Observe", "Swap", "Finish"]

MAX_CONNECTION_STRING_LENGTH: Final = 2048


class SourceStatefulSetSpec(ApiModel):
    """The StatefulSet whose pods are the members of the source."""

    name: str = Field(
        description="Name of the StatefulSet.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )
    namespace: str = Field(
        default="",
        description="Its namespace; empty means the namespace of the ensemble.",
        json_schema_extra={"maxLength": 63},
    )


class AdoptSpec(ApiModel):
    """The running ensemble that is taken over, and how far that may go."""

    mode: AdoptionMode = Field(
        default="Join",
        description=(
            "`Join`: our members join the source, and its members leave it one by one, while it serves. It "
            "needs `reconfigEnabled=true` at the source. `CutOver`, for one without: our members observe "
            "it; when you have stopped writing, the source is stopped and ours begin from its data. It "
            "cannot be changed."
        ),
    )
    connection_string: str = Field(
        description="Where the source is reached from the cluster: `host:port`, separated by commas.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_CONNECTION_STRING_LENGTH},
    )
    stateful_set: SourceStatefulSetSpec | None = Field(
        default=None,
        description=(
            "The StatefulSet of the source. The operator stops its pods one by one if it is in the namespace "
            "of the ensemble, or has the annotation `zookeeper.ensemble.dev/adoptable-by: NAMESPACE/NAME`; "
            "otherwise the status holds the commands."
        ),
    )
    from_: tuple[NetworkPeer, ...] = Field(
        default=(),
        alias="from",
        description=(
            "Further members of the source that may connect to the quorum ports of ours, as in a "
            "NetworkPolicy. The pods of `statefulSet` may in any case."
        ),
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )
    stopped_members: tuple[int, ...] = Field(
        default=(),
        description=(
            "Ids of members of the source that you have stopped for good, where the operator cannot see it: "
            "without `statefulSet`. The status says when to stop which one. A member that only does not "
            "answer may come back at any moment, so it never counts as stopped by itself."
        ),
        json_schema_extra={
            "maxItems": 9,
            "x-kubernetes-list-type": "set",
            "itemSchema": {"minimum": 1, "maximum": 99, "format": "int32"},
        },
    )
    proceed: AdoptionGate = Field(
        default="Observe",
        description=(
            "How far the adoption may go. `Observe`: our members copy the data and have no vote; from "
            "`Swap`, this goes all the way back. `Swap`: votes go over, one member at a time. `Finish`: the "
            "last pod of the source is stopped; there is no way back. In the mode `CutOver`, `Swap` says "
            "that you have stopped writing; it goes to the end, and back until the source is stopped."
        ),
    )
