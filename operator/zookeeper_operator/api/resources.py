"""CPU and memory of a container."""

from pydantic import Field

from zookeeper_operator.api.model import ApiModel, Quantity


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
