"""What the models of all resources share: how they are read and written, and types used by several.

The models read what the API server has stored. They are lenient on purpose: every limit is in the
schema that `schema/` makes of them, so that an object stored under an older schema can still be read,
reported on and repaired. `description` texts are for users: they become `kubectl explain` and the
reference page.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Quantity = str | int


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
