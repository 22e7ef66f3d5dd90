"""Make the CustomResourceDefinition of a resource, as a value and as the text of its file.

`python -m zookeeper_operator.api.schema.crd PLURAL` prints the one of a resource; the files in `crds/`
are that output.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from zookeeper_operator.api.group import GROUP, VERSION
from zookeeper_operator.api.schema.resources import CUSTOM_RESOURCES, CustomResource
from zookeeper_operator.api.schema.structural import Schema, build_schema

_BARE: Final = re.compile(r"[A-Za-z]([A-Za-z0-9 ,/._-]*[A-Za-z0-9._/-])?")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def build_crd(resource: CustomResource) -> Schema:
    """Return the CustomResourceDefinition of a resource."""
    scale = {"scale": dict(resource.scale)} if resource.scale else {}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.crd_name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": list(resource.short_names),
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {
                            "name": column.name,
                            "type": column.type,
                            "jsonPath": column.path,
                            "description": column.description,
                        }
                        for column in resource.columns
                    ],
                    "subresources": {"status": {}, **scale},
                    "schema": {"openAPIV3Schema": build_schema(resource)},
                }
            ],
        },
    }


def to_yaml(definition: Schema) -> str:
    """Return a definition as the text of its file."""
    plural = definition["spec"]["names"]["plural"]
    header = (
        "# Generated from operator/zookeeper_operator/api; do not edit.\n"
        "# To generate it again: python -m zookeeper_operator.api.schema.crd "
        f"{plural} > crds/{plural}.yaml\n"
    )
    return header + "\n".join(_lines(definition)) + "\n"


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
    """Return a value as JSON, which is YAML, or bare where it cannot be mistaken."""
    bare = isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _WORDS
    return str(value) if bare else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(to_yaml(build_crd(CUSTOM_RESOURCES[sys.argv[1]])))
