"""Make the reference page of the models, the rules and the conditions.

`python -m zookeeper_operator.api.schema.reference` prints it; `docs/reference/ensemble.md` is that output.
"""

import json
import sys
import types
from collections.abc import Iterator
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from zookeeper_operator.api import ensemble as v1alpha1
from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.api.ensemble import KNOWN_VERSIONS, ApiModel, EnsembleSpec, EnsembleStatus
from zookeeper_operator.api.reasons import NEEDS_A_PERSON, REASONS, TYPICAL_REASONS
from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS
from zookeeper_operator.api.schema.rules import RULES

_HEAD: Final = f"""\
<!-- Generated from operator/zookeeper_operator/api; do not edit.
     To make it anew: python -m zookeeper_operator.api.schema.reference > docs/reference/ensemble.md -->

# ZookeeperEnsemble

`apiVersion: {v1alpha1.API_VERSION}`, `kind: {v1alpha1.KIND}`, short names \
{" and ".join(f"`{name}`" for name in v1alpha1.SHORT_NAMES)}.
Every field of the spec has a default or may be left out: an ensemble with no spec at all has three
members. The same texts are in `kubectl explain zke.spec`.
"""

_KEYS: Final = """\
All other keys may stand in `spec.config`. `forceSync` and `leaderServes` want `yes` or `no`, in
quotes; other switches want `"true"` or `"false"`.
"""

_REASONS: Final = """\
`Ready`, and with it the STATUS column, gives the most telling reason of all. A reason that does not pass
by itself, or that matters when it lasts, has a runbook.
"""

_SCALARS: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean", Any: "any"}


def reference() -> str:
    """Return the page."""
    versions = ((known.version, known.warning) for known in KNOWN_VERSIONS.values())
    reasons = ((f"`{name}`", text, _runbook(name)) for name, text in REASONS.items())
    parts = (
        _HEAD,
        "## Spec\n",
        _table(("Field", "Type", "Default", "Meaning"), _spec_rows()),
        "## Versions\n",
        "Members can be rolled from any of these to any other, up and down.\n",
        _table(("Version", "Remark"), versions),
        "## Refused keys of `zoo.cfg`\n",
        _KEYS,
        _table(("Key", "Why"), _key_rows()),
        "## What the API server refuses\n",
        "Checked when the object is written, before the operator sees it.\n",
        _table(("Where", "Message"), _rule_rows()),
        "## Status\n",
        _table(("Field", "Type", "Meaning"), _status_rows()),
        "## Conditions\n",
        _table(("Condition", "`True` means", "Typical reasons"), _condition_rows()),
        "## Reasons\n",
        _REASONS,
        _table(("Reason", "Meaning", "Runbook"), reasons),
    )
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    return line(head) + line(("---",) * len(head)) + "".join(line(row) for row in rows)


def _fields(model: type[ApiModel], path: str) -> Iterator[tuple[str, Any, str, str]]:
    """Yield path, annotation, default and description of every field, parents first."""
    for field in model.model_fields.values():
        here = f"{path}{field.alias}"
        inner = _model_in(field.annotation)
        default = "required" if field.is_required() else _default(field)
        yield here, field.annotation, default, field.description or ""
        if inner is not None:
            lead = "[]." if get_origin(field.annotation) is tuple else "."
            yield from _fields(inner, here + lead)


def _default(field: FieldInfo) -> str:
    """Return a default as JSON, or nothing where the fields below say it themselves."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, ApiModel):
        value = None if value == type(value)() else value.to_api()
    return "" if value is None else f"`{json.dumps(value)}`"


def _spec_rows() -> Iterator[tuple[str, ...]]:
    for path, annotation, default, text in _fields(EnsembleSpec, "spec."):
        yield f"`{path}`", _type(annotation), default, text


def _status_rows() -> Iterator[tuple[str, ...]]:
    for path, annotation, _, text in _fields(EnsembleStatus, "status."):
        yield f"`{path}`", _type(annotation), text


def _key_rows() -> Iterator[tuple[str, ...]]:
    for owned in OWNED_KEYS:
        names = (*owned.keys, *(f"{prefix}*" for prefix in owned.prefixes))
        yield ", ".join(f"`{name}`" for name in names), owned.reason


def _rule_rows() -> Iterator[tuple[str, ...]]:
    for path, rules in RULES.items():
        for rule in rules:
            if not rule.message_expression:
                yield (f"`{path}{rule.field}`" if path else "`metadata.name`"), rule.message


def _condition_rows() -> Iterator[tuple[str, ...]]:
    for name, text in CONDITION_TYPES.items():
        yield f"`{name}`", text, ", ".join(f"`{reason}`" for reason in TYPICAL_REASONS[name])


def _runbook(reason: str) -> str:
    return f"[what to do](../runbooks/{reason}.md)" if reason in NEEDS_A_PERSON else ""


def _model_in(annotation: Any) -> type[ApiModel] | None:
    """Return the model an annotation is about, if it is about one."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    found = (_model_in(arg) for arg in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _type(annotation: Any) -> str:
    """Return a type in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(arg) for arg in args if arg not in (types.NoneType, bool))
    if origin is Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"map of {_type(args[1])}"
    return _SCALARS.get(annotation, "object")


if __name__ == "__main__":
    sys.stdout.write(reference())
