"""Who may connect, in the form of a NetworkPolicy."""

from typing import Any, Literal

from pydantic import Field

from zookeeper_operator.api.model import ApiModel

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
Protocol = Literal["TCP", "UDP", "SCTP"]


class LabelRequirement(ApiModel):
    """A condition on one label."""

    key: str = Field(
        description="Key of the label.", json_schema_extra={"minLength": 1, "maxLength": 317}
    )
    operator: Operator = Field(description="How the label is compared with the values.")
    values: tuple[str, ...] = Field(
        default=(),
        description="Values for `In` and `NotIn`.",
        json_schema_extra={
            "maxItems": 32,
            "x-kubernetes-list-type": "atomic",
            "itemSchema": {"maxLength": 63},
        },
    )


class LabelSelector(ApiModel):
    """What is selected by its labels; an empty selector selects everything."""

    match_labels: dict[str, str] = Field(
        default_factory=dict,
        description="Labels with their values, all of which must be there.",
        json_schema_extra={"maxProperties": 16, "valueSchema": {"maxLength": 63}},
    )
    match_expressions: tuple[LabelRequirement, ...] = Field(
        default=(),
        description="Further conditions, all of which must hold.",
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )


class IpBlock(ApiModel):
    """A range of addresses."""

    cidr: str = Field(
        description="The range, such as `10.0.0.0/8`.",
        json_schema_extra={"minLength": 1, "maxLength": 64},
    )
    except_: tuple[str, ...] = Field(
        default=(),
        alias="except",
        description="Ranges within it that are left out.",
        json_schema_extra={
            "maxItems": 16,
            "x-kubernetes-list-type": "atomic",
            "itemSchema": {"maxLength": 64},
        },
    )


class NetworkPeer(ApiModel):
    """Who may connect, as in a NetworkPolicy."""

    namespace_selector: LabelSelector | None = Field(
        default=None,
        description="Pods of the namespaces with these labels; `{}` means every namespace.",
    )
    pod_selector: LabelSelector | None = Field(
        default=None,
        description=(
            "Pods with these labels: of the selected namespaces, or else of the namespace of the ensemble."
        ),
    )
    ip_block: IpBlock | None = Field(
        default=None, description="Addresses; not together with a selector."
    )

    def to_peer(self) -> dict[str, Any]:
        """The peer of a NetworkPolicy, without what is empty."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class IngressPort(ApiModel):
    """A port, or a range of ports, of a container that `podTemplate` adds."""

    port: int = Field(
        description="Number of the port. The members' own ports are refused.",
        json_schema_extra={"format": "int32"},
    )
    end_port: int | None = Field(
        default=None,
        description="Last port of a range that begins with `port`.",
        json_schema_extra={"format": "int32"},
    )
    protocol: Protocol = Field(default="TCP", description="Protocol of the port.")

    def covers(self, number: int, protocol: str) -> bool:
        """Whether a port is this one, or within this range."""
        end = self.port if self.end_port is None else self.end_port
        return self.port <= number <= end and self.protocol == protocol

    def to_port(self) -> dict[str, Any]:
        """The port of a NetworkPolicy."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class IngressRule(ApiModel):
    """Ports, and who may connect to them, as in a NetworkPolicy."""

    ports: tuple[IngressPort, ...] = Field(
        description="The ports that the rule opens, one at least.",
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )
    from_: tuple[NetworkPeer, ...] = Field(
        default=(),
        alias="from",
        description="Who may connect to them; none means anyone.",
        json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "atomic"},
    )

    def to_rule(self) -> dict[str, Any]:
        """The ingress rule of a NetworkPolicy."""
        rule: dict[str, Any] = {"ports": [port.to_port() for port in self.ports]}
        if self.from_:
            rule["from"] = [peer.to_peer() for peer in self.from_]
        return rule
