"""Make the structural schema of a resource from its models, with defaults and rules.

The defaults of the spec are written out, so that a user reads in the stored object what is in force; the
status has none, since only the operator writes it.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.api.schema.resources import CustomResource
from zookeeper_operator.api.schema.rules import Rule

Schema = dict[str, Any]

_SCALARS: Final[dict[type, str]] = {str: "string", int: "integer", bool: "boolean"}


def build_schema(resource: CustomResource) -> Schema:
    """Return the schema of the whole object."""
    spec = _SchemaBuilder(resource.rules, defaults=True)
    needed = any(field.is_required() for field in resource.spec.model_fields.values())
    status = _SchemaBuilder(resource.rules, defaults=False)
    return {
        "description": resource.description,
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "description": "What is asked for.",
                **spec.of_model(resource.spec, "spec"),
                **({} if needed else {"default": resource.spec().to_api()}),
            },
            "status": {
                "description": "What the operator has seen.",
                **status.of_model(resource.status, "status"),
            },
        },
        **({"required": ["spec"]} if needed else {}),
        **spec.rules_at(""),
    }


@dataclass(frozen=True, slots=True)
class _SchemaBuilder:
    """Walks the models; `path` is always where a value stands in the object."""

    rules: Mapping[str, tuple[Rule, ...]]
    defaults: bool

    def rules_at(self, path: str) -> Schema:
        rules = [rule.to_schema() for rule in self.rules.get(path, ())]
        return {"x-kubernetes-validations": rules} if rules else {}

    def of_model(self, model: type[ApiModel], path: str) -> Schema:
        properties: Schema = {}
        required = []
        for field in model.model_fields.values():
            name = field.alias or ""
            properties[name] = self._of_field(field, f"{path}.{name}")
            if field.is_required():
                required.append(name)
        schema: Schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        return schema | self.rules_at(path)

    def _of_field(self, field: FieldInfo, path: str) -> Schema:
        extra = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
        inner: Any = extra.pop("itemSchema", None) or extra.pop("valueSchema", None) or {}
        schema: Schema = {"description": field.description}
        schema |= self._of_type(field.annotation, path, inner)
        schema |= extra
        if "properties" in extra:
            schema.pop("additionalProperties", None)
        if self.defaults and not field.is_required():
            value = _plain(field.get_default(call_default_factory=True))
            # A create accepts a null that is not declared, but a server-side apply does not.
            schema |= {"nullable": True} if value is None else {"default": value}
        return schema

    def _of_type(self, annotation: Any, path: str, inner: Schema) -> Schema:
        origin, args = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            kinds = [arg for arg in args if arg is not types.NoneType]
            if len(kinds) == 1:
                return self._of_type(kinds[0], path, inner)
            # The only union a structural schema knows. Without it, the keys of the map around it
            # would be out of reach for CEL.
            return {"x-kubernetes-int-or-string": True, **inner}
        if origin is Literal:
            return {"type": "string", "enum": list(args)}
        if origin is tuple:
            items = self._of_type(args[0], f"{path}[]", {}) | inner
            return {"type": "array", "items": items}
        if origin is dict:
            values = self._of_type(args[1], f"{path}{{}}", inner) | inner
            return {"type": "object", "additionalProperties": values, **self.rules_at(path)}
        if annotation is Any:
            return {"x-kubernetes-preserve-unknown-fields": True}
        if isinstance(annotation, type) and issubclass(annotation, ApiModel):
            return self.of_model(annotation, path)
        return {"type": _SCALARS[annotation]}


def _plain(value: Any) -> Any:
    if isinstance(value, ApiModel):
        return value.to_api()
    return list(value) if isinstance(value, tuple) else value
