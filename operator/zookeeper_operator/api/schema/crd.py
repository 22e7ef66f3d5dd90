"""Make the CustomResourceDefinition of the models: a structural schema with defaults and rules.

`python -m zookeeper_operator.api.schema.crd` prints it; `crds/zookeeperensembles.yaml` is that output.
"""

import json
import re
import sys
import types
from collections.abc import Iterator
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from zookeeper_operator.api import ensemble as v1alpha1
from zookeeper_operator.api.ensemble import ApiModel, EnsembleSpec, EnsembleStatus
from zookeeper_operator.api.schema.rules import RULES

Schema = dict[str, Any]

HEADER: Final = (
    "# Generated from operator/zookeeper_operator/api; do not edit.\n"
    "# To make it anew: python -m zookeeper_operator.api.schema.crd > crds/zookeeperensembles.yaml\n"
)

_SCALARS: Final[dict[type, str]] = {str: "string", int: "integer", bool: "boolean"}
_BARE: Final = re.compile(r"[A-Za-z]([A-Za-z0-9 ,/._-]*[A-Za-z0-9._/-])?")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_COLUMNS: Final = (
    ("Voters", "string", ".status.quorum.summary", "Voters that serve, and voters asked for."),
    ("Leader", "string", ".status.leader.pod", "Pod of the leader."),
    ("Epoch", "integer", ".status.leader.epoch", "Epoch of the leader; elections raise it."),
    (
        "Ready",
        "string",
        '.status.conditions[?(@.type=="Ready")].status',
        "Whether the ensemble serves as the spec asks.",
    ),
    ("Version", "string", ".status.version.target", "ZooKeeper version the spec asks for."),
    ("Status", "string", ".status.summary", "Reason of the most telling condition."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the ensemble was created."),
)


def crd() -> Schema:
    """Return the CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": v1alpha1.CRD_NAME},
        "spec": {
            "group": v1alpha1.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": v1alpha1.KIND,
                "listKind": v1alpha1.LIST_KIND,
                "plural": v1alpha1.PLURAL,
                "singular": v1alpha1.SINGULAR,
                "shortNames": list(v1alpha1.SHORT_NAMES),
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": v1alpha1.VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {"name": name, "type": type_, "jsonPath": path, "description": text}
                        for name, type_, path, text in _COLUMNS
                    ],
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "schema": {"openAPIV3Schema": _root_schema()},
                }
            ],
        },
    }


def to_yaml(definition: Schema) -> str:
    """Return the definition as the text of its file."""
    return HEADER + "\n".join(_lines(definition)) + "\n"


def _lines(value: Schema | list[Any]) -> Iterator[str]:
    """Yield a mapping or a list that is not empty as lines of YAML."""
    pairs = (
        [(f"{_scalar(key)}:", item) for key, item in value.items()]
        if isinstance(value, dict)
        else [("-", item) for item in value]
    )
    for lead, item in pairs:
        if not (isinstance(item, dict | list) and item):
            yield f"{lead} {_scalar(item)}"
        elif lead == "-":
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
        else:
            yield lead
            yield from (f"  {line}" for line in _lines(item))


def _scalar(value: Any) -> str:
    """Return a value as JSON, which is YAML, or bare where nobody can mistake it."""
    bare = isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _WORDS
    return str(value) if bare else json.dumps(value, ensure_ascii=False)


def _root_schema() -> Schema:
    return {
        "description": "An ensemble of Apache ZooKeeper servers.",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "description": "What is asked for.",
                **_object(EnsembleSpec, "spec", defaults=True),
                "default": EnsembleSpec().to_api(),
            },
            "status": {
                "description": "What the operator has seen.",
                **_object(EnsembleStatus, "status", defaults=False),
            },
        },
        **_rules(""),
    }


def _rules(path: str) -> Schema:
    rules = [rule.to_schema() for rule in RULES.get(path, ())]
    return {"x-kubernetes-validations": rules} if rules else {}


def _object(model: type[ApiModel], path: str, *, defaults: bool) -> Schema:
    """Return the schema of a model; `path` is where it stands."""
    properties: Schema = {}
    required = []
    for field in model.model_fields.values():
        name = field.alias or ""
        properties[name] = _property(field, f"{path}.{name}", defaults=defaults)
        if field.is_required():
            required.append(name)
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema | _rules(path)


def _property(field: FieldInfo, path: str, *, defaults: bool) -> Schema:
    extra = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
    inner: Any = extra.pop("itemSchema", None) or extra.pop("valueSchema", None) or {}
    schema: Schema = {"description": field.description}
    schema |= _type(field.annotation, path, inner, defaults=defaults)
    schema |= extra
    if "properties" in extra:
        schema.pop("additionalProperties", None)
    if defaults and not field.is_required():
        value = _plain(field.get_default(call_default_factory=True))
        # A null that is not declared passes a create, but not a server-side apply.
        schema |= {"nullable": True} if value is None else {"default": value}
    return schema


def _type(annotation: Any, path: str, inner: Schema, *, defaults: bool) -> Schema:
    """Return the schema of an annotation of the models."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in args if arg is not types.NoneType]
        if len(kinds) == 1:
            return _type(kinds[0], path, inner, defaults=defaults)
        # The only union a structural schema knows. Without it, the keys of the map around it
        # would be out of reach for CEL.
        return {"x-kubernetes-int-or-string": True, **inner}
    schema: Schema
    if origin is Literal:
        schema = {"type": "string", "enum": list(args)}
    elif origin is tuple:
        items = _type(args[0], f"{path}[]", {}, defaults=defaults) | inner
        schema = {"type": "array", "items": items}
    elif origin is dict:
        values = _type(args[1], f"{path}{{}}", inner, defaults=defaults) | inner
        schema = {"type": "object", "additionalProperties": values, **_rules(path)}
    elif annotation is Any:
        schema = {"x-kubernetes-preserve-unknown-fields": True}
    elif isinstance(annotation, type) and issubclass(annotation, ApiModel):
        schema = _object(annotation, path, defaults=defaults)
    else:
        schema = {"type": _SCALARS[annotation]}
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, ApiModel):
        return value.to_api()
    return list(value) if isinstance(value, tuple) else value


if __name__ == "__main__":
    sys.stdout.write(to_yaml(crd()))
